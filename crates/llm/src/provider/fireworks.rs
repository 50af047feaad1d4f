//! Fireworks AI: <https://docs.fireworks.ai/api-reference/introduction>, <https://docs.fireworks.ai/api-reference/post-responses>,
//! <https://docs.fireworks.ai/api-reference/anthropic-messages>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED, MESSAGES, RERANK, RESPONSES},
};

pub const FIREWORKS: OpenAiLike = OpenAiLike {
    id: "fireworks",
    base_url: Some("https://api.fireworks.ai/inference/v1"),
    key_env: Some("FIREWORKS_API_KEY"),
    speaks: &[CHAT, COMPLETIONS, RESPONSES, MESSAGES, EMBED, RERANK],
    ..OpenAiLike::PLAIN
};
