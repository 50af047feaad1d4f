//! Who asks.

use std::{sync::Arc, time::Duration};

use govern::{
    Code, Error, Principal, Rules,
    key::{KeyRule, Parsed},
};
use http::{HeaderMap, Uri, request};

use crate::{
    Gateway,
    clock::now_micros,
    identity::{Refused, Tokens},
    keys::Keyring,
    observe::Recording,
};

/// A caller whose key or token was found good.
#[derive(Debug, Clone)]
pub struct Caller {
    pub principal: Arc<Principal>,
    /// The key; of a token what takes its part ([`KeyRule::of_bearer`]).
    pub key: Arc<KeyRule>,
}

/// Finds the caller of a request.
///
/// # Errors
/// 401 for a key that is missing, mistyped, unknown, expired or disabled, all in the same words; 400 for two different
/// credentials; 503 if the key is not known here and the store cannot be asked.
pub async fn authenticate(
    gw: &Gateway,
    rules: &Rules,
    head: &request::Parts,
    record: &Recording,
) -> Result<Caller, Error> {
    let caller = identify(gw, rules, &head.headers, &head.uri).await?;
    record.with(|record| {
        record.generation = rules.generation;
        record.key_id = Some(caller.key.id.0.clone());
        record.key_name = Some(caller.key.name.clone());
        record.principal = Some(caller.principal.clone());
    });
    Ok(caller)
}

/// Finds the caller by the headers alone, for surfaces without a pipeline.
///
/// # Errors
/// As [`authenticate`].
pub async fn identify(gw: &Gateway, rules: &Rules, headers: &HeaderMap, uri: &Uri) -> Result<Caller, Error> {
    let shown = credential(headers, uri)?;
    let key = match Tokens::is_token(shown) {
        true => by_token(gw, rules, shown).await?,
        false => by_key(rules, &gw.keys, shown).await?,
    };
    Ok(Caller { principal: key.principal.clone(), key })
}

async fn by_token(gw: &Gateway, rules: &Rules, token: &str) -> Result<Arc<KeyRule>, Error> {
    gw.tokens.find(rules, token).await.map_err(|why| match why {
        Refused::NoKeys(_) => {
            let message = "the token cannot be checked now, because its issuer does not answer; try again shortly";
            Error::new(Code::IssuerUnavailable, message).because(why).retry_after(Duration::from_secs(5))
        }
        why => refused().because(why),
    })
}

async fn by_key(rules: &Rules, keys: &Keyring, shown: &str) -> Result<Arc<KeyRule>, Error> {
    // A text of the wrong shape is refused before anything is looked up.
    let key = Parsed::parse(shown).map_err(|why| refused().because(why))?;
    let found = keys.find(rules, &key).await.map_err(|down| {
        Error::new(Code::StoreUnavailable, "the key cannot be looked up now; try again shortly").because(down)
    })?;
    let Some(rule) = found else {
        // An unknown key costs the same work as a wrong secret.
        let _ = key.hash(keys.pepper());
        return Err(refused().because("unknown key"));
    };
    rule.admits(keys.pepper(), &key, now_micros()).map_err(|denied| refused().because(format_args!("{denied:?}")))?;
    Ok(rule)
}

/// The one credential of a request.
fn credential<'a>(headers: &'a HeaderMap, uri: &Uri) -> Result<&'a str, Error> {
    if uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("key="))) {
        let message = "a key in the URL ends up in logs: send it as `Authorization: Bearer <key>`, `x-api-key` or `x-goog-api-key`";
        return Err(Error::new(Code::Unauthenticated, message));
    }
    let mut found: Option<&str> = None;
    for (name, value) in headers {
        let text = match name.as_str() {
            "authorization" if value.as_bytes().starts_with(b"AWS4-HMAC-SHA256") => {
                // The id of an access key is no secret to clients: they write it into logs. A key in its place would be lost.
                let message = "a signature with AWS's keys cannot be checked here: send a gateway key as a bearer token, by setting AWS_BEARER_TOKEN_BEDROCK";
                return Err(Error::new(Code::Unauthenticated, message));
            }
            "authorization" => value.to_str().ok().and_then(bearer),
            // Anthropic's, Azure's and Google's SDKs each have their own.
            "x-api-key" | "api-key" | "x-goog-api-key" => value.to_str().ok(),
            _ => continue,
        };
        let text = text.ok_or_else(|| refused().because("a credential of another form"))?;
        if found.is_some_and(|before| before != text) {
            let message = "two headers carry different credentials: send one of them, or the same key in both";
            return Err(Error::new(Code::ConflictingCredentials, message));
        }
        found = Some(text);
    }
    found.ok_or_else(|| {
        let message = "no API key was sent: pass a gateway key as `Authorization: Bearer <key>` or `x-api-key: <key>`";
        Error::new(Code::Unauthenticated, message)
    })
}

/// The token of `Bearer <token>`; schemes are case-insensitive.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// The one refusal: it does not say whether the key exists.
fn refused() -> Error {
    let message = "the API key is not valid: check that it is a key of this gateway, or a token that it admits, and has not expired";
    Error::new(Code::Unauthenticated, message)
}
