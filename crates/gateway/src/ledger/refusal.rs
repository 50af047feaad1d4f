//! Why a limit refuses a call, in words that a caller can act on.

use std::time::Duration;

use govern::{
    Code, Error,
    limit::{Amount, Measure, Now, Tally, Window},
};
use jiff::Timestamp;

use super::{Met, index::PARALLEL};

/// A cap that has no room for a call.
#[derive(Debug, Clone)]
pub struct Refused {
    pub met: Met,
    pub used: Amount,
    pub held: Amount,
    pub need: Amount,
    /// Microseconds until there is room, if nothing else is taken; `None`: time alone makes none.
    pub wait: Option<i64>,
    /// Microseconds since 1970 when all is as if nothing had been used.
    resets_at: Option<i64>,
}

/// A wait beyond which a client's own retries are in vain.
const PATIENCE: Duration = Duration::from_secs(60);

impl Refused {
    pub(super) fn new(met: &Met, tally: &Tally, need: Amount, now: Now) -> Self {
        let window = &met.counter.window;
        Self {
            used: tally.used(),
            held: tally.held(),
            need,
            wait: tally.wait(window, now, need, met.allowed()),
            resets_at: tally.resets(window, now).map(|resets| now.wall.saturating_add(resets)),
            met: met.clone(),
        }
    }

    /// What the caller is told, whose key has this name.
    #[must_use]
    pub fn of_key(&self, name: &str) -> Error {
        let measure = self.met.measure();
        let (code, message) = match measure {
            Measure::Concurrency => (Code::TooManyConcurrent, self.crowded(name)),
            Measure::Spend => (Code::BudgetExceeded, self.words(measure)),
            _ => (Code::RateLimited, self.words(measure)),
        };
        let error = Error::new(code, message);
        match self.after() {
            Some(after) => error.retry_after(after).hopeless(after > PATIENCE),
            None => error.hopeless(true),
        }
    }

    /// When there may be room.
    fn after(&self) -> Option<Duration> {
        if self.need > self.met.allowed() {
            return None; // not in an empty window either
        }
        let soon = Duration::from_secs(1);
        match (self.wait, &self.met.counter.window) {
            // What is held comes back when calls end.
            (Some(0) | None, Window::Sliding(_) | Window::Calendar(..) | Window::Moment) => Some(soon),
            (Some(wait), _) => Some(Duration::from_micros(wait.unsigned_abs()).max(Duration::from_millis(1))),
            (None, Window::Lifetime) => (self.held > 0).then_some(soon),
        }
    }

    fn crowded(&self, key: &str) -> String {
        let Self { met, held, .. } = self;
        if &*met.limit.id == PARALLEL {
            return format!("key `{key}` has {held} calls in flight and may have {} (its `parallel`)", met.most);
        }
        format!("limit `{}`{} allows {} and has {held}", met.limit.id, self.whose(), met.measure().say(met.allowed()))
    }

    fn words(&self, measure: Measure) -> String {
        let Self { met, used, held, need, .. } = self;
        let allowed = met.allowed();
        let left = allowed.saturating_sub(used.saturating_add(*held));
        let mut words = format!(
            "limit `{}`{} allows {} {}: {} used",
            met.limit.id,
            self.whose(),
            measure.say(allowed),
            met.counter.window.say(),
            measure.say(*used),
        );
        if *held > 0 {
            words.push_str(&format!(", {} held by calls in flight", measure.say(*held)));
        }
        words.push_str(&format!(", {} left", measure.say(left)));
        if !measure.is_known_before() && *need > left {
            words.push_str(&format!("; this call may need {}", measure.say(*need)));
            if *need > allowed {
                words.push_str(", more than the whole limit: ask for fewer tokens (`max_tokens`)");
            }
        }
        if let Some(at) = self.resets_at.and_then(|at| Timestamp::from_microsecond(at).ok()) {
            words.push_str(&format!("; resets at {at:.0}"));
        }
        words
    }

    /// ` for user=alice`: the part of the counter's name behind its window.
    fn whose(&self) -> String {
        let prefix = self
            .met
            .limit
            .caps
            .get(self.met.place)
            .map_or(0, |cap| self.met.limit.id.len() + cap.measure.name().len() + cap.window.to_string().len() + 3);
        match self.met.counter.name.get(prefix..) {
            Some(entity) if !entity.is_empty() => format!(" for {entity}"),
            _ => String::new(),
        }
    }
}
