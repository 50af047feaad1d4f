//! Amazon Bedrock Converse: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
//!
//! The path names the model and whether the answer is streamed. Content blocks are unions: an object with one member, whose
//! name is the type. They are the same in questions and answers, so they are read and written in one place ([`block`]).
//! Streams are binary messages ([`crate::frame::eventstream`]).

mod block;
pub mod count;
pub mod error;
mod family;
pub mod invoke;
pub mod reply;
pub mod request;
pub mod stream;
mod usage;

#[cfg(test)]
mod tests;
