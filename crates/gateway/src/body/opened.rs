//! An upstream stream that has begun.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use govern::config::snapshot::{Target, Timeouts};
use http::{HeaderMap, StatusCode};

use super::LaneBody;
use crate::upstream::UpstreamBody;

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
}
