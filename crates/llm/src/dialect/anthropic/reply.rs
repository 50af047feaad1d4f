//! Whole answers: <https://docs.anthropic.com/en/api/messages#response-id>

mod glance;

use super::{
    block::{self, Blocks, Place},
    usage::{self, Counts},
};
use crate::{
    Loss, Reply,
    call::{Part, ToolUse},
    dialect::{Malformed, field::Field},
    json::{Json, object},
    reply::{Choice, Stop},
};

pub use glance::glance;

/// Reads a whole answer.
///
/// # Errors
/// The body is not a message, or a block of it lacks what its type needs.
pub fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let value = Json::read(body)
        .map_err(|wrong| Malformed { field: None, message: format!("the answer is not JSON: {wrong}") })?;
    let root = Field::root(&value);
    let parts = block::content(&root.need("content", "an array of content blocks")?)?;
    let sequence = root.get("stop_sequence").map(|sequence| sequence.string()).transpose()?;
    let stop = root.get("stop_reason").map(|reason| reason.text()).transpose()?;
    let stop =
        stop.map(|reason| read_stop(reason, sequence, parts.iter().any(|part| matches!(part, Part::ToolUse(_)))));
    let counts = root.get("usage").map(|usage| Counts::from(usage.value)).unwrap_or_default();
    Ok(Reply {
        id: root.need("id", "the id of the message")?.string()?,
        model: root.need("model", "the name of the model")?.string()?,
        created: None,
        choices: vec![Choice { parts, stop }],
        usage: counts.usage(),
        service_tier: counts.service_tier,
    })
}

/// Writes a whole answer. Anthropic knows one answer per question: further ones are lost.
#[must_use]
pub fn write(reply: &Reply) -> (Vec<u8>, Loss) {
    let mut blocks = Blocks {
        native: true,
        replayed: false,
        foreign_thinking: false,
        ignores_cache_marks: false,
        loss: Loss::none(),
    };
    let nothing = Choice::default();
    let choice = reply.choices.first().unwrap_or(&nothing);
    let mut content = Vec::with_capacity(choice.parts.len());
    for (at, part) in choice.parts.iter().enumerate() {
        let place = Place { list: "choices", turn: 0, part: at, inner: None };
        if let Part::ToolUse(ToolUse { signature: Some(signature), .. }) = part {
            content.push(block::call_signature(signature));
        }
        match blocks.write(part, place) {
            Ok(block) => content.extend(block),
            Err(refused) => blocks.loss.note(place.to_string(), refused.message),
        }
    }
    let mut loss = blocks.loss;
    if reply.choices.len() > 1 {
        loss.note("choices", "anthropic gives one answer");
    }
    let (reason, sequence) = match &choice.stop {
        Some(stop) => write_stop(stop, Said::of(&choice.parts)),
        None => (None, None),
    };
    let body = object! {
        "id": &reply.id,
        "type": "message",
        "role": "assistant",
        "model": &reply.model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": usage::write(&reply.usage, reply.service_tier.as_deref()),
    };
    (body.to_bytes(), loss)
}

/// What an answer consists of, as far as its stop reason depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    pub tool_use: bool,
    pub refusal: bool,
}

impl Said {
    fn of(parts: &[Part]) -> Self {
        Self {
            tool_use: parts.iter().any(|part| matches!(part, Part::ToolUse(_))),
            refusal: parts.iter().any(|part| matches!(part, Part::Refusal(_))),
        }
    }
}

/// The meaning of a `stop_reason`. Servers that say `end_turn` after a tool call mean `tool_use`.
pub(super) fn read_stop(reason: &str, sequence: Option<String>, tool_use: bool) -> Stop {
    match reason {
        "end_turn" if tool_use => Stop::ToolUse,
        "end_turn" => Stop::End,
        "max_tokens" => Stop::Length,
        "stop_sequence" => Stop::Sequence(sequence),
        "tool_use" => Stop::ToolUse,
        "pause_turn" => Stop::Pause,
        "refusal" => Stop::Filtered,
        "model_context_window_exceeded" => Stop::ContextWindow,
        other => Stop::Other(other.to_owned()),
    }
}

/// `stop_reason` and `stop_sequence`. A reason that nobody knows is written as it came.
pub(super) fn write_stop(stop: &Stop, said: Said) -> (Option<&str>, Option<&str>) {
    let reason = match stop {
        Stop::End if said.tool_use => "tool_use",
        Stop::End if said.refusal => "refusal",
        Stop::End => "end_turn",
        Stop::Sequence(sequence) => return (Some("stop_sequence"), sequence.as_deref()),
        Stop::Length => "max_tokens",
        Stop::ContextWindow => "model_context_window_exceeded",
        Stop::ToolUse => "tool_use",
        Stop::Filtered => "refusal",
        Stop::Pause => "pause_turn",
        Stop::Other(other) => other,
    };
    (Some(reason), None)
}
