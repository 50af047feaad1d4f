//! DeepSeek: <https://api-docs.deepseek.com>

use super::{OpenAiLike, Quirks};

pub const DEEPSEEK: OpenAiLike = OpenAiLike {
    id: "deepseek",
    base_url: Some("https://api.deepseek.com"),
    key_env: Some("DEEPSEEK_API_KEY"),
    quirks: Quirks::NONE,
};
