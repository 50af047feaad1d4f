//! A look at a whole answer that decodes nothing: the relay lane's tee.

use super::super::{error, stream::tally::Choices, usage};
use crate::{
    dialect::Glance,
    envelope::scan::Scan,
    failure::{Failure, Kind},
};

/// Usage, tier, end and failure of a whole answer. A body that is no answer is a fault: some servers report their
/// failures with status 200.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    let Some(seen) = Seen::of(body) else {
        return broken(Failure::new(Kind::Malformed, "the answer is not the JSON of a chat completion"));
    };
    let usage = seen.usage.map(serde_json::from_slice::<usage::Wire>);
    let Ok(usage) = usage.transpose().map(|usage| usage.map(|usage| usage.normalise())) else {
        return broken(Failure::new(Kind::Malformed, "the answer's usage is no object of counts"));
    };
    // What was said is counted only where the provider does not say it: its ends are enough otherwise.
    let choices = match seen.choices {
        Some((_, Some(ends))) if usage.is_some() => Some(ends),
        Some((text, _)) => match Choices::read(text) {
            Ok(choices) => choices,
            Err(_) => return broken(Failure::new(Kind::Malformed, "the answer's choices are no list of choices")),
        },
        None => None,
    };
    let fault = match &choices {
        _ if seen.error => Some(stated(body)),
        None => Some(stated(body)),
        Some(choices) if choices.count > 0 => choices.fault(),
        Some(_) => Some(Failure::new(Kind::Malformed, "the answer has no choices")),
    };
    let choices = choices.unwrap_or_default();
    let mut glance = Glance {
        model: None,
        usage,
        service_tier: seen.service_tier.and_then(|tier| serde_json::from_slice(tier).ok()),
        stopped: choices.stopped,
        ended: fault.is_none(),
        content: choices.tally.pieces > 0,
        delivered_tokens: choices.tally.tokens(),
        fault,
    };
    if let Some(Ok(model)) = seen.model.map(serde_json::from_slice::<String>) {
        glance.served_by(&model);
    }
    glance
}

/// The members of an answer that matter, as they stand. What is `null` is not there.
#[derive(Default)]
struct Seen<'a> {
    /// With how they end, if they are a list of choices.
    choices: Option<(&'a [u8], Option<Choices>)>,
    usage: Option<&'a [u8]>,
    model: Option<&'a [u8]>,
    service_tier: Option<&'a [u8]>,
    error: bool,
}

impl<'a> Seen<'a> {
    /// `None` if the body is no JSON object.
    fn of(body: &'a [u8]) -> Option<Self> {
        std::str::from_utf8(body).ok()?;
        let (mut seen, mut scan) = (Self::default(), Scan::of(body));
        scan.object(|scan, key| {
            let into = match scan.key(key) {
                b"choices" => {
                    let (text, ends) = scan.look(Choices::pass)?;
                    seen.choices = Some((text, ends)).filter(|(text, _)| *text != b"null");
                    return Some(());
                }
                b"usage" => &mut seen.usage,
                b"model" => &mut seen.model,
                b"service_tier" => &mut seen.service_tier,
                name => {
                    let value = scan.raw()?;
                    seen.error |= name == b"error" && value != b"null";
                    return Some(());
                }
            };
            *into = Some(scan.raw()?).filter(|value| *value != b"null");
            Some(())
        })?;
        scan.is_over().then_some(seen)
    }
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
