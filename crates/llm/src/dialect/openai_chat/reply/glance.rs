//! A look at a whole answer that decodes nothing: the relay lane's tee.

use std::borrow::Cow;

use super::super::{error, seen::Seen};
use crate::{
    dialect::Glance,
    envelope::scan::unquoted,
    failure::{Failure, Kind},
};

/// Usage, tier, end and failure of a whole answer. A body that is no answer is a fault: some servers report their
/// failures with status 200.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    // What was said is measured only where the provider does not say it.
    let seen = match Seen::of(body, false) {
        Some(seen) if seen.usage.is_none() => Seen::of(body, true),
        seen => seen,
    };
    let Some(seen) = seen else {
        let fault = Failure::new(Kind::Malformed, "the answer is not the JSON of a chat completion");
        return Glance { fault: Some(fault), ..Glance::default() };
    };
    let fault = match &seen.choices {
        _ if seen.error => Some(stated(body)),
        None => Some(stated(body)),
        Some(choices) if choices.count > 0 => choices.fault(),
        Some(_) => Some(no_choices()),
    };
    let choices = seen.choices.unwrap_or_default();
    let mut glance = Glance {
        model: None,
        usage: seen.usage,
        service_tier: seen.service_tier.and_then(unquoted).map(Cow::into_owned),
        stopped: choices.stopped,
        ended: fault.is_none(),
        content: choices.tally.pieces > 0,
        delivered_tokens: choices.tally.tokens(),
        fault,
    };
    glance.served_by_raw(seen.model);
    glance
}

/// The failure that the body itself states.
fn stated(body: &[u8]) -> Failure {
    let failure = serde_json::from_slice(body).map(|value| error::failure(&value)).ok();
    failure.filter(|failure| !failure.message.is_empty()).unwrap_or_else(no_choices)
}

fn no_choices() -> Failure {
    Failure::new(Kind::Malformed, "the answer has no choices")
}
