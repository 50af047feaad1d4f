//! The control plane: what operators ask of a running gateway. It reads records, prices them when
//! their price has become known, and shows a status page.
//!
//! Everything under `/api` needs the admin token, always: there is no default account and no open start. The token lies
//! in `<data_dir>/admin_token`, made at the first start and readable by its owner alone.

mod audit;
mod page;
mod prices;
mod problem;
mod requests;
mod spend;
mod token;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    http::Uri,
    middleware,
    routing::{get, post},
};
use govern::Rules;
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
    /// The configuration in force.
    pub rules: Arc<dyn Fn() -> Arc<Rules> + Send + Sync>,
}

/// The routes of the control plane: `/` (status page), `/api/v1/...`.
pub fn router(admin: Admin) -> Router {
    let page = page::router(admin.listen);
    let api = Router::new()
        .route("/v1/requests", get(requests::list))
        .route("/v1/requests/{id}", get(requests::one))
        .route("/v1/spend", get(spend::list))
        .route("/v1/spend/focus", get(spend::focus))
        .route("/v1/audit", get(audit::list))
        .route("/v1/prices/apply", post(prices::apply))
        .route("/v1/prices/{*version}", get(prices::show))
        .fallback(async |uri: Uri| Problem::not_found(format!("there is nothing at /api{}", uri.path())))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(admin.token.clone(), token::require))
        .with_state(admin);
    page.nest("/api", api)
}
