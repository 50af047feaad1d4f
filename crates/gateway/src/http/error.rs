//! Refusals in the caller's dialect.

use axum::{body::Body, extract::Request};
use govern::{Code, Error};
use http::{HeaderValue, Method, Response, StatusCode, header};
use llm::Dialect;

use super::{Answer, names};

/// Renders an error for a caller of this dialect.
#[must_use]
pub fn refuse(dialect: Dialect, error: &Error, request_id: &str) -> Answer {
    if error.code.whose() == govern::error::Whose::Gateway || error.failure.is_some() {
        tracing::warn!(code = error.code.as_str(), request.id = request_id, cause = error.cause, "{}", error.message);
    }
    let mut answer = Response::new(Body::from(dialect.write_error(&error.body(request_id))));
    *answer.status_mut() = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(names::X_TOLLGATE_ERROR_SOURCE, HeaderValue::from_static(error.code.whose().as_str()));
    headers.insert(names::X_TOLLGATE_ERROR_CODE, HeaderValue::from_static(error.code.as_str()));
    if !error.is_retryable() {
        headers.insert(names::X_SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    let theirs = error.failure.as_ref().and_then(|failure| failure.request_id.as_deref());
    if let Some(id) = theirs.and_then(|id| HeaderValue::from_str(id).ok()) {
        headers.insert(names::X_TOLLGATE_UPSTREAM_REQUEST_ID, id);
    }
    if let Some(after) = error.retry_after {
        let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        headers.insert(header::RETRY_AFTER, millis.div_ceil(1_000).into());
        headers.insert(names::RETRY_AFTER_MS, millis.into());
    }
    answer
}

/// A path that no route has. Paths are compared as they are written: no case folding, no `//`, no trailing slash.
pub(super) async fn not_found(request: Request) -> Answer {
    // Coding assistants knock with `HEAD /`.
    if request.method() == Method::HEAD && request.uri().path() == "/" {
        return Response::new(Body::empty());
    }
    let message = match dialect_of(&request) {
        Dialect::Gemini => {
            "there is nothing at this path; POST /v1beta/models/{model}:generateContent, GET /v1beta/models"
        }
        _ => "there is nothing at this path; POST /v1/chat/completions or /v1/messages, GET /v1/models",
    };
    refuse(dialect_of(&request), &Error::new(Code::NotFound, message), "")
}

pub(super) async fn method_not_allowed(request: Request) -> Answer {
    let error = Error::new(Code::MethodNotAllowed, format!("{} is not offered at this path", request.method()));
    refuse(dialect_of(&request), &error, "")
}

/// Whose words a caller reads, where its path does not say it: Anthropic's and Google's libraries send a header that no
/// other does.
pub(super) fn dialect_of(request: &Request) -> Dialect {
    let (path, headers) = (request.uri().path(), request.headers());
    if path.starts_with("/v1beta/") {
        Dialect::Gemini
    } else if path.starts_with("/v1/messages") || headers.contains_key(names::ANTHROPIC_VERSION) {
        Dialect::Anthropic
    } else if headers.contains_key(names::X_GOOG_API_KEY) {
        Dialect::Gemini
    } else {
        Dialect::OpenAiChat
    }
}
