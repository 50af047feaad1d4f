//! Content blocks: [`Part`](crate::call::Part)s in Bedrock's words.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html>

mod media;
mod read;
mod write;

pub(super) use super::super::place::Place;
pub(super) use read::{cache_mark, content};
pub(super) use write::{Blocks, cache_point};
