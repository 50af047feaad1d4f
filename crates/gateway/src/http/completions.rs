//! Conversations in two lesser dialects: OpenAI's legacy completions and Cohere's chat.

use super::{Paths, Surface, path};

pub(super) fn paths() -> Paths {
    path("/v1/completions", Surface::Completions).and(path("/v2/chat", Surface::CohereChat))
}
