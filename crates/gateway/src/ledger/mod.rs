//! What calls hold and what they have used, in the memory of this process: counters of limits, and the holds on them.
//!
//! A call takes a place in every limit that it meets in one step ([`Hold::cover`]): all of them, or none. What it holds is
//! in its record, and goes back when the record is closed, whichever way that comes about; what it really used is booked
//! then, and noted in the record as charges. So counters are the sums of the charges of all records.

mod counter;
mod hold;
mod index;
pub mod journal;
mod need;
mod refusal;
mod standing;
#[cfg(test)]
mod tests;
mod warning;

use std::sync::Arc;

pub use counter::{Counter, Counters};
pub use hold::{Covered, Hold, NoPlace, Settled, Used};
pub use index::{LimitIndex, Meeting, Met};
pub use need::{Need, Needs};
pub use refusal::Refused;
pub use standing::{Standing, Told};
pub use warning::Warning;

/// The counters of all limits.
#[derive(Debug, Default)]
pub struct Ledger {
    pub counters: Counters,
}

impl Ledger {
    /// Puts back what was booked before this process began: the name of a counter, a slot of its window, and how much.
    pub fn restore(&self, booked: impl IntoIterator<Item = (Arc<str>, i64, u64)>) {
        self.counters.keep(booked);
    }
}
