//! OpenAI's paths.

use super::{Paths, Surface, path};

pub(super) fn paths() -> Paths {
    path("/v1/chat/completions", Surface::ChatCompletions)
}
