//! Sound, in OpenAI's format.

use llm::{
    Wire,
    audio::{speech, transcribe},
};

use super::{Paths, Surface, path};

pub(super) fn paths() -> Paths {
    path("/v1/audio/speech", Surface::Task(Wire::Speech(speech::Format::OpenAi)))
        .and(path("/v1/audio/transcriptions", Surface::Task(Wire::Transcribe(transcribe::Format::OpenAi))))
        .and(path("/v1/audio/translations", Surface::Task(Wire::Translate(transcribe::Format::OpenAi))))
}
