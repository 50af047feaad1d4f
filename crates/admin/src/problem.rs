//! Errors of the control plane, as RFC 9457 has them: `application/problem+json`.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use govern::role::Permission;
use serde_json::json;

/// A refusal or failure. Its detail is fit for the caller: no path, no SQL.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// Stable; programs may depend on it.
    code: &'static str,
    detail: String,
    /// The parameter that was wrong.
    param: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), param: None }
    }

    /// A query parameter is wrong: which, and what would be right.
    pub(crate) fn bad_parameter(name: &str, detail: impl Into<String>) -> Self {
        Self { param: Some(name.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", detail) }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// What is not there, and what is not there for the caller: the same words for both.
    pub(crate) fn missing() -> Self {
        Self::not_found("there is no such object")
    }

    pub(crate) fn forbidden(permission: Permission) -> Self {
        let detail = format!("this takes the permission {}, which you do not hold here", permission.as_str());
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// A wish that is understood and not granted.
    pub(crate) fn refused(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "the store cannot be read; see the log")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not answer this method")
    }

    pub(crate) fn unauthorized() -> Self {
        let detail = "send the admin token, or a gateway key whose owner has a role, as Authorization: Bearer <token>; \
                      the admin token is in the file admin_token of the data directory";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        if let store::Error::Asked(problem) = error {
            return Self::bad_parameter("", problem);
        }
        tracing::error!(%error, "the store did not answer the admin API");
        Self::unavailable()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        if let (Some(param), Some(object)) = (self.param, body.as_object_mut()) {
            object.insert("param".to_owned(), param.into());
        }
        let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
        (self.status, headers, Json(body)).into_response()
    }
}
