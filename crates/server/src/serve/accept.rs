//! The accept loop: our own, because `axum::serve` has no header timeout, no cap on connections and no HTTP/2 keep-alive.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use axum::body::Body;
use gateway::http::{Door, Watched, edge};
use govern::config::snapshot::{EdgeBounds, Settings};
use http::{HeaderValue, header};
use hyper::{Request, body::Incoming, rt::Executor, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::head_timer::HeadTimer;

/// The listeners of the process and the connections that they have taken.
pub struct Edge {
    bounds: EdgeBounds,
    connections: Arc<Semaphore>,
    /// No further connections are taken, and those that are open take no further requests.
    closing: CancellationToken,
    /// Connections end in the middle of what they are at.
    cutting: CancellationToken,
    /// Accept loops, connections and streams of connections.
    open: TaskTracker,
}

/// How long accepting pauses when the system has no more file descriptors to give.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// How long ending a connection may take.
const CUT: Duration = Duration::from_secs(1);

/// Streams of one HTTP/2 connection.
const MOST_STREAMS: u32 = 256;

/// Headers of one request together: SDKs send 2 KiB, Claude Code 4.
const HEADER_BYTES: usize = 64 << 10;

impl Edge {
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            bounds: settings.bounds,
            connections: Arc::new(Semaphore::new(settings.bounds.connections)),
            closing: CancellationToken::new(),
            cutting: CancellationToken::new(),
            open: TaskTracker::new(),
        }
    }

    /// Serves what is behind `door` on a socket.
    #[expect(clippy::disallowed_methods, reason = "connections have a tracker of their own, which the drain waits for")]
    pub fn listen(&self, listener: TcpListener, door: impl Into<Door>) {
        let door = Arc::new(door.into());
        let server = server(&self.bounds, &self.open);
        let (closing, cutting) = (self.closing.clone(), self.cutting.clone());
        let (connections, open) = (self.connections.clone(), self.open.clone());
        let accept = async move {
            while let Some(Some((socket, permit))) = closing.run_until_cancelled(take(&listener, &connections)).await {
                let connection = Connection {
                    door: door.clone(),
                    server: server.clone(),
                    closing: closing.clone(),
                    cutting: cutting.clone(),
                };
                tokio::spawn(open.track_future(async move {
                    connection.serve(socket).await;
                    drop(permit);
                }));
            }
        };
        tokio::spawn(self.open.track_future(accept));
    }

    /// Stops accepting and waits for the connections to end what they are at.
    pub async fn drain(&self, patience: Duration) {
        self.closing.cancel();
        self.open.close();
        if tokio::time::timeout(patience, self.open.wait()).await.is_err() {
            tracing::warn!(open = self.open.len(), ?patience, "connections were still open when the drain ended");
        }
    }

    /// Ends what is still open. Calls that are cut write their records.
    pub async fn cut(self) {
        self.closing.cancel();
        self.cutting.cancel();
        self.open.close();
        if tokio::time::timeout(CUT, self.open.wait()).await.is_err() {
            tracing::warn!(open = self.open.len(), "connections could not be ended");
        }
    }
}

/// The next connection, once there is room for it.
async fn take(listener: &TcpListener, connections: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((socket, _peer)) => return Some((socket, permit)),
            Err(error) if is_about_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
}

fn is_about_the_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Spawns the streams of HTTP/2 connections, tracked as the connections are.
#[derive(Clone)]
struct Streams(TaskTracker);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Streams {
    #[expect(clippy::disallowed_methods, reason = "tracked as connections are")]
    fn execute(&self, stream: F) {
        tokio::spawn(self.0.track_future(stream));
    }
}

fn server(bounds: &EdgeBounds, open: &TaskTracker) -> auto::Builder<Streams> {
    let mut server = auto::Builder::new(Streams(open.clone()));
    server
        .http1()
        .header_read_timeout(bounds.header_timeout)
        .max_buf_size(HEADER_BYTES.max(8 << 10) * 2)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(20));
    server
}

/// What serves one connection.
struct Connection {
    door: Arc<Door>,
    server: auto::Builder<Streams>,
    closing: CancellationToken,
    cutting: CancellationToken,
}

impl Connection {
    async fn serve(self, socket: TcpStream) {
        let _ = socket.set_nodelay(true);
        let (socket, first_bad) = Watched::new(socket);
        let (door, requests) = (self.door, AtomicU64::new(0));
        let service = service_fn(move |request: Request<Incoming>| {
            let number = requests.fetch_add(1, Ordering::Relaxed) + 1;
            let checked = match first_bad.is_reached(number) {
                true => Err(edge::ambiguous()),
                false => edge::check(&request),
            };
            let door = door.clone();
            async move {
                let last = edge::is_last(&request);
                let mut answer = match checked {
                    Err(refusal) => *refusal,
                    Ok(()) => door.answer(request.map(Body::new)).await,
                };
                if last {
                    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let mut server = self.server;
        server.http1().timer(HeadTimer::new());
        let mut connection = pin!(server.serve_connection(TokioIo::new(socket), service));
        let (mut closing, mut listens) = (pin!(self.closing.cancelled()), false);
        let served = poll_fn(|context| {
            // Polled once, the token wakes this task when it is cancelled: until then a look at it is enough.
            let told = !std::mem::replace(&mut listens, true) || self.closing.is_cancelled();
            if told && closing.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            connection.as_mut().poll(context).map(Some)
        });
        let ended = match served.await {
            Some(ended) => Some(ended),
            // Nothing is cut that was not asked to close before.
            None => {
                connection.as_mut().graceful_shutdown();
                self.cutting.run_until_cancelled(connection).await
            }
        };
        if let Some(Err(error)) = ended {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}
