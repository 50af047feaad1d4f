//! OpenAI's legacy Completions, `/v1/completions`: <https://platform.openai.com/docs/api-reference/completions>.
//!
//! A prompt is continued. As a client's format, one prompt is a user's turn; what only this format knows (several prompts
//! at once, prompts as tokens, `suffix`, `echo`) are parts of their own, which other dialects refuse by name. As a
//! provider's format, a lone question is the prompt, and a conversation is written down as a transcript.
//!
//! Errors are those of Chat Completions.

pub mod reply;
pub mod request;
pub mod stream;
#[cfg(test)]
mod tests;

pub use super::openai_chat::error;
