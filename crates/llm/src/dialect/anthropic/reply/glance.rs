//! A look at a whole answer that decodes nothing: the relay lane's tee.

use super::super::{error, usage::Counts};
use crate::{
    dialect::Glance,
    envelope::scan::Scan,
    failure::{Failure, Kind},
    usage::weigh,
};

/// Usage, tier and stop of a whole answer without building it. A body that is no answer is a fault.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    let broken = |fault| Glance { fault: Some(fault), ended: true, ..Glance::default() };
    let malformed = |message| broken(Failure::new(Kind::Malformed, message));
    let Some(seen) = Seen::of(body) else { return malformed("the answer is not the JSON of a message") };
    if seen.kind == Some(b"\"error\"") {
        return broken(error::fault(body));
    }
    // The answer to `count_tokens` has `input_tokens` and nothing else.
    if seen.content.or(seen.input_tokens).is_none() {
        return malformed("the answer has no content");
    }
    let content = seen.content.unwrap_or_default();
    let mut glance = Glance {
        model: None,
        usage: seen.counts.as_ref().map(Counts::usage),
        service_tier: seen.counts.and_then(|counts| counts.service_tier),
        stopped: seen.stop_reason.is_some(),
        ended: true,
        content: content.len() > "[]".len(),
        delivered_tokens: weigh(content).tokens(),
        fault: None,
    };
    glance.served_by_raw(seen.model);
    glance
}

/// The members of an answer that matter, as they stand. What is `null` is not there.
#[derive(Default)]
struct Seen<'a> {
    kind: Option<&'a [u8]>,
    model: Option<&'a [u8]>,
    content: Option<&'a [u8]>,
    stop_reason: Option<&'a [u8]>,
    input_tokens: Option<&'a [u8]>,
    /// A `usage` that is no object says nothing.
    counts: Option<Counts>,
}

impl<'a> Seen<'a> {
    /// `None` if the body is no JSON object.
    fn of(body: &'a [u8]) -> Option<Self> {
        let (mut seen, mut scan) = (Self::default(), Scan::of(body));
        scan.object(|scan, key| {
            match scan.key(key) {
                b"type" => seen.kind = scan.present()?,
                b"model" => seen.model = scan.present()?,
                b"content" => seen.content = scan.present()?,
                b"stop_reason" => seen.stop_reason = scan.present()?,
                b"input_tokens" => seen.input_tokens = scan.present()?,
                b"usage" => seen.counts = scan.look(Counts::pass)?,
                _ => scan.value()?,
            }
            Some(())
        })?;
        scan.is_whole().then_some(seen)
    }
}
