//! Numbers drawn from a seed: SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
//!
//! Good enough to spread load, not fit for secrets.

use std::sync::Arc;

use crate::config::snapshot::Target;

/// A reproducible sequence of numbers.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if the bound is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let scaled = (u128::from(self.next()) * u128::from(bound)) >> 64;
        u64::try_from(scaled).unwrap_or_default()
    }

    /// Orders targets by drawing one after the other, each with a chance in proportion to its weight. Targets of weight
    /// 0 come last, as they were.
    pub(super) fn by_weight(&mut self, targets: &mut [Arc<Target>]) {
        let mut rest = targets;
        loop {
            let total: u64 = rest.iter().map(|target| u64::from(target.weight)).sum();
            if total == 0 {
                return;
            }
            let mut ticket = self.below(total);
            let chosen = rest.iter().position(|target| {
                let weight = u64::from(target.weight);
                let hit = ticket < weight;
                ticket = ticket.saturating_sub(weight);
                hit
            });
            if let Some(passed) = chosen.and_then(|at| rest.get_mut(..=at)) {
                passed.rotate_right(1);
            }
            let Some((_, tail)) = rest.split_first_mut() else { return };
            rest = tail;
        }
    }
}
