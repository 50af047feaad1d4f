//! Moderation, in OpenAI's format.

use llm::Wire;

use super::{Paths, Surface, path};

pub(super) fn paths() -> Paths {
    path("/v1/moderations", Surface::Task(Wire::Moderate))
}
