//! Friendli: <https://friendli.ai/docs/openapi/serverless/chat-completions>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS},
};

pub const FRIENDLI: OpenAiLike = OpenAiLike {
    id: "friendli",
    base_url: Some("https://api.friendli.ai/serverless/v1"),
    key_env: Some("FRIENDLI_TOKEN"),
    speaks: &[CHAT, COMPLETIONS],
    ..OpenAiLike::PLAIN
};
