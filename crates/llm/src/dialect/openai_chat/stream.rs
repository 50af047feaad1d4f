//! Streamed answers: <https://platform.openai.com/docs/api-reference/chat-streaming>

mod blocks;
mod calls;
mod reader;
pub(super) mod tally;
mod watch;
mod writer;

pub use reader::Reader;
pub(in crate::dialect) use reader::{broken, stated};
pub use watch::Watch;
pub use writer::Writer;
