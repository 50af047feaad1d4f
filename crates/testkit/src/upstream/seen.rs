//! What the upstream saw and what it really sent.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

/// One request, and how its answer went.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Counts the requests from 1.
    pub number: u64,
    /// Counts the connections from 1.
    pub connection: u64,
    /// When its head had arrived.
    pub at: Instant,
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// Names as written and values, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Bytes,
    /// Bytes of the answer's body that the socket has taken.
    pub body_sent: usize,
    /// Tokens of the answer that the socket has taken.
    pub tokens_sent: u64,
    /// When the answer was complete.
    pub finished: Option<Instant>,
    /// When the peer left before the answer was complete.
    pub gone: Option<Instant>,
}

/// Exact sums over all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Truth {
    pub requests: u64,
    /// Answers that were sent completely.
    pub finished: u64,
    /// Answers whose reader left early.
    pub gone: u64,
    /// Tokens that were put on the wire, complete answers or not.
    pub tokens_sent: u64,
}

impl Seen {
    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(&self.body)))
    }

    /// How long the peer stayed, if it left early.
    #[must_use]
    pub fn stayed(&self) -> Option<Duration> {
        self.gone.map(|gone| gone.duration_since(self.at))
    }
}

/// All requests. Sums are kept apart, so that forgetting old requests keeps the truth.
#[derive(Debug)]
pub(super) struct Book {
    requests: Vec<Seen>,
    truth: Truth,
    most: usize,
}

impl Default for Book {
    fn default() -> Self {
        Self { requests: Vec::new(), truth: Truth::default(), most: usize::MAX }
    }
}

impl Book {
    pub fn requests(&self) -> &[Seen] {
        &self.requests
    }

    pub fn truth(&self) -> Truth {
        self.truth
    }

    pub fn keep(&mut self, most: usize) {
        self.most = most;
        self.requests.drain(..self.requests.len().saturating_sub(most));
    }

    /// Enters a request; gives it its number.
    pub fn open(&mut self, mut seen: Seen) -> Seen {
        self.truth.requests += 1;
        seen.number = self.truth.requests;
        self.requests.push(seen.clone());
        self.keep(self.most);
        seen
    }

    pub fn sent(&mut self, number: u64, bytes: usize, tokens: u64) {
        self.truth.tokens_sent += tokens;
        self.change(number, |seen| {
            seen.body_sent += bytes;
            seen.tokens_sent += tokens;
        });
    }

    pub fn finished(&mut self, number: u64) {
        self.truth.finished += 1;
        self.change(number, |seen| seen.finished = Some(Instant::now()));
    }

    pub fn gone(&mut self, number: u64) {
        self.truth.gone += 1;
        self.change(number, |seen| seen.gone = Some(Instant::now()));
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.requests.iter_mut().rev().find(|seen| seen.number == number) {
            change(seen);
        }
    }
}
