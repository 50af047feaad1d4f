//! Embeddings, in OpenAI's and in Cohere's format.

use llm::{Wire, embed::Format};

use super::{Paths, Surface, path};

pub(super) fn paths() -> Paths {
    path("/v1/embeddings", Surface::Task(Wire::Embed(Format::OpenAi)))
        .and(path("/v2/embed", Surface::Task(Wire::Embed(Format::Cohere))))
}
