//! A draw by weight among all targets: load is spread, and whoever was not drawn is the fallback.

use std::sync::Arc;

use super::draw::Draw;
use crate::config::snapshot::Target;

pub(super) fn order(targets: &mut [Arc<Target>], draw: &mut Draw) {
    draw.by_weight(targets);
}
