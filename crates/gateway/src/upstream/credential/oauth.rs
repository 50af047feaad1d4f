//! What all token endpoints have in common: a form is posted, a token and its life come back.

use bytes::Bytes;
use govern::config::Secret;
use http::{Method, Request, Response, header};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::{CredentialError, Fresh};
use crate::clock::now_micros;

/// A token as RFC 6749 has it (<https://www.rfc-editor.org/rfc/rfc6749#section-5.1>). Azure's metadata service says the
/// numbers as texts.
#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: Option<Number>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

/// The refusal of RFC 6749, section 5.2, and what clouds write in its place.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    error_description: Option<String>,
    #[serde(rename = "errorMessage")]
    message: Option<String>,
    error: serde_json::Value,
}

/// A form, posted.
///
/// # Errors
/// The address is none.
pub(super) fn form(url: &str, fields: &[(&str, &str)]) -> Result<Request<Bytes>, CredentialError> {
    request(Method::POST, url, &[("content-type", "application/x-www-form-urlencoded")], encoded(fields))
}

/// Names and values as a form or a query has them.
pub(super) fn encoded(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A request to a service that hands out credentials.
///
/// # Errors
/// The address or a header cannot be sent.
pub(super) fn request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Result<Request<Bytes>, CredentialError> {
    let mut request = Request::builder().method(method).uri(url).header(header::ACCEPT, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Bytes::from(body)).map_err(|error| CredentialError::new(format!("`{url}` cannot be asked: {error}")))
}

/// The token of an answer.
///
/// # Errors
/// It holds none: in the service's own words, cleaned of what might be a secret.
pub(super) fn token(whose: &str, answer: &Response<Bytes>) -> Result<Fresh<Secret>, CredentialError> {
    let token: Token = read(whose, answer)?;
    let seconds = match token.expires_in {
        Some(Number::Number(seconds)) => Some(seconds),
        Some(Number::Text(text)) => text.trim().parse().ok(),
        None => None,
    };
    // A token that does not say its life is taken for one of the shortest that clouds hand out.
    Ok(lasting(token.access_token, seconds.unwrap_or(300)))
}

/// A token that holds for so many seconds from now on.
pub(super) fn lasting(token: String, seconds: i64) -> Fresh<Secret> {
    let expires = now_micros().saturating_add(seconds.max(0).saturating_mul(1_000_000));
    Fresh { value: Secret::new(token), expires: Some(expires) }
}

/// The JSON of a good answer.
///
/// # Errors
/// The service refuses, or says something else.
pub(super) fn read<T: serde::de::DeserializeOwned>(
    whose: &str,
    answer: &Response<Bytes>,
) -> Result<T, CredentialError> {
    let status = answer.status();
    if !status.is_success() {
        let refusal: Refusal = serde_json::from_slice(answer.body()).unwrap_or_default();
        let words = refusal.error_description.or(refusal.message).or_else(|| said(&refusal.error)).unwrap_or_default();
        let words = llm::failure::clean(&words);
        return Err(CredentialError::new(format!("{whose} refuses with status {}: {words}", status.as_u16())));
    }
    // The parser's words may quote the answer, and with it a token.
    serde_json::from_slice(answer.body())
        .map_err(|_| CredentialError::new(format!("{whose} answers with something else than a token")))
}

/// `"invalid_grant"`, or Google's `{"code", "message", "status"}`.
fn said(error: &serde_json::Value) -> Option<String> {
    error.as_str().or_else(|| error.get("message")?.as_str()).map(str::to_owned)
}

/// A file that holds a credential, read anew each time: whoever rotates it replaces it.
///
/// # Errors
/// It cannot be read.
pub(super) fn file(path: &std::path::Path) -> Result<String, CredentialError> {
    let text = std::fs::read_to_string(path);
    text.map_err(|error| CredentialError::new(format!("{} cannot be read: {error}", path.display())))
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        collections::HashMap,
        sync::{Arc, Mutex},
    };

    use futures_util::future::BoxFuture;
    use http::HeaderMap;

    use super::*;
    use crate::upstream::credential::Ask;

    /// A service that answers with these, one after the other, and keeps what it was asked.
    pub struct Scripted {
        answers: Mutex<Vec<(u16, String)>>,
        asked: Mutex<Vec<Asked>>,
    }

    /// Method, address, body and headers of a request.
    #[derive(Clone)]
    pub struct Asked(pub String, pub String, pub String, HeaderMap);

    impl Asked {
        pub fn fields(&self) -> HashMap<String, String> {
            url::form_urlencoded::parse(self.2.as_bytes()).into_owned().collect()
        }

        pub fn header(&self, name: &str) -> Option<&str> {
            self.3.get(name)?.to_str().ok()
        }
    }

    impl Scripted {
        pub fn new<'a>(answers: impl IntoIterator<Item = (u16, &'a str)>) -> Arc<Self> {
            let mut answers: Vec<_> = answers.into_iter().map(|(status, body)| (status, body.to_owned())).collect();
            answers.reverse();
            Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
        }

        pub fn asked(&self) -> Vec<Asked> {
            self.asked.lock().unwrap().clone()
        }
    }

    impl Ask for Scripted {
        fn ask(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, CredentialError>> {
            let (head, body) = request.into_parts();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let asked = Asked(head.method.to_string(), head.uri.to_string(), body, head.headers);
            self.asked.lock().unwrap().push(asked);
            let (status, body) =
                self.answers.lock().unwrap().pop().expect("it was asked more often than it has answers");
            Box::pin(async move { Ok(Response::builder().status(status).body(Bytes::from(body)).unwrap()) })
        }
    }
}
