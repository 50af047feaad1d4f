//! Streamed answers. The frames are those of whole answers, with a piece of `text` each.

mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// The relay lane's look at passing frames: that of Chat Completions, which knows where the text stands here.
pub use crate::dialect::openai_chat::stream::Watch;
