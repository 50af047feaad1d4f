//! Together AI: <https://docs.together.ai/docs/inference/openai-compatibility>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED, IMAGE, RERANK, SPEECH, TRANSCRIBE, TRANSLATE},
};

pub const TOGETHER: OpenAiLike = OpenAiLike {
    id: "together",
    base_url: Some("https://api.together.ai/v1"),
    key_env: Some("TOGETHER_API_KEY"),
    speaks: &[CHAT, COMPLETIONS, EMBED, RERANK, IMAGE, SPEECH, TRANSCRIBE, TRANSLATE],
    ..OpenAiLike::PLAIN
};
