//! vLLM: <https://docs.vllm.ai/en/latest/serving/online_serving/>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, COUNT, EMBED, MESSAGES, RERANK, RESPONSES, TRANSCRIBE, TRANSLATE},
};

pub const VLLM: OpenAiLike = OpenAiLike {
    id: "vllm",
    base_url: Some("http://127.0.0.1:8000/v1"),
    speaks: &[CHAT, COMPLETIONS, RESPONSES, MESSAGES, COUNT, EMBED, RERANK, TRANSCRIBE, TRANSLATE],
    ..OpenAiLike::PLAIN
};
