//! NVIDIA Triton's OpenAI front end: <https://github.com/triton-inference-server/server/tree/main/python/openai>
//!
//! Its `generate` extension has a form of its own for every model, and is for pass-through alone:
//! <https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_generate.html>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED},
};

pub const TRITON: OpenAiLike = OpenAiLike {
    id: "triton",
    base_url: Some("http://127.0.0.1:9000/v1"),
    speaks: &[CHAT, COMPLETIONS, EMBED],
    ..OpenAiLike::PLAIN
};
