//! Anthropic's paths.

use super::{Paths, Surface, path};

pub(super) fn paths() -> Paths {
    path("/v1/messages", Surface::Messages).and(path("/v1/messages/count_tokens", Surface::CountTokens))
}
