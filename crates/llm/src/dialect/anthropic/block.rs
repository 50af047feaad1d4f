//! Content blocks: [`Part`](crate::call::Part)s in Anthropic's words.
//!
//! Types: <https://docs.anthropic.com/en/api/messages#body-messages-content>

mod read;
mod write;

pub(super) use super::super::place::Place;
pub(super) use read::{cache_mark, content};
pub(super) use write::{Blocks, cache_control, call_signature, string_or_blocks};
