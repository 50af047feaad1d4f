//! Jina AI: <https://jina.ai/embeddings>, <https://jina.ai/reranker>

use super::{
    OpenAiLike,
    wires::{EMBED_JINA, RERANK},
};

pub const JINA: OpenAiLike = OpenAiLike {
    id: "jina",
    base_url: Some("https://api.jina.ai/v1"),
    key_env: Some("JINA_API_KEY"),
    speaks: &[EMBED_JINA, RERANK],
    ..OpenAiLike::PLAIN
};
