//! Parts of a question: <https://ai.google.dev/api/caching#Part>

mod media;
mod read;
mod write;

pub(super) use read::{Hearer, say, sign};
pub(super) use write::{Place, Scribe};
