//! What was spent at a [`Place`](super::Place): counts and money, added up.

use llm::usage::{Unit, Usage};

use crate::Money;

/// Counts and money of any number of calls. Differences too: what is taken away is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Requests of clients, answered or not.
    pub requests: i64,
    /// Tries at a target that used anything.
    pub tries: i64,
    /// Requests of which something has no known price.
    pub unpriced: i64,
    /// Requests of which the cost is an estimate, in whole or in part.
    pub estimated: i64,
    pub cost: Money,
    /// By [`Unit`], in the order of [`Unit::ALL`].
    pub units: [i64; Unit::ALL.len()],
}

impl Default for Figures {
    fn default() -> Self {
        Self { requests: 0, tries: 0, unpriced: 0, estimated: 0, cost: Money::ZERO, units: [0; Unit::ALL.len()] }
    }
}

impl Figures {
    /// How many of a unit.
    #[must_use]
    pub fn unit(&self, unit: Unit) -> i64 {
        self.units.get(unit as usize).copied().unwrap_or(0)
    }

    /// How many of a unit, to be changed.
    pub fn set_unit(&mut self, unit: Unit, count: i64) {
        if let Some(held) = self.units.get_mut(unit as usize) {
            *held = count;
        }
    }

    /// What is not zero.
    pub fn counted(&self) -> impl Iterator<Item = (Unit, i64)> + '_ {
        Unit::ALL.iter().map(|unit| (*unit, self.unit(*unit))).filter(|(_, count)| *count != 0)
    }

    /// Adds what an attempt used.
    pub fn add_usage(&mut self, usage: &Usage) {
        for (unit, count) in usage.counted() {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.set_unit(unit, self.unit(unit).saturating_add(count));
        }
    }

    /// Adds the figures of other calls.
    pub fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.tries = self.tries.saturating_add(other.tries);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
        self.estimated = self.estimated.saturating_add(other.estimated);
        self.cost += other.cost;
        for (held, more) in self.units.iter_mut().zip(&other.units) {
            *held = held.saturating_add(*more);
        }
    }

    /// The same, to be taken away.
    #[must_use]
    pub fn negated(mut self) -> Self {
        for count in [&mut self.requests, &mut self.tries, &mut self.unpriced, &mut self.estimated, &mut self.cost.0] {
            *count = count.saturating_neg();
        }
        for count in &mut self.units {
            *count = count.saturating_neg();
        }
        self
    }

    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The counts as a usage; what is negative counts as nothing.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for (unit, count) in self.counted() {
            *usage.get_mut(unit) = u64::try_from(count).unwrap_or(0);
        }
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_and_taken_away_leaves_nothing() {
        let mut figures =
            Figures { requests: 2, tries: 3, unpriced: 1, estimated: 1, cost: Money(7), ..Figures::default() };
        figures.add_usage(&Usage { input: 10, output: 5, reasoning: 2, ..Usage::default() });
        assert_eq!(figures.counted().collect::<Vec<_>>(), [(Unit::Input, 10), (Unit::Output, 5), (Unit::Reasoning, 2)]);
        let mut sum = figures;
        sum.add(&figures.negated());
        assert!(sum.is_zero() && !figures.is_zero());
        assert_eq!(figures.usage().output, 5);
    }
}
