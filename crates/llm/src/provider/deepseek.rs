//! DeepSeek: <https://api-docs.deepseek.com>
//!
//! It promises JSON, not a schema: <https://api-docs.deepseek.com/guides/json_mode>

use super::{Means, OpenAiLike, Quirks};

pub const DEEPSEEK: OpenAiLike = OpenAiLike {
    id: "deepseek",
    base_url: Some("https://api.deepseek.com"),
    key_env: Some("DEEPSEEK_API_KEY"),
    quirks: Quirks { schema: Means::Tool, ..Quirks::NONE },
};
