//! DeepInfra: <https://docs.deepinfra.com/api-reference/introduction>,
//! <https://docs.deepinfra.com/api-reference/responses/openai-responses>,
//! <https://docs.deepinfra.com/api-reference/chat-completions/anthropic-messages>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED, IMAGE, MESSAGES, RESPONSES, SPEECH, TRANSCRIBE},
};

pub const DEEPINFRA: OpenAiLike = OpenAiLike {
    id: "deepinfra",
    base_url: Some("https://api.deepinfra.com/v1/openai"),
    key_env: Some("DEEPINFRA_API_KEY"),
    speaks: &[CHAT, COMPLETIONS, RESPONSES, MESSAGES, EMBED, IMAGE, SPEECH, TRANSCRIBE],
    paths: &[(RESPONSES, "/../responses"), (MESSAGES, "/../../anthropic/v1/messages")],
    ..OpenAiLike::PLAIN
};
