//! Lowest `priority` first; among equals a draw by weight. The default: a model, its fallback, the fallback's fallback.

use std::sync::Arc;

use super::draw::Draw;
use crate::config::snapshot::Target;

pub(super) fn order(targets: &mut [Arc<Target>], draw: &mut Draw) {
    targets.sort_by_key(|target| target.priority);
    for equals in targets.chunk_by_mut(|one, other| one.priority == other.priority) {
        draw.by_weight(equals);
    }
}
