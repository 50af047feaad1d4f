//! Questions: <https://docs.anthropic.com/en/api/messages#body-model>

mod knobs;
mod marks;
mod messages;
mod read;
mod tools;
mod write;

use serde::Deserialize;
use serde_json::json;

use crate::{
    Call, Loss,
    dialect::{Dialect, Malformed, WriteFor},
    json::{Json, Object},
};

pub(in crate::dialect) use knobs::{JSON_INSTRUCTION, write_reasoning, write_sampling};
pub use read::{read, read_count};
pub use write::write;

/// Writes the body of `POST /v1/messages/count_tokens`: the question without what only an answer needs.
///
/// <https://docs.anthropic.com/en/api/messages-count-tokens>
///
/// # Errors
/// Those of [`write`].
pub fn write_count(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let (body, loss) = write::body(call, target)?;
    let counted = ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"];
    let own = |name: &str| call.extra.dialect == Dialect::Anthropic && call.extra.fields.contains_key(name);
    let body: Object<'_> = body.into_iter().filter(|(name, _)| counted.contains(&&**name) || own(name)).collect();
    Ok((Json::from(body).to_bytes(), loss))
}

/// Reads the answer to `count_tokens`: how many input tokens the question has.
///
/// # Errors
/// The body is not such an answer.
pub fn read_counted(body: &[u8]) -> Result<u64, Malformed> {
    #[derive(Deserialize)]
    struct Counted {
        input_tokens: u64,
    }
    let counted: Counted = serde_json::from_slice(body).map_err(|wrong| Malformed {
        field: Some("input_tokens".into()),
        message: format!("input_tokens must be a whole number: {wrong}"),
    })?;
    Ok(counted.input_tokens)
}

/// Writes the answer to `count_tokens`.
#[must_use]
pub fn write_counted(input_tokens: u64) -> Vec<u8> {
    json!({"input_tokens": input_tokens}).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
