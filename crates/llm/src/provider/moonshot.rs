//! Moonshot AI (Kimi): <https://platform.kimi.ai/docs/api/overview>, <https://platform.kimi.ai/docs/guide/claude-code-kimi>
//!
//! Keys of the Chinese platform belong to `base_url: https://api.moonshot.cn/v1`.

use super::{
    OpenAiLike,
    wires::{CHAT, MESSAGES, RESPONSES},
};

pub const MOONSHOT: OpenAiLike = OpenAiLike {
    id: "moonshot",
    base_url: Some("https://api.moonshot.ai/v1"),
    key_env: Some("MOONSHOT_API_KEY"),
    speaks: &[CHAT, RESPONSES, MESSAGES],
    paths: &[(MESSAGES, "/../anthropic/v1/messages")],
    ..OpenAiLike::PLAIN
};
