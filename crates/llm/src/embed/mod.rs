//! Embeddings: texts to vectors, in the formats of the vendors.
//!
//! A client and a provider of one format are relayed; else the call and the answer go through [`EmbedCall`] and
//! [`EmbedReply`]. What a format cannot say and that changes the vectors' meaning (token arrays, pictures, a number type)
//! is refused by name; what only hints is a [`Loss`].

mod call;
mod cohere;
mod gemini;
mod listed;
#[cfg(test)]
mod tests;
mod titan;
mod vector;
mod vertex;

pub use call::{EmbedCall, EmbedReply, Forms, Input, Purpose, Truncate};
pub use vector::Vector;

use crate::{
    Loss,
    dialect::{Glance, Malformed},
};

/// A wire format of embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// <https://platform.openai.com/docs/api-reference/embeddings>, as most servers speak it.
    OpenAi,
    /// <https://docs.voyageai.com/reference/embeddings-api>
    Voyage,
    /// <https://jina.ai/embeddings/>
    Jina,
    /// <https://docs.mistral.ai/api/#tag/embeddings>
    Mistral,
    /// <https://docs.cohere.com/reference/embed>
    Cohere,
    /// The same through Bedrock's `invoke`:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html>
    BedrockCohere,
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>
    Titan,
    /// `batchEmbedContents`: <https://ai.google.dev/api/embeddings>
    Gemini,
    /// `embedContent`, one input a call.
    GeminiSingle,
    /// `predict`: <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>
    Vertex,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[
        Self::OpenAi,
        Self::Voyage,
        Self::Jina,
        Self::Mistral,
        Self::Cohere,
        Self::BedrockCohere,
        Self::Titan,
        Self::Gemini,
        Self::GeminiSingle,
        Self::Vertex,
    ];

    /// The name in records and in what is said of losses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Voyage => "voyage",
            Self::Jina => "jina",
            Self::Mistral => "mistral",
            Self::Cohere => "cohere",
            Self::BedrockCohere => "bedrock_cohere",
            Self::Titan => "titan",
            Self::Gemini => "gemini",
            Self::GeminiSingle => "gemini_single",
            Self::Vertex => "vertex",
        }
    }

    /// Whether the body says which model is asked. Elsewhere the path does.
    #[must_use]
    pub fn says_model_in_body(self) -> bool {
        !matches!(self, Self::BedrockCohere | Self::Titan | Self::GeminiSingle | Self::Vertex | Self::Gemini)
    }

    /// Reads a request body.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn read_call(self, body: &[u8]) -> Result<EmbedCall, Malformed> {
        match self {
            Self::OpenAi | Self::Voyage | Self::Jina | Self::Mistral => listed::read_call(self, body),
            Self::Cohere | Self::BedrockCohere => cohere::read_call(self, body),
            Self::Titan => titan::read_call(body),
            Self::Gemini | Self::GeminiSingle => gemini::read_call(self, body),
            Self::Vertex => vertex::read_call(body),
        }
    }

    /// Writes a request body, and says what it could not carry.
    ///
    /// # Errors
    /// An input, or something that changes what the vectors are, cannot be said in this format.
    pub fn write_call(self, call: &EmbedCall) -> Result<(Vec<u8>, Loss), Malformed> {
        match self {
            Self::OpenAi | Self::Voyage | Self::Jina | Self::Mistral => listed::write_call(self, call),
            Self::Cohere | Self::BedrockCohere => cohere::write_call(self, call),
            Self::Titan => titan::write_call(call),
            Self::Gemini | Self::GeminiSingle => gemini::write_call(self, call),
            Self::Vertex => vertex::write_call(call),
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// The body is not an answer of this format, or a vector is missing.
    pub fn read_reply(self, body: &[u8]) -> Result<EmbedReply, Malformed> {
        match self {
            Self::OpenAi | Self::Voyage | Self::Jina | Self::Mistral => listed::read_reply(body),
            Self::Cohere | Self::BedrockCohere => cohere::read_reply(body),
            Self::Titan => titan::read_reply(body),
            Self::Gemini | Self::GeminiSingle => gemini::read_reply(self, body),
            Self::Vertex => vertex::read_reply(body),
        }
    }

    /// Writes the answer to `call`, in the forms that it asks for.
    ///
    /// # Errors
    /// A vector is not what it says it is, or there are not as many as inputs.
    pub fn write_reply(self, reply: &EmbedReply, call: &EmbedCall) -> Result<Vec<u8>, Malformed> {
        if reply.vectors.len() != call.inputs.len() {
            let (got, wanted) = (reply.vectors.len(), call.inputs.len());
            let message = format!("the provider answered {got} embeddings to {wanted} inputs");
            return Err(Malformed { field: None, message });
        }
        match self {
            Self::OpenAi | Self::Voyage | Self::Jina | Self::Mistral => listed::write_reply(reply, call),
            Self::Cohere | Self::BedrockCohere => cohere::write_reply(self, reply, call),
            Self::Titan => titan::write_reply(reply),
            Self::Gemini | Self::GeminiSingle => gemini::write_reply(self, reply),
            Self::Vertex => vertex::write_reply(reply),
        }
    }

    /// Model and usage of an answer, without decoding its vectors.
    #[must_use]
    pub fn glance(self, body: &[u8]) -> Glance {
        match self {
            Self::OpenAi | Self::Voyage | Self::Jina | Self::Mistral => listed::glance(body),
            Self::Cohere | Self::BedrockCohere => cohere::glance(body),
            Self::Titan => titan::glance(body),
            Self::Gemini | Self::GeminiSingle => gemini::glance(body),
            Self::Vertex => vertex::glance(body),
        }
    }

    /// Whether an answer of this very format has the form that the caller asked for: many servers know only one.
    #[must_use]
    pub fn has_form(self, answer: &[u8], wanted: Forms) -> bool {
        if !matches!(self, Self::OpenAi | Self::Voyage | Self::Jina | Self::Mistral) {
            return true; // these answer in the form that was asked for, or in the only one
        }
        let Some(first) = memchr::memmem::find(answer, b"\"embedding\":") else { return true };
        let value = answer.iter().skip(first + b"\"embedding\":".len()).find(|byte| !byte.is_ascii_whitespace());
        match value {
            Some(b'[') => wanted.numbers,
            Some(b'"') => wanted.base64,
            _ => true,
        }
    }
}

/// The complaint that a format cannot say something.
fn unsayable(field: &str, format: Format, why: &str) -> Malformed {
    let message = format!("{field}: {} {why}", format.as_str());
    Malformed { field: Some(field.to_owned()), message }
}
