//! Bytes to frames: the framing of streams, apart from what the frames say.

pub mod sse;
