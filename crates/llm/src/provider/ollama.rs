//! Ollama: <https://docs.ollama.com/api/openai-compatibility>, <https://docs.ollama.com/api/anthropic-compatibility>
//!
//! It fetches nothing: an image given by URL is refused (<https://github.com/ollama/ollama/issues/6753>).

use super::{
    ImageNeeds, OpenAiLike, Quirks,
    wires::{CHAT, COMPLETIONS, EMBED, MESSAGES, RESPONSES},
};

pub const OLLAMA: OpenAiLike = OpenAiLike {
    id: "ollama",
    base_url: Some("http://127.0.0.1:11434/v1"),
    speaks: &[CHAT, COMPLETIONS, RESPONSES, MESSAGES, EMBED],
    quirks: Quirks { images: ImageNeeds::BytesOnly, ..Quirks::NONE },
    ..OpenAiLike::PLAIN
};
