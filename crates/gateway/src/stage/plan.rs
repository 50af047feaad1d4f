//! Which targets, in which order.

use govern::{
    Error,
    route::{self, Ask, Plan, Standing},
};

use super::{Composed, Grant};
use crate::{clock::now_micros, upstream::Targets};

/// Orders the targets of the call. What it depends on is fetched here; the thinking is pure.
///
/// # Errors
/// 400 if the prompt fits the context of no target.
pub fn plan(targets: &Targets, grant: &Grant, call: &Composed) -> Result<Plan, Error> {
    let now = now_micros();
    let standing = |target: &_| match targets.is_set_aside(target, now) {
        true => Standing::CoolingDown,
        false => Standing::Ready,
    };
    let alone = grant.targets.len() == 1;
    let ask = Ask {
        // A single target is asked in any case: it knows its context best.
        prompt_tokens: if alone { None } else { prompt_tokens(call.asked.envelope.body()) },
        seed: now.unsigned_abs(),
        standing: &standing,
    };
    let mut plan = route::plan(grant.route.strategy, &grant.targets, &ask)?;
    if !call.fallbacks {
        plan.targets.truncate(1);
    }
    Ok(plan)
}

/// Tokens of the prompt, reckoned from its bytes; `None` if it holds pictures or files, whose bytes say nothing.
fn prompt_tokens(body: &[u8]) -> Option<u64> {
    let has = |needle: &[u8]| memchr::memmem::find(body, needle).is_some();
    if has(b"base64") {
        return None;
    }
    Some(body.len() as u64 / 4)
}
