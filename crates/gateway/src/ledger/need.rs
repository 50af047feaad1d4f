//! How much of its limits a call needs before it is known what it uses.

use std::cell::OnceCell;

use govern::{
    Money,
    limit::{Amount, Measure, Reserve},
};
use llm::Usage;

use super::Met;

/// What a call uses, at most or as a rule, and what that costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    pub usage: Usage,
    /// `None`: the price is not known.
    pub cost: Option<Money>,
}

/// What a call needs, reckoned when the first limit wants to know: most calls meet none that does.
pub struct Needs<'a> {
    pub strict: &'a dyn Fn() -> Need,
    pub soft: &'a dyn Fn() -> Need,
    reckoned: [OnceCell<Need>; 2],
}

impl<'a> Needs<'a> {
    #[must_use]
    pub fn new(strict: &'a dyn Fn() -> Need, soft: &'a dyn Fn() -> Need) -> Self {
        Self { strict, soft, reckoned: [OnceCell::new(), OnceCell::new()] }
    }

    /// How much of this cap the call needs; `None` if its price is not known and must be.
    #[must_use]
    pub fn of(&self, met: &Met) -> Option<Amount> {
        let measure = met.measure();
        if measure.is_known_before() {
            return Some(1);
        }
        let [strict, soft] = &self.reckoned;
        let need = match met.limit.reserve {
            Reserve::Strict => strict.get_or_init(self.strict),
            Reserve::Soft => soft.get_or_init(self.soft),
        };
        if measure == Measure::Spend && need.cost.is_none() && met.limit.reserve == Reserve::Strict {
            return None;
        }
        // What is read from a cache is known only afterwards.
        Some(measure.of(&need.usage, need.cost.unwrap_or_default(), true))
    }
}
