//! The body of a streamed answer: pulls upstream only as fast as the client reads, keeps a silent stream alive, bounds
//! the silence, and settles at the end, on failure and when the client goes.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use govern::{Code, Error, Money, config::snapshot::OnDisconnect};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Frame;
use llm::failure::{Failure, Kind};
use tokio::time::Sleep;

use super::{Done, Feed, Opened, Settlement, Spent, Waiting};
use crate::{guard::Blocked, http::Surface, observe::Outcome, upstream::conceal};

/// The body that the client reads.
pub struct StreamBody {
    state: State,
    surface: Surface,
    settlement: Settlement,
    out: VecDeque<Bytes>,
    /// What a lane makes of one chunk. Reused, so that a chunk costs no allocation.
    made: Vec<Bytes>,
    /// Fires when the stream was silent for as long as the next of keepalive and idle timeout allows.
    alarm: Pin<Box<Sleep>>,
    last_upstream: Instant,
    last_sent: Instant,
    keepalive: Duration,
    trailers: bool,
    /// A part of the answer has gone out.
    begun: bool,
    /// The status of an answer whose bytes are not frames of the surface's dialect: nothing can be said between them.
    mute: Option<StatusCode>,
}

/// An answer that breaks off where nothing can be said to the client: the connection tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub struct BrokenOff;

enum State {
    Waiting(Waiting),
    Open(Box<Opened>),
    /// Upstream is done; what is left in `out` is sent, then the trailers with the cost.
    Ended(Told),
    /// What is left in `out` is sent, then the connection is cut.
    Broken,
    Done,
}

impl StreamBody {
    /// A body around a stream that is open or still waited for.
    #[must_use]
    pub fn new(stream: Result<Box<Opened>, Waiting>, settlement: Settlement) -> Self {
        let surface = settlement.record.surface();
        let keepalive = settlement.gw.rules.load().settings.keepalive;
        let now = Instant::now();
        let mut body = Self {
            state: State::Done,
            surface,
            settlement,
            begun: false,
            mute: stream.as_ref().ok().and_then(|opened| opened.passed.as_ref()).map(|head| head.status),
            out: VecDeque::with_capacity(4),
            made: Vec::with_capacity(4),
            alarm: Box::pin(tokio::time::sleep(keepalive)),
            last_upstream: now,
            last_sent: now,
            keepalive,
            trailers: false,
        };
        match stream {
            Ok(opened) => body.open(opened),
            Err(waiting) => {
                body.keep_alive();
                body.state = State::Waiting(waiting);
            }
        }
        body
    }

    /// Tells the cost in HTTP trailers: the client said that it reads them.
    #[must_use]
    pub fn with_trailers(mut self, trailers: bool) -> Self {
        self.trailers = trailers;
        self
    }

    fn open(&mut self, mut opened: Box<Opened>) {
        self.begun = !opened.ready.is_empty();
        self.out.extend(opened.ready.drain(..));
        self.last_upstream = Instant::now();
        let ended = opened.ended;
        self.state = State::Open(opened);
        // The alarm stands at the keepalive; silence may have to be noticed sooner.
        let next = self.next_alarm().into();
        if next < self.alarm.deadline() {
            self.alarm.as_mut().reset(next);
        }
        if ended {
            self.finish_upstream();
        }
    }

    /// Upstream has said all.
    fn finish_upstream(&mut self) {
        let State::Open(opened) = &mut self.state else { return };
        let mut last = Vec::new();
        let feed = opened.lane.finish(&mut last);
        self.out.extend(last);
        match feed {
            Feed::Fault => self.fault(),
            Feed::More => {
                if opened.lane.is_guarded() {
                    self.settlement.gw.metrics.guardrail("allow");
                }
                let cost = self.book();
                let status = self.mute.unwrap_or_default();
                let outcome = if status.is_success() { Outcome::Success } else { Outcome::Failed };
                self.settlement.close(outcome, status.as_u16());
                self.state = State::Ended(cost);
            }
        }
    }

    /// The stream cannot go on: the client is told in its dialect, and what was delivered is booked.
    fn fault(&mut self) {
        let State::Open(opened) = &self.state else { return };
        match opened.lane.blocked().map(Blocked::answer) {
            Some(error) => self.refuse(&error),
            None => self.break_off(opened.lane.fault()),
        }
    }

    /// A guard objects to what comes next. Upstream is let go, and what it has said is booked.
    fn refuse(&mut self, error: &Error) {
        let cost = self.book();
        self.say(error);
        self.settlement.gw.metrics.guardrail("block");
        self.settlement.cut(None, error);
        self.state = State::Ended(cost);
    }

    fn break_off(&mut self, mut failure: Failure) {
        let cost = self.book();
        if let State::Open(opened) = &self.state {
            conceal(&mut failure, &opened.target.account);
        }
        let error = Error::from(failure.clone());
        self.say(&error);
        self.settlement.cut(Some(&failure), &error);
        if let State::Open(opened) = &self.state {
            self.settlement.gw.targets.state(&opened.target).failed(&failure);
        }
        self.state = if self.mute.is_some() { State::Broken } else { State::Ended(cost) };
    }

    fn keep_alive(&mut self) {
        let sign = self.surface.errors().keepalive(self.surface.framing());
        if sign.is_empty() || self.mute.is_some() {
            self.last_sent = Instant::now(); // nothing that such a client would ignore: look again an interval later
        } else {
            self.out.push_back(Bytes::from_static(sign));
        }
    }

    /// Tells the client of an error in its dialect.
    fn say(&mut self, error: &Error) {
        if self.mute.is_some() {
            return;
        }
        let body = error.body(&self.settlement.record.id().to_string());
        let first = !self.begun;
        self.out.push_back(self.surface.errors().write_error_event(&body, self.surface.framing(), first).into());
    }

    fn book(&mut self) -> Told {
        let State::Open(opened) = &self.state else { return Told::default() };
        let operation = self.settlement.record.surface().operation();
        let spent = Spent::of(&opened.target, operation, opened.lane.glance(), opened.prompt_tokens);
        if let Some(loss) = opened.lane.loss() {
            self.settlement.record.lost(loss);
        }
        self.settlement.book(&opened.target, &spent);
        self.settlement.record.with(|record| Told {
            cost: record.cost,
            unpriced: record.unpriced,
            estimated: record.estimated,
        })
    }

    /// One step of an open stream: `Pending` if upstream has nothing now.
    fn poll_upstream(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Open(opened) = &mut self.state else { return Poll::Ready(()) };
        match ready!(opened.upstream.poll_chunk(context)) {
            Ok(Some(bytes)) => {
                self.last_upstream = Instant::now();
                let feed = opened.lane.feed(&bytes, &mut self.made);
                self.begun |= !self.made.is_empty();
                self.out.extend(self.made.drain(..));
                match feed {
                    Feed::More => opened.note(&self.settlement.record, self.last_upstream),
                    Feed::Fault => self.fault(),
                }
            }
            Ok(None) => self.finish_upstream(),
            Err(error) => {
                let whole = opened.lane.glance().ended;
                tracing::debug!(upstream.target = %opened.target.name, %error, whole, "the upstream connection broke");
                if whole {
                    self.finish_upstream();
                } else {
                    self.break_off(Failure::new(Kind::Malformed, "the provider's stream broke off before its end"));
                }
            }
        }
        Poll::Ready(())
    }

    /// The alarm has rung: is the stream too silent, or does the client need a sign of life?
    fn alarmed(&mut self) {
        let now = Instant::now();
        if let State::Open(opened) = &self.state {
            if now >= opened.deadline {
                return self.break_off(Failure::new(Kind::Timeout, "the time for the whole call is over"));
            }
            if now.duration_since(self.last_upstream) >= opened.timeouts.idle {
                let message =
                    format!("the provider was silent for {:?} in the middle of its answer", opened.timeouts.idle);
                return self.break_off(Failure::new(Kind::Timeout, message));
            }
        }
        if now.duration_since(self.last_sent) >= self.keepalive {
            self.keep_alive();
        }
    }

    /// When the alarm is to ring next.
    fn next_alarm(&self) -> Instant {
        let alive = self.last_sent.max(self.last_upstream) + self.keepalive;
        match &self.state {
            State::Open(opened) => alive.min(self.last_upstream + opened.timeouts.idle).min(opened.deadline),
            _ => alive,
        }
    }

    fn poll_waiting(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Waiting(waiting) = &mut self.state else { return Poll::Ready(()) };
        let opened = match ready!(Pin::new(waiting).poll(context)) {
            Ok(Done::Stream(opened)) => Ok(opened),
            Ok(Done::Whole { .. }) => Err(Error::new(Code::Internal, "a streamed call was answered whole")),
            Err(error) => Err(error),
        };
        match opened {
            Ok(opened) => self.open(opened),
            Err(error) => {
                self.say(&error);
                self.settlement.record.failed(&error);
                let outcome = self.settlement.record.with(|record| record.outcome);
                self.settlement.close(outcome, 200); // the head has gone out already
                self.state = State::Ended(Told::default());
            }
        }
        Poll::Ready(())
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.out.pop_front() {
                this.last_sent = Instant::now();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let progress = match &this.state {
                State::Waiting(_) => this.poll_waiting(context),
                State::Open(_) => this.poll_upstream(context),
                State::Ended(told) => {
                    let trailers = this.trailers.then(|| told.trailers()).flatten();
                    this.state = State::Done;
                    match trailers {
                        Some(trailers) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                        None => return Poll::Ready(None),
                    }
                }
                State::Broken => {
                    this.state = State::Done;
                    return Poll::Ready(Some(Err(BrokenOff)));
                }
                State::Done => return Poll::Ready(None),
            };
            if progress.is_ready() {
                continue;
            }
            // Upstream is silent. The alarm is set again only when it rings, not at every chunk.
            ready!(this.alarm.as_mut().poll(context));
            if this.next_alarm() <= Instant::now() {
                this.alarmed();
            }
            let next = this.next_alarm();
            this.alarm.as_mut().reset(next.into());
        }
    }
}

/// What the end of a stream says of its cost.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    cost: Option<Money>,
    unpriced: bool,
    estimated: bool,
}

impl Told {
    fn trailers(self) -> Option<HeaderMap> {
        let told = || HeaderValue::from_static("true");
        let cost = self.cost.and_then(|cost| HeaderValue::from_str(&cost.to_string()).ok());
        let all = [
            ("x-tollgate-cost-usd", cost),
            ("x-tollgate-unpriced", self.unpriced.then(told)),
            ("x-tollgate-estimated", self.estimated.then(told)),
        ];
        let said = all.into_iter().filter_map(|(name, value)| Some((HeaderName::from_static(name), value?)));
        Some(said.collect::<HeaderMap>()).filter(|said| !said.is_empty())
    }
}

impl Drop for StreamBody {
    /// The client has gone before the end.
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Open(opened) => {
                let gw = self.settlement.gw.clone();
                let drain = opened.target.account.on_disconnect == OnDisconnect::Drain;
                match gw.drains.clone().try_acquire_owned() {
                    Ok(permit) if drain => {
                        let settlement = Settlement { gw: gw.clone(), record: self.settlement.record.clone() };
                        gw.tasks.spawn(async move {
                            read_to_end(opened, settlement).await;
                            drop(permit);
                        });
                    }
                    _ => leave(&opened, &mut self.settlement),
                }
            }
            // A stream that is still waited for cancels or finishes itself; its attempts are in the record.
            State::Waiting(_) | State::Ended(_) | State::Broken | State::Done => {}
        }
    }
}

/// Reads the answer of a client that has gone to its end, so that its usage is reported.
pub(super) async fn read_to_end(mut opened: Box<Opened>, mut settlement: Settlement) {
    let mut unread = Vec::new();
    let stop = settlement.gw.tasks.stopping();
    loop {
        let left = opened.timeouts.idle.min(opened.deadline.saturating_duration_since(Instant::now()));
        // A process that ends does not wait for it any longer.
        match stop.run_until_cancelled(tokio::time::timeout(left, opened.upstream.chunk())).await {
            Some(Ok(Ok(Some(bytes)))) => {
                if opened.lane.feed(&bytes, &mut unread) == Feed::Fault {
                    break;
                }
                opened.note(&settlement.record, Instant::now());
            }
            Some(Ok(Ok(None))) => {
                opened.lane.finish(&mut unread);
                break;
            }
            None | Some(_) => break,
        }
        unread.clear();
    }
    leave(&opened, &mut settlement);
}

/// Books what is known of an answer whose client has gone.
pub(super) fn leave(opened: &Opened, settlement: &mut Settlement) {
    let operation = settlement.record.surface().operation();
    let spent = Spent::of(&opened.target, operation, opened.lane.glance(), opened.prompt_tokens);
    settlement.book(&opened.target, &spent);
    settlement.close(Outcome::ClientDisconnected, 499);
}
