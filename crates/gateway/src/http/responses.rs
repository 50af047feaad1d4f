//! The paths of OpenAI's Responses API: <https://platform.openai.com/docs/api-reference/responses>

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    routing::{get, post},
};

use super::{Answer, Surface, serve};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/v1/responses", post(create))
        .route("/v1/responses/{id}", get(kept).delete(kept))
        .route("/v1/responses/{id}/input_items", get(kept))
        .route("/v1/responses/{id}/cancel", post(kept))
}

async fn create(State(gw): State<Arc<Gateway>>, request: Request) -> Answer {
    serve(gw, Surface::Responses, request).await
}

async fn kept(State(gw): State<Arc<Gateway>>, request: Request) -> Answer {
    serve(gw, Surface::KeptResponse, request).await
}
