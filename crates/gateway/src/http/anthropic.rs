//! Anthropic's paths.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    routing::post,
};

use super::{Answer, Surface, serve};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new().route("/v1/messages", post(messages)).route("/v1/messages/count_tokens", post(count_tokens))
}

async fn messages(State(gw): State<Arc<Gateway>>, request: Request) -> Answer {
    serve(gw, Surface::Messages, request).await
}

async fn count_tokens(State(gw): State<Arc<Gateway>>, request: Request) -> Answer {
    serve(gw, Surface::CountTokens, request).await
}
