//! The server of llama.cpp: <https://github.com/ggml-org/llama.cpp/tree/master/tools/server>
//!
//! Its own default is port 8080, which is the gateway's, too: an account must say where it is, or the gateway might
//! call itself.

use super::{OpenAiLike, Quirks};

pub const LLAMA_CPP: OpenAiLike =
    OpenAiLike { id: "llama_cpp", base_url: None, key_env: None, quirks: Quirks { completions: true, ..Quirks::NONE } };
