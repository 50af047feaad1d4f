//! Perplexity: <https://docs.perplexity.ai/api-reference/chat-completions-post>,
//! <https://docs.perplexity.ai/docs/agent-api/openai-compatibility>
//!
//! Its embeddings are numbers of eight bits, which OpenAI's clients would misread: they are left out.

use super::{
    OpenAiLike,
    wires::{CHAT, RESPONSES},
};

pub const PERPLEXITY: OpenAiLike = OpenAiLike {
    id: "perplexity",
    base_url: Some("https://api.perplexity.ai"),
    key_env: Some("PERPLEXITY_API_KEY"),
    speaks: &[CHAT, RESPONSES],
    paths: &[(RESPONSES, "/v1/responses")],
    ..OpenAiLike::PLAIN
};
