//! Which targets, in which order.

use std::{borrow::Cow, sync::Arc};

use govern::{
    Code, Error,
    config::snapshot::{Target, Unpriced},
    route::{self, Ask, Plan, Standing},
};
use llm::provider::Operation;

use super::{Composed, Grant};
use crate::{clock::now_micros, upstream::Targets};

/// Orders the targets of the call. What it depends on is fetched here; the thinking is pure.
///
/// # Errors
/// 400 if the prompt fits the context of no target; 403 if `unpriced` leaves none.
pub fn plan(targets: &Targets, grant: &Grant, call: &Composed) -> Result<Plan, Error> {
    let now = now_micros();
    let standing = |target: &_| match targets.is_set_aside(target, now) {
        true => Standing::CoolingDown,
        false => Standing::Ready,
    };
    let may = priced(grant, call)?;
    let alone = may.len() == 1;
    let ask = Ask {
        // A single target is asked in any case: it knows its context best.
        prompt_tokens: if alone { None } else { prompt_tokens(call.asked.envelope.body()) },
        seed: now.unsigned_abs(),
        standing: &standing,
    };
    let mut plan = route::plan(grant.route.strategy, &may, &ask)?;
    if let Some(thread) = call.asked.thread.as_ref().filter(|thread| thread.sealed_by.is_some()) {
        // Whoever sealed a thought in the question is asked first: the others are not shown it.
        plan.targets.sort_by_key(|target| thread.is_foreign_to(target));
    }
    if !call.fallbacks {
        plan.targets.truncate(1);
    }
    Ok(plan)
}

/// The targets that may be asked: under `unpriced: deny` those of known price, under `estimate` also those of which a price
/// can be estimated. Counting tokens is free in any case.
fn priced<'a>(grant: &'a Grant, call: &Composed) -> Result<Cow<'a, [Arc<Target>]>, Error> {
    let operation = call.asked.surface.operation();
    let may = |target: &&Arc<Target>| match call.rules.settings.unpriced {
        Unpriced::Allow => true,
        Unpriced::Deny => target.price.is_some(),
        Unpriced::Estimate => target.price.is_some() || target.account.estimate(operation).is_some(),
    };
    if operation == Operation::CountTokens || grant.targets.iter().all(|target| may(&target)) {
        return Ok(Cow::Borrowed(&grant.targets));
    }
    let known: Vec<_> = grant.targets.iter().filter(may).cloned().collect();
    if known.is_empty() {
        let message =
            format!("the price of `{}` is not known, and the gateway refuses calls without one", grant.route.name);
        return Err(Error::new(Code::ModelUnpriced, message).at("model"));
    }
    Ok(Cow::Owned(known))
}

/// Tokens of the prompt, reckoned from its bytes; `None` if it holds pictures or files, whose bytes say nothing.
fn prompt_tokens(body: &[u8]) -> Option<u64> {
    let has = |needle: &[u8]| memchr::memmem::find(body, needle).is_some();
    if has(b"base64") {
        return None;
    }
    Some(body.len() as u64 / 4)
}
