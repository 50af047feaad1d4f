//! Pictures, in OpenAI's format.

use std::sync::Arc;

use axum::Router;
use llm::{Wire, image::Format};

use super::{Surface, route};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .merge(route("/v1/images/generations", Surface::Task(Wire::Image(Format::OpenAi))))
        .merge(route("/v1/images/edits", Surface::Task(Wire::ImageEdit(Format::OpenAi))))
}
