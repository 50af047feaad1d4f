//! Baseten's model APIs: <https://docs.baseten.co/reference/inference-api/overview>,
//! <https://docs.baseten.co/reference/inference-api/messages>

use super::{
    OpenAiLike,
    wires::{CHAT, MESSAGES},
};

pub const BASETEN: OpenAiLike = OpenAiLike {
    id: "baseten",
    base_url: Some("https://inference.baseten.co/v1"),
    key_env: Some("BASETEN_API_KEY"),
    speaks: &[CHAT, MESSAGES],
    ..OpenAiLike::PLAIN
};
