//! The HTTP request that a provider gets: an allow-list of headers, nothing else of the client's. The credential is put
//! on last, by [`Shown`](super::credential::Shown).

use govern::{Code, Error, config::snapshot::Target};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use llm::{frame::Framing, provider::Head};

use super::{RequestBody, known_betas};

const BETAS: &str = "anthropic-beta";

/// What the client's side contributes to an upstream request.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    pub headers: &'a HeaderMap,
    /// It speaks the target's dialect, so that the dialect's own headers (`anthropic-beta`) are passed on.
    pub same_dialect: bool,
    /// The framing of the streamed answer that is expected; `None`: a whole one.
    pub stream: Option<Framing>,
    /// The W3C trace context of this try, where traces are kept.
    pub traceparent: Option<&'a str>,
}

/// Builds the request of one try: its address is a path, for the connections of an account all lead to one host.
///
/// # Errors
/// The account's URL or headers cannot be sent over HTTP.
pub fn build(
    target: &Target,
    head: &Head,
    client: Client<'_>,
    body: RequestBody,
) -> Result<Request<RequestBody>, Error> {
    let account = &target.account;
    let unsendable = |error: http::Error| {
        Error::new(Code::Internal, "the target cannot be reached as it is configured").because(error)
    };
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() =
        Uri::try_from(path(&account.base_url, &head.path)).map_err(|error| unsendable(error.into()))?;
    let headers = request.headers_mut();
    headers.reserve(12);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accept = client.stream.map_or("application/json", Framing::content_type);
    headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
    // A compressed stream arrives in lumps.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))));
    if let Some(traceparent) = client.traceparent.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert("traceparent", traceparent);
    }
    for (name, value) in head.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if client.same_dialect {
        let forwarded = |name: &str| {
            head.forward.contains(&name) || account.forward_headers.iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        pass_on(client.headers, headers, |name| forwarded(name) && (head.betas.is_none() || name != BETAS));
        let known = head.betas.filter(|_| forwarded(BETAS));
        let known = known.map(|betas| known_betas(client.headers, betas.known).join(","));
        if let Some(Ok(known)) = known.filter(|known| !known.is_empty()).map(HeaderValue::try_from) {
            headers.insert(HeaderName::from_static(BETAS), known);
        }
    }
    for (name, value) in account.headers.iter().chain(&target.headers) {
        let name = HeaderName::try_from(name).map_err(|error| unsendable(error.into()))?;
        let value = if name == BETAS { united(headers, value) } else { value.clone() };
        headers.insert(name, HeaderValue::try_from(value).map_err(|error| unsendable(error.into()))?);
    }
    Ok(request)
}

/// The betas that are passed on, and the operator's own.
fn united(headers: &HeaderMap, own: &str) -> String {
    let asked = headers.get_all(BETAS).iter().filter_map(|value| value.to_str().ok());
    asked.chain([own]).collect::<Vec<_>>().join(",")
}

/// The path of a request, behind that of the base URL. A leading `/..` takes away a segment of the base's own path: some
/// vendors have their formats side by side, each under a base of its own.
fn path(base_url: &str, path: &str) -> String {
    let host = base_url.bytes().enumerate().filter(|(_, byte)| *byte == b'/').nth(2);
    let (mut base, mut path) = (host.and_then(|(end, _)| base_url.get(end..)).unwrap_or_default(), path);
    while let Some(rest) = path.strip_prefix("/..") {
        path = rest;
        base = base.rfind('/').and_then(|at| base.get(..at)).unwrap_or_default();
    }
    [base, path].concat()
}

/// Passes on the headers that may pass, in place of those that stand there by the same names.
fn pass_on(from: &HeaderMap, to: &mut HeaderMap, may: impl Fn(&str) -> bool) {
    let mut before = None;
    for (name, value) in from {
        if before == Some(name) {
            to.append(name.clone(), value.clone());
        } else if may(name.as_str()) {
            to.insert(name.clone(), value.clone());
            before = Some(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_043_the_operators_betas_join_those_of_the_client() {
        let mut headers = HeaderMap::new();
        assert_eq!(united(&headers, "files-1"), "files-1");
        headers.append(BETAS, HeaderValue::from_static("context-1m-2025-08-07"));
        headers.append(BETAS, HeaderValue::from_static("mcp-2"));
        assert_eq!(united(&headers, "files-1"), "context-1m-2025-08-07,mcp-2,files-1");
    }

    #[test]
    fn formats_stand_side_by_side_under_bases_of_their_own() {
        for (base, more, whole) in [
            ("https://h/v1", "/chat/completions", "/v1/chat/completions"),
            ("https://h", "/chat/completions", "/chat/completions"),
            ("https://h/v1", "/../anthropic/v1/messages", "/anthropic/v1/messages"),
            ("https://h/api/paas/v4", "/../../anthropic/v1/messages", "/api/anthropic/v1/messages"),
            ("https://h", "/../anthropic/v1/messages", "/anthropic/v1/messages"),
            ("http://127.0.0.1:1/a", "/../../../x", "/x"),
        ] {
            assert_eq!(path(base, more), whole);
        }
    }
}
