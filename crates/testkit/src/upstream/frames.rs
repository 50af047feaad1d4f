//! The frames that an answer is made of, and the pieces that it is sent in. They need not be the same.

use std::{ops::Range, time::Duration};

use serde_json::Value;

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Vec<u8>,
    tokens: u64,
    pause: Duration,
}

/// A stretch of the body that was given as one frame.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub end: usize,
    pub tokens: u64,
    pub pause: Duration,
}

/// Where a body is cut.
#[derive(Debug, Clone)]
pub(super) enum Pieces {
    AsGiven,
    Sizes(Vec<usize>),
}

/// Bytes that go out in one write (and one chunk), after a pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub bytes: Vec<u8>,
    pub pause: Duration,
    pub tokens: u64,
}

impl Frame {
    /// `data: TEXT` and an empty line.
    #[must_use]
    pub fn data(text: &str) -> Self {
        Self::raw(format!("data: {text}\n\n"))
    }

    /// `event: NAME`, `data: JSON` and an empty line.
    #[must_use]
    pub fn event(name: &str, data: &Value) -> Self {
        Self::raw(format!("event: {name}\ndata: {data}\n\n"))
    }

    /// Bytes as they are.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), tokens: 0, pause: Duration::ZERO }
    }

    /// The frame carries that many output tokens, for the upstream's own count.
    #[must_use]
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = tokens;
        self
    }

    /// Silence before the frame.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Adds its bytes to a body.
    pub(super) fn append_to(&self, body: &mut Vec<u8>) -> Mark {
        body.extend_from_slice(&self.bytes);
        Mark { end: body.len(), tokens: self.tokens, pause: self.pause }
    }
}

impl From<Value> for Frame {
    fn from(value: Value) -> Self {
        Self::data(&value.to_string())
    }
}

impl Pieces {
    /// The ends of the pieces of the first `stop` bytes.
    pub fn ends(&self, frames: &[Mark], stop: usize) -> Vec<usize> {
        let mut ends: Vec<usize> = match self {
            Self::AsGiven => frames.iter().map(|frame| frame.end).take_while(|end| *end < stop).collect(),
            Self::Sizes(sizes) => {
                let running = sizes.iter().cycle().scan(0, |at, size| {
                    *at += size;
                    Some(*at)
                });
                running.take_while(|end| *end < stop).collect()
            }
        };
        ends.push(stop);
        ends.dedup();
        ends.retain(|end| *end > 0);
        ends
    }
}

impl Piece {
    /// The piece in chunked framing.
    pub fn as_chunk(&self) -> Vec<u8> {
        let mut chunk = format!("{:x}\r\n", self.bytes.len()).into_bytes();
        chunk.extend_from_slice(&self.bytes);
        chunk.extend_from_slice(b"\r\n");
        chunk
    }
}

/// The pauses of the frames that begin in a stretch of the body, and the tokens of those that end in it.
pub(super) fn carried(frames: &[Mark], stretch: Range<usize>) -> (Duration, u64) {
    let (mut pause, mut tokens, mut begin) = (Duration::ZERO, 0, 0);
    for frame in frames {
        if stretch.contains(&begin) {
            pause += frame.pause;
        }
        if frame.end > stretch.start && frame.end <= stretch.end {
            tokens += frame.tokens;
        }
        begin = frame.end;
    }
    (pause, tokens)
}
