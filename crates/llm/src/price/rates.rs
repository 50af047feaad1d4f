//! Pico-dollars by unit: only what a price list says, so that a few thousand prices stay small.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::follows;
use crate::usage::Unit;

/// Pico-dollars per unit, each unit at most once.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Rates(Box<[(Unit, u64)]>);

impl Rates {
    /// The rate of a unit, if it is listed.
    #[must_use]
    pub fn get(&self, unit: Unit) -> Option<u64> {
        self.0.iter().find(|(listed, _)| *listed == unit).map(|(_, rate)| *rate)
    }

    /// Lists a unit, in place of what was listed before.
    pub fn set(&mut self, unit: Unit, rate: u64) {
        *self = self.iter().filter(|(listed, _)| *listed != unit).chain([(unit, rate)]).collect();
    }

    /// Takes a unit off the list.
    pub fn remove(&mut self, unit: Unit) {
        *self = self.iter().filter(|(listed, _)| *listed != unit).collect();
    }

    /// What is listed, by unit.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, u64)> + '_ {
        self.0.iter().copied()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The rate of a unit by several lists, the most particular first; then that of the unit it [follows](follows).
pub(super) fn find(lists: &[Option<&Rates>], unit: Unit) -> Option<u64> {
    let mut unit = Some(unit);
    while let Some(wanted) = unit {
        if let Some(rate) = lists.iter().flatten().find_map(|list| list.get(wanted)) {
            return Some(rate);
        }
        unit = follows(wanted);
    }
    None
}

impl FromIterator<(Unit, u64)> for Rates {
    fn from_iter<I: IntoIterator<Item = (Unit, u64)>>(all: I) -> Self {
        let sorted: BTreeMap<Unit, u64> = all.into_iter().collect();
        Self(sorted.into_iter().collect())
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(unit, rate)| (unit.name(), rate))).finish()
    }
}

impl Serialize for Rates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<Unit, u64>::deserialize(deserializer).map(|rates| rates.into_iter().collect())
    }
}
