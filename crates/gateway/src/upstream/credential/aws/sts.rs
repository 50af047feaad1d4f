//! Roles that are assumed: <https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html>

use bytes::Bytes;
use govern::config::Secret;
use http::{Request, Response, header};

use super::expiry;
use crate::{
    clock::now_seconds,
    upstream::{
        credential::{Ask, CredentialError, Fresh, oauth::form},
        sign::{AwsKeys, Scope, Signed, sign},
    },
};

const VERSION: (&str, &str) = ("Version", "2011-06-15");

/// What AWS's logs call these sessions.
const SESSION: &str = "tollgate";

/// A role that a profile assumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub arn: String,
    pub session: Option<String>,
    pub external_id: Option<String>,
    /// Seconds.
    pub duration: Option<String>,
}

/// Assumes a role with a token of somebody whom AWS trusts (EKS, GitHub).
pub(super) async fn with_web_identity(
    ask: &dyn Ask,
    region: &str,
    role: &str,
    token: &str,
) -> Result<Fresh<AwsKeys>, CredentialError> {
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        VERSION,
        ("RoleArn", role),
        ("RoleSessionName", SESSION),
        ("WebIdentityToken", token),
    ];
    keys(&ask.ask(form(&endpoint(region), &fields)?).await?)
}

/// Assumes a role with other keys.
pub(super) async fn with_keys(
    ask: &dyn Ask,
    region: &str,
    role: &Role,
    own: &AwsKeys,
) -> Result<Fresh<AwsKeys>, CredentialError> {
    let session = role.session.as_deref().unwrap_or(SESSION);
    let mut fields = vec![("Action", "AssumeRole"), VERSION, ("RoleArn", &role.arn), ("RoleSessionName", session)];
    fields.extend(role.external_id.as_deref().map(|id| ("ExternalId", id)));
    fields.extend(role.duration.as_deref().map(|seconds| ("DurationSeconds", seconds)));
    let mut request = form(&endpoint(region), &fields)?;
    signed(&mut request, region, own)?;
    keys(&ask.ask(request).await?)
}

fn signed(request: &mut Request<Bytes>, region: &str, keys: &AwsKeys) -> Result<(), CredentialError> {
    let unsendable = |_| CredentialError::new("the keys of the profile cannot be sent in a header");
    let scope = Scope::at(request.uri(), region.to_owned(), "sts");
    let what =
        Signed { method: request.method(), uri: request.uri(), headers: request.headers(), body: request.body() };
    let signature = sign(&what, keys, &scope, now_seconds());
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, signature.authorization.parse().map_err(unsendable)?);
    headers.insert("x-amz-date", signature.date.parse().map_err(unsendable)?);
    if let Some(session) = &keys.session {
        headers.insert("x-amz-security-token", session.expose().parse().map_err(unsendable)?);
    }
    Ok(())
}

fn endpoint(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://sts.{region}.{domain}/")
}

/// The keys of an answer. It is XML, of which four elements count.
fn keys(answer: &Response<Bytes>) -> Result<Fresh<AwsKeys>, CredentialError> {
    let text = String::from_utf8_lossy(answer.body());
    if !answer.status().is_success() {
        let words = format!(
            "{}: {}",
            element(&text, "Code").unwrap_or_default(),
            element(&text, "Message").unwrap_or_default()
        );
        let status = answer.status().as_u16();
        let words = llm::failure::clean(&words);
        return Err(CredentialError::new(format!("AWS's token service refuses with status {status}: {words}")));
    }
    let need = |name| {
        element(&text, name).ok_or_else(|| CredentialError::new(format!("AWS's token service answers without {name}")))
    };
    let value = AwsKeys {
        id: need("AccessKeyId")?.to_owned(),
        secret: Secret::new(need("SecretAccessKey")?),
        session: Some(Secret::new(need("SessionToken")?)),
    };
    Ok(Fresh { value, expires: Some(expiry(need("Expiration")?)?) })
}

/// The text of the first element of this name. Keys and times need no escapes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}
