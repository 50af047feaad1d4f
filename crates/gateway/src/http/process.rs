//! Health, readiness and meters of the process.

use std::sync::{Arc, atomic::Ordering};

use axum::{Router, extract::State, routing::get};
use http::{StatusCode, header};

use crate::Gateway;

/// What supervisors and load balancers ask.
pub(super) fn probes() -> Router<Arc<Gateway>> {
    Router::new().route("/health", get(health)).route("/ready", get(ready))
}

pub(super) fn meters() -> Router<Arc<Gateway>> {
    Router::new().route("/metrics", get(metrics))
}

/// The process lives. It says nothing of version or topology.
async fn health() -> &'static str {
    "ok\n"
}

/// The process takes requests, and can write down what they cost.
async fn ready(State(gw): State<Arc<Gateway>>) -> (StatusCode, &'static str) {
    let writes = gw.sinks.journal().is_none_or(|journal| journal.takes_calls());
    if gw.ready.load(Ordering::Acquire) && writes {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn metrics(State(gw): State<Arc<Gateway>>) -> ([(header::HeaderName, &'static str); 1], String) {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], gw.metrics.encode())
}
