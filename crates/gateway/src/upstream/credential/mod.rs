//! Credentials that are more than a fixed text: fetched from a cloud, kept, renewed before they end, put on a request.
//!
//! A cloud's ways of saying who the gateway is are [`Source`]s, one file each; what they yield is [`Kept`], so that a
//! request waits for a source only when there is nothing at all to show. [`Shown`] stands before the pool and puts them on.

mod ask;
pub mod aws;
pub mod azure;
pub mod google;
pub mod ibm;
mod kept;
mod oauth;
mod shown;

use futures_util::future::BoxFuture;
use govern::config::Secret;
use http::{HeaderName, HeaderValue, Request, header};

use super::{
    RequestBody,
    sign::{AwsKeys, Scope, Signed, sign},
};
use crate::clock::now_seconds;

pub use ask::{Ask, HttpAsk};
pub use kept::Kept;
pub use shown::Shown;

/// How an account shows to its provider who calls.
pub enum Credential {
    /// A key in its header.
    Fixed(HeaderName, HeaderValue),
    /// `Authorization: Bearer <token>`, the token from a source (Google, Entra, IBM).
    Bearer(Kept<Secret>),
    /// AWS's signature over the request, with keys from a source.
    Signature(Kept<AwsKeys>, Scope),
}

impl Credential {
    /// A text in a header of which no log shows the value.
    ///
    /// # Errors
    /// It has characters that no header can carry.
    pub fn fixed(name: HeaderName, text: &str) -> Result<Self, CredentialError> {
        Ok(Self::Fixed(name, sensitive(text)?))
    }

    /// Puts the credential on a request that is otherwise complete: whoever signs, signs what is sent.
    ///
    /// # Errors
    /// No source has a credential to show, or it cannot be sent in a header.
    pub async fn show(&self, request: &mut Request<RequestBody>) -> Result<(), CredentialError> {
        let (name, value) = match self {
            Self::Fixed(name, value) => (name.clone(), value.clone()),
            Self::Bearer(token) => {
                let token = token.get().await?;
                (header::AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose()))?)
            }
            Self::Signature(keys, scope) => {
                let keys = keys.get().await?;
                (header::AUTHORIZATION, signature(request, &keys, scope)?)
            }
        };
        request.headers_mut().insert(name, value);
        Ok(())
    }
}

/// Signs a request, and puts on what goes along with the signature. Returns the signature.
fn signature(
    request: &mut Request<RequestBody>,
    keys: &AwsKeys,
    scope: &Scope,
) -> Result<HeaderValue, CredentialError> {
    let Some(body) = request.body().whole().cloned() else {
        return Err(CredentialError::new("a body that is streamed cannot be signed"));
    };
    let signed = Signed { method: request.method(), uri: request.uri(), headers: request.headers(), body: &body };
    let made = sign(&signed, keys, scope, now_seconds());
    let headers = request.headers_mut();
    headers.insert("x-amz-date", sensitive(&made.date)?);
    if let Some(session) = &keys.session {
        headers.insert("x-amz-security-token", sensitive(session.expose())?);
    }
    sensitive(&made.authorization)
}

fn sensitive(text: &str) -> Result<HeaderValue, CredentialError> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| CredentialError::new("the credential has characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Where a credential comes from: a file, a metadata service, a token exchange.
pub trait Source<T>: Send + Sync {
    /// Fetches a credential. Called by one task at a time; [`Kept`] sees to it.
    ///
    /// # Errors
    /// There is none, or it is refused.
    fn fetch(&self) -> BoxFuture<'_, Result<Fresh<T>, CredentialError>>;
}

/// A credential and its end.
pub struct Fresh<T> {
    pub value: T,
    /// Microseconds since 1970; `None`: it does not end.
    pub expires: Option<i64>,
}

/// Why there is no credential, in words for the operator's log: they name files and services, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialError(String);

impl CredentialError {
    #[must_use]
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}
