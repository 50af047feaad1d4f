//! A look at a whole answer that decodes what is needed: the relay lane's tee.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::super::{error, usage};
use crate::{
    dialect::Glance,
    failure::{Failure, Kind},
    usage::Delivered,
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_usage: Option<&'a RawValue>,
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
        return broken("the answer is not the JSON of a response");
    };
    let mut glance = look(&seen);
    match seen.output {
        None if glance.fault.is_none() => return broken("the answer has no output"),
        Some(output) => {
            glance.content = output.get().len() > 2;
            // What was said is counted only where the provider does not say it.
            if glance.usage.is_none() {
                let mut delivered = Delivered::default();
                delivered.add(output.get());
                glance.delivered_tokens = delivered.tokens();
            }
        }
        None => {}
    }
    glance
}

/// The same of the answer that the last event of a stream brings.
pub(in crate::dialect::openai_responses) fn glance_last(response: &str) -> Option<Glance> {
    let seen = serde_json::from_str::<Body<'_>>(response).ok()?;
    let content = seen.output.is_some_and(|output| output.get().len() > 2);
    Some(Glance { content, ..look(&seen) })
}

fn look(seen: &Body<'_>) -> Glance {
    let parsed =
        |raw: Option<&RawValue>| raw.map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap_or_default());
    let counts = serde_json::json!({"usage": parsed(seen.usage), "tool_usage": parsed(seen.tool_usage)});
    let error = parsed(seen.error);
    let status = seen.status.map_or("", |status| status.get().trim_matches('"'));
    let fault = match (&error, status) {
        (Value::Null, "failed") => Some(Failure::new(Kind::Server, "the provider says that the response failed")),
        (Value::Null, _) => None,
        (error, _) => Some(error::failure(error)),
    };
    let mut glance = Glance {
        usage: usage::read(&counts.into()),
        service_tier: seen.service_tier.and_then(|tier| serde_json::from_str(tier.get()).ok()),
        stopped: fault.is_none() && !matches!(status, "in_progress" | "queued"),
        ended: fault.is_none(),
        fault,
        ..Glance::default()
    };
    glance.served_by_raw(seen.model);
    glance
}

fn broken(message: &str) -> Glance {
    Glance { fault: Some(Failure::new(Kind::Malformed, message)), ..Glance::default() }
}
