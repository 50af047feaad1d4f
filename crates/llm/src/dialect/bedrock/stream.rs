//! Streamed answers: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>
//!
//! Text has no `contentBlockStart`. Usage comes last, after the reason to stop. A failure is an exception: a message with an
//! `:exception-type` in place of an `:event-type`.

mod reader;
mod watch;
mod writer;

pub use reader::Reader;
pub use watch::Watch;
pub use writer::Writer;

/// What keeps a silent stream alive: an event of a name that Bedrock does not have, which clients pass over, as they must be
/// ready for new ones.
pub const PING: &[u8] =
    b"\x00\x00\x00\x5c\x00\x00\x00\x4a\x0e\xc8\x55\x2d\x0b:event-type\x07\x00\x04ping\x0d:content-type\x07\x00\x10\
application/json\x0d:message-type\x07\x00\x05event{}\x51\xc5\xa6\xfd";

/// Whether a message reports a failure: every name that is not an event's is one's of an exception, or a code of the service.
fn is_fault(name: &str) -> bool {
    name.ends_with("Exception") || name.ends_with("Error") || name.starts_with(|first: char| first.is_ascii_uppercase())
}
