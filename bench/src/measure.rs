//! The course of a run: scenario by scenario, subjects in turn, again and again.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use testkit::process;

use crate::{
    Run,
    load::{self, Seen, Shot},
    memory,
    report::{Added, Figures, Report, Row, median},
    scenario::{Form, Scenario},
    subject::{self, Subject},
    upstream::Upstream,
};

/// Share of the bare proxy's capacity at which time is measured: so low that nothing queues, for what a queue adds says
/// more of the machine's own pauses than of a gateway.
const EASY: f64 = 0.1;

/// How the runs of a scenario go.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    pub runs: usize,
    pub saturate: Duration,
    pub steady: Duration,
    /// The subject whose capacity sets the steady rate.
    pub pace: usize,
}

impl Course {
    pub fn of(run: &Run) -> Self {
        let (runs, saturate, steady) = if run.quick { (3, 500, 700) } else { (3, 1_000, 1_500) };
        Self {
            runs: run.runs.unwrap_or(runs),
            saturate: Duration::from_millis(saturate),
            steady: Duration::from_millis(steady),
            pace: BARE,
        }
    }
}

/// The place of the bare proxy among the subjects.
const BARE: usize = 1;

/// Measures Tollgate, the bare proxy and the upstream.
pub async fn all(run: &Run, upstream: &Upstream) -> Result<Report> {
    let mut report = Report::of(run);
    let mut subjects = vec![Subject::direct(upstream.address), Subject::bare(upstream.address, run.flavour)?];
    if !run.baseline {
        let binary = run.tollgate.clone().map_or_else(subject::build_tollgate, Ok)?;
        let tollgate = Subject::tollgate(&binary.canonicalize()?, upstream.address, run.flavour).await?;
        report.start_to_ready_ms = tollgate.start_to_ready.map(|ready| ready.as_secs_f64() * 1_000.0);
        report.memory.push(memory::idle(&tollgate));
        subjects.push(tollgate);
    }
    for scenario in scenarios(run)? {
        let mut course = Course::of(run);
        if run.runs.is_none() && !run.quick && Scenario::main().contains(&scenario) {
            course.runs = 5;
        }
        let row = row(course, upstream, scenario, &subjects).await;
        report.rows.push(row.with_context(|| scenario.name())?);
    }
    for subject in subjects.iter().skip(1) {
        report.memory.push(memory::after_load(subject));
        report.memory.push(memory::open_streams(subject, 1_000).await.context("1,000 open streams")?);
    }
    if let (Some(length), Some(tollgate)) = (run.soak, subjects.get(2)) {
        report.memory.extend(memory::soak(tollgate, upstream, length).await?);
    }
    Ok(report)
}

fn scenarios(run: &Run) -> Result<Vec<Scenario>> {
    let all = if run.quick && run.only.is_none() { Scenario::main() } else { Scenario::all() };
    let wanted = |scenario: &Scenario| run.only.as_ref().is_none_or(|text| scenario.name().contains(text));
    let chosen: Vec<_> = all.into_iter().filter(wanted).collect();
    let names: Vec<_> = Scenario::all().into_iter().map(Scenario::name).collect();
    ensure!(!chosen.is_empty(), "no scenario matches --only; there are {}", names.join(", "));
    Ok(chosen)
}

/// One scenario: every subject in turn, in each run. The first subject is the upstream itself, the second the bare proxy.
pub async fn row(course: Course, upstream: &Upstream, scenario: Scenario, subjects: &[Subject]) -> Result<Row> {
    let mut figures: Vec<Vec<Figures>> = subjects.iter().map(|_| Vec::new()).collect();
    let mut rate = None;
    for _ in 0..course.runs {
        for (subject, of_subject) in subjects.iter().zip(&mut figures) {
            let saturated = saturate(upstream, scenario, subject, course.saturate).await;
            of_subject.push(saturated.with_context(|| format!("{} saturated", subject.name))?);
        }
        let capacity = figures.get(course.pace).and_then(|of| of.first()).map_or(1.0, |first| first.per_second);
        let rate = *rate.get_or_insert(capacity * EASY);
        for (subject, of_subject) in subjects.iter().zip(&mut figures) {
            if let Some(last) = of_subject.last_mut() {
                let steady = steady(upstream, scenario, subject, (rate, course.steady), last).await;
                steady.with_context(|| format!("{} at {rate:.0} a second", subject.name))?;
            }
        }
    }
    let names = subjects.iter().map(|subject| subject.name);
    let row = Row::new(scenario.name(), rate.unwrap_or_default(), names.zip(figures).collect());
    eprintln!("{}", row.line());
    Ok(row)
}

async fn saturate(upstream: &Upstream, scenario: Scenario, subject: &Subject, window: Duration) -> Result<Figures> {
    upstream.set_gap(Duration::ZERO);
    let shot = subject.shot(scenario);
    let mut clock = Clock::new(subject);
    let seen = load::closed(&shot, scenario.connections(), window, || clock.read()).await?;
    let per_second = seen.requests as f64 / seen.elapsed.as_secs_f64();
    Ok(Figures {
        per_second,
        cpu_micros: clock.micros_per(seen.requests),
        busy: clock.busy(&seen),
        load_busy: clock.load_busy(&seen),
        ..Figures::default()
    })
}

/// Fills in what an easy load shows: processor time for each request and time to the first token.
async fn steady(
    upstream: &Upstream,
    scenario: Scenario,
    subject: &Subject,
    (rate, window): (f64, Duration),
    into: &mut Figures,
) -> Result<()> {
    upstream.set_gap(scenario.gap());
    // A stream must have time to end within the window, and more of them make the tick of the processor's clock finer.
    let window = if scenario.form == Form::Json { window } else { window * 3 / 2 };
    let shot: Shot = subject.shot(scenario);
    let mut clock = Clock::new(subject);
    let seen = load::open(&shot, rate, window, || clock.read()).await?;
    into.steady_cpu_micros = clock.micros_per(seen.requests);
    into.first_token = Added::of(&seen.first_token);
    into.latencies = seen.first_token;
    Ok(())
}

/// Processor time of a subject and of this process at both ends of a window.
struct Clock<'a> {
    subject: &'a Subject,
    readings: Vec<(Duration, Duration, Instant)>,
}

impl<'a> Clock<'a> {
    fn new(subject: &'a Subject) -> Self {
        Self { subject, readings: Vec::with_capacity(2) }
    }

    fn read(&mut self) {
        let own = process::cpu(std::process::id()).unwrap_or_default();
        self.readings.push((self.subject.cpu(), own, Instant::now()));
    }

    fn between(&self) -> (Duration, Duration) {
        match (self.readings.first(), self.readings.last()) {
            (Some(first), Some(last)) => (last.0.saturating_sub(first.0), last.1.saturating_sub(first.1)),
            _ => (Duration::ZERO, Duration::ZERO),
        }
    }

    /// Zero where the clock's tick of 10 ms is too coarse to say.
    fn micros_per(&self, requests: u64) -> f64 {
        let used = self.between().0;
        if used < Duration::from_millis(50) { 0.0 } else { used.as_secs_f64() * 1e6 / requests.max(1) as f64 }
    }

    fn busy(&self, seen: &Seen) -> f64 {
        self.between().0.as_secs_f64() / seen.elapsed.as_secs_f64()
    }

    fn load_busy(&self, seen: &Seen) -> f64 {
        self.between().1.as_secs_f64() / seen.elapsed.as_secs_f64()
    }
}

/// The median of the ratios of two subjects, run by run: what one run suffers, both of it suffer.
pub fn ratio(of: &[Figures], to: &[Figures], figure: impl Fn(&Figures) -> f64) -> Option<f64> {
    let ratios = of
        .iter()
        .zip(to)
        .filter(|(of, to)| figure(of) > 0.0 && figure(to) > 0.0)
        .map(|(of, to)| figure(of) / figure(to));
    median(ratios.collect())
}
