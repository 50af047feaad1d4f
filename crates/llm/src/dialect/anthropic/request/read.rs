use serde_json::{Map, Value};

use super::{knobs, tools};
use crate::{
    Call,
    call::{Extra, Knobs, Role, Turn},
    dialect::{Dialect, Malformed, anthropic::block, field::Field},
    json::Json,
};

/// Reads a question.
///
/// # Errors
/// Names the field that is wrong, what was wrong and what would be right.
pub fn read(body: &[u8]) -> Result<Call, Malformed> {
    let value = json(body)?;
    let root = Field::root(&value);
    let max_tokens = root.need("max_tokens", "the largest number of tokens to answer with")?.whole(0, u64::MAX)?;
    let mut call = conversation(&root)?;
    call.knobs.max_tokens = Some(max_tokens);
    Ok(call)
}

/// Reads the body of `POST /v1/messages/count_tokens`, which has no `max_tokens`.
///
/// # Errors
/// Those of [`read`].
pub fn read_count(body: &[u8]) -> Result<Call, Malformed> {
    conversation(&Field::root(&json(body)?))
}

/// The fields that have a canonical place. Of `thinking`, `metadata` and `output_config` only some have one.
const CANONICAL: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "stop_sequences",
    "temperature",
    "top_p",
    "top_k",
    "thinking",
    "output_config",
    "output_format",
    "metadata",
    "service_tier",
    "stream",
];

fn json(body: &[u8]) -> Result<Json<'_>, Malformed> {
    Json::read(body).map_err(|wrong| Malformed { field: None, message: format!("the body must be JSON: {wrong}") })
}

fn conversation(root: &Field<'_, '_>) -> Result<Call, Malformed> {
    let model = root.need("model", "the name of a model")?.string()?;
    let mut fields: Map<String, Value> = root.object()?.to_map();
    fields.retain(|name, _| !CANONICAL.contains(&name.as_str()));
    let (tool_choice, parallel_tools) = tools::read_choice(root)?;
    let reasoning = knobs::read_reasoning(root, &mut fields)?;
    Ok(Call {
        model,
        turns: turns(root)?,
        tools: tools::read(root)?,
        tool_choice,
        parallel_tools,
        knobs: knobs(root, &mut fields, reasoning)?,
        output: knobs::read_output(root)?,
        stream: root.get("stream").map(|stream| stream.boolean()).transpose()?.unwrap_or(false),
        include_usage: true,
        extra: Extra { dialect: Dialect::Anthropic, fields },
    })
}

fn turns(root: &Field<'_, '_>) -> Result<Vec<Turn>, Malformed> {
    let mut turns = Vec::new();
    if let Some(system) = root.get("system") {
        turns.push(Turn { role: Role::System, parts: block::content(&system)?, name: None });
    }
    let messages = root.need("messages", "an array of messages")?;
    for message in messages.items()? {
        let role = message.need("role", "\"user\", \"assistant\" or \"system\"")?;
        turns.push(Turn {
            role: match role.text()? {
                "user" => Role::User,
                "assistant" => Role::Assistant,
                "system" => Role::System,
                _ => return Err(role.wrong("\"user\", \"assistant\" or \"system\"")),
            },
            parts: block::content(&message.need("content", "a string or an array of content blocks")?)?,
            name: None,
        });
    }
    if messages.value.as_array().is_some_and(<[_]>::is_empty) {
        return Err(messages.wrong("an array of at least one message"));
    }
    Ok(turns)
}

fn knobs(
    root: &Field<'_, '_>,
    fields: &mut Map<String, Value>,
    reasoning: Option<crate::call::Reasoning>,
) -> Result<Knobs, Malformed> {
    let stop = match root.get("stop_sequences") {
        Some(list) => list.items()?.map(|sequence| sequence.string()).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let user = match root.get("metadata") {
        Some(metadata) => {
            knobs::keep_rest(&metadata, "metadata", &["user_id"], fields)?;
            metadata.get("user_id").map(|user| user.string()).transpose()?
        }
        None => None,
    };
    Ok(Knobs {
        temperature: root.get("temperature").map(|field| field.number(0.0, 1.0)).transpose()?,
        top_p: root.get("top_p").map(|field| field.number(0.0, 1.0)).transpose()?,
        top_k: root.get("top_k").map(|field| field.whole(0, u64::MAX)).transpose()?,
        stop,
        reasoning,
        service_tier: root.get("service_tier").map(|field| field.string()).transpose()?,
        user,
        ..Knobs::default()
    })
}
