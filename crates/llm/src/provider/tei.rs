//! Text Embeddings Inference: <https://huggingface.github.io/text-embeddings-inference/>
//!
//! The account says where the server is, without `/v1`.

use super::{
    OpenAiLike,
    wires::{EMBED, RERANK_TEI},
};

pub const TEI: OpenAiLike =
    OpenAiLike { id: "tei", speaks: &[EMBED, RERANK_TEI], paths: &[(EMBED, "/v1/embeddings")], ..OpenAiLike::PLAIN };
