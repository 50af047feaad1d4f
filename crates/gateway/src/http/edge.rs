//! What is refused before anything is routed: requests whose host or path could mean two things.

use axum::body::Body;
use govern::{Code, Error};
use http::{Method, Request, Response, Version, header, uri::Authority};
use llm::Dialect;

use super::refuse;

/// Checks the form of a request's head.
///
/// # Errors
/// 400 for a target in absolute form, a `Host` that is missing, doubled or no host, or a body whose length is said twice.
pub fn check<B>(request: &Request<B>) -> Result<(), Box<Response<Body>>> {
    let headers = request.headers();
    let refusal = |message: &'static str| {
        Box::new(refuse(Dialect::OpenAiChat, &Error::new(Code::InvalidRequest, message), ""))
    };
    if request.version() < Version::HTTP_2 {
        if request.uri().authority().is_some() && request.method() != Method::CONNECT {
            return Err(refusal("send the path alone, not a whole URL: the gateway is no forward proxy"));
        }
        let mut hosts = headers.get_all(header::HOST).into_iter();
        let host = hosts.next();
        if hosts.next().is_some() {
            return Err(refusal("send one `Host` header"));
        }
        let is_host = |host: &http::HeaderValue| {
            host.to_str().is_ok_and(|host| host.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@')))
        };
        let needs_host = request.version() == Version::HTTP_11;
        if host.map_or(needs_host, |host| !is_host(host)) {
            return Err(refusal("the `Host` header is missing or is no host"));
        }
    }
    let lengths = headers.get_all(header::CONTENT_LENGTH).into_iter().count();
    if lengths > 1 || (lengths == 1 && headers.contains_key(header::TRANSFER_ENCODING)) {
        return Err(refusal("say the body's length once: `Content-Length` or `Transfer-Encoding`"));
    }
    Ok(())
}
