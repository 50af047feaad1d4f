//! One try at a target: encode, send, judge, note.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use govern::{Code, Error, config::snapshot::Target};
use http::{HeaderValue, Request, Response};
use llm::{
    failure::{Failure, Kind},
    provider::{Canned, Operation},
    tokens::Confidence,
};

use super::{
    Composed,
    count::{count_here, reckon},
    dispatch::Dispatch,
    encode::{Encoded, Unfit, Without, encode},
    judge::{Bad, Expect, Good, judge, upstream_id},
    task::{self, Upload},
};
use crate::{
    Gateway,
    body::{Done, Noted, Opened, Spent},
    ledger::journal::Most,
    observe::{Attempt, Lane, Recording},
    upstream::{
        RequestBody, SendError, TargetState, UpstreamBody, UpstreamPool as _, conceal, is_presentable, request,
    },
};

/// What came of a try.
pub(super) enum Tried {
    Good(Done),
    Bad(Failure),
    /// The target has answered, and a guard objects to it.
    Blocked(Error),
    /// The target has answered, and not in the form that was asked for.
    Unfit(Unfit),
}

/// Tries a target once and notes the attempt in the record.
///
/// # Errors
/// The call cannot be said to this target, or the target cannot be reached as it is configured.
pub(super) async fn attempt(
    dispatch: &Dispatch,
    (target, state): (&Arc<Target>, &TargetState),
    without: &Without,
) -> Result<Tried, Error> {
    let Dispatch { call, record, .. } = dispatch;
    let wire = call.asked.surface.wire();
    let counts = wire.operation() == Operation::CountTokens;
    if counts && target.wire(wire).is_none() {
        return Ok(Tried::Good(count_here(dispatch, target)?));
    }
    let encoded = match wire.is_conversation() {
        true => encode(&dispatch.gw.fetcher, call, target, without).await,
        false => task::encode(call, target).boxed().await,
    };
    let encoded = match encoded {
        // A count of our own is better than none.
        Err(_) if counts && target.wire(wire) != Some(wire) => return Ok(Tried::Good(count_here(dispatch, target)?)),
        encoded => encoded?,
    };
    let echo = call.asked.thread.as_ref().filter(|_| encoded.lane == Lane::Translate);
    let echo = echo.map(|thread| thread.echo(call.asked.envelope.body()));
    let timeouts = &target.timeouts;
    let patience = if call.stream { timeouts.first_token } else { timeouts.answer };
    let expect = &Expect {
        target,
        wire: encoded.wire,
        client: call.asked.surface,
        lane: encoded.lane,
        emulated: encoded.emulated.as_ref(),
        stream: call.stream,
        wants_usage: call.wants_usage,
        echo: echo.as_ref(),
        guards: Some(&call.rules.guards.output)
            .filter(|guards| wire.operation() == Operation::Chat && !guards.is_empty()),
        deadline: call.deadline.min(Instant::now() + patience),
        idle: timeouts.idle,
        begun: Instant::now(),
        over: call.deadline,
        most_bytes: call.rules.settings.bounds.answer_bytes,
    };
    begin(record, target);
    let judged = match send(dispatch, expect, &encoded).await? {
        Ok(answer) => {
            let id = upstream_id(answer.headers()).filter(|id| is_presentable(id, &target.account)).map(str::to_owned);
            attempted(record, |noted| (noted.status, noted.upstream_id) = (Some(answer.status().as_u16()), id));
            match &encoded.said {
                None => judge(expect, answer).await,
                Some(said) => task::judge(expect, call, said, answer).boxed().await,
            }
        }
        Err(failure) => Err(failure.into()),
    };
    // Reckoning walks the whole body: not for every answer that says itself what it used.
    let reported = matches!(&judged, Ok(Good::Whole { glance, .. }) if glance.usage.is_some());
    let samples = !reported || state.samples();
    let prompt_tokens = if samples { reckon(&encoded.body) } else { 0 };
    match judged {
        Ok(good) => {
            record.with(|record| {
                record.target = Some(target.name.to_string());
                record.lane = Some(encoded.lane);
                if let Some(noted) = record.attempts.last_mut() {
                    noted.failure = None;
                }
            });
            record.lost(&encoded.loss);
            Ok(done(dispatch, target, good, prompt_tokens))
        }
        Err(Bad { mut failure, glance }) => {
            note(record, |noted| {
                failure.request_id = failure.request_id.take().or_else(|| noted.upstream_id.clone());
                conceal(&mut failure, &target.account);
                noted.failure = Some(failure.kind.as_str().to_owned());
            });
            if counts && (encoded.lane == Lane::Translate || failure.kind == Kind::ModelNotFound) {
                return Ok(Tried::Good(count_here(dispatch, target)?));
            }
            if glance.usage.is_some() {
                spend(dispatch, target, &Spent::of(target, record.surface().operation(), &glance, prompt_tokens));
            }
            Ok(Tried::Bad(failure))
        }
    }
}

/// Enters the try into the record. Should the caller go in the middle of it, that is how it stays there.
pub(super) fn begin(record: &Recording, target: &Target) {
    let started = record.elapsed();
    let failure = Some("abandoned".to_owned());
    let attempt = Attempt { target: target.name.to_string(), started, failure, ..Attempt::default() };
    record.with(|record| {
        // Few calls need a second try.
        record.attempts.reserve_exact(1);
        record.attempts.push(attempt);
    });
}

/// Notes what has become of the try, and how long it took.
pub(super) fn note(record: &Recording, change: impl FnOnce(&mut Attempt)) {
    let elapsed = record.elapsed();
    attempted(record, |noted| {
        noted.latency = elapsed - noted.started;
        change(noted);
    });
}

/// Notes what is known of the try that is under way.
fn attempted(record: &Recording, change: impl FnOnce(&mut Attempt)) {
    record.with(|record| record.attempts.last_mut().map(change));
}

/// Sends the request; a failure without an answer is the provider's, an unsendable request is ours.
async fn send(
    dispatch: &Dispatch,
    expect: &Expect<'_>,
    encoded: &Encoded,
) -> Result<Result<Response<UpstreamBody>, Failure>, Error> {
    let Dispatch { gw, call, .. } = dispatch;
    let account = &expect.target.account;
    if let Some(canned) = account.provider.answer(encoded.wire, &encoded.body) {
        return from_canned(canned).map(Ok);
    }
    let traceparent = call.rules.settings.otlp_endpoint.as_ref().map(|_| dispatch.record.traceparent());
    let client = request::Client {
        headers: &call.asked.headers,
        same_dialect: expect.client.wire() == encoded.wire,
        stream: expect.streams_upstream().then(|| encoded.wire.words().framing()),
        traceparent: traceparent.as_deref(),
    };
    let (kind, body) = body_of(call, encoded);
    let mut request = request::build(expect.target, &encoded.head, client, body)?;
    if let Some(kind) = kind {
        request.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    }
    if encoded.wire.operation() != Operation::CountTokens {
        write_down(dispatch, encoded).await?;
    }
    let left = expect.deadline.saturating_duration_since(Instant::now());
    deliver(gw, expect.target, request, left).await
}

/// Writes into the journal that the call is about to be made, and what it may use at most.
async fn write_down(dispatch: &Dispatch, encoded: &Encoded) -> Result<(), Error> {
    /// Files make a body long and few tokens: only then is it looked at.
    const LONG: usize = 64 << 10;
    let body = &encoded.body;
    let prompt = if body.len() < LONG { body.len() as u64 / 4 } else { reckon(body) };
    let asked = &dispatch.call.asked;
    let output = asked.envelope.most_output().map_or(0, |most| most.saturating_mul(asked.envelope.answers()));
    let small = |tokens| u32::try_from(tokens).unwrap_or(u32::MAX);
    let held = dispatch.record.write_down(Most { prompt: small(prompt), output: small(output) }).await;
    if held.is_err() {
        dispatch.record.with(|record| record.attempts.pop()); // there was none
    }
    held
}

/// The body, and its media type where it is no JSON.
fn body_of(call: &Composed, encoded: &Encoded) -> (Option<HeaderValue>, RequestBody) {
    let upload = encoded.said.as_ref().and_then(|said| said.upload.as_ref());
    let uploaded = match (&call.asked.form, upload) {
        (Some(form), Some(Upload::Form(fields))) => Some(form.body(fields)),
        (Some(form), Some(Upload::File)) => form.file(),
        _ => None,
    };
    match uploaded {
        Some((kind, body)) => (Some(kind), body),
        None => (None, encoded.body.clone().into()),
    }
}

/// Sends a request and waits for the head of its answer.
///
/// # Errors
/// The credential cannot be shown.
pub(super) async fn deliver(
    gw: &Gateway,
    target: &Target,
    request: Request<RequestBody>,
    left: Duration,
) -> Result<Result<Response<UpstreamBody>, Failure>, Error> {
    Ok(match tokio::time::timeout(left, gw.pool.send(&target.account, request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::warn!(upstream.target = %target.name, %error, "a provider could not be reached");
            Err(match error {
                SendError::Connect(_) => Failure::new(Kind::Connect, "no connection to the provider"),
                SendError::Broken(_) => {
                    Failure::new(Kind::Connect, "the provider closed the connection without an answer")
                }
                SendError::Credential(_) => Failure::new(Kind::Credential, "the account has no credential to show"),
            })
        }
        Err(_elapsed) => Err(Failure::new(Kind::Timeout, "the provider did not answer in time")),
    })
}

fn from_canned(canned: Canned) -> Result<Response<UpstreamBody>, Error> {
    Response::builder()
        .status(canned.status)
        .header(http::header::CONTENT_TYPE, canned.content_type)
        .body(UpstreamBody::canned(canned))
        .map_err(|error| Error::new(Code::Internal, "the built-in provider failed").because(error))
}

/// Books a try whose answer nobody gets.
fn spend(dispatch: &Dispatch, target: &Target, spent: &Spent) {
    dispatch.gw.targets.state(target).meters.used(&spent.usage, spent.bill.cost);
    let elapsed = dispatch.record.elapsed();
    dispatch.record.with(|record| record.charge(spent, elapsed));
}

/// Turns a good answer into what is settled.
fn done(dispatch: &Dispatch, target: &Arc<Target>, good: Good, prompt_tokens: u64) -> Tried {
    let Dispatch { gw, call, record, .. } = dispatch;
    let target = target.clone();
    let operation = call.asked.surface.operation();
    match good {
        Good::Whole { body, glance, loss } => {
            record.lost(&loss);
            if !call.rules.guards.output.is_empty() && operation != Operation::CountTokens {
                gw.metrics.guardrail("allow");
            }
            let spent = match operation {
                Operation::CountTokens => {
                    record.with(|record| record.count = Some(Confidence::Exact.as_str().to_owned()));
                    Spent::nothing()
                }
                _ => {
                    let words = priced_by(call, &target);
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    Spent::asked(&target, operation, &glance, prompt_tokens, &words)
                }
            };
            Tried::Good(Done::Whole { target, body, spent: Box::new(spent) })
        }
        Good::Stream { upstream, lane, ready, ended, passed } => {
            let elapsed = record.first_token();
            gw.targets.state(&target).meters.first_token(elapsed);
            let (timeouts, deadline) = (target.timeouts, call.deadline);
            let noted = Noted::default();
            let opened =
                Opened { target, passed, upstream, lane, ready, ended, prompt_tokens, timeouts, deadline, noted };
            Tried::Good(Done::Stream(Box::new(opened)))
        }
        Good::Unfit { unfit, glance } => {
            spend(dispatch, &target, &Spent::of(&target, operation, &glance, prompt_tokens));
            Tried::Unfit(unfit)
        }
        Good::Blocked { blocked, glance } => {
            let spent = Spent::of(&target, operation, &glance, prompt_tokens);
            spend(dispatch, &target, &spent);
            record.with(|record| record.served_model = spent.served_model);
            gw.metrics.guardrail("block");
            Tried::Blocked(blocked.answer())
        }
    }
}

/// What a call asks for in the words of a price list, unless this target's list has no price for it: the size and the quality of a
/// picture, how much of the web is read.
pub(super) fn priced_by(call: &super::Composed, target: &Target) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Search {
        search_context_size: Option<String>,
    }
    if target.price.as_ref().is_some_and(|price| price.variants.is_empty()) {
        return Vec::new();
    }
    let envelope = &call.asked.envelope;
    let text = |name: &'static str| envelope.get::<String>(name, "a string").ok().flatten();
    let search = envelope.get::<Search>("web_search_options", "an object").ok().flatten();
    let search = search.and_then(|search| search.search_context_size).map(|size| format!("search:{size}"));
    [text("size"), text("quality"), text("resolution"), search].into_iter().flatten().collect()
}
