//! The body of an upstream answer, from the wire or made in this process.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Incoming};
use llm::provider::Canned;

/// Bytes of an answer as they come.
#[derive(Debug)]
pub enum UpstreamBody {
    Wire { body: Incoming, _seat: Seat },
    Canned(VecDeque<Bytes>),
}

/// A place on a connection, given back when the answer is dropped.
#[derive(Debug)]
pub struct Seat(Arc<AtomicUsize>);

impl Seat {
    /// Takes a place.
    pub fn take(places: &Arc<AtomicUsize>) -> Self {
        places.fetch_add(1, Ordering::Relaxed);
        Self(places.clone())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl UpstreamBody {
    /// The body of an answer made in this process.
    #[must_use]
    pub fn empty() -> Self {
        Self::Canned(VecDeque::new())
    }

    /// The answer of a provider that lives in this process.
    #[must_use]
    pub fn canned(answer: Canned) -> Self {
        Self::Canned(answer.chunks.into_iter().map(Bytes::from).collect())
    }

    /// The next bytes; `Ok(None)` at the end.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, hyper::Error>> {
        match self {
            Self::Canned(chunks) => Poll::Ready(Ok(chunks.pop_front())),
            Self::Wire { body, .. } => loop {
                match std::task::ready!(Pin::new(&mut *body).poll_frame(context)) {
                    None => return Poll::Ready(Ok(None)),
                    Some(Err(error)) => return Poll::Ready(Err(error)),
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) if data.is_empty() => {}
                        Ok(data) => return Poll::Ready(Ok(Some(data))),
                        Err(_trailers) => {}
                    },
                }
            },
        }
    }

    /// The next bytes; `Ok(None)` at the end.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        std::future::poll_fn(|context| self.poll_chunk(context)).await
    }
}

/// `retry-after-ms`, or `retry-after` in seconds. (As a date it is rare, and our clocks may differ.)
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1e3).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}
