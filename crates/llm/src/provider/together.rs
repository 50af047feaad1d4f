//! Together AI: <https://docs.together.ai/docs/inference/openai-compatibility>

use super::{OpenAiLike, Quirks};

pub const TOGETHER: OpenAiLike = OpenAiLike {
    id: "together",
    base_url: Some("https://api.together.ai/v1"),
    key_env: Some("TOGETHER_API_KEY"),
    quirks: Quirks { completions: true, ..Quirks::NONE },
};
