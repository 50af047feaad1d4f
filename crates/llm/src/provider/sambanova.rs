//! SambaNova Cloud: <https://docs.sambanova.ai/docs/en/api-reference/overview>

use super::{
    OpenAiLike,
    wires::{CHAT, EMBED},
};

pub const SAMBANOVA: OpenAiLike = OpenAiLike {
    id: "sambanova",
    base_url: Some("https://api.sambanova.ai/v1"),
    key_env: Some("SAMBANOVA_API_KEY"),
    speaks: &[CHAT, EMBED],
    ..OpenAiLike::PLAIN
};
