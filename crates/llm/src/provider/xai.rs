//! xAI: <https://docs.x.ai/developers/rest-api-reference/inference>
//!
//! Its Messages API is deprecated and not used.

use super::{
    OpenAiLike,
    wires::{CHAT, IMAGE, RESPONSES},
};

pub const XAI: OpenAiLike = OpenAiLike {
    id: "xai",
    base_url: Some("https://api.x.ai/v1"),
    key_env: Some("XAI_API_KEY"),
    speaks: &[CHAT, RESPONSES, IMAGE],
    ..OpenAiLike::PLAIN
};
