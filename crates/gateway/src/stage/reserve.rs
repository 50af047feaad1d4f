//! Limits: a place for the call in every one that it meets, held until the record is closed.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use govern::{
    Code, Error,
    access::permitted,
    config::snapshot::Target,
    limit::{Action, Limit, Subject},
    route::Plan,
};

use llm::provider::Operation;

use super::{
    Caller, Composed, Grant,
    need::{as_a_rule, at_most},
    plan,
};
use crate::{
    Gateway, InForce,
    clock::now,
    http::Surface,
    ledger::{Covered, Meeting, Needs, NoPlace, Refused},
    observe::{Record, Recording},
};

/// Plans the call, sends it to another model where a limit says so, and takes its place in the limits of the first target
/// that has one. Targets without a place are left out.
///
/// # Errors
/// 429 naming the limit; what a plan is refused for.
pub async fn reserve(
    gw: &Gateway,
    mut grant: Grant,
    call: &mut Composed,
    record: &Recording,
) -> Result<(Grant, Plan), Error> {
    let rules = call.rules.clone();
    let mut ordered = plan(&gw.targets, &grant, call)?;
    if rules.limits.downgrades()
        && let Some(target) = ordered.targets.first()
        && let Some(limit) = due_downgrade(gw, &rules, &grant, target, record)
        && let Some(other) = redirected(&rules, &grant, &limit, call.asked.surface.operation())
    {
        (grant, ordered) = redirect(gw, other, call, &limit, record)?;
    }
    let refused = match first_place(gw, &grant, call, &mut ordered, record) {
        Ok(()) => return Ok((grant, ordered)),
        Err(refused) => refused,
    };
    // What is too dear here may be cheap enough there.
    if let NoPlace::Full(full) = &refused
        && record.with(|record| record.downgraded_by.is_none())
        && let Some(other) = redirected(&rules, &grant, &full.met.limit, call.asked.surface.operation())
    {
        let limit = full.met.limit.clone();
        let (other, mut others) = redirect(gw, other, call, &limit, record)?;
        if first_place(gw, &other, call, &mut others, record).is_ok() {
            return Ok((other, others));
        }
    }
    let NoPlace::Full(full) = &refused else { return Err(told(&grant, &refused)) };
    if let Some((wait, places)) = queue(&full.met.limit) {
        let mut again = plan(&gw.targets, &grant, call)?;
        let until = call.deadline.min(Instant::now() + wait);
        if queued(gw, &grant, (call, &mut again), (full, places, until), record).await {
            return Ok((grant, again));
        }
    }
    if let Some(reached) = full.met.reached() {
        gw.alerts.raise(reached);
    }
    Err(told(&grant, &refused))
}

/// Takes the place of a try at this target. What it needs beyond what the call holds already is taken on top.
///
/// # Errors
/// 429 naming the limit.
pub(super) fn cover(
    gw: &Gateway,
    grant: &Grant,
    call: &Composed,
    target: &Arc<Target>,
    record: &Recording,
) -> Result<(), Error> {
    place_call(gw, grant, call, target, record).map_err(|refused| told(grant, &refused))
}

/// As [`cover`], for what passes unread.
///
/// # Errors
/// 429 naming the limit.
pub(super) fn cover_unread(
    gw: &Gateway,
    rules: &InForce,
    grant: &Grant,
    (target, needs): (&Arc<Target>, &Needs<'_>),
    record: &Recording,
) -> Result<(), Error> {
    place(gw, rules, grant, (target, needs), record).map_err(|refused| told(grant, &refused))
}

/// The first target with a place becomes the first of the plan.
fn first_place(
    gw: &Gateway,
    grant: &Grant,
    call: &Composed,
    plan: &mut Plan,
    record: &Recording,
) -> Result<(), NoPlace> {
    let mut refused = None;
    while let Some(target) = plan.targets.first() {
        match place_call(gw, grant, call, target, record) {
            Ok(()) => return Ok(()),
            // The refusal of the target that was wanted most is told.
            Err(no) => refused = refused.or(Some(no)),
        }
        plan.targets.remove(0);
    }
    refused.map_or(Ok(()), Err)
}

fn place_call(
    gw: &Gateway,
    grant: &Grant,
    call: &Composed,
    target: &Arc<Target>,
    record: &Recording,
) -> Result<(), NoPlace> {
    let (most, usual) = (|| at_most(call, target), || as_a_rule(gw, call, target));
    place(gw, &call.rules, grant, (target, &Needs::new(&most, &usual)), record)
}

/// Takes a place, and notes what came of it.
fn place(
    gw: &Gateway,
    rules: &InForce,
    grant: &Grant,
    (target, needs): (&Arc<Target>, &Needs<'_>),
    record: &Recording,
) -> Result<(), NoPlace> {
    let Some(meeting) = meeting(gw, rules, grant, target, record) else { return Ok(()) };
    let covered = record.with(|noted| {
        let met = meeting.of(&gw.ledger, &subject(grant, target, record.surface(), Words::of(noted)));
        let tries: Vec<_> = noted.used().collect();
        let Covered { would_refuse, warnings } = record.hold().cover(met, (&target.name, needs), &tries, now())?;
        drop(tries);
        for limit in would_refuse {
            if !noted.would_refuse.contains(&limit) {
                gw.metrics.limit("would_refuse");
                noted.would_refuse.push(limit);
            }
        }
        Ok(warnings)
    });
    gw.metrics.limit(if covered.is_ok() { "allow" } else { "refuse" });
    covered?.into_iter().for_each(|warning| gw.sinks.warn(warning));
    Ok(())
}

/// What a call meets at a target; `None`: nothing.
fn meeting(gw: &Gateway, rules: &InForce, grant: &Grant, target: &Target, record: &Recording) -> Option<Arc<Meeting>> {
    let Caller { principal, key } = &grant.caller;
    let subject = subject(grant, target, record.surface(), Words::NONE);
    rules.limits.meeting(&gw.ledger, principal, key, &subject).filter(|meeting| !meeting.is_empty())
}

/// What the caller says of a call.
#[derive(Clone, Copy)]
struct Words<'a> {
    end_user: Option<&'a str>,
    tags: &'a BTreeMap<String, String>,
}

impl<'a> Words<'a> {
    const NONE: Words<'static> = Words { end_user: None, tags: &BTreeMap::new() };

    fn of(record: &'a Record) -> Self {
        Self { end_user: record.user.as_deref(), tags: &record.tags }
    }
}

fn subject<'a>(grant: &'a Grant, target: &'a Target, surface: Surface, words: Words<'a>) -> Subject<'a> {
    Subject {
        principal: &grant.caller.principal,
        key: &grant.caller.key,
        route: &grant.route.name,
        target,
        operation: surface.operation(),
        end_user: words.end_user,
        tags: words.tags,
    }
}

/// The limit that sends such a call to another model by now.
fn due_downgrade(
    gw: &Gateway,
    rules: &InForce,
    grant: &Grant,
    target: &Target,
    record: &Recording,
) -> Option<Arc<Limit>> {
    let meeting = meeting(gw, rules, grant, target, record)?;
    let met = record.with(|noted| meeting.of(&gw.ledger, &subject(grant, target, record.surface(), Words::of(noted))));
    let now = now();
    met.into_iter()
        .find(|met| met.is_due(|action| matches!(action, Action::Downgrade { .. }), now))
        .map(|met| met.limit)
}

/// The right to the model that a limit sends calls to; `None` if it sends them nowhere, or the caller may not go there.
fn redirected(rules: &InForce, grant: &Grant, limit: &Limit, operation: Operation) -> Option<Grant> {
    let to = limit.steps.iter().find_map(|step| match &step.action {
        Action::Downgrade { to } => Some(to),
        _ => None,
    })?;
    let route = rules.resolve(to)?.route;
    let targets = permitted(&grant.caller.key, &route, Some(operation)).ok()?;
    (route.name != grant.route.name).then(|| Grant { caller: grant.caller.clone(), route, targets })
}

fn redirect(
    gw: &Gateway,
    grant: Grant,
    call: &mut Composed,
    limit: &Limit,
    record: &Recording,
) -> Result<(Grant, Plan), Error> {
    call.redirect(&grant);
    let plan = plan(&gw.targets, &grant, call)?;
    gw.metrics.limit("downgrade");
    record.with(|record| record.downgraded_by = Some(limit.id.clone()));
    Ok((grant, plan))
}

/// How long calls wait for room in a limit, and how many at once; `None`: they do not.
fn queue(limit: &Limit) -> Option<(Duration, u32)> {
    limit.steps.iter().find_map(|step| match step.action {
        Action::Queue { wait, places } => Some((wait, places)),
        _ => None,
    })
}

/// How often a waiting call looks whether there is room.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for room; whether it came.
async fn queued(
    gw: &Gateway,
    grant: &Grant,
    (call, plan): (&Composed, &mut Plan),
    (full, places, until): (&Refused, u32, Instant),
    record: &Recording,
) -> bool {
    let Some(_place) = full.met.counter.wait(places) else { return false };
    gw.metrics.limit("queue");
    let all = plan.targets.clone();
    while Instant::now() < until {
        tokio::time::sleep(LOOK.min(until.saturating_duration_since(Instant::now()))).await;
        plan.targets.clone_from(&all);
        if first_place(gw, grant, call, plan, record).is_ok() {
            return true;
        }
    }
    false
}

/// What the caller is told.
fn told(grant: &Grant, refused: &NoPlace) -> Error {
    match refused {
        NoPlace::Full(full) => full.of_key(&grant.caller.key.name),
        NoPlace::Unpriced(met) => {
            let message = format!(
                "the price of `{}` is not known, and limit `{}` on spend must know it: the operator must set one",
                grant.route.name, met.limit.id
            );
            Error::new(Code::ModelUnpriced, message).at("model")
        }
    }
}
