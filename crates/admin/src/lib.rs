//! The control plane: what operators ask of a running gateway. It reads records, prices them when
//! their price has become known, and shows a status page.
//!
//! Everything under `/api` needs a credential, always: there is no default account and no open start. The admin token lies
//! in `<data_dir>/admin_token`, made at the first start and readable by its owner alone; whoever else has a role asks with
//! a gateway key. What each route takes stands in one table ([`routes()`]).

mod actor;
mod audit;
mod keys;
mod listing;
mod objects;
mod openapi;
mod page;
mod prices;
mod problem;
mod requests;
mod routes;
mod spend;
mod strict;
mod token;

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, http::Uri, middleware};
use govern::{Rules, key::Pepper};
use store::Store;

pub use actor::Identify;
pub use routes::{Of, Route, routes};
pub use token::Token;

use problem::Problem;

/// What the control plane works with.
#[derive(Clone)]
pub struct Admin {
    pub store: Store,
    pub token: Token,
    /// Hashes the secrets of new keys.
    pub pepper: Arc<Pepper>,
    /// Finds the gateway key that a request shows.
    pub identify: Identify,
    /// Where callers reach the gateway, for the status page. Never taken from a `Host` header.
    pub listen: SocketAddr,
    /// The configuration in force.
    pub rules: Arc<dyn Fn() -> Arc<Rules> + Send + Sync>,
}

/// The routes of the control plane: `/` (status page), `/api/v1/...`.
pub fn router(admin: Admin) -> Router {
    let page = page::router(admin.listen);
    let api = routes::router()
        .fallback(async |uri: Uri| Problem::not_found(format!("there is nothing at /api{}", uri.path())))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(admin.clone(), actor::require))
        .with_state(admin);
    page.nest("/api", api)
}
