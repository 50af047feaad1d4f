//! Servers that speak OpenAI's Chat Completions: <https://platform.openai.com/docs/api-reference/chat>
//!
//! A vendor is a const of [`OpenAiLike`]. Its base URL is the one that its users give to the OpenAI SDK, `/v1` included
//! where the vendor has one; the paths behind it are OpenAI's.

use super::{Ask, BadAnswer, Dialect, Failure, Head, Operation, Provider, Quirks, Wire, classify};
use crate::{
    audio::{speech, transcribe},
    embed, image, rerank,
};

/// A vendor that speaks Chat Completions.
#[derive(Debug, Clone, Copy)]
pub struct OpenAiLike {
    /// As [`Provider::id`].
    pub id: &'static str,
    /// As [`Provider::base_url`].
    pub base_url: Option<&'static str>,
    /// As [`Provider::key_env`].
    pub key_env: Option<&'static str>,
    pub quirks: Quirks,
}

/// Any such server: an account says where it is.
pub const GENERIC: OpenAiLike = OpenAiLike {
    id: "openai_like",
    base_url: None,
    key_env: None,
    quirks: Quirks { completions: true, ..Quirks::NONE },
};

impl Provider for OpenAiLike {
    fn id(&self) -> &'static str {
        self.id
    }

    fn speaks(&self, operation: Operation, _model: &str) -> &'static [Wire] {
        match operation {
            Operation::Chat if self.quirks.completions => {
                &[Wire::Chat(Dialect::OpenAiChat), Wire::Chat(Dialect::OpenAiCompletions)]
            }
            Operation::Chat => &[Wire::Chat(Dialect::OpenAiChat)],
            // Where a server does not have one of these paths, it says so itself.
            Operation::Embed => &[Wire::Embed(embed::Format::OpenAi)],
            Operation::Rerank => &[Wire::Rerank(rerank::Format::Jina)],
            Operation::Image => &[Wire::Image(image::Format::OpenAi)],
            Operation::ImageEdit => &[Wire::ImageEdit(image::Format::OpenAi)],
            Operation::Speech => &[Wire::Speech(speech::Format::OpenAi)],
            Operation::Transcribe => &[Wire::Transcribe(transcribe::Format::OpenAi)],
            Operation::Translate => &[Wire::Translate(transcribe::Format::OpenAi)],
            Operation::Moderate => &[Wire::Moderate],
            Operation::Ocr => &[Wire::Ocr],
            Operation::CountTokens | Operation::Other => &[],
        }
    }

    fn base_url(&self) -> Option<&'static str> {
        self.base_url
    }

    fn key_env(&self) -> Option<&'static str> {
        self.key_env
    }

    fn head(&self, ask: &Ask<'_>) -> Head {
        Head::at(path(ask.wire))
    }

    fn quirks(&self) -> Quirks {
        self.quirks
    }

    fn failure(&self, bad: &BadAnswer<'_>) -> Failure {
        let inner = self.quirks.wraps_errors.then(|| inner_error(bad.body)).flatten();
        classify(bad.wire.words(), &BadAnswer { body: inner.as_deref().unwrap_or(bad.body), ..*bad })
    }
}

/// OpenAI's path of an operation, behind `/v1`.
#[must_use]
pub fn path(wire: Wire) -> &'static str {
    match wire {
        Wire::Chat(Dialect::OpenAiCompletions) => "/completions",
        Wire::Chat(Dialect::OpenAiResponses) => "/responses",
        Wire::Embed(_) => "/embeddings",
        Wire::Rerank(_) => "/rerank",
        Wire::Image(_) => "/images/generations",
        Wire::ImageEdit(_) => "/images/edits",
        Wire::Speech(_) => "/audio/speech",
        Wire::Transcribe(_) => "/audio/transcriptions",
        Wire::Translate(_) => "/audio/translations",
        Wire::Moderate => "/moderations",
        Wire::Ocr => "/ocr",
        Wire::Chat(_) | Wire::Count(_) | Wire::Other => "/chat/completions",
    }
}

/// The error of the vendor behind an aggregator: `error.metadata.raw`, JSON as a string or as it is.
fn inner_error(body: &[u8]) -> Option<Vec<u8>> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    match body.pointer("/error/metadata/raw")? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text.clone().into_bytes()),
        object @ serde_json::Value::Object(_) => Some(object.to_string().into_bytes()),
        _ => None,
    }
}
