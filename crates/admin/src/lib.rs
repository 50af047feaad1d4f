//! The control plane: what operators ask of a running gateway. For now it reads records and shows a status page.
//!
//! Everything under `/api` needs the admin token, always: there is no default account and no open start. The token lies
//! in `<data_dir>/admin_token`, made at the first start and readable by its owner alone.

mod page;
mod problem;
mod requests;
mod token;

use std::net::SocketAddr;

use axum::{Router, http::Uri, middleware, routing::get};
use store::Store;

pub use token::Token;

use problem::Problem;

/// What the control plane works with.
#[derive(Clone)]
pub struct Admin {
    pub store: Store,
    pub token: Token,
    /// Where callers reach the gateway, for the status page. Never taken from a `Host` header.
    pub listen: SocketAddr,
}

/// The routes of the control plane: `/` (status page), `/api/v1/...`.
pub fn router(admin: Admin) -> Router {
    let page = page::router(admin.listen);
    let api = Router::new()
        .route("/v1/requests", get(requests::list))
        .route("/v1/requests/{id}", get(requests::one))
        .fallback(async |uri: Uri| Problem::not_found(format!("there is nothing at /api{}", uri.path())))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(admin.token.clone(), token::require))
        .with_state(admin);
    page.nest("/api", api)
}
