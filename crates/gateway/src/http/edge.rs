//! What is refused before anything is routed: requests whose host or path could mean two things.

use std::net::Ipv6Addr;

use axum::body::Body;
use govern::{Code, Error};
use http::{HeaderValue, Method, Request, Response, Version, header};
use llm::Dialect;

use super::{framing::decimal, refuse};

/// Checks the form of a request's head.
///
/// # Errors
/// 400 for a target in absolute form, or a `Host` that is missing, doubled, no host, or another than HTTP/2's authority.
pub fn check<B>(request: &Request<B>) -> Result<(), Box<Response<Body>>> {
    let headers = request.headers();
    let refusal =
        |message: &'static str| Box::new(refuse(Dialect::OpenAiChat, &Error::new(Code::InvalidRequest, message), ""));
    if request.version() < Version::HTTP_2 {
        if request.uri().authority().is_some() && request.method() != Method::CONNECT {
            return Err(refusal("send the path alone, not a whole URL: the gateway is no forward proxy"));
        }
        let mut hosts = headers.get_all(header::HOST).into_iter();
        let host = hosts.next();
        if hosts.next().is_some() {
            return Err(refusal("send one `Host` header"));
        }
        let needs_host = request.version() == Version::HTTP_11;
        if host.map_or(needs_host, |host| !is_host(host)) {
            return Err(refusal("the `Host` header is missing or is no host"));
        }
    } else if let (Some(authority), Some(host)) = (request.uri().authority(), headers.get(header::HOST))
        && !authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes())
    {
        return Err(refusal("`Host` and `:authority` name different hosts: send one of them"));
    }
    Ok(())
}

/// A name or address, with or without a port, and nothing else.
fn is_host(host: &HeaderValue) -> bool {
    let host = host.as_bytes();
    if let Some(rest) = host.strip_prefix(b"[") {
        let Some(end) = memchr::memchr(b']', rest) else { return false };
        let (address, port) = rest.split_at(end);
        let address = std::str::from_utf8(address).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
        return address.is_some() && port.strip_prefix(b"]").is_some_and(is_port);
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let name = host.iter().position(|byte| !plain(byte)).unwrap_or(host.len());
    name > 0 && host.split_at_checked(name).is_some_and(|(_, port)| is_port(port))
}

/// Nothing, or a colon and a number of 16 bits.
fn is_port(text: &[u8]) -> bool {
    let Some(digits) = text.strip_prefix(b":") else { return text.is_empty() };
    decimal(digits).is_some_and(|port| port <= u64::from(u16::MAX))
}

/// The answer to a request whose bytes could be read in two ways. It ends the connection.
#[must_use]
pub fn ambiguous() -> Box<Response<Body>> {
    let message = "say the body's length once, in digits or as `Transfer-Encoding: chunked`, and end lines with CR LF";
    let mut answer = refuse(Dialect::OpenAiChat, &Error::new(Code::InvalidRequest, message), "");
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Box::new(answer)
}

/// Whether the connection ends with this request: what a client that asks for an `Upgrade` sends next may be meant for
/// another protocol. (The upgrade itself is not made; some clients ask for HTTP/2 that way.)
#[must_use]
pub fn is_last<B>(request: &Request<B>) -> bool {
    request.version() < Version::HTTP_2 && request.headers().contains_key(header::UPGRADE)
}
