//! Fetches what a URL in a prompt names: an image or a document of a stranger's choosing.
//!
//! Nothing the caller wrote, and nothing that a name server or a web server answers, can turn the fetch towards the
//! inside: the name is resolved once, every address it has must be public, and the connection goes to one of exactly
//! those addresses. Redirects are not followed. Size, time and kind are bounded. It is deliberately not a browser: no
//! cookies, no compression, no proxy, no cache.

mod media;
mod post;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{self, BoxFuture, select};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;
use url::Host;

use super::address::{Destination, Refusal, is_public};

pub use media::Media;

/// How long one address may take to answer before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How many addresses of a host are tried: one that is down should not spend the whole time.
const ADDRESSES_TRIED: usize = 3;

/// Fetches by URL, safely.
#[derive(Clone)]
pub struct Fetcher {
    network: Arc<dyn Network>,
    tls: TlsConnector,
}

/// What a fetch may take and give.
#[derive(Debug, Clone, Copy)]
pub struct FetchRules<'a> {
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// From the look-up of the name to the last byte.
    pub timeout: Duration,
    /// Whether `http:` is fetched too.
    pub allow_http: bool,
    /// The ports that may be dialled.
    pub ports: &'a [u16],
    /// What the body may be.
    pub media: &'a [Media],
}

/// What was fetched: its first bytes are those of its media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    pub media: Media,
    pub bytes: Vec<u8>,
}

/// Looks up names and opens connections: the only two ways in which a fetch touches the network.
pub trait Network: Send + Sync {
    /// The addresses of `host`, most wanted first. Asked once per fetch, and only for names.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>>;

    /// A connection to exactly this address. Only called with addresses that [`is_public`] has passed.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<TcpStream>>;
}

/// The network of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Internet;

/// Why a fetch failed, in words that are fit for the caller: no address and no name but the caller's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    // One message for "no such name" and "a name of the inside", so that the answers do not map the operator's network.
    #[error("the host does not resolve to public addresses")]
    NotPublic,
    #[error("no connection to the host could be made")]
    Connect,
    #[error("the host's TLS certificate was not accepted, or it speaks no TLS")]
    Tls,
    #[error("the host answered with a redirect (status {0}), which is not followed; send the final URL")]
    Redirect(u16),
    #[error("the host answered with status {0}")]
    Status(u16),
    #[error("the content is compressed as {0:?}, although it was asked for as it is")]
    Encoded(String),
    #[error("the content is {found}; accepted are {accepted}")]
    Media { found: String, accepted: String },
    #[error("the content says that it is {declared}, but its bytes are not")]
    Disguised { declared: &'static str },
    #[error("the content is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the content did not arrive within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("the connection broke before the content was complete")]
    Broken,
}

impl Fetcher {
    /// A fetcher on `network`. Certificates are judged as `tls` says.
    #[must_use]
    pub fn new(network: Arc<dyn Network>, tls: &ClientConfig) -> Self {
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { network, tls: TlsConnector::from(Arc::new(tls)) }
    }

    /// Fetches `url` with one GET.
    ///
    /// # Errors
    /// Why there is nothing to show. A URL that is refused causes no packet at all, not even a look-up.
    pub async fn fetch(&self, url: &str, rules: &FetchRules<'_>) -> Result<Fetched, FetchError> {
        let destination = Destination::read(url, rules.allow_http, rules.ports)?;
        timeout(rules.timeout, self.get(&destination, rules)).await.unwrap_or(Err(FetchError::Timeout(rules.timeout)))
    }

    async fn get(&self, destination: &Destination, rules: &FetchRules<'_>) -> Result<Fetched, FetchError> {
        let request = request(Request::get(destination.path_and_query()), destination)
            .header(header::ACCEPT, names(rules.media))
            .body(Full::default())
            .map_err(|_| Refusal::NotAUrl)?;
        exchange(self.open(destination).await?, request, async |answer| read(answer, rules).await).await
    }

    /// A connection to the host, with TLS where the URL asks for it.
    async fn open(&self, destination: &Destination) -> Result<Either<TcpStream, TlsStream<TcpStream>>, FetchError> {
        let stream = self.dial(destination).await?;
        if !destination.is_https() {
            return Ok(Either::Left(stream));
        }
        let name = match destination.host() {
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| Refusal::NotAUrl)?,
            Host::Ipv4(ip) => ServerName::from(IpAddr::from(*ip)),
            Host::Ipv6(ip) => ServerName::from(IpAddr::from(*ip)),
        };
        self.tls.connect(name, stream).await.map(Either::Right).map_err(|_| FetchError::Tls)
    }

    /// A connection to an address that has just been checked: the name is not looked up a second time.
    async fn dial(&self, destination: &Destination) -> Result<TcpStream, FetchError> {
        let addresses = match destination.host() {
            Host::Domain(name) => self.network.resolve(name).await.map_err(|_| FetchError::NotPublic)?,
            Host::Ipv4(ip) => vec![(*ip).into()],
            Host::Ipv6(ip) => vec![(*ip).into()],
        };
        // A name with one address inside and one outside is an attack or a mistake: neither is dialled.
        if addresses.is_empty() || !addresses.iter().copied().all(is_public) {
            return Err(FetchError::NotPublic);
        }
        for ip in addresses.into_iter().take(ADDRESSES_TRIED) {
            let address = SocketAddr::new(ip, destination.port());
            if let Ok(Ok(stream)) = timeout(CONNECT_TIMEOUT, self.network.connect(address)).await {
                return Ok(stream);
            }
        }
        Err(FetchError::Connect)
    }
}

impl Network for Internet {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(address))
    }
}

/// What every request says.
fn request(request: http::request::Builder, destination: &Destination) -> http::request::Builder {
    request
        .header(header::HOST, destination.authority())
        .header(header::USER_AGENT, "tollgate")
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close")
}

/// Sends the request and reads the answer. The connection is driven here, not by a task: it ends with the fetch.
async fn exchange<S, T>(
    stream: S,
    request: Request<Full<Bytes>>,
    read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, FetchError>,
) -> Result<T, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| FetchError::Broken)?;
    let answer = async move {
        #[expect(clippy::disallowed_methods, reason = "no provider is called: the connection ends with the fetch")]
        let response = sender.send_request(request).await.map_err(|_| FetchError::Broken)?;
        read(response).await
    };
    match select(std::pin::pin!(answer), std::pin::pin!(connection)).await {
        future::Either::Left((fetched, _)) => fetched,
        // The peer has closed; what it sent before may still wait to be read.
        future::Either::Right((_, answer)) => answer.await,
    }
}

async fn read(response: Response<Incoming>, rules: &FetchRules<'_>) -> Result<Fetched, FetchError> {
    let (head, mut body) = response.into_parts();
    match head.status {
        StatusCode::OK => {}
        status if status.is_redirection() => return Err(FetchError::Redirect(status.as_u16())),
        status => return Err(FetchError::Status(status.as_u16())),
    }
    if let Some(coding) = text(&head.headers, header::CONTENT_ENCODING).filter(|coding| coding != "identity") {
        return Err(FetchError::Encoded(coding));
    }
    let too_large = FetchError::TooLarge { limit: rules.max_bytes };
    if http_body::Body::size_hint(&body).lower() > rules.max_bytes as u64 {
        return Err(too_large);
    }
    let declared = declared(&head.headers, rules)?;
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| FetchError::Broken)?.into_data() else { continue };
        if bytes.len() + data.len() > rules.max_bytes {
            return Err(too_large);
        }
        bytes.extend_from_slice(&data);
    }
    match (declared, Media::of(&bytes)) {
        (Some(declared), Some(media)) if declared == media => Ok(Fetched { media, bytes }),
        (Some(declared), _) => Err(FetchError::Disguised { declared: declared.as_str() }),
        (None, Some(media)) if rules.media.contains(&media) => Ok(Fetched { media, bytes }),
        (None, found) => Err(not_accepted(found.map_or("of an unknown kind", Media::as_str), rules)),
    }
}

/// The media type in the head. `None`: the host does not say, as object stores do not when nobody told them; then the
/// bytes speak for themselves.
fn declared(headers: &http::HeaderMap, rules: &FetchRules<'_>) -> Result<Option<Media>, FetchError> {
    let Some(value) = text(headers, header::CONTENT_TYPE) else { return Ok(None) };
    let essence = value.split(';').next().unwrap_or_default().trim();
    if matches!(essence, "" | "application/octet-stream" | "binary/octet-stream") {
        return Ok(None);
    }
    match Media::named(essence).filter(|media| rules.media.contains(media)) {
        Some(media) => Ok(Some(media)),
        None => Err(not_accepted(essence, rules)),
    }
}

fn not_accepted(found: &str, rules: &FetchRules<'_>) -> FetchError {
    FetchError::Media { found: found.chars().take(100).collect(), accepted: names(rules.media) }
}

fn names(media: &[Media]) -> String {
    media.iter().map(|media| media.as_str()).collect::<Vec<_>>().join(", ")
}

/// A header in lower case; what is not ASCII text reads as `?`.
fn text(headers: &http::HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase())
}

#[cfg(test)]
pub(super) mod tests;
