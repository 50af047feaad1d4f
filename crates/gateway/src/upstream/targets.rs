//! The standing of every target that was used: whether it is set aside, how many retries it may get, its meters.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use govern::config::snapshot::{RetryRule, Target};
use llm::{
    failure::{Failure, Kind},
    tokens::{Calibration, Confidence, Count},
};

use crate::{
    clock::{micros, now_micros},
    observe::{Metrics, metric::TargetMeters},
};

/// The states of targets, by name.
pub struct Targets {
    states: RwLock<HashMap<Arc<str>, Arc<TargetState>>>,
    metrics: Arc<Metrics>,
}

/// What is known of a target from its answers. Shared by all requests.
#[derive(Debug)]
pub struct TargetState {
    pub meters: TargetMeters,
    /// It refused `stream_options` before, so it is not asked for usage.
    pub refuses_stream_options: AtomicBool,
    /// Microseconds since 1970 until when it is set aside; 0 if it is not.
    set_aside_until: AtomicI64,
    consecutive_failures: AtomicU32,
    /// Retries that it may get, in hundredths.
    retry_tokens: AtomicI64,
    /// What its reports say of our rule of thumb for tokens.
    calibration: Mutex<Calibration>,
    /// Tokens of an answer as a rule, in sixteenths; 0 until there was one.
    output: AtomicU64,
    /// Whole answers that were asked for as a sample.
    asked: AtomicU32,
}

/// States that are kept: names of `account/model` are made by callers.
const MOST_STATES: usize = 4_096;

/// Failures in a row after which a target is set aside.
const PATIENCE: u32 = 3;

/// How long a target rests after that, and after a refused credential.
const REST: Duration = Duration::from_secs(5);
const CREDENTIAL_REST: Duration = Duration::from_secs(60);

/// A target's longest rest, whatever its `Retry-After` says.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Retries that a target may get at once; they grow back with its first attempts.
const RETRY_BURST: i64 = 1_000;

impl Targets {
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { states: RwLock::default(), metrics }
    }

    /// The state of a target, made at its first use.
    pub fn state(&self, target: &Target) -> Arc<TargetState> {
        if let Some(state) = self.states.read().unwrap_or_else(PoisonError::into_inner).get(&target.name) {
            return state.clone();
        }
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        if states.len() >= MOST_STATES {
            states.clear();
        }
        let state = states.entry(target.name.clone());
        state.or_insert_with(|| Arc::new(TargetState::new(self.metrics.target(label(target))))).clone()
    }

    /// Whether a target is set aside at this time. A target that was never used is not.
    #[must_use]
    pub fn is_set_aside(&self, target: &Target, now: i64) -> bool {
        let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
        states.get(&target.name).is_some_and(|state| state.set_aside_until.load(Ordering::Relaxed) > now)
    }
}

/// The name in metrics: never one that only a caller made up.
#[must_use]
pub fn label(target: &Target) -> Arc<str> {
    if target.known.is_some() || target.configured {
        target.name.clone()
    } else {
        format!("{}/other", target.account.name).into()
    }
}

impl TargetState {
    fn new(meters: TargetMeters) -> Self {
        Self {
            meters,
            refuses_stream_options: AtomicBool::new(false),
            set_aside_until: AtomicI64::new(0),
            consecutive_failures: AtomicU32::new(0),
            retry_tokens: AtomicI64::new(RETRY_BURST),
            calibration: Mutex::default(),
            output: AtomicU64::new(0),
            asked: AtomicU32::new(0),
        }
    }

    /// Whether the prompt of the answer at hand is worth reckoning, to learn from: the first ones, then one in sixteen.
    pub fn samples(&self) -> bool {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        asked < 32 || asked.is_multiple_of(16)
    }

    /// Learns from what it reported of a prompt.
    pub fn learn(&self, reckoned: u64, reported: u64) {
        self.calibration.lock().unwrap_or_else(PoisonError::into_inner).learn(reckoned, reported);
    }

    /// Learns how long its answers are: the last ones count most.
    pub fn learn_output(&self, tokens: u64) {
        let sixteenths = tokens.min(u64::MAX / 64) * 16;
        let before = self.output.load(Ordering::Relaxed);
        let now = if before == 0 { sixteenths } else { (before * 7 + sixteenths) / 8 };
        if now != before {
            self.output.store(now, Ordering::Relaxed);
        }
    }

    /// Tokens of its answers as a rule; `None` if there was none.
    #[must_use]
    pub fn usual_output(&self) -> Option<u64> {
        Some(self.output.load(Ordering::Relaxed).div_ceil(16)).filter(|tokens| *tokens > 0)
    }

    /// What it would report of a prompt; `None` if it has reported too little.
    #[must_use]
    pub fn calibrated(&self, reckoned: u64) -> Option<Count> {
        let count = self.calibration.lock().unwrap_or_else(PoisonError::into_inner).correct(reckoned);
        (count.confidence == Confidence::Calibrated).then_some(count)
    }

    /// Notes a first attempt: a part of a retry is earned.
    pub fn begin(&self, rule: &RetryRule) {
        let earned = i64::from(rule.budget_percent);
        let _ = self.retry_tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
            Some((tokens + earned).min(RETRY_BURST)).filter(|next| *next != tokens)
        });
    }

    /// Takes one retry from the budget, if there is one.
    pub fn may_retry(&self) -> bool {
        self.retry_tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| (tokens >= 100).then_some(tokens - 100))
            .is_ok()
    }

    /// Notes an answer.
    pub fn succeeded(&self) {
        self.meters.succeeded();
        if self.consecutive_failures.load(Ordering::Relaxed) != 0 {
            self.consecutive_failures.store(0, Ordering::Relaxed);
        }
        if self.set_aside_until.load(Ordering::Relaxed) != 0 {
            self.set_aside_until.store(0, Ordering::Relaxed);
            self.meters.healthy(true);
        }
    }

    /// Notes a failure, and sets the target aside if it is the target's own and lasting.
    pub fn failed(&self, failure: &Failure) {
        self.meters.failed(failure.kind.as_str());
        let rest = match failure.kind {
            Kind::Credential | Kind::Payment => Some(CREDENTIAL_REST),
            Kind::RateLimited => Some(failure.retry_after.unwrap_or(Duration::from_secs(1))),
            Kind::Overloaded | Kind::Server | Kind::Timeout | Kind::Connect | Kind::Malformed => {
                let failures = self.consecutive_failures.fetch_add(1, Ordering::Relaxed) + 1;
                failure.retry_after.or_else(|| (failures >= PATIENCE).then_some(REST))
            }
            // The caller's own doing says nothing of the target.
            Kind::BadRequest
            | Kind::ContextWindow
            | Kind::ContentPolicy
            | Kind::StreamOptionsRefused
            | Kind::SignatureRefused
            | Kind::ModelNotFound
            | Kind::TooLarge => None,
        };
        if let Some(rest) = rest {
            self.set_aside_until.store(now_micros().saturating_add(micros(rest.min(LONGEST_REST))), Ordering::Relaxed);
            self.meters.healthy(false);
        }
    }
}
