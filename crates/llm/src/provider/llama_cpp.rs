//! The server of llama.cpp: <https://github.com/ggml-org/llama.cpp/tree/master/tools/server>
//!
//! Its own default is port 8080, which is the gateway's, too: an account must say where it is, or the gateway might
//! call itself.

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, COUNT, EMBED, MESSAGES, RERANK, RESPONSES},
};

pub const LLAMA_CPP: OpenAiLike = OpenAiLike {
    id: "llama_cpp",
    speaks: &[CHAT, COMPLETIONS, RESPONSES, MESSAGES, COUNT, EMBED, RERANK],
    ..OpenAiLike::PLAIN
};
