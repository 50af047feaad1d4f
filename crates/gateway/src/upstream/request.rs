//! The HTTP request that a provider gets: an allow-list of headers, nothing else of the client's. The credential is put
//! on last, by [`Shown`](super::credential::Shown).

use govern::{Code, Error, config::snapshot::Target};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
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

/// Builds the request of one try.
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
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}{}", account.base_url, head.path))
        .body(body)
        .map_err(unsendable)?;
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
        let own = head.forward.iter().copied().chain(account.forward_headers.iter().map(String::as_str));
        for name in own {
            match head.betas.filter(|_| name == BETAS) {
                None => pass_on(client.headers, name, headers),
                Some(betas) => {
                    let known = known_betas(client.headers, betas.known).join(",");
                    let value = HeaderValue::try_from(known).ok().filter(|value| !value.is_empty());
                    headers.extend(value.map(|value| (HeaderName::from_static(BETAS), value)));
                }
            }
        }
    }
    for (name, value) in account.headers.iter().chain(&target.headers) {
        let name = HeaderName::try_from(name).map_err(|error| unsendable(error.into()))?;
        headers.insert(name, HeaderValue::try_from(value).map_err(|error| unsendable(error.into()))?);
    }
    Ok(request)
}

fn pass_on(from: &HeaderMap, name: &str, to: &mut HeaderMap) {
    let Ok(name) = HeaderName::try_from(name) else { return };
    let mut values = from.get_all(&name).into_iter();
    if let Some(first) = values.next() {
        to.insert(name.clone(), first.clone());
    }
    for value in values {
        to.append(name.clone(), value.clone());
    }
}
