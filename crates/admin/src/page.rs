//! The status page: that the gateway lives, where its endpoints are, a first call to copy, and the last requests.
//!
//! It is first-party through and through: three embedded files, no inline script, no request to anywhere else. What
//! records say reaches the page as text nodes, never as markup; the policy below holds even if that failed.

use std::net::SocketAddr;

use axum::{
    Router,
    http::{HeaderName, header},
    response::{Html, IntoResponse},
    routing::get,
};

const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

const GUARDS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action \
         'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
];

pub(crate) fn router(listen: SocketAddr) -> Router {
    let page = PAGE.replace("{{base_url}}", &format!("http://{}", reachable(listen)));
    Router::new()
        .route("/", get(async move || (GUARDS, Html(page.clone()))))
        .route("/assets/status.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/assets/status.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
}

fn asset(media_type: &'static str, text: &'static str) -> impl IntoResponse {
    (GUARDS, [(header::CONTENT_TYPE, media_type)], text)
}

/// An address to call: one cannot call "every address of this machine".
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut address = listen;
    if listen.ip().is_unspecified() {
        address.set_ip(if listen.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}
