//! What is asked, and in whose words.

use crate::{
    audio::{speech, transcribe},
    dialect::{Dialect, Glance},
    embed, image, moderate, ocr,
    provider::Operation,
    rerank,
};

/// An operation in one of its wire formats. A client's surface has one; a provider speaks some.
///
/// A client whose wire the provider speaks is relayed; any other is translated into the wire that the provider prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// A conversation turn.
    Chat(Dialect),
    /// The tokens of a conversation.
    Count(Dialect),
    /// Texts to vectors.
    Embed(embed::Format),
    /// Which document answers a question best.
    Rerank(rerank::Format),
    /// Pictures from words.
    Image(image::Format),
    /// Pictures from words and pictures.
    ImageEdit(image::Format),
    /// Text that is spoken.
    Speech(speech::Format),
    /// Speech that is written down.
    Transcribe(transcribe::Format),
    /// Speech that is written down in English.
    Translate(transcribe::Format),
    /// Whether a content is harmful: <https://platform.openai.com/docs/api-reference/moderations>
    Moderate,
    /// Text of a document, read off its pages: <https://docs.mistral.ai/api/#tag/ocr>
    Ocr,
    /// A body of the model's maker through Bedrock's `invoke`, unread:
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>
    Invoke,
    /// Whatever an operator lets through unread. No provider is asked for it by this name.
    Other,
}

impl Wire {
    /// What is asked, whatever the words.
    #[must_use]
    pub fn operation(self) -> Operation {
        match self {
            Self::Chat(_) => Operation::Chat,
            Self::Count(_) => Operation::CountTokens,
            Self::Embed(_) => Operation::Embed,
            Self::Rerank(_) => Operation::Rerank,
            Self::Image(_) => Operation::Image,
            Self::ImageEdit(_) => Operation::ImageEdit,
            Self::Speech(_) => Operation::Speech,
            Self::Transcribe(_) => Operation::Transcribe,
            Self::Translate(_) => Operation::Translate,
            Self::Moderate => Operation::Moderate,
            Self::Ocr => Operation::Ocr,
            Self::Invoke => Operation::Invoke,
            Self::Other => Operation::Other,
        }
    }

    /// The dialect of its errors.
    #[must_use]
    pub fn words(self) -> Dialect {
        match self {
            Self::Chat(dialect) | Self::Count(dialect) => dialect,
            Self::Invoke => Dialect::Bedrock,
            Self::Embed(embed::Format::Cohere) | Self::Rerank(rerank::Format::Cohere) => Dialect::Cohere,
            Self::Embed(embed::Format::Gemini | embed::Format::GeminiSingle) => Dialect::Gemini,
            // The rest of the field words its errors in one of the ways that OpenAI's reader knows.
            _ => Dialect::OpenAiChat,
        }
    }

    /// Usage and served tier of a whole answer, without decoding the rest.
    #[must_use]
    pub fn glance_reply(self, body: &[u8]) -> Glance {
        match self {
            Self::Chat(dialect) | Self::Count(dialect) => dialect.glance_reply(body),
            Self::Embed(format) => format.glance(body),
            Self::Rerank(format) => format.glance(body),
            Self::Image(format) | Self::ImageEdit(format) => format.glance(body),
            Self::Transcribe(format) | Self::Translate(format) => format.glance(body),
            Self::Moderate => moderate::glance(body),
            Self::Ocr => ocr::glance(body),
            Self::Speech(_) | Self::Invoke | Self::Other => Glance::default(),
        }
    }
}
