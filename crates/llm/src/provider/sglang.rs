//! SGLang: <https://docs.sglang.io/docs/basic_usage/openai_api>, <https://docs.sglang.io/docs/basic_usage/anthropic_api>,
//! <https://docs.sglang.io/docs/basic_usage/native_api>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, COUNT, EMBED, MESSAGES},
};

pub const SGLANG: OpenAiLike = OpenAiLike {
    id: "sglang",
    base_url: Some("http://127.0.0.1:30000/v1"),
    speaks: &[CHAT, COMPLETIONS, MESSAGES, COUNT, EMBED],
    ..OpenAiLike::PLAIN
};
