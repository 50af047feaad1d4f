//! Hugging Face's router: <https://huggingface.co/docs/inference-providers/index>,
//! <https://huggingface.co/docs/inference-providers/guides/responses-api>,
//! <https://huggingface.co/docs/inference-providers/integrations/claude-code>

use super::{
    OpenAiLike,
    wires::{CHAT, MESSAGES, RESPONSES},
};

pub const HUGGINGFACE: OpenAiLike = OpenAiLike {
    id: "huggingface",
    base_url: Some("https://router.huggingface.co/v1"),
    key_env: Some("HF_TOKEN"),
    speaks: &[CHAT, RESPONSES, MESSAGES],
    ..OpenAiLike::PLAIN
};
