//! What vendors speak, by short names: their files list these.

use crate::{
    Wire,
    audio::{speech, transcribe},
    dialect::Dialect,
    embed, image, rerank,
};

pub const CHAT: Wire = Wire::Chat(Dialect::OpenAiChat);
pub const COMPLETIONS: Wire = Wire::Chat(Dialect::OpenAiCompletions);
pub const RESPONSES: Wire = Wire::Chat(Dialect::OpenAiResponses);
pub const MESSAGES: Wire = Wire::Chat(Dialect::Anthropic);
/// Counts as Anthropic has them counted.
pub const COUNT: Wire = Wire::Count(Dialect::Anthropic);
pub const GEMINI: Wire = Wire::Chat(Dialect::Gemini);
/// Counts as Gemini has them counted.
pub const COUNT_GEMINI: Wire = Wire::Count(Dialect::Gemini);
pub const COHERE: Wire = Wire::Chat(Dialect::Cohere);

pub const EMBED: Wire = Wire::Embed(embed::Format::OpenAi);
pub const EMBED_COHERE: Wire = Wire::Embed(embed::Format::Cohere);
/// Gemini's, of many texts and of one.
pub const EMBED_GEMINI: Wire = Wire::Embed(embed::Format::Gemini);
pub const EMBED_GEMINI_ONE: Wire = Wire::Embed(embed::Format::GeminiSingle);
pub const EMBED_JINA: Wire = Wire::Embed(embed::Format::Jina);
pub const EMBED_MISTRAL: Wire = Wire::Embed(embed::Format::Mistral);
pub const EMBED_VERTEX: Wire = Wire::Embed(embed::Format::Vertex);
pub const EMBED_VOYAGE: Wire = Wire::Embed(embed::Format::Voyage);

pub const RERANK: Wire = Wire::Rerank(rerank::Format::Jina);
pub const RERANK_COHERE: Wire = Wire::Rerank(rerank::Format::Cohere);
pub const RERANK_TEI: Wire = Wire::Rerank(rerank::Format::Tei);
pub const RERANK_VOYAGE: Wire = Wire::Rerank(rerank::Format::Voyage);

pub const IMAGE: Wire = Wire::Image(image::Format::OpenAi);
pub const IMAGE_EDIT: Wire = Wire::ImageEdit(image::Format::OpenAi);
/// Pictures by Gemini's own models, beside those of Imagen.
pub const DRAW: Wire = Wire::Image(image::Format::Gemini);
pub const REDRAW: Wire = Wire::ImageEdit(image::Format::Gemini);
pub const IMAGEN: Wire = Wire::Image(image::Format::Imagen);

pub const SPEECH: Wire = Wire::Speech(speech::Format::OpenAi);
pub const SPEECH_DEEPGRAM: Wire = Wire::Speech(speech::Format::Deepgram);
pub const SPEECH_ELEVENLABS: Wire = Wire::Speech(speech::Format::ElevenLabs);
pub const TRANSCRIBE: Wire = Wire::Transcribe(transcribe::Format::OpenAi);
pub const TRANSCRIBE_DEEPGRAM: Wire = Wire::Transcribe(transcribe::Format::Deepgram);
pub const TRANSCRIBE_ELEVENLABS: Wire = Wire::Transcribe(transcribe::Format::ElevenLabs);
pub const TRANSLATE: Wire = Wire::Translate(transcribe::Format::OpenAi);

pub const MODERATE: Wire = Wire::Moderate;
pub const OCR: Wire = Wire::Ocr;
