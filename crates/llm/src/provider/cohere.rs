//! Cohere: <https://docs.cohere.com/reference/chat>, <https://docs.cohere.com/reference/embed>,
//! <https://docs.cohere.com/reference/rerank>

use super::{
    OpenAiLike,
    wires::{COHERE, EMBED_COHERE, RERANK_COHERE},
};

pub const COHERE_AI: OpenAiLike = OpenAiLike {
    id: "cohere",
    base_url: Some("https://api.cohere.com/v2"),
    key_env: Some("COHERE_API_KEY"),
    speaks: &[COHERE, EMBED_COHERE, RERANK_COHERE],
    paths: &[(EMBED_COHERE, "/embed")],
    ..OpenAiLike::PLAIN
};
