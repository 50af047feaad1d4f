//! A look at a whole answer that decodes nothing: the relay lane's tee.

use std::borrow::Cow;

use super::super::{error, usage};
use crate::{
    dialect::Glance,
    envelope::scan::{Scan, bare, unquoted},
    failure::{Failure, Kind},
    usage::{Delivered, Usage},
};

/// Usage, tier, end and failure of a whole answer. A body that is no answer is a fault: some servers report their
/// failures with status 200.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    let Some(seen) = Seen::of(body) else {
        return broken("the answer is not the JSON of a response");
    };
    let mut glance = seen.glance();
    match seen.output {
        None if glance.fault.is_none() => return broken("the answer has no output"),
        // What was said is counted only where the provider does not say it.
        Some(output) if glance.usage.is_none() => {
            let mut delivered = Delivered::default();
            delivered.add_bytes(output);
            glance.delivered_tokens = delivered.tokens();
        }
        _ => {}
    }
    glance
}

/// The same of the answer that the last event of a stream brings.
pub(in crate::dialect::openai_responses) fn glance_last(response: &[u8]) -> Option<Glance> {
    Seen::of(response).map(|seen| seen.glance())
}

/// The members of an answer that matter, as they stand. What is `null` is not there.
#[derive(Default)]
struct Seen<'a> {
    status: Option<&'a [u8]>,
    output: Option<&'a [u8]>,
    model: Option<&'a [u8]>,
    service_tier: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
    /// A `usage` that is no object says nothing.
    usage: Option<Usage>,
    searches: u64,
}

impl<'a> Seen<'a> {
    /// `None` if the body is no JSON object.
    fn of(body: &'a [u8]) -> Option<Self> {
        let (mut seen, mut scan) = (Self::default(), Scan::of(body));
        scan.object(|scan, key| {
            match scan.key(key) {
                b"status" => seen.status = scan.present()?,
                b"output" => seen.output = scan.present()?,
                b"model" => seen.model = scan.present()?,
                b"service_tier" => seen.service_tier = scan.present()?,
                b"error" => seen.error = scan.present()?,
                b"usage" => seen.usage = scan.look(usage::pass)?,
                b"tool_usage" => seen.searches = scan.look(usage::pass_searches)?.unwrap_or(0),
                _ => scan.value()?,
            }
            Some(())
        })?;
        scan.is_whole().then_some(seen)
    }

    fn glance(&self) -> Glance {
        let status = bare(self.status.unwrap_or_default());
        let fault = match self.error {
            Some(error) => Some(error::failure(&serde_json::from_slice(error).unwrap_or_default())),
            None if status == b"failed" => {
                Some(Failure::new(Kind::Server, "the provider says that the response failed"))
            }
            None => None,
        };
        let mut glance = Glance {
            usage: self.usage.map(|usage| Usage { web_searches: self.searches, ..usage }),
            service_tier: self.service_tier.and_then(unquoted).map(Cow::into_owned),
            stopped: fault.is_none() && !matches!(status, b"in_progress" | b"queued"),
            ended: fault.is_none(),
            content: self.output.is_some_and(|output| output.len() > "[]".len()),
            fault,
            ..Glance::default()
        };
        glance.served_by_raw(self.model);
        glance
    }
}

fn broken(message: &str) -> Glance {
    Glance { fault: Some(Failure::new(Kind::Malformed, message)), ..Glance::default() }
}
