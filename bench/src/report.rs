//! Figures, as a table for people and as JSON for machines.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::{Flavour, Run, measure::ratio, memory::Reading};

/// What a whole run found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub flavour: &'static str,
    pub quick: bool,
    pub start_to_ready_ms: Option<f64>,
    pub rows: Vec<Row>,
    pub memory: Vec<Reading>,
    pub notes: Vec<String>,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub struct Row {
    pub scenario: String,
    /// Requests a second of the steady part.
    pub steady_rate: f64,
    pub subjects: Vec<OfSubject>,
}

/// One subject in one scenario.
#[derive(Debug, Serialize)]
pub struct OfSubject {
    pub subject: &'static str,
    /// Medians over the runs.
    pub median: Figures,
    /// Against the bare proxy: medians of the ratios run by run. `None` for the bare proxy and the upstream.
    pub against_bare: Option<Ratios>,
    /// Time to the first token beyond the upstream's own, over all runs.
    pub added_micros: Option<Added>,
    pub runs: Vec<Figures>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Ratios {
    pub throughput: Option<f64>,
    pub cpu: Option<f64>,
    pub steady_cpu: Option<f64>,
}

/// What one run found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// Requests a second when saturated.
    pub per_second: f64,
    /// Processor time for a request when saturated.
    pub cpu_micros: f64,
    /// Share of its core that it used when saturated: below 0.95 something else was the limit.
    pub busy: f64,
    /// Share of the load generator's core.
    pub load_busy: f64,
    /// Processor time for a request at the steady rate.
    pub steady_cpu_micros: f64,
    /// Time to the first token at the steady rate.
    pub first_token: Added,
    #[serde(skip)]
    pub latencies: Vec<Duration>,
}

/// Percentiles in microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Added {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

impl Added {
    /// Of ascending durations.
    pub fn of(sorted: &[Duration]) -> Self {
        let at = |percent: usize| {
            let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
            sorted.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
        };
        Self { p50: at(50), p95: at(95), p99: at(99) }
    }

    fn minus(self, other: Self) -> Self {
        Self { p50: self.p50 - other.p50, p95: self.p95 - other.p95, p99: self.p99 - other.p99 }
    }
}

impl Row {
    /// The first subject is the upstream itself, the second the bare proxy.
    pub fn new(scenario: String, steady_rate: f64, runs: Vec<(&'static str, Vec<Figures>)>) -> Self {
        let pooled: Vec<Added> = runs.iter().map(|(_, figures)| pool(figures)).collect();
        let direct = pooled.first().copied().unwrap_or_default();
        let bare: Vec<Figures> = runs.get(1).map(|(_, figures)| figures.clone()).unwrap_or_default();
        let subjects = runs.into_iter().zip(pooled).enumerate().map(|(at, ((subject, runs), first_token))| OfSubject {
            subject,
            median: medians(&runs),
            against_bare: (at > 1).then(|| Ratios {
                throughput: ratio(&runs, &bare, |run| run.per_second),
                cpu: ratio(&runs, &bare, |run| run.cpu_micros),
                steady_cpu: ratio(&runs, &bare, |run| run.steady_cpu_micros),
            }),
            added_micros: (at > 0).then(|| first_token.minus(direct)),
            runs,
        });
        Self { scenario, steady_rate, subjects: subjects.collect() }
    }

    /// The scenario in one line for each subject.
    pub fn line(&self) -> String {
        let lines = self.subjects.iter().map(|of| {
            let added = of.added_micros.unwrap_or_default();
            let (throughput, cpu, steady) = match &of.against_bare {
                Some(ratios) => (percent(ratios.throughput), times(ratios.cpu), times(ratios.steady_cpu)),
                None => ("".into(), "".into(), "".into()),
            };
            format!(
                "{:<22} {:<9} {:>9.0} {:>6} {:>8.1} {:>6} {:>5.0}% {:>5.0}% | {:>7.0} {:>8.1} {:>6} {:>8.0} {:>8.0} {:>8.0}",
                self.scenario,
                of.subject,
                of.median.per_second,
                throughput,
                of.median.cpu_micros,
                cpu,
                of.median.busy * 100.0,
                of.median.load_busy * 100.0,
                self.steady_rate,
                of.median.steady_cpu_micros,
                steady,
                added.p50,
                added.p95,
                added.p99,
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Report {
    pub fn of(run: &Run) -> Self {
        let flavour = match run.flavour {
            Flavour::CurrentThread => "current_thread",
            Flavour::MultiThread => "multi_thread",
        };
        Self { flavour, quick: run.quick, start_to_ready_ms: None, rows: vec![], memory: vec![], notes: vec![] }
    }

    #[expect(clippy::print_stdout, reason = "the table is what the command is for")]
    pub fn print(&self) {
        println!(
            "\n{:<22} {:<9} {:>9} {:>6} {:>8} {:>6} {:>6} {:>6} | {:>7} {:>8} {:>6} {:>8} {:>8} {:>8}",
            "scenario",
            "subject",
            "req/s",
            "bare",
            "cpu µs",
            "bare",
            "core",
            "load",
            "steady",
            "cpu µs",
            "bare",
            "+p50 µs",
            "+p95 µs",
            "+p99 µs"
        );
        for row in &self.rows {
            println!("{}", row.line());
        }
        println!();
        for reading in &self.memory {
            println!("{:<9} {:<20} {:>8.1} MiB", reading.subject, reading.when, reading.rss_mib);
        }
        if let Some(ready) = self.start_to_ready_ms {
            println!("start to ready {ready:.0} ms ({})", self.flavour);
        }
        for note in &self.notes {
            println!("{note}");
        }
        let starved = |of: &OfSubject| of.subject != "direct" && of.median.busy < 0.95;
        let starved: Vec<_> = self.rows.iter().filter(|row| row.subjects.iter().any(starved)).collect();
        if !starved.is_empty() {
            let names: Vec<_> = starved.iter().map(|row| row.scenario.as_str()).collect();
            println!("core below 95 %, so compare cpu and not req/s: {}", names.join(", "));
        }
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn medians(runs: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| median(runs.iter().map(figure).collect()).unwrap_or(0.0);
    Figures {
        per_second: of(|run| run.per_second),
        cpu_micros: of(|run| run.cpu_micros),
        busy: of(|run| run.busy),
        load_busy: of(|run| run.load_busy),
        steady_cpu_micros: of(|run| run.steady_cpu_micros),
        first_token: pool(runs),
        latencies: Vec::new(),
    }
}

/// Percentiles over the latencies of all runs.
fn pool(runs: &[Figures]) -> Added {
    let mut all: Vec<Duration> = runs.iter().flat_map(|run| run.latencies.iter().copied()).collect();
    all.sort_unstable();
    Added::of(&all)
}

fn percent(ratio: Option<f64>) -> String {
    let decimals = usize::from(ratio.is_some_and(|ratio| ratio < 0.1));
    ratio.map_or("-".to_owned(), |ratio| format!("{:.decimals$}%", ratio * 100.0))
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or("-".to_owned(), |ratio| format!("x{ratio:.2}"))
}
