//! Groq: <https://console.groq.com/docs/api-reference>

use super::{
    OpenAiLike,
    wires::{CHAT, RESPONSES, SPEECH, TRANSCRIBE, TRANSLATE},
};

pub const GROQ: OpenAiLike = OpenAiLike {
    id: "groq",
    base_url: Some("https://api.groq.com/openai/v1"),
    key_env: Some("GROQ_API_KEY"),
    speaks: &[CHAT, RESPONSES, SPEECH, TRANSCRIBE, TRANSLATE],
    ..OpenAiLike::PLAIN
};
