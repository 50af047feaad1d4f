//! The record of a request: who asked, what was tried, what it cost. Exactly one per request.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Instant,
};

use govern::{Error, Money, Principal, limit::Charge};
use llm::{Loss, usage::Usage};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    body::Spent,
    clock::{micros, now, now_micros},
    http::{RawRequest, Surface, names},
    ledger::{
        Hold, Used,
        journal::{Held, Most},
    },
    observe::{
        Attempt, Lane, Metrics, Outcome, Recovered,
        trace::{Parent, traceparent},
    },
    sink::SinkQueue,
};

/// What is kept of a request. Never its content.
///
/// As JSON, what is empty, zero or false is left out: a record is written for every request, and most of its fields are
/// empty most of the time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// UUIDv7: orders by time of arrival. The caller sees it as `x-request-id`.
    pub id: Uuid,
    /// Microseconds since 1970.
    pub at: i64,
    /// The client surface: `chat_completions`, `messages`, `count_tokens`.
    pub surface: Cow<'static, str>,
    /// The caller's key; `None` if it was refused before it was known.
    #[serde(skip_serializing_if = "is_default")]
    pub key_id: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub key_name: Option<String>,
    /// The caller's place in the tree; `None` as `key_id`.
    #[serde(skip_serializing_if = "is_default")]
    pub principal: Option<Arc<Principal>>,
    /// The model as asked for; at most 256 bytes of it.
    #[serde(skip_serializing_if = "is_default")]
    pub model: Option<String>,
    /// `account/model` that answered.
    #[serde(skip_serializing_if = "is_default")]
    pub target: Option<String>,
    /// The model that the provider says answered.
    #[serde(skip_serializing_if = "is_default")]
    pub served_model: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub lane: Option<Lane>,
    #[serde(skip_serializing_if = "is_default")]
    pub stream: bool,
    pub outcome: Outcome,
    /// The HTTP status that the caller saw; 499 if it had gone.
    pub status: u16,
    /// The stable code of the error, if there was one.
    #[serde(skip_serializing_if = "is_default")]
    pub error: Option<String>,
    /// The sum over all attempts.
    #[serde(skip_serializing_if = "is_default")]
    pub usage: Usage,
    /// The sum over all attempts, in nano-dollars; `None` if a price was not known.
    #[serde(skip_serializing_if = "is_default")]
    pub cost: Option<Money>,
    /// Some tokens of this call have no known price.
    #[serde(skip_serializing_if = "is_default")]
    pub unpriced: bool,
    /// The cost, or a part of it, is an estimate: a price was not known, and `unpriced: estimate` put one in its place.
    #[serde(skip_serializing_if = "is_default")]
    pub estimated: bool,
    /// When its cost was changed after the call, in microseconds since 1970: what the caller was told is another.
    #[serde(skip_serializing_if = "is_default")]
    pub repriced: Option<i64>,
    /// How sure a count of tokens is, where that was asked for: `exact`, `calibrated` or `estimated`.
    #[serde(skip_serializing_if = "is_default")]
    pub count: Option<String>,
    /// From arrival to the last byte, in microseconds.
    pub latency: i64,
    /// From arrival to the first content, in microseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub time_to_first_token: Option<i64>,
    /// From arrival to the first attempt, in microseconds: the gateway's own share.
    #[serde(skip_serializing_if = "is_default")]
    pub overhead: Option<i64>,
    /// Attempts in the order in which they were made.
    #[serde(skip_serializing_if = "is_default")]
    pub attempts: Vec<Attempt>,
    /// Fields that a translation did not carry.
    #[serde(skip_serializing_if = "is_default")]
    pub loss: Vec<String>,
    /// Tags of the caller.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: BTreeMap<String, String>,
    /// The end user, as the caller names them.
    #[serde(skip_serializing_if = "is_default")]
    pub user: Option<String>,
    /// What it took of the counters of limits.
    #[serde(skip_serializing_if = "is_default")]
    pub charges: Vec<Charge>,
    /// The limit that sent the call to another model than was asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub downgraded_by: Option<Arc<str>>,
    /// Limits that only watch, and would have refused it.
    #[serde(skip_serializing_if = "is_default")]
    pub would_refuse: Vec<Arc<str>>,
    /// The generation of the configuration that judged it.
    #[serde(skip_serializing_if = "is_default")]
    pub generation: u64,
    /// W3C trace id, in hexadecimal, if the caller sent one or traces are on.
    #[serde(skip_serializing_if = "is_default")]
    pub trace_id: Option<String>,
    /// The caller's span, in hexadecimal, if it sent a `traceparent`.
    #[serde(skip_serializing_if = "is_default")]
    pub parent_span: Option<String>,
    /// The caller's `traceparent` says that its trace is not recorded: neither is our part of it.
    #[serde(skip_serializing_if = "is_default")]
    pub unsampled: bool,
    /// The gateway ended in the middle of it, and this is what the journal knew: how sure its usage is.
    #[serde(skip_serializing_if = "is_default")]
    pub recovered: Option<Recovered>,
}

impl Record {
    /// Charges the last attempt, which was over so many microseconds after the request arrived.
    pub fn charge(&mut self, spent: &Spent, now: i64) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.charge(spent);
            attempt.latency = now - attempt.started;
        }
        self.sum_attempts();
    }

    /// What the attempts used.
    pub fn used(&self) -> impl Iterator<Item = Used<'_>> + Clone {
        self.attempts.iter().map(|attempt| Used {
            target: &attempt.target,
            usage: &attempt.usage,
            cost: attempt.cost.unwrap_or_default(),
        })
    }

    /// Sums usage and cost over the attempts: failed ones that report usage are billed too. One attempt of unknown price
    /// makes the cost unknown.
    pub fn sum_attempts(&mut self) {
        self.usage = Usage::default();
        (self.unpriced, self.estimated) = (false, false);
        self.cost = Some(Money::ZERO);
        for attempt in self.attempts.iter().filter(|attempt| !attempt.usage.is_empty()) {
            self.usage.add(&attempt.usage);
            self.cost = self.cost.zip(attempt.cost).map(|(sum, cost)| sum + cost);
            self.unpriced |= attempt.unpriced;
            self.estimated |= attempt.estimated;
        }
        self.unpriced |= self.cost.is_none();
    }
}

/// A request's record while the request lives. Clones are handles to the same record; when the last is dropped, the
/// record is measured and handed to the sinks. That is what makes it exactly one, whatever happens to the request.
#[derive(Clone)]
pub struct Recording(Arc<Inner>);

struct Inner {
    id: Uuid,
    /// On the heap, so that handing it over moves a pointer; `None` from then on.
    record: Mutex<Option<Box<Record>>>,
    /// Its place in the limits.
    hold: Hold,
    arrived: Instant,
    /// What metrics call the model: never a name that only the caller made up.
    label: OnceLock<Arc<str>>,
    surface: Surface,
    /// The client reads HTTP trailers (`TE: trailers`): it is told the cost of a stream.
    trailers: bool,
    sinks: SinkQueue,
    /// Where the journal has it, from the first call to a provider on.
    held: OnceLock<Held>,
    metrics: Arc<Metrics>,
}

impl Recording {
    /// Opens the record of a request that arrived just now.
    ///
    /// Until told otherwise it ends as [`Outcome::ClientDisconnected`]: a request that is dropped without a word was
    /// dropped because its caller went.
    #[must_use]
    pub fn open(raw: &RawRequest, sinks: SinkQueue, metrics: Arc<Metrics>) -> Self {
        let (surface, headers) = (raw.surface, &raw.head.headers);
        let id = Uuid::now_v7();
        let mut record = Box::<Record>::default();
        record.id = id;
        record.at = now_micros();
        record.surface = surface.as_str().into();
        record.outcome = Outcome::ClientDisconnected;
        record.status = 499;
        record.cost = Some(Money::ZERO);
        if let Some(parent) = headers.get(names::TRACEPARENT).and_then(|header| Parent::read(header.to_str().ok()?)) {
            (record.trace_id, record.parent_span) = (Some(parent.trace_id), Some(parent.span_id));
            record.unsampled = !parent.sampled;
        }
        metrics.inflight.inc();
        Self(Arc::new(Inner {
            id,
            record: Mutex::new(Some(record)),
            hold: Hold::default(),
            arrived: Instant::now(),
            label: OnceLock::new(),
            trailers: headers.get_all(http::header::TE).iter().any(|te| te.as_bytes() == b"trailers"),
            surface,
            sinks,
            held: OnceLock::new(),
            metrics,
        }))
    }

    /// Reads or changes the record.
    pub fn with<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        change(self.0.record.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
    }

    /// Its place in the limits.
    #[must_use]
    pub fn hold(&self) -> &Hold {
        &self.0.hold
    }

    /// Settles with the limits: what is held goes back, what was used is booked and noted. The first time counts.
    pub fn settle(&self) {
        self.with(|record| self.0.settle(record));
    }

    /// The id that the caller sees.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.0.id
    }

    #[must_use]
    pub fn surface(&self) -> Surface {
        self.0.surface
    }

    /// Whether the client said that it reads HTTP trailers.
    #[must_use]
    pub fn reads_trailers(&self) -> bool {
        self.0.trailers
    }

    /// The trace context of the try at hand: its span is the parent of what happens at the provider.
    #[must_use]
    pub fn traceparent(&self) -> String {
        self.with(|record| {
            let tries = u32::try_from(record.attempts.len()).unwrap_or(u32::MAX);
            traceparent(record, tries.saturating_sub(1))
        })
    }

    /// When the request arrived.
    #[must_use]
    pub fn arrived(&self) -> Instant {
        self.0.arrived
    }

    /// Microseconds since the request arrived.
    #[must_use]
    pub fn elapsed(&self) -> i64 {
        micros(self.0.arrived.elapsed())
    }

    /// Writes into the journal that a provider is about to be called, and what that may use at most.
    ///
    /// # Errors
    /// 503: it cannot be written down, so the call must not be made.
    pub async fn write_down(&self, most: Most) -> Result<(), Error> {
        let Some(journal) = self.0.sinks.journal() else { return Ok(()) };
        let held = self.with(|record| {
            self.0.with_held_charges(record, |record| match self.0.held.get() {
                Some(held) => journal.hold_again(*held, record, most).map(Some),
                None => journal.hold(record, most),
            })
        })?;
        if let Some(held) = held {
            self.0.held.get_or_init(|| held);
            journal.safe(held).await;
        }
        Ok(())
    }

    /// Writes into the journal what the call that goes on has used so far.
    pub fn checkpoint(&self, spent: &Spent) {
        let (Some(journal), Some(_)) = (self.0.sinks.journal(), self.0.held.get()) else { return };
        let elapsed = self.elapsed();
        self.with(|record| {
            record.charge(spent, elapsed);
            self.0.with_held_charges(record, |record| journal.checkpoint(record));
        });
    }

    /// Names the model for metrics.
    pub fn label(&self, model: Arc<str>) {
        let _named_before = self.0.label.set(model);
    }

    /// Notes that the caller was refused or could not be served.
    pub fn failed(&self, error: &Error) {
        self.with(|record| {
            record.outcome = if error.failure.is_some() { Outcome::Failed } else { Outcome::Refused };
            record.status = error.status();
            record.error = Some(error.code.as_str().to_owned());
        });
    }

    /// Notes what a translation did not carry.
    pub fn lost(&self, loss: &Loss) {
        if !loss.is_none() {
            self.with(|record| record.loss.extend(loss.iter().map(|lost| lost.field.clone().into_owned())));
        }
    }

    /// Notes the moment of the first content: microseconds since the request arrived.
    pub fn first_token(&self) -> i64 {
        let elapsed = self.elapsed();
        self.with(|record| *record.time_to_first_token.get_or_insert(elapsed))
    }
}

impl Inner {
    /// What is written down of a call that goes on charges its limits with all that is held for it: should the process end
    /// now, that is what is booked.
    fn with_held_charges<T>(&self, record: &mut Record, write: impl FnOnce(&Record) -> T) -> T {
        record.charges = self.hold.held();
        let written = write(record);
        record.charges.clear();
        written
    }

    fn settle(&self, record: &mut Record) {
        let settled = self.hold.settle(record.used(), now());
        record.charges.extend(settled.charges);
        for warning in settled.warnings {
            self.sinks.warn(warning);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let record = self.record.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut record = record.take().unwrap_or_default();
        self.settle(&mut record);
        record.latency = micros(self.arrived.elapsed());
        if let Some(abandoned) = record.attempts.last_mut().filter(|attempt| attempt.latency == 0) {
            abandoned.latency = record.latency - abandoned.started;
        }
        let label = self.label.take();
        self.metrics.inflight.dec();
        self.metrics.request(&record, self.surface, label);
        self.sinks.push(record, self.held.get().copied());
    }
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
