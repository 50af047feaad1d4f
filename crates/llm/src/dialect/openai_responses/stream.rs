//! Streamed answers: <https://platform.openai.com/docs/api-reference/responses-streaming>

mod open;
mod reader;
mod watch;
mod wire;
mod writer;

pub use reader::Reader;
pub use watch::Watch;
pub use writer::Writer;
