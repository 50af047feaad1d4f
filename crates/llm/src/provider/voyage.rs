//! Voyage AI: <https://docs.voyageai.com/reference/embeddings-api>, <https://docs.voyageai.com/reference/reranker-api>

use super::{
    OpenAiLike,
    wires::{EMBED_VOYAGE, RERANK_VOYAGE},
};

pub const VOYAGE: OpenAiLike = OpenAiLike {
    id: "voyage",
    base_url: Some("https://api.voyageai.com/v1"),
    key_env: Some("VOYAGE_API_KEY"),
    speaks: &[EMBED_VOYAGE, RERANK_VOYAGE],
    ..OpenAiLike::PLAIN
};
