//! The body of an upstream answer, from the wire or made in this process.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use hyper::body::{Body, Incoming};
use llm::{Dialect, frame::Framing, provider::Canned};

use super::{Unwrap, lines::Held};

/// Bytes of an answer as they come.
#[derive(Debug)]
pub enum UpstreamBody {
    Wire {
        body: Incoming,
        line: Held,
    },
    /// Of another form on the wire.
    Wrapped {
        body: Box<Self>,
        unwrap: Unwrap,
    },
    Canned(VecDeque<Bytes>),
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
            Self::Wrapped { body, unwrap } => loop {
                match std::task::ready!(body.poll_chunk(context))? {
                    None => return Poll::Ready(Ok(None)),
                    Some(data) => {
                        let data = unwrap.push(&data);
                        if !data.is_empty() {
                            return Poll::Ready(Ok(Some(data)));
                        }
                    }
                }
            },
            Self::Wire { body, line } => loop {
                match std::task::ready!(Pin::new(&mut *body).poll_frame(context)) {
                    None => {
                        line.end();
                        return Poll::Ready(Ok(None));
                    }
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

/// The answer as servers of this dialect send it: binary messages that hold its events are taken apart.
#[must_use]
pub fn plain(answer: Response<UpstreamBody>, dialect: Dialect) -> Response<UpstreamBody> {
    let binary = Framing::EventStream.content_type().as_bytes();
    let kind = answer.headers().get(header::CONTENT_TYPE);
    if dialect.framing() != Framing::Sse || !kind.is_some_and(|kind| kind.as_bytes().starts_with(binary)) {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Framing::Sse.content_type()));
    Response::from_parts(head, UpstreamBody::Wrapped { body: Box::new(body), unwrap: Unwrap::new(dialect) })
}

/// `retry-after-ms`, or `retry-after` in seconds. (As a date it is rare, and our clocks may differ.)
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1e3).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}
