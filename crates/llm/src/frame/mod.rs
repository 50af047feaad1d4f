//! Bytes to frames: the framing of streams, apart from what the frames say.

pub mod array;
pub mod eventstream;
pub mod sse;

pub use sse::Frame;

/// How the frames of a stream are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Framing {
    /// Server-sent events.
    #[default]
    Sse,
    /// The elements of one JSON array, as Google streams where `alt=sse` is not asked for.
    JsonArray,
    /// Amazon's binary messages.
    EventStream,
}

/// Why a stream cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("a frame of the stream is longer than {} bytes", Splitter::MOST_BYTES)]
    TooLong,
    #[error("a frame of the stream is damaged")]
    Damaged,
}

/// Cuts a stream into frames, whatever the boundaries of the chunks it is fed.
#[derive(Debug)]
pub enum Splitter {
    Sse(sse::Splitter),
    Array(array::Splitter),
    EventStream(eventstream::Splitter),
}

impl Framing {
    /// The media type of such a stream.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::JsonArray => "application/json",
            Self::EventStream => "application/vnd.amazon.eventstream",
        }
    }

    /// Appends a frame. `first`: nothing has been sent yet.
    pub fn frame(self, event: Option<&str>, data: &[u8], first: bool, out: &mut Vec<u8>) {
        match self {
            Self::Sse => {
                if let Some(event) = event {
                    out.extend_from_slice(b"event: ");
                    out.extend_from_slice(event.as_bytes());
                    out.push(b'\n');
                }
                for line in data.split(|byte| *byte == b'\n') {
                    out.extend_from_slice(b"data: ");
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
                out.push(b'\n');
            }
            Self::JsonArray => {
                out.push(if first { b'[' } else { b',' });
                out.extend_from_slice(data);
                out.push(b'\n');
            }
            Self::EventStream => eventstream::write_event(event.unwrap_or_default(), data, out),
        }
    }

    /// Appends what ends the stream. `first`: it ends without a frame.
    pub fn end(self, first: bool, out: &mut Vec<u8>) {
        match self {
            Self::Sse | Self::EventStream => {}
            Self::JsonArray => out.extend_from_slice(if first { b"[]" } else { b"]" }),
        }
    }

    /// A splitter of streams that come in this framing from a provider.
    #[must_use]
    pub fn splitter(self) -> Splitter {
        match self {
            Self::Sse => Splitter::Sse(sse::Splitter::default()),
            Self::JsonArray => Splitter::Array(array::Splitter::default()),
            Self::EventStream => Splitter::EventStream(eventstream::Splitter::default()),
        }
    }
}

impl Splitter {
    /// Longest frame that is accepted.
    pub const MOST_BYTES: usize = sse::Splitter::MOST_BYTES;

    /// Takes more bytes and hands every frame that they complete to `each`.
    ///
    /// # Errors
    /// The stream cannot be read further.
    pub fn push(&mut self, bytes: &[u8], each: impl FnMut(Frame<'_>)) -> Result<(), Unreadable> {
        match self {
            Self::Sse(splitter) => splitter.push(bytes, each),
            Self::Array(splitter) => splitter.push(bytes, each),
            Self::EventStream(splitter) => splitter.push(bytes, each),
        }
    }

    /// The bytes have ended: what is left is a frame if it is whole enough to be read.
    pub fn finish(&mut self, each: impl FnMut(Frame<'_>)) {
        match self {
            Self::Sse(splitter) => splitter.finish(each),
            Self::Array(_) | Self::EventStream(_) => {}
        }
    }

    /// Whether bytes of an unfinished frame are held back.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        match self {
            Self::Sse(splitter) => splitter.is_pending(),
            Self::Array(splitter) => splitter.is_pending(),
            Self::EventStream(splitter) => splitter.is_pending(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_of_frames_is_json() {
        let mut out = Vec::new();
        Framing::JsonArray.frame(None, b"{\"a\":1}", true, &mut out);
        Framing::JsonArray.frame(Some("ignored"), b"{\"b\":2}", false, &mut out);
        Framing::JsonArray.end(false, &mut out);
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(read, serde_json::json!([{"a": 1}, {"b": 2}]));
        let mut empty = Vec::new();
        Framing::JsonArray.end(true, &mut empty);
        assert_eq!(empty, b"[]");
    }

    #[test]
    fn a_written_frame_is_read_again() {
        let mut out = Vec::new();
        Framing::Sse.frame(Some("a"), b"one\ntwo", true, &mut out);
        let mut seen = Vec::new();
        Framing::Sse
            .splitter()
            .push(&out, |frame| seen.push((frame.event.map(str::to_owned), frame.data.map(|data| data.into_owned()))))
            .unwrap();
        assert_eq!(seen, [(Some("a".to_owned()), Some(b"one\ntwo".to_vec()))]);
    }
}
