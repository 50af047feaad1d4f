//! Reranking, under the paths of Cohere's versions and of self-hosted servers.

use llm::{Wire, rerank::Format};

use super::{Paths, Surface, path};

pub(super) fn paths() -> Paths {
    path("/v1/rerank", Surface::Task(Wire::Rerank(Format::Cohere)))
        .and(path("/v2/rerank", Surface::Task(Wire::Rerank(Format::Cohere))))
        .and(path("/rerank", Surface::Task(Wire::Rerank(Format::Cohere))))
}
