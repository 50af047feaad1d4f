//! Error bodies are those of every OpenAI API; in a stream an error is an event of its own.
//! <https://platform.openai.com/docs/api-reference/responses-streaming/error>

use serde_json::{Value, json};

use crate::{
    dialect::{ErrorBody, openai_chat},
    failure::{self, Failure, Kind},
};

pub use openai_chat::error::{read, write};

/// Writes an error as the last event of a stream. `number` is its `sequence_number`.
#[must_use]
pub fn write_event(error: &ErrorBody, number: u64) -> Vec<u8> {
    let ErrorBody { message, param, code, kind, .. } = error;
    let code = code.as_deref().unwrap_or(kind);
    let event = json!({"type": "error", "code": code, "message": message, "param": param, "sequence_number": number});
    format!("event: error\ndata: {event}\n\n").into_bytes()
}

/// The failure that an error inside an answer or a stream stands for: `{"code": .., "message": ..}`.
pub(super) fn failure(error: &Value) -> Failure {
    let words = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let (code, kind, message) = (words("code"), words("type"), words("message"));
    // `type` of an `error` event is "error", which says nothing.
    let kind = if kind == "error" { "" } else { kind };
    let known = match code {
        "server_error" => Kind::Server,
        "invalid_prompt" | "bio_policy" | "misalignment_policy_violation" | "image_content_policy_violation" => {
            Kind::ContentPolicy
        }
        _ if code.starts_with("invalid_") || code.starts_with("image_") => Kind::of(400, Some(code), kind, message),
        _ => Kind::of(0, Some(code).filter(|code| !code.is_empty()), kind, message),
    };
    Failure {
        code: [code, kind].into_iter().find(|code| !code.is_empty()).map(str::to_owned),
        ..Failure::new(known, failure::clean(message))
    }
}

/// The `error` of an answer that failed.
pub(super) fn of(failure: &Failure) -> Value {
    let code = match failure.kind {
        Kind::RateLimited | Kind::Overloaded => "rate_limit_exceeded",
        Kind::ContentPolicy => "invalid_prompt",
        _ => "server_error",
    };
    json!({"code": failure.code.as_deref().unwrap_or(code), "message": failure.message})
}
