//! Hyperbolic: <https://docs.hyperbolic.xyz/docs/rest-api>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS},
};

pub const HYPERBOLIC: OpenAiLike = OpenAiLike {
    id: "hyperbolic",
    base_url: Some("https://api.hyperbolic.xyz/v1"),
    key_env: Some("HYPERBOLIC_API_KEY"),
    speaks: &[CHAT, COMPLETIONS],
    ..OpenAiLike::PLAIN
};
