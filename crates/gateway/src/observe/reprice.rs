//! A record's cost, reckoned again after the call: what had no price may have one by now.

use govern::{Money, Rules};
use serde::{Deserialize, Serialize};

use super::Record;

/// Which attempts are priced anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// Those whose price was not known, or estimated.
    #[default]
    Unknown,
    /// Those too that were charged by a price.
    All,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repriced {
    /// There was nothing to do.
    Same,
    Changed,
    /// Something has no known price still; it is left as it was.
    Unknown,
}

/// What a record says of its cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Priced {
    /// Nano-dollars; `None` if it is not known.
    pub cost: Option<Money>,
    pub unpriced: bool,
    pub estimated: bool,
    /// The price of each attempt.
    pub prices: Vec<Option<String>>,
}

impl Record {
    /// What it says of its cost.
    #[must_use]
    pub fn priced(&self) -> Priced {
        Priced {
            cost: self.cost,
            unpriced: self.unpriced,
            estimated: self.estimated,
            prices: self.attempts.iter().map(|attempt| attempt.price.clone()).collect(),
        }
    }

    /// Reckons the cost of attempts by the prices of `rules` and the usage that was noted, as if the call had been made
    /// under them. An estimate is no price: an attempt of which the price is not known whole is left as it was.
    ///
    /// `now`: microseconds since 1970.
    pub fn reprice(&mut self, rules: &Rules, which: Which, now: i64) -> Repriced {
        let (mut changed, mut unknown) = (false, false);
        for attempt in self.attempts.iter_mut().filter(|attempt| !attempt.usage.is_empty()) {
            let open = attempt.unpriced || attempt.estimated || attempt.cost.is_none();
            if !open && which == Which::Unknown {
                continue;
            }
            let words: Vec<&str> = attempt.basis.words.iter().map(String::as_str).collect();
            let bill = rules
                .target(&attempt.target)
                .map(|target| target.known_bill(&attempt.usage, attempt.basis.tier.as_deref(), &words))
                .filter(|bill| !bill.unpriced && bill.cost.is_some());
            match bill {
                Some(bill) if open || bill.cost != attempt.cost => {
                    attempt.bill(&bill);
                    changed = true;
                }
                Some(_) => {}
                None => unknown = true,
            }
        }
        if changed {
            self.sum_attempts();
            self.repriced = Some(now);
            return Repriced::Changed;
        }
        if unknown { Repriced::Unknown } else { Repriced::Same }
    }
}
