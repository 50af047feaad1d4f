//! Error bodies: `{"id": .., "message": ..}`. <https://docs.cohere.com/reference/errors>

use serde_json::{Map, Value, json};

use crate::dialect::ErrorBody;

/// Reads an error body. It is among the shapes that servers of OpenAI's format answer, too.
pub use crate::dialect::openai_chat::error::read;

/// Writes an error body.
#[must_use]
pub fn write(error: &ErrorBody) -> Vec<u8> {
    let mut body = Map::new();
    if let Some(id) = &error.request_id {
        body.insert("id".to_owned(), json!(id));
    }
    body.insert("message".to_owned(), json!(error.message));
    if let Some(code) = &error.code {
        body.insert("code".to_owned(), json!(code));
    }
    Value::Object(body).to_string().into_bytes()
}

/// Writes an error as the last event of a stream, where Cohere's own clients look for one.
#[must_use]
pub fn write_event(error: &ErrorBody) -> Vec<u8> {
    format!("event: message-end\ndata: {}\n\n", end(&error.message, None)).into_bytes()
}

/// The event that ends an answer that failed.
pub(super) fn end(message: &str, usage: Option<Value>) -> Value {
    json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message, "usage": usage}})
}
