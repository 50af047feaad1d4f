//! Paths of a provider that the operator has opened as they are.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    routing::any,
};

use super::{Answer, Surface, serve};
use crate::Gateway;

pub(super) fn paths() -> Router<Arc<Gateway>> {
    Router::new().route("/passthrough/{account}/{*path}", any(passthrough))
}

async fn passthrough(State(gw): State<Arc<Gateway>>, request: Request) -> Answer {
    serve(&gw, Surface::Passthrough, request).await
}
