//! Streamed answers: <https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>
//!
//! Every frame is an answer of its own with the parts that are new. There is no terminal event: an answer is whole when
//! its bytes end and a finish reason was seen.

mod reader;
mod watch;
mod wire;
mod writer;

pub use reader::Reader;
pub use watch::Watch;
pub use writer::Writer;

pub(super) use wire::{Chunk, Tally};
pub(super) use writer::one_line;
