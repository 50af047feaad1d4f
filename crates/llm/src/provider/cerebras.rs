//! Cerebras: <https://inference-docs.cerebras.ai/api-reference/chat-completions>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS},
};

pub const CEREBRAS: OpenAiLike = OpenAiLike {
    id: "cerebras",
    base_url: Some("https://api.cerebras.ai/v1"),
    key_env: Some("CEREBRAS_API_KEY"),
    speaks: &[CHAT, COMPLETIONS],
    ..OpenAiLike::PLAIN
};
