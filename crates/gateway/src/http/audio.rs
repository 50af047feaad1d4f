//! Sound, in OpenAI's format.

use std::sync::Arc;

use axum::Router;
use llm::{
    Wire,
    audio::{speech, transcribe},
};

use super::{Surface, route};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .merge(route("/v1/audio/speech", Surface::Task(Wire::Speech(speech::Format::OpenAi))))
        .merge(route("/v1/audio/transcriptions", Surface::Task(Wire::Transcribe(transcribe::Format::OpenAi))))
        .merge(route("/v1/audio/translations", Surface::Task(Wire::Translate(transcribe::Format::OpenAi))))
}
