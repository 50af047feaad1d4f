//! Finish reasons, both ways: <https://docs.cohere.com/reference/chat#response.body.finish_reason>

use crate::{
    failure::{Failure, Kind, clean},
    reply::Stop,
};

/// The meaning of a `finish_reason`. `called`: the answer holds a tool call, which decides.
pub(super) fn read(reason: &str, called: bool) -> Stop {
    match reason {
        "COMPLETE" | "TOOL_CALL" if called => Stop::ToolUse,
        "COMPLETE" | "TOOL_CALL" => Stop::End,
        "STOP_SEQUENCE" => Stop::Sequence(None),
        "MAX_TOKENS" => Stop::Length,
        "ERROR_TOXIC" => Stop::Filtered,
        other => Stop::Other(other.to_owned()),
    }
}

/// The `finish_reason` that says it.
pub(super) fn write(stop: &Stop) -> &str {
    match stop {
        Stop::End | Stop::Pause => "COMPLETE",
        Stop::Sequence(_) => "STOP_SEQUENCE",
        Stop::Length | Stop::ContextWindow => "MAX_TOKENS",
        Stop::ToolUse => "TOOL_CALL",
        Stop::Filtered => "ERROR_TOXIC",
        Stop::Other(reason) => reason,
    }
}

/// The failure that a finish reason reports; `said` is what the answer says of it.
pub(super) fn failure(reason: &str, said: Option<&str>) -> Option<Failure> {
    let kind = match reason {
        "ERROR" => Kind::Server,
        "TIMEOUT" => Kind::Timeout,
        "ERROR_LIMIT" => Kind::ContextWindow,
        _ => return None,
    };
    let words = said.filter(|words| !words.is_empty()).map(clean);
    let words = words.unwrap_or_else(|| format!("the provider ended the answer with finish_reason \"{reason}\""));
    Some(Failure { code: Some(reason.to_owned()), ..Failure::new(kind, words) })
}
