//! Anthropic Messages: <https://docs.anthropic.com/en/api/messages>.
//!
//! Content blocks are the same in questions and answers, so they are read and written in one place ([`block`]).

mod block;
pub mod error;
pub mod reply;
pub mod request;
pub mod stream;
mod usage;

#[cfg(test)]
mod tests;
