//! The meters of the process, in Prometheus' text format. Names and units: `docs/operations.md`.
//!
//! No label is made from what a caller wrote: models are labelled by their configured name or the catalogue's, anything
//! else as `other`.

use std::sync::{Arc, OnceLock, atomic::AtomicU64};

use llm::usage::Role;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
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

/// Every meter of the process.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Histograms<SurfaceLabel>,
    overheads: Histograms<StageLabel>,
    overhead: OnceLock<Histogram>,
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
    sink_failures: Family<SinkLabel, Counter>,
    /// Requests that have not ended.
    pub inflight: Gauge,
    /// Requests that were served by another target than the first.
    pub fallbacks: Counter,
    /// Records that were dropped because the queue was full.
    pub usage_dropped: Counter,
    /// Keys that were asked of the store: unknown here, but of the right form.
    pub key_lookups: Counter,
    /// The generation of the configuration in force.
    pub config_generation: Gauge,
    /// Configurations that were refused; the last good one stays in force.
    pub config_refused: Counter,
}

/// What was decided, `allow` or another word. Most decisions allow: that meter is looked up once.
struct Decisions {
    all: Family<DecisionLabels, Counter>,
    allow: OnceLock<Counter>,
}

impl Decisions {
    fn count(&self, decision: &'static str) {
        let counter = || self.all.get_or_create_owned(&DecisionLabels { decision });
        match decision {
            "allow" => self.allow.get_or_init(counter).inc(),
            _ => counter().inc(),
        };
    }
}

/// The meters of one target, each looked up once and kept with its standing.
#[derive(Debug)]
pub struct TargetMeters {
    name: Arc<str>,
    attempts: Family<AttemptLabels, Counter>,
    successes: OnceLock<Counter>,
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
        let decisions = || Decisions { all: Family::default(), allow: OnceLock::new() };
        let mut metrics = Self {
            registry: Registry::with_prefix("tollgate"),
            requests: Family::default(),
            durations: Family::new_with_constructor(request_buckets),
            overheads: Family::new_with_constructor(overhead_buckets),
            overhead: OnceLock::new(),
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
            sink_failures: Family::default(),
            inflight: Gauge::default(),
            fallbacks: Counter::default(),
            usage_dropped: Counter::default(),
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
            self.durations.clone(),
        );
        r.register_with_unit("overhead", "The gateway's own time", Unit::Seconds, self.overheads.clone());
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
        r.register("sink_failed_records", "Records that a sink did not keep", self.sink_failures.clone());
        r.register("inflight_requests", "Requests that have not ended", self.inflight.clone());
        r.register("fallbacks", "Requests served by another target than the first", self.fallbacks.clone());
        r.register("usage_dropped", "Records dropped because the queue was full", self.usage_dropped.clone());
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
        self.durations.get_or_create(&SurfaceLabel { surface }).observe(seconds(record.latency));
        if let Some(overhead) = record.overhead {
            let meter = || self.overheads.get_or_create_owned(&StageLabel { stage: "request" });
            self.overhead.get_or_init(meter).observe(seconds(overhead));
        }
        if record.unpriced {
            self.unpriced.inc();
        }
        if record.estimated {
            self.estimated.inc();
        }
    }

    /// Counts what an attempt that answered used and cost.
    pub fn used(&self, target: &Arc<str>, usage: &llm::Usage, cost: Option<govern::Money>) {
        for (unit, count) in usage.counted() {
            let counters = if unit.role() == Role::Beside { &self.units } else { &self.tokens };
            counters.get_or_create(&UnitLabels { target: target.clone(), r#type: unit.name() }).inc_by(count);
        }
        if let Some(cost) = cost {
            #[expect(clippy::cast_precision_loss, reason = "a meter, not an account")]
            self.costs.get_or_create(&TargetLabel { target: target.clone() }).inc_by(cost.0 as f64 / 1e9);
        }
    }

    /// Measures the time to the first token.
    pub fn first_token(&self, target: &Arc<str>, micros: i64) {
        self.first_tokens.get_or_create(&TargetLabel { target: target.clone() }).observe(seconds(micros));
    }

    /// The meters of one target.
    #[must_use]
    pub fn target(&self, name: Arc<str>) -> TargetMeters {
        let health = self.health.get_or_create(&TargetLabel { target: name.clone() }).clone();
        health.set(1);
        TargetMeters { name, attempts: self.attempts.clone(), successes: OnceLock::new(), health }
    }

    /// Counts a decision of a limit.
    pub fn limit(&self, decision: &'static str) {
        self.limits.count(decision);
    }

    /// Counts a decision of a guardrail.
    pub fn guardrail(&self, decision: &'static str) {
        self.guards.count(decision);
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
