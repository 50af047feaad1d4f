//! Whole answers: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
//!
//! The answer does not say which model gave it, and bears no id: the path and a header do.

mod glance;

use serde_json::{Map, Value, json};

use super::{
    block::{self, Blocks, Place},
    usage,
};
use crate::{
    Loss, Reply,
    call::{Part, ToolUse},
    dialect::{Dialect, Malformed, body, field::Field},
    failure::{Failure, Kind},
    json::Json,
    reply::{Choice, Stop},
};

pub use glance::glance;
pub(super) use glance::tier as glanced_tier;

/// Fields of an answer that other dialects do not have. `metrics` tells of the transport alone.
const BESIDE: &[&str] = &["trace", "performanceConfig", "additionalModelResponseFields"];

/// Reads a whole answer.
///
/// # Errors
/// The body is not an answer, or a block of it lacks what its type needs.
pub fn read(bytes: &[u8]) -> Result<Reply, Malformed> {
    let value = body::json("the answer", bytes)?;
    let root = Field::root(&value);
    let output = root.need("output", "an object with the message")?;
    let message = output.need("message", "an object with content")?;
    let mut parts = block::content(&message.need("content", "an array of content blocks")?)?;
    let calls = parts.iter().any(|part| matches!(part, Part::ToolUse(_)));
    let more = value.get("additionalModelResponseFields").unwrap_or(&Json::Null);
    let stop = root.get("stopReason").map(|reason| reason.text()).transpose()?;
    let stop = stop.map(|reason| read_stop(reason, more, calls));
    let mut beside: Map<String, Value> = root.object()?.to_map();
    beside.retain(|name, value| BESIDE.contains(&name.as_str()) && !value.is_null());
    if let Some(Stop::Sequence(Some(_))) = stop {
        beside.shift_remove("additionalModelResponseFields");
    }
    if !beside.is_empty() {
        parts.push(Part::Native { dialect: Dialect::Bedrock, raw: json!({"reply": beside}) });
    }
    Ok(Reply {
        choices: vec![Choice { parts, stop }],
        usage: value.get("usage").map(usage::read).unwrap_or_default(),
        service_tier: value.pointer("/serviceTier/type").and_then(Json::as_str).map(str::to_owned),
        ..Reply::default()
    })
}

/// Writes a whole answer. Bedrock knows one answer per question: further ones are lost.
#[must_use]
pub fn write(reply: &Reply) -> (Vec<u8>, Loss) {
    let mut blocks = Blocks {
        native: true,
        replayed: false,
        foreign_thinking: false,
        ignores_cache_marks: false,
        names: Vec::new(),
        loss: Loss::none(),
    };
    let nothing = Choice::default();
    let choice = reply.choices.first().unwrap_or(&nothing);
    let mut content = Vec::with_capacity(choice.parts.len());
    let mut beside = Map::new();
    for (at, part) in choice.parts.iter().enumerate() {
        if let Part::Native { dialect: Dialect::Bedrock, raw } = part
            && let Some(fields) = raw.get("reply").and_then(Value::as_object)
        {
            beside.extend(fields.clone());
            continue;
        }
        if let Part::ToolUse(ToolUse { signature: Some(proof), .. }) = part {
            content.push(call_signature(proof));
        }
        let place = Place { list: "choices", turn: 0, part: at, inner: None };
        if let Err(refused) = blocks.write(part, place, &mut content) {
            blocks.loss.note(place.to_string(), refused.message);
        }
    }
    let mut loss = blocks.loss;
    if reply.choices.len() > 1 {
        loss.note("choices", "bedrock gives one answer");
    }
    let calls = choice.parts.iter().any(|part| matches!(part, Part::ToolUse(_)));
    let mut body = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": choice.stop.as_ref().map(|stop| write_stop(stop, calls)),
        "usage": usage::write(&reply.usage),
        "metrics": {"latencyMs": 0},
    });
    if let Some(body) = body.as_object_mut() {
        if let Some(Stop::Sequence(Some(sequence))) = &choice.stop {
            body.insert("additionalModelResponseFields".into(), json!({"stop_sequence": sequence}));
        }
        if let Some(tier) = &reply.service_tier {
            body.insert("serviceTier".into(), json!({"type": tier}));
        }
        body.extend(beside);
    }
    (body.to_string().into_bytes(), loss)
}

/// The tier of a `serviceTier` object.
pub(super) fn tier(tier: &Value) -> Option<String> {
    tier.get("type")?.as_str().map(str::to_owned)
}

/// A reason to stop that is a failure of the model: what it said is not an answer.
pub(super) fn failed(reason: &str) -> Option<Failure> {
    let message = match reason {
        "malformed_model_output" => "the model's output was malformed",
        "malformed_tool_use" => "the model called a tool in a malformed way",
        _ => return None,
    };
    Some(Failure { code: Some(reason.to_owned()), ..Failure::new(Kind::Malformed, message) })
}

/// The meaning of a `stopReason`. Models that say `end_turn` after a tool call mean `tool_use`.
pub(super) fn read_stop(reason: &str, more: &Json<'_>, calls: bool) -> Stop {
    match reason {
        "end_turn" if calls => Stop::ToolUse,
        "end_turn" => Stop::End,
        "tool_use" => Stop::ToolUse,
        "max_tokens" => Stop::Length,
        "stop_sequence" => Stop::Sequence(more.get("stop_sequence").and_then(Json::as_str).map(str::to_owned)),
        "guardrail_intervened" | "content_filtered" => Stop::Filtered,
        "model_context_window_exceeded" => Stop::ContextWindow,
        other => Stop::Other(other.to_owned()),
    }
}

/// The `stopReason`. One that nobody knows is written as it came.
pub(super) fn write_stop(stop: &Stop, calls: bool) -> &str {
    match stop {
        Stop::End if calls => "tool_use",
        Stop::End => "end_turn",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Length => "max_tokens",
        Stop::ContextWindow => "model_context_window_exceeded",
        Stop::ToolUse => "tool_use",
        Stop::Filtered => "content_filtered",
        Stop::Pause => "pause_turn",
        Stop::Other(other) => other,
    }
}

/// The block that carries a tool call's signature to a client: reasoning without text, before the call.
fn call_signature(proof: &str) -> Value {
    json!({"reasoningContent": {"reasoningText": {"text": "", "signature": proof}}})
}
