//! The canonical answer, whole.

use crate::{call::Part, usage::Usage};

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// The provider's id of the answer (`chatcmpl-...`, `msg_...`).
    pub id: String,
    /// The model that the provider says answered.
    pub model: String,
    /// Seconds since 1970, where the dialect says it.
    pub created: Option<i64>,
    /// One per asked-for answer; most dialects know only one.
    pub choices: Vec<Choice>,
    pub usage: Usage,
    /// The tier that really served the call, where the provider says it; prices depend on it.
    pub service_tier: Option<String>,
}

/// One of the answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// Text, thinking, tool uses, refusal, in the order in which they were produced.
    pub parts: Vec<Part>,
    /// Why the model stopped; `None` if the answer was cut off.
    pub stop: Option<Stop>,
}

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It had said all (`stop`, `end_turn`).
    End,
    /// A stop sequence was met; the text is known to dialects that echo it.
    Sequence(Option<String>),
    /// The output limit was reached (`length`, `max_tokens`).
    Length,
    /// The model's context is full (Anthropic `model_context_window_exceeded`).
    ContextWindow,
    /// It wants tools to be run (`tool_calls`, `tool_use`).
    ToolUse,
    /// The provider withheld the answer (`content_filter`, `refusal`).
    Filtered,
    /// A server-side turn is paused and is to be continued (Anthropic `pause_turn`).
    Pause,
    /// A reason this version does not know, as the provider wrote it. Never turned into [`Stop::End`].
    Other(String),
}
