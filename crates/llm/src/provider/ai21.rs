//! AI21: <https://docs.ai21.com/reference/jamba-1-6-api-ref>
//!
//! It promises JSON, not a schema.

use super::{Means, OpenAiLike, Quirks};

pub const AI21: OpenAiLike = OpenAiLike {
    id: "ai21",
    base_url: Some("https://api.ai21.com/studio/v1"),
    key_env: Some("AI21_API_KEY"),
    quirks: Quirks { schema: Means::Tool, ..Quirks::NONE },
    ..OpenAiLike::PLAIN
};
