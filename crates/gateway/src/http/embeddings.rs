//! Embeddings, in OpenAI's and in Cohere's format.

use std::sync::Arc;

use axum::Router;
use llm::{Wire, embed::Format};

use super::{Surface, route};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .merge(route("/v1/embeddings", Surface::Task(Wire::Embed(Format::OpenAi))))
        .merge(route("/v2/embed", Surface::Task(Wire::Embed(Format::Cohere))))
}
