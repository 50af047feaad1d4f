//! An answer as a script: what is sent, in which pieces, how fast, and how it ends.

use std::{io::Write as _, time::Duration};

use serde_json::Value;

/// One answer. Built by chaining; every setting is about bytes that really go over the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) interim: Vec<u16>,
    pub(super) before_head: Duration,
    pub(super) framing: Framing,
    pub(super) end: End,
    /// Sent in place of everything else.
    pub(super) raw: Option<Vec<u8>>,
    body: Vec<u8>,
    frames: Vec<Mark>,
    pieces: Pieces,
    gap: Duration,
    cut: Option<usize>,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As HTTP wants it; the connection stays open.
    Complete,
    /// The connection is closed where the bytes end, without the end that the framing promises.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing more is sent and the connection stays open.
    Hang,
}

/// How the length of the body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length,
    Chunked,
    UntilClose,
    Claimed(u64),
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Vec<u8>,
    tokens: u64,
    pause: Duration,
}

/// A stretch of the body that was given as one frame.
#[derive(Debug, Clone)]
struct Mark {
    end: usize,
    tokens: u64,
    pause: Duration,
}

#[derive(Debug, Clone)]
enum Pieces {
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
}

impl From<Value> for Frame {
    fn from(value: Value) -> Self {
        Self::data(&value.to_string())
    }
}

impl Answer {
    /// A status without a body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            interim: Vec::new(),
            before_head: Duration::ZERO,
            framing: Framing::Length,
            end: End::Complete,
            raw: None,
            body: Vec::new(),
            frames: Vec::new(),
            pieces: Pieces::AsGiven,
            gap: Duration::ZERO,
            cut: None,
        }
    }

    /// A JSON body with its length.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status).header("content-type", "application/json").body(body.to_string())
    }

    /// A stream of server-sent events: one chunk for each frame.
    #[must_use]
    pub fn sse(frames: impl IntoIterator<Item = Frame>) -> Self {
        let mut answer = Self::new(200).header("content-type", "text/event-stream; charset=utf-8");
        answer.framing = Framing::Chunked;
        for frame in frames {
            answer.body.extend_from_slice(&frame.bytes);
            answer.frames.push(Mark { end: answer.body.len(), tokens: frame.tokens, pause: frame.pause });
        }
        answer
    }

    /// These bytes, head and all, and then the connection is closed.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let mut answer = Self::new(0);
        answer.raw = Some(bytes.into());
        answer.end = End::Close;
        answer
    }

    /// No byte: the connection is reset as soon as the request has been read.
    #[must_use]
    pub fn reset() -> Self {
        let mut answer = Self::raw([]);
        answer.end = End::Reset;
        answer
    }

    /// No byte: the connection is closed as soon as the request has been read.
    #[must_use]
    pub fn close() -> Self {
        Self::raw([])
    }

    /// No byte, ever.
    #[must_use]
    pub fn silence() -> Self {
        let mut answer = Self::raw([]);
        answer.end = End::Hang;
        answer
    }

    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status).header("location", location)
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The body in one piece.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.frames = vec![Mark { end: self.body.len(), tokens: 0, pause: Duration::ZERO }];
        self
    }

    /// The whole answer carries that many output tokens, for the upstream's own count.
    #[must_use]
    pub fn tokens(mut self, tokens: u64) -> Self {
        if let Some(last) = self.frames.last_mut() {
            last.tokens = tokens;
        }
        self
    }

    /// An interim answer (1xx) before the real one.
    #[must_use]
    pub fn interim(mut self, status: u16) -> Self {
        self.interim.push(status);
        self
    }

    /// Silence before the head.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Self {
        self.before_head = pause;
        self
    }

    /// Silence before every piece but the first.
    #[must_use]
    pub fn gap(mut self, gap: Duration) -> Self {
        self.gap = gap;
        self
    }

    /// Pieces of `size` bytes, wherever that cuts.
    #[must_use]
    pub fn split_every(self, size: usize) -> Self {
        self.split_sizes([size])
    }

    /// Pieces of these sizes, over and over.
    #[must_use]
    pub fn split_sizes(mut self, sizes: impl Into<Vec<usize>>) -> Self {
        let sizes = sizes.into();
        assert!(sizes.iter().any(|size| *size > 0), "pieces need a size");
        self.pieces = Pieces::Sizes(sizes);
        self
    }

    /// One byte at a time.
    #[must_use]
    pub fn drip(self, gap: Duration) -> Self {
        self.split_every(1).gap(gap)
    }

    /// Sends only the first `bytes` of the body and ends as `end` says.
    #[must_use]
    pub fn cut(mut self, bytes: usize, end: End) -> Self {
        self.cut = Some(bytes);
        self.end = end;
        self
    }

    /// Says `content-length: length`, whatever the body is, and closes behind the body.
    #[must_use]
    pub fn claims_length(mut self, length: u64) -> Self {
        self.framing = Framing::Claimed(length);
        self.end = End::Close;
        self
    }

    /// The body ends where the connection does.
    #[must_use]
    pub fn until_close(mut self) -> Self {
        self.framing = Framing::UntilClose;
        self.end = End::Close;
        self
    }

    /// The body in chunks.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// The body compressed. Call it after the body is set.
    #[must_use]
    pub fn gzip(self) -> Self {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&self.body).expect("a Vec takes every byte");
        let body = encoder.finish().expect("a Vec takes every byte");
        let tokens = self.frames.iter().map(|frame| frame.tokens).sum();
        self.header("content-encoding", "gzip").body(body).tokens(tokens)
    }

    /// Length of the whole body, before any cut.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// The body as it will be written.
    pub(super) fn into_pieces(self) -> Vec<Piece> {
        let stop = self.cut.unwrap_or(usize::MAX).min(self.body.len());
        let mut ends: Vec<usize> = match &self.pieces {
            Pieces::AsGiven => self.frames.iter().map(|frame| frame.end).filter(|end| *end < stop).collect(),
            Pieces::Sizes(sizes) => sizes
                .iter()
                .cycle()
                .scan(0, |at, size| {
                    *at += size;
                    Some(*at)
                })
                .take_while(|end| *end < stop)
                .collect(),
        };
        ends.push(stop);
        ends.dedup();
        let mut pieces = Vec::with_capacity(ends.len());
        let mut start = 0;
        for end in ends {
            if end == start {
                continue;
            }
            let mut piece = Piece {
                bytes: self.body.get(start..end).unwrap_or_default().to_vec(),
                pause: if start == 0 { Duration::ZERO } else { self.gap },
                tokens: 0,
            };
            let mut frame_start = 0;
            for frame in &self.frames {
                if (start..end).contains(&frame_start) {
                    piece.pause += frame.pause;
                }
                if frame.end > start && frame.end <= end {
                    piece.tokens += frame.tokens;
                }
                frame_start = frame.end;
            }
            pieces.push(piece);
            start = end;
        }
        pieces
    }
}
