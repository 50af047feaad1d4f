//! An upstream stream that has begun.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use govern::config::snapshot::{Target, Timeouts};
use http::{HeaderMap, StatusCode};

use super::{LaneBody, Spent};
use crate::{ledger::journal::CHECKPOINT_TOKENS, observe::Recording, upstream::UpstreamBody};

/// The head of an answer that passes as it came, where the surface does not say how it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub status: StatusCode,
    pub headers: HeaderMap,
}

/// An upstream stream whose first content has come.
pub struct Opened {
    pub target: Arc<Target>,
    /// The answer's head, where it passes as it came; `None` for a stream of the surface's dialect.
    pub passed: Option<Passed>,
    pub upstream: UpstreamBody,
    pub lane: LaneBody,
    /// Bytes for the client that came with the first content.
    pub ready: Vec<Bytes>,
    /// The stream has already ended.
    pub ended: bool,
    /// Tokens of the prompt, reckoned, should the provider not report them.
    pub prompt_tokens: u64,
    pub timeouts: Timeouts,
    pub deadline: Instant,
    pub noted: Noted,
}

/// How far the journal knows of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Noted {
    tokens: u64,
    at: Instant,
}

/// How long a stream may go on before the journal is told how far it is.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// How many tokens may come: half of what is promised, because what the provider has sent and nobody has read yet must fit
/// into [`CHECKPOINT_TOKENS`] too.
const TOKENS: u64 = CHECKPOINT_TOKENS / 2;

impl Default for Noted {
    /// A stream that begins now.
    fn default() -> Self {
        Self { tokens: 0, at: Instant::now() }
    }
}

impl Opened {
    /// Tells the journal how far the stream is, if it is time to.
    pub fn note(&mut self, record: &Recording, now: Instant) {
        let tokens = self.lane.glance().delivered_tokens;
        let come = tokens.saturating_sub(self.noted.tokens);
        if come >= TOKENS || (come > 0 && now.saturating_duration_since(self.noted.at) >= CHECKPOINT) {
            self.noted = Noted { tokens, at: now };
            let operation = record.surface().operation();
            record.checkpoint(&Spent::of(&self.target, operation, self.lane.glance(), self.prompt_tokens));
        }
    }
}
