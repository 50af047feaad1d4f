//! Errors: <https://ai.google.dev/gemini-api/docs/troubleshooting>, in the shape of every API of Google's
//! (<https://google.aip.dev/193>).

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    dialect::ErrorBody,
    failure::{Failure, Kind, clean},
    frame::Framing,
};

/// Reads an error body, which a stream that is a JSON array wraps in one.
#[must_use]
pub fn read(body: &[u8]) -> ErrorBody {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => from_value(&value),
        Err(_) => ErrorBody { message: plain(body), ..ErrorBody::default() },
    }
}

pub(super) fn from_value(body: &Value) -> ErrorBody {
    let body = body.get(0).unwrap_or(body);
    let error = body.get("error").unwrap_or(body);
    let text = |owner: &Value, path: &str| owner.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let detail = |kind: &str, path: &str| {
        let details = error.get("details").and_then(Value::as_array)?;
        let detail = details.iter().find(|detail| text(detail, "/@type").is_some_and(|name| name.ends_with(kind)))?;
        text(detail, path)
    };
    let code = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    ErrorBody {
        status: code.unwrap_or(0),
        kind: text(error, "/status").unwrap_or_default(),
        message: text(error, "/message").unwrap_or_default(),
        code: detail("google.rpc.ErrorInfo", "/reason"),
        param: detail("google.rpc.BadRequest", "/fieldViolations/0/field"),
        request_id: detail("google.rpc.RequestInfo", "/requestId"),
    }
}

/// How long Google asks to wait: it says so in the body alone (`RetryInfo.retryDelay`, `"37s"`).
#[must_use]
pub fn retry_after(body: &[u8]) -> Option<Duration> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let body = body.get(0).unwrap_or(&body);
    let details = body.pointer("/error/details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Writes an error body.
#[must_use]
pub fn write(error: &ErrorBody) -> Vec<u8> {
    to_value(error).to_string().into_bytes()
}

/// Writes an error as the last event of a stream. Google's clients know it by its first key, `error`.
#[must_use]
pub fn write_event(error: &ErrorBody, framing: Framing, first: bool) -> Vec<u8> {
    let mut out = Vec::new();
    framing.frame(None, super::stream::one_line(&to_value(error)).as_bytes(), first, &mut out);
    framing.end(false, &mut out);
    out
}

fn to_value(error: &ErrorBody) -> Value {
    let status = if error.status == 0 { 500 } else { error.status };
    let mut details = Vec::new();
    if let Some(code) = &error.code {
        details
            .push(json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "tollgate"}));
    }
    if let Some(param) = &error.param {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": param, "description": error.message}],
        }));
    }
    if let Some(id) = &error.request_id {
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": id}));
    }
    let mut inner = json!({"code": status, "message": error.message, "status": name(status)});
    if let (false, Some(inner)) = (details.is_empty(), inner.as_object_mut()) {
        inner.insert("details".to_owned(), details.into());
    }
    json!({"error": inner})
}

/// The failure that an error inside a stream reports.
pub(super) fn fault(body: &Value) -> Failure {
    let error = from_value(body);
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
        Kind::Overloaded => 503,
        Kind::Timeout => 504,
        _ => 500,
    });
    let code = failure.code.clone().filter(|code| code != name(status));
    ErrorBody {
        status,
        kind: name(status).to_owned(),
        message: failure.message.clone(),
        code: if failure.kind == Kind::Malformed { Some(Kind::Malformed.as_str().to_owned()) } else { code },
        param: None,
        request_id: failure.request_id.clone(),
    }
}

/// Google's name of a status: <https://cloud.google.com/apis/design/errors#handling_errors>
fn name(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        412 => "FAILED_PRECONDITION",
        499 => "CANCELLED",
        400..=498 => "INVALID_ARGUMENT",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        _ => "INTERNAL",
    }
}

/// Proxies answer in plain text; a web page has no words for anybody.
fn plain(body: &[u8]) -> String {
    const MOST_BYTES: usize = 1024;
    let text = String::from_utf8_lossy(body.get(..MOST_BYTES).unwrap_or(body));
    let text = text.trim();
    if text.starts_with('<') { String::new() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: &str = r#"[{"error": {"code": 429, "message": "You exceeded your current quota.", "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s"}]}}]"#;

    #[test]
    fn the_time_to_wait_stands_in_the_body() {
        assert_eq!(retry_after(QUOTA.as_bytes()), Some(Duration::from_millis(37_500)));
        assert_eq!(retry_after(b"{}"), None);
        let error = read(QUOTA.as_bytes());
        assert_eq!((error.status, error.kind.as_str()), (429, "RESOURCE_EXHAUSTED"));
        assert_eq!(Kind::of(429, error.code.as_deref(), &error.kind, &error.message), Kind::RateLimited);
    }

    #[test]
    fn a_bad_key_is_the_credentials_fault_though_the_status_blames_the_request() {
        let body = json!({"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT", "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]}});
        assert_eq!(fault(&body).kind, Kind::Credential);
        let expired = json!({"error": {"code": 400, "message": "API key expired. Please renew the API key.", "status": "INVALID_ARGUMENT"}});
        assert_eq!(fault(&expired).kind, Kind::Credential);
    }

    #[test]
    fn every_status_and_word_is_understood() {
        let kind = |status: u16, name: &str, message: &str| {
            fault(&json!({"error": {"code": status, "message": message, "status": name}})).kind
        };
        let long = "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).";
        assert_eq!(kind(400, "INVALID_ARGUMENT", long), Kind::ContextWindow);
        assert_eq!(kind(400, "INVALID_ARGUMENT", "Invalid JSON payload received."), Kind::BadRequest);
        let unsigned = "Function call is missing a thought_signature in functionCall parts.";
        assert_eq!(kind(400, "INVALID_ARGUMENT", unsigned), Kind::SignatureRefused);
        assert_eq!(kind(400, "INVALID_ARGUMENT", "Corrupted thought signature."), Kind::SignatureRefused);
        assert_eq!(kind(403, "PERMISSION_DENIED", ""), Kind::Credential);
        assert_eq!(kind(404, "NOT_FOUND", "models/x is not found"), Kind::ModelNotFound);
        assert_eq!(kind(503, "UNAVAILABLE", "The model is overloaded."), Kind::Overloaded);
        assert_eq!(kind(504, "DEADLINE_EXCEEDED", ""), Kind::Timeout);
        assert_eq!(kind(500, "INTERNAL", "An internal error has occurred."), Kind::Server);
        assert_eq!(kind(0, "RESOURCE_EXHAUSTED", ""), Kind::RateLimited);
    }

    #[test]
    fn an_error_is_written_as_google_does_and_read_again() {
        let error = ErrorBody {
            status: 404,
            message: "no such model".into(),
            code: Some("model_not_found".into()),
            param: Some("model".into()),
            request_id: Some("req_1".into()),
            ..ErrorBody::default()
        };
        insta::assert_snapshot!(String::from_utf8(write(&error)).unwrap(), @r#"{"error":{"code":404,"message":"no such model","status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"model_not_found","domain":"tollgate"},{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"model","description":"no such model"}]},{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"req_1"}]}}"#);
        assert_eq!(read(&write(&error)), ErrorBody { kind: "NOT_FOUND".into(), ..error.clone() });
        assert!(write_event(&error, Framing::Sse, true).starts_with(b"data: {\"error\":"));
        let inside = write_event(&error, Framing::JsonArray, false);
        assert!(inside.starts_with(b",{\"error\":") && inside.ends_with(b"]"));
        assert_eq!(read(b"<html>").message, "");
    }
}
