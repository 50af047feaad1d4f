//! Reranking, under the paths of Cohere's versions and of self-hosted servers.

use std::sync::Arc;

use axum::Router;
use llm::{Wire, rerank::Format};

use super::{Surface, route};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .merge(route("/v1/rerank", Surface::Task(Wire::Rerank(Format::Cohere))))
        .merge(route("/v2/rerank", Surface::Task(Wire::Rerank(Format::Cohere))))
        .merge(route("/rerank", Surface::Task(Wire::Rerank(Format::Cohere))))
}
