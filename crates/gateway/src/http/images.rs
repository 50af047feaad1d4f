//! Pictures, in OpenAI's format.

use llm::{Wire, image::Format};

use super::{Paths, Surface, path};

pub(super) fn paths() -> Paths {
    path("/v1/images/generations", Surface::Task(Wire::Image(Format::OpenAi)))
        .and(path("/v1/images/edits", Surface::Task(Wire::ImageEdit(Format::OpenAi))))
}
