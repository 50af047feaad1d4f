//! A look at a whole answer that decodes nothing: the relay lane's tee.

use std::borrow::Cow;

use super::{super::usage, failed};
use crate::{
    dialect::Glance,
    envelope::scan::{Scan, member, unquoted},
    failure::{Failure, Kind},
    usage::{Usage, weigh},
};

/// Usage, tier and stop of a whole answer without building it. A body that is no answer is a fault.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    let broken =
        |why: &str| Glance { fault: Some(Failure::new(Kind::Malformed, why)), ended: true, ..Glance::default() };
    let Some(seen) = Seen::of(body) else { return broken("the answer is not the JSON of a Converse answer") };
    // The answer to `count-tokens` has `inputTokens` and nothing else.
    if seen.output.or(seen.input_tokens).is_none() {
        return broken("the answer has no output");
    }
    let reason = seen.stop_reason.and_then(unquoted);
    Glance {
        usage: seen.usage,
        service_tier: seen.service_tier.and_then(tier),
        stopped: reason.is_some(),
        ended: true,
        content: seen.output.is_some(),
        delivered_tokens: weigh(seen.output.unwrap_or_default()).tokens(),
        fault: reason.as_deref().and_then(failed),
        ..Glance::default()
    }
}

/// The tier of a `serviceTier` object.
pub(in crate::dialect::bedrock) fn tier(tier: &[u8]) -> Option<String> {
    member(tier, b"type").and_then(unquoted).map(Cow::into_owned)
}

/// The members of an answer that matter, as they stand. What is `null` is not there.
#[derive(Default)]
struct Seen<'a> {
    output: Option<&'a [u8]>,
    stop_reason: Option<&'a [u8]>,
    service_tier: Option<&'a [u8]>,
    input_tokens: Option<&'a [u8]>,
    /// A `usage` that is no object says nothing.
    usage: Option<Usage>,
}

impl<'a> Seen<'a> {
    /// `None` if the body is no JSON object.
    fn of(body: &'a [u8]) -> Option<Self> {
        let (mut seen, mut scan) = (Self::default(), Scan::of(body));
        scan.object(|scan, key| {
            match scan.key(key) {
                b"output" => seen.output = scan.present()?,
                b"stopReason" => seen.stop_reason = scan.present()?,
                b"serviceTier" => seen.service_tier = scan.present()?,
                b"inputTokens" => seen.input_tokens = scan.present()?,
                b"usage" => seen.usage = scan.look(usage::pass)?,
                _ => scan.value()?,
            }
            Some(())
        })?;
        scan.is_whole().then_some(seen)
    }
}
