//! AWS signatures of version 4: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! A request is signed as it leaves: its path as it stands on the wire, encoded once more, its query in order, the headers
//! that name its receiver and its time, and the hash of its body. Pure: the time is an argument.

use std::{borrow::Cow, fmt::Write as _};

use aws_lc_rs::{digest, hmac};
use govern::config::Secret;
use http::{HeaderMap, Method, Uri};
use jiff::Timestamp;

use super::lines::host;

/// Keys that sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKeys {
    /// The id of the access key: no secret.
    pub id: String,
    pub secret: Secret,
    /// Goes along with temporary keys.
    pub session: Option<Secret>,
}

/// Where a signature is good: `us-east-1`, `bedrock`, and the one host that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub region: String,
    pub service: &'static str,
    /// As the `host` header has it.
    pub host: String,
}

impl Scope {
    /// A scope at the host of a URL.
    #[must_use]
    pub fn at(url: &Uri, region: String, service: &'static str) -> Self {
        Self { region, service, host: host(url) }
    }
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    /// Of these, `content-type` and those that begin with `x-amz` are signed.
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// What the signed request carries besides.
#[derive(Debug, Clone)]
pub struct Signature {
    /// The value of `authorization`.
    pub authorization: String,
    /// The value of `x-amz-date`.
    pub date: String,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs a request at a time in seconds since 1970. The session token is signed too, and the caller sends it as
/// `x-amz-security-token`.
#[must_use]
pub fn sign(signed: &Signed<'_>, keys: &AwsKeys, scope: &Scope, seconds: i64) -> Signature {
    let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = at.strftime("%Y%m%d").to_string();
    let headers = headers(signed, keys, &scope.host, &date);
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let mut canonical = format!("{}\n{}\n{}\n", signed.method, path(signed.uri), query(signed.uri));
    for (name, value) in &headers {
        let _ = writeln!(canonical, "{name}:{}", value.trim()); // writing to a string does not fail
    }
    let _ = write!(canonical, "\n{names}\n{}", hash(signed.body));
    let Scope { region, service, .. } = scope;
    let place = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("{ALGORITHM}\n{date}\n{place}\n{}", hash(canonical.as_bytes()));
    let mut key = mac(format!("AWS4{}", keys.secret.expose()).as_bytes(), day.as_bytes());
    for part in [region.as_str(), *service, "aws4_request"] {
        key = mac(key.as_ref(), part.as_bytes());
    }
    let signature = hex(mac(key.as_ref(), text.as_bytes()).as_ref());
    let id = &keys.id;
    let authorization = format!("{ALGORITHM} Credential={id}/{place}, SignedHeaders={names}, Signature={signature}");
    Signature { authorization, date }
}

/// The signed headers by name.
fn headers<'a>(signed: &Signed<'a>, keys: &'a AwsKeys, host: &'a str, date: &'a str) -> Vec<(&'a str, Cow<'a, str>)> {
    let mut headers = vec![("host", Cow::Borrowed(host)), ("x-amz-date", Cow::Borrowed(date))];
    headers.extend(keys.session.as_ref().map(|token| ("x-amz-security-token", Cow::Borrowed(token.expose()))));
    let own = |name: &str| name == "content-type" || (name.starts_with("x-amz") && !name.starts_with("x-amzn-trace"));
    for (name, value) in signed.headers {
        if own(name.as_str()) && !headers.iter().any(|(known, _)| *known == name.as_str()) {
            headers.push((name.as_str(), String::from_utf8_lossy(value.as_bytes())));
        }
    }
    headers.sort_unstable_by_key(|(name, _)| *name);
    headers
}

/// The path as it stands on the wire, each segment encoded once more: all services but S3 want it so.
fn path(uri: &Uri) -> String {
    uri.path().split('/').map(llm::provider::escape).collect::<Vec<_>>().join("/")
}

/// The query by name and value. It is encoded on the wire already.
fn query(uri: &Uri) -> String {
    let mut pairs: Vec<Cow<'_, str>> = uri
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.contains('=') { Cow::Borrowed(pair) } else { Cow::Owned(format!("{pair}=")) })
        .collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &[u8], bytes: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}"); // writing to a string does not fail
    }
    text
}

#[cfg(test)]
mod tests;
