//! A look at a whole answer that decodes nothing: the relay lane's tee.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{
    error,
    stream::tally::{Choices, Tally},
    usage,
};
use crate::{
    dialect::Glance,
    failure::{Failure, Kind},
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    choices: Option<&'a RawValue>,
    #[serde(default)]
    usage: Option<usage::Wire>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// Usage, tier, end and failure of a whole answer. A body that is no answer is a fault: some servers report their
/// failures with status 200.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    let Ok(seen) = serde_json::from_slice::<Body<'_>>(body) else {
        return broken(Failure::new(Kind::Malformed, "the answer is not the JSON of a chat completion"));
    };
    let usage = seen.usage.map(|usage| usage.normalise());
    // What was said is counted only where the provider does not say it: its ends are enough otherwise.
    let read = if usage.is_some() { Choices::read_ends } else { Choices::read };
    let Ok(choices) = seen.choices.map(|raw| read(raw.get())).transpose() else {
        return broken(Failure::new(Kind::Malformed, "the answer's choices are no list of choices"));
    };
    let choices = choices.flatten();
    let fault = match (&choices, seen.error) {
        (_, Some(_)) => Some(stated(body)),
        (Some(choices), None) if choices.count > 0 => choices.fault(),
        (Some(_), None) => Some(Failure::new(Kind::Malformed, "the answer has no choices")),
        (None, None) => Some(stated(body)),
    };
    let mut tally = Tally::default();
    let choices = choices.unwrap_or_default();
    tally.add(&choices.tally);
    let mut glance = Glance {
        model: None,
        usage,
        service_tier: seen.service_tier.and_then(|tier| serde_json::from_str(tier.get()).ok()),
        stopped: choices.stopped,
        ended: fault.is_none(),
        content: choices.tally.pieces > 0,
        delivered_tokens: tally.tokens(),
        fault,
    };
    glance.served_by_raw(seen.model);
    glance
}

/// The failure that the body itself states.
fn stated(body: &[u8]) -> Failure {
    let failure = serde_json::from_slice(body).map(|value| error::failure(&value)).ok();
    match failure.filter(|failure| !failure.message.is_empty()) {
        Some(failure) => failure,
        None => Failure::new(Kind::Malformed, "the answer has no choices"),
    }
}

fn broken(fault: Failure) -> Glance {
    Glance { fault: Some(fault), ..Glance::default() }
}
