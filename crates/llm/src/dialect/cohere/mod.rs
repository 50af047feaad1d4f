//! Cohere v2 Chat: <https://docs.cohere.com/reference/chat>.
//!
//! How it differs from its neighbours, and what becomes of that:
//!
//! - **Documents** stand beside the messages. They are read as documents of the last user's turn; documents of text that a
//!   user's turn holds are written beside the messages, so that the model cites them. What a document is beyond a title and a text
//!   stays as it is and is refused by other dialects.
//! - **Citations** are the [`notes`](crate::call::Text::notes) of the text that they cite, and events of their own in a stream.
//! - **`tool_plan`**, what the model says to itself before it calls tools, is thought. Thought beside tool calls is
//!   written as a plan, other thought as `thinking`.
//! - **Failures** may come with a good status, as a finish reason.

pub mod error;
mod message;
pub mod reply;
pub mod request;
mod stop;
pub mod stream;
#[cfg(test)]
mod tests;
mod usage;
