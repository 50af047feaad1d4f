//! A cost taken apart: which unit was charged at which rate.

use super::{
    Price, Served,
    charge::{in_tokens, own, side},
    rates,
};
use crate::usage::{Unit, Usage};

/// What one unit of a usage comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    pub unit: Unit,
    /// How many were charged: without the parts that are charged for themselves.
    pub count: u64,
    /// Pico-dollars for each, list price; `None` if it is not known.
    pub rate: Option<u64>,
}

impl Price {
    /// The first prompt length that pays the rates which a prompt of this length pays; 0 for the ordinary rates. Usages of
    /// the same step, served alike, are charged at the same rates and can be added up.
    #[must_use]
    pub fn step(&self, prompt: u64, served: &Served<'_>) -> u64 {
        let long = match self.tier(served) {
            Some(tier) if !tier.long.is_empty() => &tier.long,
            _ => &self.long,
        };
        long.iter().rfind(|long| prompt >= long.from).map_or(0, |long| long.from)
    }

    /// A usage unit by unit, with the rate of each. `step` is that of every call in it ([`Price::step`]). What is counted in
    /// tokens too and charged by them has no line of its own.
    #[must_use]
    pub fn lines(&self, usage: &Usage, step: u64, served: &Served<'_>) -> Vec<Line> {
        let lists = self.lists(step, served);
        let uplift = u64::from(self.uplift(served.region));
        let (mut lines, mut paid) = (Vec::new(), [false; 2]);
        for (unit, count) in usage.counted() {
            let count = own(usage, unit, count);
            let said_in_tokens = |side: usize| paid.get(side).copied().unwrap_or(false);
            if count == 0 || in_tokens(unit, usage).is_some_and(said_in_tokens) {
                continue;
            }
            let rate = rates::find(&lists, unit).or_else(|| self.dearest(unit));
            let rate = if unit.is_token() { rate.map(|rate| rate.saturating_mul(uplift) / 1000) } else { rate };
            if let Some(side) = side(unit).and_then(|side| paid.get_mut(side)) {
                *side |= rate.is_some_and(|rate| rate > 0);
            }
            lines.push(Line { unit, count, rate });
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::{Long, Rates, Tier};

    fn price() -> Price {
        let rates = |input, output| Rates::from_iter([(Unit::Input, input), (Unit::Output, output)]);
        Price {
            base: rates(100, 200),
            long: vec![Long { from: 1_000, rates: rates(150, 300) }],
            tiers: vec![Tier { name: "flex".into(), rates: rates(50, 100), long: Vec::new() }],
            ..Price::default()
        }
    }

    #[test]
    fn lines_come_to_what_the_charge_does() {
        let price = price();
        let served = Served::default();
        for prompt in [10, 999, 1_000, 5_000] {
            let usage = Usage { input: prompt - 4, cache_read: 4, output: 70, reasoning: 30, ..Usage::default() };
            let lines = price.lines(&usage, price.step(prompt, &served), &served);
            let sum: i128 = lines.iter().map(|line| i128::from(line.count) * i128::from(line.rate.unwrap())).sum();
            assert_eq!(sum, price.charge(&usage, &served).pico, "{prompt}: {lines:?}");
            assert_eq!(lines.len(), 4);
        }
        assert_eq!((price.step(999, &served), price.step(1_000, &served)), (0, 1_000));
    }

    #[test]
    fn a_unit_without_a_rate_has_a_line_and_no_price() {
        let lines = price().lines(&Usage { pages: 3, ..Usage::default() }, 0, &Served::default());
        assert_eq!(lines, [Line { unit: Unit::Pages, count: 3, rate: None }]);
    }
}
