//! Novita: <https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion>,
//! <https://novita.ai/docs/guides/llm-anthropic-compatibility>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED, MESSAGES},
};

pub const NOVITA: OpenAiLike = OpenAiLike {
    id: "novita",
    base_url: Some("https://api.novita.ai/openai/v1"),
    key_env: Some("NOVITA_API_KEY"),
    speaks: &[CHAT, COMPLETIONS, MESSAGES, EMBED],
    paths: &[(MESSAGES, "/../../anthropic/v1/messages")],
    ..OpenAiLike::PLAIN
};
