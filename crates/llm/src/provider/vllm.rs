//! vLLM: <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>

use super::{OpenAiLike, Quirks};

pub const VLLM: OpenAiLike = OpenAiLike {
    id: "vllm",
    base_url: Some("http://127.0.0.1:8000/v1"),
    key_env: None,
    quirks: Quirks { completions: true, ..Quirks::NONE },
};
