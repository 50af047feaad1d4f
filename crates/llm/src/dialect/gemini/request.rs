//! Questions: <https://ai.google.dev/api/generate-content#request-body>

mod contents;
mod knobs;
mod output;
mod read;
mod thinking;
mod tools;
mod write;

pub use read::read;
pub use write::write;

pub(super) use read::read_value;
pub(super) use write::body;
