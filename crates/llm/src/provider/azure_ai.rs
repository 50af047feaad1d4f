//! Microsoft Foundry (Azure AI), for the models of all makers:
//! <https://learn.microsoft.com/en-us/azure/foundry/foundry-models/concepts/endpoints>,
//! <https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/use-foundry-models-claude>
//!
//! The account says where the resource is: `https://NAME.services.ai.azure.com`. Claude's models speak Messages alone.

use super::{
    Auth, Cloud, OpenAiLike,
    wires::{CHAT, EMBED, MESSAGES, OCR, RERANK_COHERE, RESPONSES},
};

pub const AZURE_AI: OpenAiLike = OpenAiLike {
    id: "azure_ai",
    key_env: Some("AZURE_AI_API_KEY"),
    speaks: &[CHAT, RESPONSES, EMBED, RERANK_COHERE, OCR],
    paths: &[
        (CHAT, "/openai/v1/chat/completions"),
        (RESPONSES, "/openai/v1/responses"),
        (MESSAGES, "/anthropic/v1/messages"),
        (EMBED, "/openai/v1/embeddings"),
        (RERANK_COHERE, "/providers/cohere/v2/rerank"),
        (OCR, "/providers/mistral/azure/ocr"),
    ],
    auth: Auth::Header("api-key"),
    cloud: Some(Cloud::Azure),
    converses: |model| model.starts_with("claude").then_some(&[MESSAGES]),
    ..OpenAiLike::PLAIN
};
