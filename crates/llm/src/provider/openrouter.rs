//! OpenRouter: <https://openrouter.ai/docs/api/reference/overview>,
//! <https://openrouter.ai/docs/api/api-reference/anthropic-messages/create-messages>
//!
//! It takes `cache_control` on content blocks for the models whose makers do:
//! <https://openrouter.ai/docs/features/prompt-caching>

use super::{
    OpenAiLike, Quirks,
    wires::{CHAT, EMBED, MESSAGES, RESPONSES},
};

pub const OPENROUTER: OpenAiLike = OpenAiLike {
    id: "openrouter",
    base_url: Some("https://openrouter.ai/api/v1"),
    key_env: Some("OPENROUTER_API_KEY"),
    speaks: &[CHAT, RESPONSES, MESSAGES, EMBED],
    quirks: Quirks { takes_cache_marks: true, wraps_errors: true, ..Quirks::NONE },
    ..OpenAiLike::PLAIN
};
