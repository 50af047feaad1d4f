//! Limits: a place for the call, held until it is settled or dropped.

use govern::Error;

use super::Grant;
use crate::{
    ledger::{Hold, Ledger},
    observe::Metrics,
};

/// Takes the call's place in the limits of its key.
///
/// # Errors
/// 429 naming the limit.
pub fn reserve(ledger: &Ledger, metrics: &Metrics, grant: &Grant) -> Result<Hold, Error> {
    let hold = ledger.hold(&grant.caller.key);
    metrics.limit(if hold.is_ok() { "allow" } else { "refuse" });
    hold
}
