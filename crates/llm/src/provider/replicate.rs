//! Replicate: <https://replicate.com/docs/reference/http>
//!
//! Every model has its own form of input, and answers come by asking again: its paths are for pass-through alone.

use super::OpenAiLike;

pub const REPLICATE: OpenAiLike = OpenAiLike {
    id: "replicate",
    base_url: Some("https://api.replicate.com/v1"),
    key_env: Some("REPLICATE_API_TOKEN"),
    speaks: &[],
    ..OpenAiLike::PLAIN
};
