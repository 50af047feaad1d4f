//! Reranking: which of these documents answers the question best, in the formats of the vendors.
//!
//! Clients speak Cohere's shape, which Jina and the self-hosted servers took over. An answer of ours says what clients of
//! any of them look for: ids and `meta` for Cohere's, `model` and `usage` for the others'.

mod call;
mod listed;
mod tei;
#[cfg(test)]
mod tests;

pub use call::{Ranked, RerankCall, RerankReply};

use crate::{
    Loss,
    dialect::{Glance, Malformed},
};

/// A wire format of reranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// <https://docs.cohere.com/reference/rerank>
    Cohere,
    /// The same through Bedrock's `invoke`:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-rerank.html>
    BedrockCohere,
    /// <https://jina.ai/reranker/>, as vLLM, Infinity and llama.cpp speak it, too.
    Jina,
    /// <https://docs.voyageai.com/reference/reranker-api>
    Voyage,
    /// <https://huggingface.github.io/text-embeddings-inference/#/Text%20Embeddings%20Inference/rerank>
    Tei,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Cohere, Self::BedrockCohere, Self::Jina, Self::Voyage, Self::Tei];

    /// The name in records and in what is said of losses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cohere => "cohere",
            Self::BedrockCohere => "bedrock_cohere",
            Self::Jina => "jina",
            Self::Voyage => "voyage",
            Self::Tei => "tei",
        }
    }

    /// Whether the body says which model is asked.
    #[must_use]
    pub fn says_model_in_body(self) -> bool {
        !matches!(self, Self::BedrockCohere | Self::Tei)
    }

    /// Reads a request body.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn read_call(self, body: &[u8]) -> Result<RerankCall, Malformed> {
        match self {
            Self::Tei => tei::read_call(body),
            _ => listed::read_call(self, body),
        }
    }

    /// Writes a request body, and says what it could not carry.
    ///
    /// # Errors
    /// A document is more than text and this format takes text alone.
    pub fn write_call(self, call: &RerankCall) -> Result<(Vec<u8>, Loss), Malformed> {
        match self {
            Self::Tei => tei::write_call(call),
            _ => listed::write_call(self, call),
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// The body is not an answer of this format.
    pub fn read_reply(self, body: &[u8]) -> Result<RerankReply, Malformed> {
        match self {
            Self::Tei => tei::read_reply(body),
            _ => listed::read_reply(self, body),
        }
    }

    /// Writes the answer to `call`: best first, no more than it wants, with the documents if it wants them.
    ///
    /// # Errors
    /// The answer ranks a document that was not sent.
    pub fn write_reply(self, reply: &RerankReply, call: &RerankCall) -> Result<Vec<u8>, Malformed> {
        let ranked = call::ranked(reply, call)?;
        Ok(match self {
            Self::Tei => tei::write_reply(&ranked),
            _ => listed::write_reply(self, &ranked),
        })
    }

    /// Model and usage of an answer.
    #[must_use]
    pub fn glance(self, body: &[u8]) -> Glance {
        match self {
            Self::Tei => tei::glance(body),
            _ => listed::glance(self, body),
        }
    }
}
