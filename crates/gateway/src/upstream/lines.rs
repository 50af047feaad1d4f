//! The connections of one account.
//!
//! hyper-util's pooled client does the same for any host; here the host is known, and what it looks up, clones and
//! rebuilds for every request is made once. An HTTP/1 connection serves one request at a time and waits in between;
//! an HTTP/2 connection is shared up to a number of streams below what servers commonly allow.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Request, Response, Uri, header, uri};
use hyper::{
    client::conn::{TrySendError, http1, http2},
    rt::{Read, Write},
};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::connect::{Connection as _, HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tower::{Service as _, ServiceExt as _};

use super::{answer::UpstreamBody, body::RequestBody, connect::Bounded, pool::SendError};

pub type Connector = Bounded<HttpsConnector<HttpConnector>>;

/// Streams of one HTTP/2 connection before the next is opened: 80 % of the hundred that servers commonly allow.
const MOST_STREAMS: usize = 80;

/// Most HTTP/2 connections of one account; beyond them the least used one takes more.
const MOST_SHARED: usize = 64;

/// Idle connections are closed before common load balancers close them (60 s) under our hands.
const IDLE: Duration = Duration::from_secs(50);

/// Sweeps in that time. A connection that has seen as many of them is closed.
const SWEEPS: u32 = 4;

/// Most connections that wait for their next request. Each holds about 30 KiB.
const MOST_IDLE: usize = 512;

/// The connections of one account.
pub struct Lines {
    connector: Connector,
    /// Scheme and authority of the account's base URL.
    origin: Uri,
    host: HeaderValue,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The one used last at the end: the others can grow old. With the sweeps that each has seen.
    idle: Vec<(http1::SendRequest<RequestBody>, u32)>,
    shared: Vec<Shared>,
    /// A task closes those that have waited for too long.
    swept: bool,
}

/// An HTTP/2 connection, and a place on it for each of its streams.
#[derive(Clone)]
struct Shared {
    sender: http2::SendRequest<RequestBody>,
    streams: Arc<AtomicUsize>,
}

/// A connection that is ready for a request.
enum Line {
    Own(http1::SendRequest<RequestBody>),
    Shared(http2::SendRequest<RequestBody>, Seat),
}

impl Lines {
    /// The connections to the origin of `base_url`; none is opened yet. `None` if it is no URL with a host.
    pub fn to(base_url: &Uri, connector: Connector) -> Option<Arc<Self>> {
        let (scheme, authority) = (base_url.scheme()?, base_url.authority()?);
        let origin = Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query("/");
        let host = HeaderValue::try_from(host(base_url)).ok()?;
        Some(Arc::new(Self { connector, origin: origin.build().ok()?, host, kept: Mutex::default() }))
    }

    /// Sends a request to this origin and waits for the head of its answer.
    ///
    /// # Errors
    /// No connection, or it broke. A connection that was closed before anything was sent on it is none of these: the
    /// next one is taken.
    pub async fn send(
        self: &Arc<Self>,
        mut request: Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, SendError> {
        loop {
            let (line, fresh) = match self.take() {
                Some(line) => (line, false),
                None => (Box::pin(self.open()).await?, true), // rare, and large
            };
            match self.send_on(line, request).await {
                Ok(answer) => return Ok(answer),
                Err(mut refused) => match refused.take_message() {
                    Some(unsent) if !fresh => request = unsent,
                    _ => return Err(SendError::Broken(reasons(&refused.into_error()))),
                },
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one function that calls providers")]
    async fn send_on(
        self: &Arc<Self>,
        line: Line,
        mut request: Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, TrySendError<Request<RequestBody>>> {
        match line {
            Line::Own(mut sender) => {
                let path = std::mem::take(request.uri_mut()).into_parts().path_and_query;
                *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
                request.headers_mut().insert(header::HOST, self.host.clone());
                let answer = sender.try_send_request(request).await?;
                let line = Lent { sender: Some(sender), lines: self.clone() };
                Ok(answer.map(|body| UpstreamBody::Wire { body, line: Held::Own(line) }))
            }
            Line::Shared(mut sender, seat) => {
                request.headers_mut().remove(header::HOST); // from a connection that was closed before it was used
                self.complete(request.uri_mut());
                let answer = sender.try_send_request(request).await?;
                Ok(answer.map(|body| UpstreamBody::Wire { body, line: Held::Shared(seat) }))
            }
        }
    }

    /// Gives a path its origin: HTTP/2 says it in every request.
    fn complete(&self, of: &mut Uri) {
        let mut parts = self.origin.clone().into_parts();
        parts.path_and_query = std::mem::take(of).into_parts().path_and_query;
        *of = Uri::from_parts(parts).unwrap_or_default();
    }

    /// A connection that stands already, the one used last before others.
    fn take(&self) -> Option<Line> {
        let mut kept = self.kept();
        let Kept { idle, shared, .. } = &mut *kept;
        if let Some(at) = idle.iter().rposition(|(sender, _)| sender.is_ready()) {
            return Some(Line::Own(idle.remove(at).0));
        }
        shared.retain(|shared| !shared.sender.is_closed());
        let least = shared.iter().min_by_key(|shared| shared.streams.load(Ordering::Relaxed))?;
        let has_room = least.streams.load(Ordering::Relaxed) < MOST_STREAMS || shared.len() >= MOST_SHARED;
        has_room.then(|| Line::Shared(least.sender.clone(), Seat::take(&least.streams)))
    }

    async fn open(self: &Arc<Self>) -> Result<Line, SendError> {
        let unreachable = |error: Box<dyn std::error::Error + Send + Sync>| SendError::Connect(reasons(&*error));
        let mut connector = self.connector.clone();
        let socket = connector.ready().await.map_err(unreachable)?.call(self.origin.clone()).await;
        let socket = socket.map_err(unreachable)?;
        match socket.connected().is_negotiated_h2() {
            true => self.share(socket).await,
            false => own(socket).await,
        }
        .map_err(|error| SendError::Connect(reasons(&error)))
    }

    /// Shares a connection, unless another one that has room was opened meanwhile.
    async fn share<S: Read + Write + Unpin + Send + 'static>(&self, socket: S) -> hyper::Result<Line> {
        if let Some(line) = self.take() {
            return Ok(line);
        }
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_while_idle(false)
            .adaptive_window(true)
            .handshake(socket)
            .await?;
        drive(connection);
        let streams = Arc::default();
        let seat = Seat::take(&streams);
        self.kept().shared.push(Shared { sender: sender.clone(), streams });
        Ok(Line::Shared(sender, seat))
    }

    /// Keeps a connection for the next request.
    fn keep(self: &Arc<Self>, sender: http1::SendRequest<RequestBody>) {
        let mut kept = self.kept();
        if kept.idle.len() < MOST_IDLE {
            kept.idle.push((sender, 0));
            if !std::mem::replace(&mut kept.swept, true) {
                self.sweep();
            }
        }
    }

    /// Closes connections that have waited for too long, as long as there are any.
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends by itself, and at the end of the process there is nothing to do"
    )]
    fn sweep(self: &Arc<Self>) {
        let lines = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(IDLE / SWEEPS).await;
                let mut kept = lines.kept();
                kept.idle.retain_mut(|(sender, sweeps)| {
                    *sweeps += 1;
                    *sweeps < SWEEPS && !sender.is_closed()
                });
                kept.swept = !kept.idle.is_empty();
                if !kept.swept {
                    return;
                }
            }
        });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn own<S: Read + Write + Unpin + Send + 'static>(socket: S) -> hyper::Result<Line> {
    let (sender, connection) = http1::handshake(socket).await?;
    drive(connection);
    Ok(Line::Own(sender))
}

/// Reads and writes a connection until it is closed: by the other side, or because nobody holds its sender any more.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the connection; whoever drains waits for answers, not for it"
)]
fn drive(connection: impl Future<Output = hyper::Result<()>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a provider ended badly");
        }
    });
}

/// What an answer holds of its connection while it is read.
pub enum Held {
    Own(Lent),
    Shared(Seat),
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Own(_) => "Own",
            Self::Shared(_) => "Shared",
        })
    }
}

impl Held {
    /// The answer has come to its end: the connection can serve the next request.
    pub fn end(&mut self) {
        if let Self::Own(lent) = self {
            lent.give_back();
        }
    }
}

/// A connection that is given back when its answer has been read. If it was not read to its end, the connection is
/// closed: nobody knows how much of it is still to come.
pub struct Lent {
    sender: Option<http1::SendRequest<RequestBody>>,
    lines: Arc<Lines>,
}

impl Lent {
    fn give_back(&mut self) {
        if let Some(sender) = self.sender.take().filter(|sender| !sender.is_closed()) {
            self.lines.keep(sender);
        }
    }
}

/// A place on a shared connection, given back when the answer is dropped.
pub struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(places: &Arc<AtomicUsize>) -> Self {
        places.fetch_add(1, Ordering::Relaxed);
        Self(places.clone())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The host of a URL as a client writes it: with the port unless it is the scheme's own.
pub fn host(url: &Uri) -> String {
    let host = url.host().unwrap_or_default();
    let usual = if url.scheme() == Some(&uri::Scheme::HTTP) { 80 } else { 443 };
    match url.port_u16().filter(|port| *port != usual) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// An error and its causes, in one line for the log.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
