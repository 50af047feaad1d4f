//! Errors: <https://docs.anthropic.com/en/api/errors>

use serde::Deserialize;
use serde_json::json;

use crate::{
    dialect::ErrorBody,
    failure::{Failure, Kind, clean},
};

/// Reads an error body. Of what is not one, plain text is taken as its words; a web page has none.
#[must_use]
pub fn read(body: &[u8]) -> ErrorBody {
    let wire: Wire = serde_json::from_slice(body).unwrap_or_else(|_| Wire::of_text(body));
    ErrorBody {
        status: status(&wire.error.kind),
        kind: wire.error.kind,
        message: wire.error.message,
        code: wire.error.details.and_then(|details| details.error_code),
        param: None,
        request_id: wire.request_id,
    }
}

/// Writes an error body. The type follows from the status; a stable code goes to `details.error_code`, where the
/// official clients look for one.
#[must_use]
pub fn write(error: &ErrorBody) -> Vec<u8> {
    let mut body = json!({"type": "error", "error": {"type": kind(error.status), "message": error.message}});
    if let (Some(code), Some(inner)) = (&error.code, body.get_mut("error").and_then(|inner| inner.as_object_mut())) {
        inner.insert("details".into(), json!({"error_code": code}));
    }
    if let (Some(id), Some(body)) = (&error.request_id, body.as_object_mut()) {
        body.insert("request_id".into(), id.as_str().into());
    }
    body.to_string().into_bytes()
}

/// Writes an error as an event of a stream that has begun.
#[must_use]
pub fn write_event(error: &ErrorBody) -> Vec<u8> {
    [b"event: error\ndata: ", write(error).as_slice(), b"\n\n"].concat()
}

/// The failure that an `error` event reports.
pub(super) fn fault(body: &[u8]) -> Failure {
    let error = read(body);
    if error.code.as_deref() == Some(Kind::Malformed.as_str()) {
        // Another gateway of this kind, before us, saw the stream break off.
        return Failure::new(Kind::Malformed, clean(&error.message));
    }
    let kind = Kind::of(error.status, error.code.as_deref(), &error.kind, &error.message);
    let code = error.code.or(Some(error.kind).filter(|kind| !kind.is_empty()));
    Failure { code, request_id: error.request_id, ..Failure::new(kind, clean(&error.message)) }
}

/// The error that tells a client of the failure.
pub(super) fn of(failure: &Failure) -> ErrorBody {
    let status = failure.status.unwrap_or(match failure.kind {
        Kind::BadRequest | Kind::ContextWindow | Kind::ContentPolicy => 400,
        Kind::Payment => 402,
        Kind::TooLarge => 413,
        Kind::RateLimited => 429,
        Kind::Overloaded => 529,
        Kind::Timeout => 504,
        _ => 500,
    });
    // A code that the type says already is not said twice.
    let code = failure.code.clone().filter(|code| code != kind(status));
    ErrorBody {
        status,
        kind: kind(status).to_owned(),
        message: failure.message.clone(),
        code: if failure.kind == Kind::Malformed { Some(Kind::Malformed.as_str().to_owned()) } else { code },
        param: None,
        request_id: failure.request_id.clone(),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wire {
    error: Inner,
    request_id: Option<String>,
}

impl Wire {
    /// Proxies answer in plain text, or in JSON of their own.
    fn of_text(body: &[u8]) -> Self {
        const MOST_BYTES: usize = 1024;
        let text = String::from_utf8_lossy(body.get(..MOST_BYTES).unwrap_or(body));
        let text = text.trim();
        let message = if text.starts_with('<') { String::new() } else { text.to_owned() };
        Self { error: Inner { message, ..Inner::default() }, request_id: None }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inner {
    #[serde(rename = "type")]
    kind: String,
    message: String,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    error_code: Option<String>,
}

fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

/// The status that belongs to a type: an event in a stream has none of its own.
fn status(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_type_of_its_status_and_keeps_its_code() {
        let error = ErrorBody {
            status: 404,
            message: "no such model".into(),
            code: Some("model_not_found".into()),
            request_id: Some("req_1".into()),
            ..ErrorBody::default()
        };
        insta::assert_snapshot!(String::from_utf8(write(&error)).unwrap(), @r#"{"type":"error","error":{"type":"not_found_error","message":"no such model","details":{"error_code":"model_not_found"}},"request_id":"req_1"}"#);
        let again = read(&write(&error));
        assert_eq!(again, ErrorBody { kind: "not_found_error".into(), ..error.clone() });
        assert!(write_event(&error).starts_with(b"event: error\ndata: {\"type\":\"error\""));
    }

    #[test]
    fn every_documented_type_and_status_meet() {
        for status_code in [400, 401, 402, 403, 404, 409, 413, 429, 500, 504, 529] {
            assert_eq!(status(kind(status_code)), status_code);
        }
        assert_eq!((kind(503), kind(422), kind(502)), ("overloaded_error", "invalid_request_error", "api_error"));
    }

    #[test]
    fn what_is_no_error_body_lends_its_words_unless_it_is_a_page() {
        let words = |body: &[u8]| read(body).message;
        assert_eq!(read(b"<html>"), ErrorBody { status: 500, ..ErrorBody::default() });
        assert_eq!(words(b"upstream connect error\n"), "upstream connect error");
        assert_eq!(words(br#"{"error": "plain"}"#), r#"{"error": "plain"}"#);
        assert_eq!(words(&[b'x'; 5000]).len(), 1024);
    }
}
