//! Streamed answers: <https://docs.anthropic.com/en/docs/build-with-claude/streaming>

mod reader;
mod watch;
mod wire;
mod writer;

pub use reader::Reader;
pub use watch::Watch;
pub use writer::Writer;

#[cfg(test)]
mod tests;
