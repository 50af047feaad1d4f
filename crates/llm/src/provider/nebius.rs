//! Nebius Token Factory: <https://docs.tokenfactory.nebius.com/api-reference/inference/create-chat-completion>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED, IMAGE},
};

pub const NEBIUS: OpenAiLike = OpenAiLike {
    id: "nebius",
    base_url: Some("https://api.tokenfactory.nebius.com/v1"),
    key_env: Some("NEBIUS_API_KEY"),
    speaks: &[CHAT, COMPLETIONS, EMBED, IMAGE],
    ..OpenAiLike::PLAIN
};
