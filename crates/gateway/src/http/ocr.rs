//! Text off pages, in Mistral's format.

use std::sync::Arc;

use axum::Router;
use llm::Wire;

use super::{Surface, route};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new().merge(route("/v1/ocr", Surface::Task(Wire::Ocr)))
}
