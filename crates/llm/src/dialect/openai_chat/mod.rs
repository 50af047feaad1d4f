//! OpenAI Chat Completions: <https://platform.openai.com/docs/api-reference/chat>.
//!
//! What the format cannot say by itself is carried in these extensions, so that a client that sends the assistant's
//! message back unchanged loses nothing, without any state in the gateway:
//!
//! - **Thinking.** `reasoning_content` holds the readable thought (DeepSeek's name, which most clients know);
//!   `thinking_blocks` holds the blocks with their signatures, `{"type":"thinking","thinking":..,"signature":..}` and
//!   `{"type":"redacted_thinking","data":..}`, in the shape of
//!   [LiteLLM](https://docs.litellm.ai/docs/reasoning_content). Where both are there, the blocks count. In a stream
//!   thought comes as `reasoning_content` deltas, and each signed block once more whole in one `thinking_blocks` delta
//!   when it ends, so that a client that collects the list has blocks that it can send back.
//! - **Cache marks.** `cache_control` on content parts, tools, tool calls and messages, in Anthropic's shape.
//! - **Fields of a message, a choice or an answer that have no canonical place** (`audio`, `logprobs`, vendors' own)
//!   are [`Part::Native`](crate::call::Part::Native) with the one key `message`, `choice` or `reply`, whose object is
//!   merged back at that level.

pub mod error;
mod message;
pub(in crate::dialect) mod part;
pub mod reply;
pub mod request;
mod seen;
pub(in crate::dialect) mod stop;
pub mod stream;
#[cfg(test)]
mod tests;
pub(in crate::dialect) mod usage;
