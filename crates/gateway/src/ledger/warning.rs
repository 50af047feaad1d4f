//! Word of a share of a cap that is used up: once per window.

use std::sync::Arc;

use govern::{
    alert,
    limit::{Action, Amount, Limit, Measure, Mode, Now, Window, shown},
};

use super::{Met, counter::State, index::share};
use crate::alert::Alert;

/// A share of a cap was used up.
#[derive(Debug, Clone)]
pub struct Warning {
    pub limit: Arc<Limit>,
    pub measure: Measure,
    /// The counter, which names the entity.
    pub counter: Arc<str>,
    /// In percent.
    pub at: u8,
    pub used: Amount,
    pub most: Amount,
}

impl Warning {
    /// The warnings that are due on a counter, each once per window.
    pub(super) fn due(met: &Met, state: &mut State, now: Now, into: &mut Vec<Self>) {
        let measure = met.measure();
        let used = if measure == Measure::Concurrency { state.tally.held() } else { state.tally.used() };
        let warns = met.limit.steps.iter().filter(|step| step.action == Action::Warn);
        for step in warns.filter(|step| used > 0 && used >= share(met.most, step.at)) {
            let (clock, until) = match &met.counter.window {
                Window::Calendar(..) => {
                    (now.wall, now.wall.saturating_add(state.tally.resets(&met.counter.window, now).unwrap_or(0)))
                }
                Window::Sliding(width) => (now.steady, now.steady.saturating_add(*width)),
                Window::Lifetime => (now.steady, i64::MAX),
                Window::Moment => (now.steady, now.steady.saturating_add(QUIET)),
            };
            match state.warned.iter_mut().find(|(at, _)| *at == step.at) {
                Some((_, again)) if clock < *again => continue,
                Some((_, again)) => *again = until,
                None => state.warned.push((step.at, until)),
            }
            into.push(Self {
                limit: met.limit.clone(),
                measure,
                counter: met.counter.name.clone(),
                at: step.at,
                used,
                most: met.most,
            });
        }
    }

    /// Whether its limit refuses nothing.
    #[must_use]
    pub fn is_audit(&self) -> bool {
        self.limit.mode == Mode::Audit
    }

    /// What people are told.
    #[must_use]
    pub fn alert(&self) -> Alert {
        let (used, most) = (shown(self.measure, self.used), shown(self.measure, self.most));
        let summary = format!("limit {} has used {used} of {most} ({} %)", self.limit.id, self.at);
        Alert::new(alert::Kind::LimitWarning, format!("{}/{}", self.counter, self.at), summary)
            .with("limit", &*self.limit.id)
            .with("counter", &*self.counter)
            .with("measure", self.measure.name())
            .with("percent", self.at)
            .with("used", used)
            .with("most", most)
    }

    /// Tells the log.
    pub fn log(&self) {
        let (used, most) = (shown(self.measure, self.used), shown(self.measure, self.most));
        let audit = self.is_audit();
        tracing::warn!(
            limit = &*self.limit.id,
            counter = &*self.counter,
            measure = self.measure.name(),
            share = self.at,
            used,
            most,
            audit,
            "a share of a limit is used up"
        );
    }
}

/// Calls in flight come and go: they are warned of once in five minutes.
const QUIET: i64 = 300_000_000;
