//! OpenAI Responses: <https://platform.openai.com/docs/api-reference/responses>.
//!
//! A conversation is a flat list of items: messages, tool calls, tool outputs, reasoning. Items of the assistant in a
//! row are one turn; tool outputs in a row are one turn of the user.
//!
//! - **Ids of items** are names in OpenAI's store and mean nothing elsewhere: they are not read, and the writers make
//!   new ones from the id of the answer, the same wherever an item is mentioned.
//! - **Thinking** is a `reasoning` item: its summary (or its text, of open models) is what can be read, and its
//!   `encrypted_content` is the signature, marked with its maker if that is not OpenAI. A signature of a tool call
//!   (Gemini) travels as a `reasoning` item of its own behind the call, as clients keep all items in order. What only
//!   its maker can read at all (Anthropic's redacted thinking) is marked as that.
//! - **Custom tools** (free text in, a grammar around it) and tools in a **namespace** are functions to everybody else:
//!   one with a single field `input`, and one whose name has the namespace in front. [`tools::Kinds`] tells them apart
//!   again where a call is written.
//! - **Other tools and their items** (web search, shell, computer use, compaction) are [`Part::Native`] and
//!   [`Tool::Native`](crate::call::Tool::Native).
//!
//! [`Part::Native`]: crate::call::Part::Native

mod echo;
pub mod error;
mod item;
mod part;
pub mod reply;
pub mod request;
pub mod stream;
#[cfg(test)]
mod tests;
mod thought;
mod tools;
#[cfg(test)]
mod translation_tests;
mod usage;

pub use echo::Echo;
