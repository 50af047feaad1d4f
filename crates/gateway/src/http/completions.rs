//! Conversations in two lesser dialects: OpenAI's legacy completions and Cohere's chat.

use std::sync::Arc;

use axum::Router;

use super::{Surface, route};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new().merge(route("/v1/completions", Surface::Completions)).merge(route("/v2/chat", Surface::CohereChat))
}
