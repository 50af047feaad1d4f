//! Finish reasons, both ways.

use crate::{
    failure::{Failure, Kind},
    reply::Stop,
};

/// The meaning of a `finish_reason`. `called`: the answer holds a tool call.
///
/// Servers disagree on whether an answer with calls stops with `stop` or `tool_calls`; the calls themselves decide.
pub(in crate::dialect) fn read(reason: &str, called: bool) -> Stop {
    match reason {
        "stop" | "tool_calls" | "function_call" | "eos" if called => Stop::ToolUse,
        // `eos` is Together's word, `model_length` Mistral's.
        "stop" | "tool_calls" | "function_call" | "eos" => Stop::End,
        "length" | "model_length" => Stop::Length,
        "pause_turn" => Stop::Pause,
        "content_filter" => Stop::Filtered,
        other => Stop::Other(other.to_owned()),
    }
}

/// The `finish_reason` that says it. What OpenAI has no word for is said by its nearest word, or as it was.
pub(in crate::dialect) fn write(stop: &Stop) -> &str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length | Stop::ContextWindow => "length",
        Stop::ToolUse => "tool_calls",
        Stop::Filtered => "content_filter",
        Stop::Pause => "pause_turn",
        Stop::Other(reason) => reason,
    }
}

/// The failure that some vendors report as a finish reason (OpenRouter, Zhipu).
pub(in crate::dialect) fn failure(reason: &str) -> Option<Failure> {
    matches!(reason, "error" | "network_error")
        .then(|| Failure::new(Kind::Server, format!("the provider ended the answer with finish_reason \"{reason}\"")))
}
