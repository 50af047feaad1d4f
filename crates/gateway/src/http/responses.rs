//! The paths of OpenAI's Responses API: <https://platform.openai.com/docs/api-reference/responses>

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    routing::{get, post},
};

use super::{Answer, Paths, Surface, path, serve};
use crate::Gateway;

pub(super) fn paths() -> Paths {
    let others = Router::new()
        .route("/v1/responses/{id}", get(kept).delete(kept))
        .route("/v1/responses/{id}/input_items", get(kept))
        .route("/v1/responses/{id}/cancel", post(kept));
    path("/v1/responses", Surface::Responses).and(others)
}

async fn kept(State(gw): State<Arc<Gateway>>, request: Request) -> Answer {
    serve(&gw, Surface::KeptResponse, request).await
}
