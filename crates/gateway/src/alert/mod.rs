//! Tells people what needs attention: one file per way of telling.
//!
//! Whoever notices something raises an [`Alert`] and goes on: the queue is bounded, and what does not fit is counted. A
//! task tells every recipient that wants it, and the same thing only once an hour. It is deliberately no event bus:
//! records, metrics and traces say what happens all the time.

mod email;
mod pagerduty;
mod slack;
mod task;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::Arc;

use govern::alert::Kind;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{clock::now_micros, observe::Metrics};

pub use task::AlertTask;

/// Something that people shall know.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub id: Uuid,
    /// Microseconds since 1970.
    pub at: i64,
    pub kind: Kind,
    /// What it is about, such as a limit in one window: alerts of one kind about one subject are one alert.
    pub subject: String,
    /// One sentence for people. It holds no secret and nothing that a caller wrote.
    pub summary: String,
    /// The same for programs.
    pub details: Map<String, Value>,
}

impl Alert {
    #[must_use]
    pub fn new(kind: Kind, subject: impl Into<String>, summary: impl Into<String>) -> Self {
        let (subject, summary) = (subject.into(), summary.into());
        Self { id: Uuid::now_v7(), at: now_micros(), kind, subject, summary, details: Map::new() }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// RFC 3339, in UTC.
    fn time(&self) -> String {
        jiff::Timestamp::from_microsecond(self.at).unwrap_or_default().to_string()
    }
}

/// Alerts that wait. They are rare: more than this at once is a flood.
const QUEUE: usize = 256;

/// The entrance of the queue.
#[derive(Clone)]
pub struct Alerts {
    queue: mpsc::Sender<Alert>,
    metrics: Arc<Metrics>,
}

impl Alerts {
    /// A queue; its exit is for [`AlertTask`].
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Alert>) {
        let (entrance, exit) = mpsc::channel(QUEUE);
        (Self { queue: entrance, metrics }, exit)
    }

    /// Hands an alert over, or drops and counts it if too many wait.
    pub fn raise(&self, alert: Alert) {
        if self.queue.try_send(alert).is_err() {
            self.metrics.alert("dropped");
        }
    }
}
