//! Groq: <https://console.groq.com/docs/openai>

use super::{OpenAiLike, Quirks};

pub const GROQ: OpenAiLike = OpenAiLike {
    id: "groq",
    base_url: Some("https://api.groq.com/openai/v1"),
    key_env: Some("GROQ_API_KEY"),
    quirks: Quirks::NONE,
};
