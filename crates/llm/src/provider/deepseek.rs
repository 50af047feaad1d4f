//! DeepSeek: <https://api-docs.deepseek.com>, <https://api-docs.deepseek.com/guides/anthropic_api>
//!
//! It promises JSON, not a schema: <https://api-docs.deepseek.com/guides/json_mode>

use super::{
    Means, OpenAiLike, Quirks,
    wires::{CHAT, MESSAGES},
};

pub const DEEPSEEK: OpenAiLike = OpenAiLike {
    id: "deepseek",
    base_url: Some("https://api.deepseek.com"),
    key_env: Some("DEEPSEEK_API_KEY"),
    speaks: &[CHAT, MESSAGES],
    paths: &[(MESSAGES, "/anthropic/v1/messages")],
    quirks: Quirks { schema: Means::Tool, ..Quirks::NONE },
    ..OpenAiLike::PLAIN
};
