//! An answer as a script: what is sent, in which pieces, how fast, and how it ends.

use std::{fmt::Write as _, io, time::Duration};

use serde_json::Value;

use super::frames::{self, Frame, Mark, Piece, Pieces};

/// The end of a body in chunks.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

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
            answer.frames.push(frame.append_to(&mut answer.body));
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
        io::Write::write_all(&mut encoder, &self.body).expect("a Vec takes every byte");
        let body = encoder.finish().expect("a Vec takes every byte");
        let tokens = self.frames.iter().map(|frame| frame.tokens).sum();
        self.header("content-encoding", "gzip").body(body).tokens(tokens)
    }

    /// Length of the whole body, before any cut.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// The writes of a whole and undisturbed answer: the head, each piece in its framing, the end.
    #[must_use]
    pub fn wire(self) -> Vec<Vec<u8>> {
        let mut writes = vec![self.head()];
        let chunked = self.framing == Framing::Chunked;
        let pieces = self.into_pieces().into_iter();
        writes.extend(pieces.map(|piece| if chunked { piece.as_chunk() } else { piece.bytes }));
        writes.extend(chunked.then(|| LAST_CHUNK.to_vec()));
        writes
    }

    /// Everything before the body; for a raw answer all of it.
    pub(super) fn head(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut head = String::new();
        for status in &self.interim {
            let _ = write!(head, "HTTP/1.1 {status} Interim\r\nlink: </style.css>; rel=preload\r\n\r\n");
        }
        let reason = http::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let _ = write!(head, "HTTP/1.1 {} {}\r\n", self.status, reason.unwrap_or("Unknown"));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = match self.framing {
            Framing::Length => write!(head, "content-length: {}\r\n\r\n", self.body.len()),
            Framing::Claimed(length) => write!(head, "content-length: {length}\r\n\r\n"),
            Framing::Chunked => write!(head, "transfer-encoding: chunked\r\n\r\n"),
            Framing::UntilClose => write!(head, "connection: close\r\n\r\n"),
        };
        head.into_bytes()
    }

    /// The body as it will be written.
    pub(super) fn into_pieces(self) -> Vec<Piece> {
        let stop = self.cut.unwrap_or(usize::MAX).min(self.body.len());
        let ends = self.pieces.ends(&self.frames, stop);
        let mut start = 0;
        let piece = |end| {
            let bytes = self.body.get(start..end).unwrap_or_default().to_vec();
            let (pause, tokens) = frames::carried(&self.frames, start..end);
            let gap = if start == 0 { Duration::ZERO } else { self.gap };
            start = end;
            Piece { bytes, pause: pause + gap, tokens }
        };
        ends.into_iter().map(piece).collect()
    }
}
