//! Error bodies: <https://platform.openai.com/docs/guides/error-codes/api-errors>

use serde_json::{Value, json};

use crate::{
    dialect::ErrorBody,
    failure::{self, Failure, Kind},
};

/// Longest excerpt of a body that is not JSON.
const MOST_CHARS: usize = 300;

/// Reads what servers of this format answer when they fail: `{"error": {..}}`, `{"error": ".."}`, `{"message": ..}`,
/// `{"detail": ..}`, a list of one of these, plain text, HTML.
#[must_use]
pub fn read(body: &[u8]) -> ErrorBody {
    match serde_json::from_slice(body) {
        Ok(value) => from_value(&value),
        Err(_) => ErrorBody { message: plain(&String::from_utf8_lossy(body)), ..ErrorBody::default() },
    }
}

/// The same of parsed JSON. `status` is what the body itself says, 0 if it says nothing.
pub(in crate::dialect) fn from_value(value: &Value) -> ErrorBody {
    let outer = value.as_array().and_then(|list| list.first()).unwrap_or(value);
    let inner = match outer.get("error") {
        Some(error) if !error.is_null() => error,
        _ => outer,
    };
    let words = |name: &str| inner.get(name).or_else(|| outer.get(name)).and_then(as_text);
    let message = match inner {
        Value::String(text) => text.clone(),
        // Mistral puts FastAPI's `detail` into `message`.
        _ => words("message")
            .or_else(|| inner.get("message").or_else(|| outer.get("detail")).map(detail))
            .unwrap_or_default(),
    };
    let number = |name: &str| {
        let value = inner.get(name).or_else(|| outer.get(name))?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    let status =
        ["code", "status", "status_code"].into_iter().filter_map(number).find(|code| (400..600).contains(code));
    ErrorBody {
        status: status.and_then(|code| u16::try_from(code).ok()).unwrap_or(0),
        kind: words("type").unwrap_or_default(),
        message,
        code: words("code"),
        param: words("param"),
        request_id: words("request_id"),
    }
}

/// Writes an error in OpenAI's exact shape: `param` and `code` are strings or null.
#[must_use]
pub fn write(error: &ErrorBody) -> Vec<u8> {
    let ErrorBody { message, kind, param, code, .. } = error;
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}}).to_string().into_bytes()
}

/// Writes an error as the last frame of a stream. No `[DONE]` follows: the answer was not finished.
#[must_use]
pub fn write_event(error: &ErrorBody) -> Vec<u8> {
    [b"data: ".as_slice(), &write(error), b"\n\n"].concat()
}

/// The failure that an error inside a stream, or in a body with a good status, stands for.
pub(in crate::dialect) fn failure(value: &Value) -> Failure {
    let body = from_value(value);
    let kind = Kind::of(body.status, body.code.as_deref(), &body.kind, &body.message);
    Failure {
        code: body.code.or(Some(body.kind).filter(|kind| !kind.is_empty())),
        ..Failure::new(kind, failure::clean(&body.message))
    }
}

/// Whether a body without an answer holds an error's words.
pub(super) fn is_stated(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|value| !from_value(&value).message.is_empty())
}

/// A string, or a number as a string: some servers send `"code": 404`.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// FastAPI's `detail`: a string, or a list of complaints with `msg` and `loc`.
fn detail(detail: &Value) -> String {
    let complaint = |item: &Value| {
        let place: Vec<String> = item.get("loc")?.as_array()?.iter().filter_map(as_text).collect();
        Some(format!("{}: {}", place.join("."), item.get("msg")?.as_str()?))
    };
    match detail {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            items.iter().map(|item| complaint(item).unwrap_or_else(|| item.to_string())).collect::<Vec<_>>().join("; ")
        }
        Value::Object(_) => from_value(detail).message,
        _ => String::new(),
    }
}

/// The readable words of a body that is not JSON: markup is left out, and what is long is cut.
fn plain(body: &str) -> String {
    let mut text = String::new();
    let mut markup = false;
    for char in body.chars().take(64 * MOST_CHARS) {
        match char {
            '<' => markup = true,
            '>' if markup => {
                markup = false;
                text.push(' ');
            }
            _ if !markup => text.push(char),
            _ => {}
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(MOST_CHARS).collect()
}
