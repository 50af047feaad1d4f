//! The meters of the process, in Prometheus' text format. Names and units: `docs/operations.md`.
//!
//! No label is made from what a caller wrote: models are labelled by their configured name or the catalogue's, anything
//! else as `other`.

use std::sync::{Arc, OnceLock, PoisonError, RwLock, atomic::AtomicU64};

use llm::usage::{Role, Unit as Sold};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::Record;
use crate::http::Surface;

/// Seconds or dollars.
pub type Amount = Counter<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    surface: &'static str,
    model: Arc<str>,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SurfaceLabel {
    surface: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabel {
    target: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnitLabels {
    target: Arc<str>,
    r#type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    target: Arc<str>,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    decision: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabel {
    sink: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// A family whose label is one of a few words of the program's own: comparing finds the member sooner than hashing.
struct Few<L, M, C = fn() -> M> {
    all: Family<L, M, C>,
    label: fn(&'static str) -> L,
    known: RwLock<Vec<(&'static str, M)>>,
}

impl<L: Clone + std::hash::Hash + Eq, M: Clone, C: MetricConstructor<M>> Few<L, M, C> {
    fn new(all: Family<L, M, C>, label: fn(&'static str) -> L) -> Self {
        Self { all, label, known: RwLock::default() }
    }

    fn of(&self, word: &'static str) -> M {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, member)) = known.iter().find(|(known, _)| *known == word) {
            return member.clone();
        }
        drop(known);
        let member = self.all.get_or_create_owned(&(self.label)(word));
        self.known.write().unwrap_or_else(PoisonError::into_inner).push((word, member.clone()));
        member
    }
}

/// Every meter of the process.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Few<SurfaceLabel, Histogram>,
    overheads: Few<StageLabel, Histogram>,
    first_tokens: Histograms<TargetLabel>,
    tokens: Family<UnitLabels, Counter>,
    units: Family<UnitLabels, Counter>,
    costs: Family<TargetLabel, Amount>,
    unpriced: Counter,
    estimated: Counter,
    attempts: Family<AttemptLabels, Counter>,
    health: Family<TargetLabel, Gauge>,
    limits: Decisions,
    guards: Decisions,
    alerts: Family<OutcomeLabel, Counter>,
    sink_failures: Family<SinkLabel, Counter>,
    /// Requests that have not ended.
    pub inflight: Gauge,
    /// Requests that were served by another target than the first.
    pub fallbacks: Counter,
    /// Records that were dropped because the queue was full.
    pub usage_dropped: Counter,
    pub journal: JournalMeters,
    /// Keys that were asked of the store: unknown here, but of the right form.
    pub key_lookups: Counter,
    /// The generation of the configuration in force.
    pub config_generation: Gauge,
    /// Configurations that were refused; the last good one stays in force.
    pub config_refused: Counter,
}

/// The meters of the spend journal.
#[derive(Default)]
pub struct JournalMeters {
    /// Bytes of its segments.
    pub bytes: Gauge,
    /// 0: well, 1: full, 2: failed.
    pub condition: Gauge,
    /// Calls that a start settled because the process before had not.
    pub recovered: Counter,
    /// Places where it was not what was written.
    pub damaged: Counter,
    /// Calls that were made without being written down (`on_full: degrade`).
    pub unwritten: Counter,
}

impl JournalMeters {
    fn register(&self, r: &mut Registry) {
        r.register("journal_size_bytes", "Bytes of the spend journal", self.bytes.clone());
        r.register("journal_condition", "0: well, 1: full, 2: failed", self.condition.clone());
        r.register("journal_recovered", "Calls settled at a start", self.recovered.clone());
        r.register("journal_damaged", "Damaged places found in the journal", self.damaged.clone());
        r.register("journal_unwritten", "Calls made without being written down", self.unwritten.clone());
    }
}

/// What was decided, `allow` or another word.
type Decisions = Few<DecisionLabels, Counter>;

/// The meters of one target, each looked up once and kept with its standing.
#[derive(Debug)]
pub struct TargetMeters {
    name: Arc<str>,
    attempts: Family<AttemptLabels, Counter>,
    successes: OnceLock<Counter>,
    tokens: Family<UnitLabels, Counter>,
    units: Family<UnitLabels, Counter>,
    /// Of each unit, whichever family it is in.
    used: [OnceLock<Counter>; Sold::ALL.len()],
    costs: Family<TargetLabel, Amount>,
    cost: OnceLock<Amount>,
    first_tokens: Histograms<TargetLabel>,
    first_token: OnceLock<Histogram>,
    health: Gauge,
}

impl TargetMeters {
    /// Counts an attempt that was answered.
    pub fn succeeded(&self) {
        self.successes.get_or_init(|| self.attempts.get_or_create_owned(&self.attempt("success"))).inc();
    }

    /// Counts an attempt by the kind of its failure.
    pub fn failed(&self, kind: &'static str) {
        self.attempts.get_or_create(&self.attempt(kind)).inc();
    }

    fn attempt(&self, outcome: &'static str) -> AttemptLabels {
        AttemptLabels { target: self.name.clone(), outcome }
    }

    /// Counts what an attempt that answered used and cost.
    pub fn used(&self, usage: &llm::Usage, cost: Option<govern::Money>) {
        for (unit, count) in usage.counted() {
            let family = if unit.role() == Role::Beside { &self.units } else { &self.tokens };
            let labels = || UnitLabels { target: self.name.clone(), r#type: unit.name() };
            if let Some(counter) = self.used.get(unit as usize) {
                counter.get_or_init(|| family.get_or_create_owned(&labels())).inc_by(count);
            }
        }
        if let Some(cost) = cost {
            #[expect(clippy::cast_precision_loss, reason = "a meter, not an account")]
            let dollars = cost.0 as f64 / 1e9;
            self.cost.get_or_init(|| self.costs.get_or_create_owned(&self.label())).inc_by(dollars);
        }
    }

    /// Measures the time to the first token.
    pub fn first_token(&self, micros: i64) {
        let histogram = || self.first_tokens.get_or_create_owned(&self.label());
        self.first_token.get_or_init(histogram).observe(seconds(micros));
    }

    fn label(&self) -> TargetLabel {
        TargetLabel { target: self.name.clone() }
    }

    /// 1: in use; 0: set aside.
    pub fn healthy(&self, healthy: bool) {
        self.health.set(healthy.into());
    }
}

impl Metrics {
    /// Registers every meter.
    #[must_use]
    pub fn new(version: &'static str) -> Arc<Self> {
        fn request_buckets() -> Histogram {
            Histogram::new(exponential_buckets(0.005, 2.0, 17))
        }
        fn overhead_buckets() -> Histogram {
            Histogram::new(exponential_buckets(0.000_01, 2.0, 16))
        }
        let decisions = || {
            Few::new(Family::new_with_constructor(Counter::default as fn() -> Counter), |decision| DecisionLabels {
                decision,
            })
        };
        let mut metrics = Self {
            registry: Registry::with_prefix("tollgate"),
            requests: Family::default(),
            durations: Few::new(Family::new_with_constructor(request_buckets), |surface| SurfaceLabel { surface }),
            overheads: Few::new(Family::new_with_constructor(overhead_buckets), |stage| StageLabel { stage }),
            first_tokens: Family::new_with_constructor(request_buckets),
            tokens: Family::default(),
            units: Family::default(),
            costs: Family::default(),
            unpriced: Counter::default(),
            estimated: Counter::default(),
            attempts: Family::default(),
            health: Family::default(),
            limits: decisions(),
            guards: decisions(),
            alerts: Family::default(),
            sink_failures: Family::default(),
            inflight: Gauge::default(),
            fallbacks: Counter::default(),
            usage_dropped: Counter::default(),
            journal: JournalMeters::default(),
            key_lookups: Counter::default(),
            config_generation: Gauge::default(),
            config_refused: Counter::default(),
        };
        metrics.register(version);
        Arc::new(metrics)
    }

    fn register(&mut self, version: &'static str) {
        let r = &mut self.registry;
        r.register("requests", "Requests by surface, model and status", self.requests.clone());
        r.register_with_unit(
            "request_duration",
            "From arrival to the last byte",
            Unit::Seconds,
            self.durations.all.clone(),
        );
        r.register_with_unit("overhead", "The gateway's own time", Unit::Seconds, self.overheads.all.clone());
        r.register_with_unit(
            "time_to_first_token",
            "From arrival to content",
            Unit::Seconds,
            self.first_tokens.clone(),
        );
        r.register("tokens", "Tokens by target and class", self.tokens.clone());
        r.register("units", "What is not sold by the token, by target and unit", self.units.clone());
        r.register("cost_usd", "Cost in US dollars by target", self.costs.clone());
        r.register("unpriced_requests", "Requests with tokens of unknown price", self.unpriced.clone());
        r.register("estimated_requests", "Requests whose cost is an estimate", self.estimated.clone());
        r.register("upstream_attempts", "Tries at targets by outcome", self.attempts.clone());
        r.register("target_health", "1: in use, 0: set aside", self.health.clone());
        r.register("limit_decisions", "Decisions of limits", self.limits.all.clone());
        r.register("guardrail_decisions", "Decisions of guardrails", self.guards.all.clone());
        r.register("alerts", "Alerts by what became of them", self.alerts.clone());
        r.register("sink_failed_records", "Records that a sink did not keep", self.sink_failures.clone());
        r.register("inflight_requests", "Requests that have not ended", self.inflight.clone());
        r.register("fallbacks", "Requests served by another target than the first", self.fallbacks.clone());
        r.register("usage_dropped", "Records dropped because the queue was full", self.usage_dropped.clone());
        self.journal.register(r);
        r.register("key_lookups", "Keys asked of the store", self.key_lookups.clone());
        r.register("config_generation", "The configuration in force", self.config_generation.clone());
        r.register("config_refused", "Configurations that were refused", self.config_refused.clone());
        let build: Family<BuildLabels, Gauge> = Family::default();
        build.get_or_create(&BuildLabels { version }).set(1);
        r.register("build_info", "The version that runs", build);
    }

    /// All meters as text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(16 << 10);
        // Writing to a string cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }

    /// Counts a request that has ended.
    pub fn request(&self, record: &Record, surface: Surface, model: Option<Arc<str>>) {
        let surface = surface.as_str();
        let model = model.unwrap_or_else(|| Arc::from("other"));
        self.requests.get_or_create(&RequestLabels { surface, model, status: record.status }).inc();
        self.durations.of(surface).observe(seconds(record.latency));
        if let Some(overhead) = record.overhead {
            self.overheads.of("request").observe(seconds(overhead));
        }
        if record.unpriced {
            self.unpriced.inc();
        }
        if record.estimated {
            self.estimated.inc();
        }
    }

    /// The meters of one target.
    #[must_use]
    pub fn target(&self, name: Arc<str>) -> TargetMeters {
        let health = self.health.get_or_create(&TargetLabel { target: name.clone() }).clone();
        health.set(1);
        TargetMeters {
            name,
            attempts: self.attempts.clone(),
            successes: OnceLock::new(),
            tokens: self.tokens.clone(),
            units: self.units.clone(),
            used: std::array::from_fn(|_| OnceLock::new()),
            costs: self.costs.clone(),
            cost: OnceLock::new(),
            first_tokens: self.first_tokens.clone(),
            first_token: OnceLock::new(),
            health,
        }
    }

    /// Counts a decision of a limit.
    pub fn limit(&self, decision: &'static str) {
        self.limits.of(decision).inc();
    }

    /// Counts a decision of a guardrail.
    pub fn guardrail(&self, decision: &'static str) {
        self.guards.of(decision).inc();
    }

    /// Counts an alert: `delivered`, `failed` or `dropped`.
    pub fn alert(&self, outcome: &'static str) {
        self.alerts.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts records that a sink did not keep.
    pub fn sink_failed(&self, sink: &'static str, records: usize) {
        self.sink_failures.get_or_create(&SinkLabel { sink }).inc_by(records as u64);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a meter, not an account")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
