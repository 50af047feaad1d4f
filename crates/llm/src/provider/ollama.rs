//! Ollama: <https://docs.ollama.com/api/openai-compatibility>
//!
//! It fetches nothing: an image given by URL is refused (<https://github.com/ollama/ollama/issues/6753>).

use super::{ImageNeeds, OpenAiLike, Quirks};

pub const OLLAMA: OpenAiLike = OpenAiLike {
    id: "ollama",
    base_url: Some("http://127.0.0.1:11434/v1"),
    key_env: None,
    quirks: Quirks { images: ImageNeeds::BytesOnly, ..Quirks::NONE },
};
