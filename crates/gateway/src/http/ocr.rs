//! Text off pages, in Mistral's format.

use llm::Wire;

use super::{Paths, Surface, path};

pub(super) fn paths() -> Paths {
    path("/v1/ocr", Surface::Task(Wire::Ocr))
}
