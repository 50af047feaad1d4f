//! Text Generation Inference: <https://huggingface.co/docs/text-generation-inference/messages_api>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS},
};

pub const TGI: OpenAiLike = OpenAiLike { id: "tgi", speaks: &[CHAT, COMPLETIONS], ..OpenAiLike::PLAIN };
