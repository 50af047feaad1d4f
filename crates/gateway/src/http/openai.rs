//! OpenAI's paths.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    routing::post,
};

use super::{Answer, Surface, serve};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new().route("/v1/chat/completions", post(chat_completions))
}

async fn chat_completions(State(gw): State<Arc<Gateway>>, request: Request) -> Answer {
    serve(gw, Surface::ChatCompletions, request).await
}
