//! LM Studio: <https://lmstudio.ai/docs/developer/openai-compat>, <https://lmstudio.ai/docs/developer/rest>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED, MESSAGES, RESPONSES},
};

pub const LMSTUDIO: OpenAiLike = OpenAiLike {
    id: "lmstudio",
    base_url: Some("http://127.0.0.1:1234/v1"),
    speaks: &[CHAT, COMPLETIONS, RESPONSES, MESSAGES, EMBED],
    ..OpenAiLike::PLAIN
};
