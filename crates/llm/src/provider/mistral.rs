//! Mistral: <https://docs.mistral.ai/api>
//!
//! It refuses fields that it does not know with 422, `stream_options` among them; its streams end with usage unasked.

use super::{
    OpenAiLike, Quirks,
    wires::{CHAT, EMBED_MISTRAL, MODERATE, OCR, TRANSCRIBE},
};

pub const MISTRAL: OpenAiLike = OpenAiLike {
    id: "mistral",
    base_url: Some("https://api.mistral.ai/v1"),
    key_env: Some("MISTRAL_API_KEY"),
    speaks: &[CHAT, EMBED_MISTRAL, TRANSCRIBE, MODERATE, OCR],
    quirks: Quirks { refuses_stream_options: true, ..Quirks::NONE },
    ..OpenAiLike::PLAIN
};
