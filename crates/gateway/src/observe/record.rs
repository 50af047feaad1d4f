//! The record of a request: who asked, what was tried, what it cost. Exactly one per request.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use govern::{Error, Money};
use llm::{dialect::Dialect, usage::Usage};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::sink::SinkQueue;

/// What is kept of a request. Never its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// UUIDv7: orders by time of arrival. The caller sees it as `x-request-id`.
    pub id: Uuid,
    /// Microseconds since 1970.
    pub at: i64,
    /// The client surface: `chat_completions`, `messages`, `count_tokens`.
    pub surface: String,
    /// The caller's key; `None` if it was refused before it was known.
    pub key_id: Option<String>,
    pub key_name: Option<String>,
    /// The model as asked for; at most 256 bytes of it.
    pub model: Option<String>,
    /// `account/model` that answered.
    pub target: Option<String>,
    /// The model that the provider says answered.
    pub served_model: Option<String>,
    pub lane: Option<Lane>,
    pub stream: bool,
    pub outcome: Outcome,
    /// The HTTP status that the caller saw; 499 if it had gone.
    pub status: u16,
    /// The stable code of the error, if there was one.
    pub error: Option<String>,
    /// The sum over all attempts.
    pub usage: Usage,
    /// The sum over all attempts, in nano-dollars; `None` if a price was not known.
    pub cost: Option<Money>,
    /// Some tokens of this call have no known price.
    pub unpriced: bool,
    /// From arrival to the last byte, in microseconds.
    pub latency: i64,
    /// From arrival to the first content, in microseconds.
    pub time_to_first_token: Option<i64>,
    /// From arrival to the first attempt, in microseconds: the gateway's own share.
    pub overhead: Option<i64>,
    /// Attempts in the order in which they were made.
    pub attempts: Vec<Attempt>,
    /// Fields that a translation did not carry.
    pub loss: Vec<String>,
    /// Tags of the caller.
    pub tags: std::collections::BTreeMap<String, String>,
    /// The end user, as the caller names them.
    pub user: Option<String>,
    /// The generation of the configuration that judged it.
    pub generation: u64,
    /// W3C trace id, in hexadecimal, if the caller sent one or traces are on.
    pub trace_id: Option<String>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Success,
    /// Refused by the gateway.
    Refused,
    /// No target answered.
    Failed,
    /// An answer began and was cut upstream.
    Partial,
    /// The caller went before the end.
    ClientDisconnected,
}

/// How the bytes were treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    Relay,
    Inspect,
    Translate,
}

/// One try at a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// `account/model`.
    pub target: String,
    /// Microseconds since the arrival of the request.
    pub started: i64,
    /// Microseconds.
    pub latency: i64,
    pub status: Option<u16>,
    /// The kind of its failure; `None` if it served.
    pub failure: Option<String>,
    /// The provider's request id.
    pub upstream_id: Option<String>,
    pub usage: Usage,
    pub cost: Option<Money>,
}
