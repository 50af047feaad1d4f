//! A socket whose requests are read along, on their way to the parser.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Ambiguous, Framing};

/// The number of the first request of a connection, from 1, that could be read in two ways.
#[derive(Debug, Clone)]
pub struct FirstBad(Arc<AtomicU64>);

impl FirstBad {
    /// Whether request `number`, counted from 1, is ambiguous, or comes after one that was: then nobody knows where it
    /// began.
    #[must_use]
    pub fn is_reached(&self, number: u64) -> bool {
        number >= self.0.load(Ordering::Relaxed)
    }
}

/// A socket whose requests are read along.
#[derive(Debug)]
pub struct Watched<S> {
    socket: S,
    framing: Framing,
    first_bad: FirstBad,
}

impl<S> Watched<S> {
    pub fn new(socket: S) -> (Self, FirstBad) {
        let first_bad = FirstBad(Arc::new(AtomicU64::new(u64::MAX)));
        (Self { socket, framing: Framing::default(), first_bad: first_bad.clone() }, first_bad)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, into))?;
        let fresh = into.filled().get(before..).unwrap_or_default();
        if let Err(Ambiguous { request }) = self.framing.read(fresh) {
            self.first_bad.0.fetch_min(request, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
