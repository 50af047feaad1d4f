//! Google Gemini `generateContent`: <https://ai.google.dev/api/generate-content>.
//!
//! Model and streaming stand in the path, not in the body: the surface fills them in. What the format needs besides:
//!
//! - **Names.** Google reads `systemInstruction` and `system_instruction` alike, so bodies are brought to the former
//!   before they are read ([`names`]). It is what is written.
//! - **Thought signatures.** A thought, a text or a function call may bear one, which Gemini 3 wants back
//!   (<https://ai.google.dev/gemini-api/docs/thought-signatures>). A function call keeps its own in
//!   [`ToolUse::signature`](crate::call::ToolUse); that of a text is a thought without words after the text. Other
//!   makers' signatures reach a client of this dialect with a mark, and come back with it.
//! - **Ids.** Function calls often have none. They are given one that says that it was made here, and is not sent back.
//! - **Fields without a canonical place** of a candidate or an answer are [`Part::Native`](crate::call::Part::Native)
//!   with the one key `choice` or `reply`, whose object is merged back at that level.

pub mod count;
pub mod error;
mod family;
mod ids;
mod names;
mod part;
pub mod reply;
pub mod request;
mod schema;
mod stop;
pub mod stream;
mod thought;
mod usage;
pub mod vertex;

#[cfg(test)]
mod tests;
