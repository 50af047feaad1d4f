//! Tries the targets of the plan until a first event arrives. Nothing has reached the caller before that, so a failure
//! here can be mended by another try; after it, never.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use govern::{
    Code, Error, alert,
    config::snapshot::Target,
    route::{Again, Plan, again},
};
use llm::failure::{Failure, Kind, Retry};

use super::{
    Composed, Grant,
    attempt::{Tried, attempt},
    encode::Without,
    reserve::cover,
};
use crate::{
    Gateway,
    alert::Alert,
    body::{Done, Waiting},
    observe::Recording,
    upstream::TargetState,
};

/// What came of a call: an answer, or a stream that is silent still.
pub enum Sent {
    Done(Done),
    /// No content came within the keepalive interval. The caller's connection is kept alive while the tries go on.
    Waiting(Waiting),
}

/// A call with all that its tries need.
pub(super) struct Dispatch {
    pub gw: Arc<Gateway>,
    pub grant: Grant,
    pub call: Composed,
    pub record: Recording,
}

/// Sends the call to the first target that answers.
///
/// # Errors
/// The last failure, or the caller's own mistake.
pub async fn dispatch(
    gw: &Arc<Gateway>,
    (grant, plan): (Grant, Plan),
    call: Composed,
    record: &Recording,
) -> Result<Sent, Error> {
    let overhead = record.elapsed();
    record.with(|record| record.overhead = Some(overhead));
    let patience = call.stream.then_some(call.rules.settings.keepalive);
    let policy = plan.targets.first().map(|target| target.account.on_disconnect).unwrap_or_default();
    let dispatch = Dispatch { gw: gw.clone(), grant, call, record: record.clone() };
    let mut work = Waiting::new(gw.clone(), record.clone(), policy, dispatch.run(plan).boxed());
    // A whole answer is waited for; there is nothing to keep the caller's connection alive with.
    let Some(patience) = patience else { return Ok(Sent::Done(work.await?)) };
    match tokio::time::timeout(patience, &mut work).await {
        Ok(done) => Ok(Sent::Done(done?)),
        Err(_silent) => Ok(Sent::Waiting(work)),
    }
}

impl Dispatch {
    /// Tries target after target.
    async fn run(self, plan: Plan) -> Result<Done, Error> {
        let mut tries = 0;
        let mut last = None;
        for (place, target) in plan.targets.iter().enumerate() {
            match self.try_target(target, &mut tries).await {
                Ok(done) => {
                    if place > 0 {
                        self.gw.metrics.fallbacks.inc();
                    }
                    return Ok(done);
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => last = Some(error),
            }
            if tries >= self.call.retry.total_attempts || self.left() == Duration::ZERO {
                break;
            }
        }
        Err(last.unwrap_or_else(|| Error::new(Code::Internal, "the model has no target")))
    }

    /// Tries one target, again if that can help.
    async fn try_target(&self, target: &Arc<Target>, tries: &mut u32) -> Result<Done, Error> {
        let state = self.gw.targets.state(target);
        let rule = &self.call.retry;
        state.begin(rule);
        let mut without = Without {
            stream_options: state.refuses_stream_options.load(Ordering::Relaxed),
            thinking: self.call.asked.thread.as_ref().is_some_and(|thread| thread.is_foreign_to(target)),
            unfit: None,
        };
        let mut mended = 0;
        for number in 1.. {
            if *tries > 0 {
                // The first has its place; each further one needs one on top of what was used.
                cover(&self.gw, &self.grant, &self.call, target, &self.record)?;
            }
            *tries += 1;
            let failure = match attempt(self, (target, &state), &without).await? {
                Tried::Good(done) => {
                    state.succeeded();
                    return Ok(done);
                }
                Tried::Blocked(error) => {
                    state.succeeded();
                    return Err(error);
                }
                Tried::Unfit(unfit) => {
                    state.succeeded();
                    if without.unfit.is_some() || *tries >= rule.total_attempts {
                        let message = "the model's answers do not follow the schema that was asked for";
                        return Err(Error::new(Code::SchemaUnmet, message).because(unfit.wrong));
                    }
                    without.unfit = Some(unfit); // asked once more, with what was wrong
                    mended += 1;
                    continue;
                }
                Tried::Bad(failure) => failure,
            };
            state.failed(&failure);
            self.alarm(target, &failure);
            if mend(&failure, &mut without, &state) {
                mended += 1;
                continue;
            }
            let may_wait = failure.kind.retry() == Retry::Here && *tries < rule.total_attempts;
            let seed = self.record.id().as_u64_pair().1.wrapping_add(number.into());
            match again(rule, number - mended, seed, failure.retry_after, self.left()) {
                Again::After(pause) if may_wait && state.may_retry() => tokio::time::sleep(pause).await,
                _ => return Err(failure.into()),
            }
        }
        Err(Error::new(Code::Internal, "tries without end"))
    }

    /// A credential that the provider does not take is the operator's to mend: no retry helps.
    fn alarm(&self, target: &Target, failure: &Failure) {
        let problem = match failure.kind {
            Kind::Credential => "refuses the gateway's credential",
            Kind::Payment => "says that the gateway's account has no credit",
            _ => return,
        };
        let account = &*target.account.name;
        let summary = format!("the provider of account {account} {problem}");
        let alert = Alert::new(alert::Kind::CredentialRefused, account, summary).with("account", account);
        self.gw.alerts.raise(alert.with("status", failure.status));
    }

    /// The time until the call must be over.
    pub(super) fn left(&self) -> Duration {
        self.call.deadline.saturating_duration_since(Instant::now())
    }
}

/// Whether no other target would do better: the request itself is wrong, a guard has judged, or no call can be written
/// down.
fn is_final(error: &Error) -> bool {
    matches!(error.code, Code::GuardrailBlocked | Code::JournalUnavailable)
        || error.failure.as_ref().is_some_and(|failure| failure.kind.retry() == Retry::Never)
}

/// Leaves out what the target refused, once; the next try follows at once.
fn mend(failure: &Failure, without: &mut Without, state: &TargetState) -> bool {
    let left_out = match failure.kind {
        Kind::StreamOptionsRefused => {
            state.refuses_stream_options.store(true, Ordering::Relaxed);
            &mut without.stream_options
        }
        Kind::SignatureRefused => &mut without.thinking,
        _ => return false,
    };
    !std::mem::replace(left_out, true)
}
