//! The answer's head and body. From here on the body settles itself: at its end, on failure, when the caller goes.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use llm::{dialect::bedrock::invoke::COUNT_HEADERS, usage::Usage};

use super::Sent;
use crate::{
    Gateway,
    body::{Done, Passed, Settlement, StreamBody},
    http::{Answer, names},
    observe::{Outcome, Recording},
};

/// Books a whole answer, or wraps a stream so that it books itself.
pub fn settle(gw: &Arc<Gateway>, sent: Sent, record: &Recording) -> Answer {
    let mut settlement = Settlement { gw: gw.clone(), record: record.clone() };
    let mut answer = match sent {
        Sent::Done(Done::Whole { target, body, spent }) => {
            settlement.book(&target, &spent);
            settlement.close(Outcome::Success, 200);
            // Speech may be wanted as plain text, or as titles with their times.
            let plain = record.surface().wire().takes_form() && !body.starts_with(b"{");
            let kind = if plain { "text/plain; charset=utf-8" } else { "application/json" };
            let mut answer = answer_of(kind, Body::from(body));
            if record.surface().wraps() {
                tell_amazons(&spent.usage, answer.headers_mut());
            }
            answer
        }
        Sent::Done(Done::Stream(opened)) => {
            let passed = opened.passed.clone();
            let body = StreamBody::new(Ok(opened), settlement);
            match passed {
                None => stream(body, record),
                Some(head) => pass(body, head),
            }
        }
        Sent::Waiting(waiting) => stream(StreamBody::new(Err(waiting), settlement), record),
    };
    let headers = answer.headers_mut();
    if gw.rules.load().settings.describe_headers {
        describe(record, headers);
    }
    answer
}

/// What a stream may say at its end: HTTP/1.1 sends no trailer that was not announced.
const TRAILERS: &str = "x-tollgate-cost-usd, x-tollgate-unpriced, x-tollgate-estimated";

fn answer_of(kind: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// A stream of the surface's dialect.
fn stream(body: StreamBody, record: &Recording) -> Answer {
    let trailers = record.reads_trailers();
    let kind = record.surface().framing().content_type();
    let mut answer = answer_of(kind, Body::new(body.with_trailers(trailers)));
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Reverse proxies in front must not gather a stream.
    headers.insert(names::X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    if trailers {
        headers.insert(header::TRAILER, HeaderValue::from_static(TRAILERS));
    }
    answer
}

/// What a client of Bedrock's `invoke` reads usage from.
fn tell_amazons(usage: &Usage, headers: &mut HeaderMap) {
    let counts = [usage.uncached(), usage.output, usage.cache_read, usage.cache_written()];
    for (name, count) in COUNT_HEADERS.into_iter().zip(counts) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(count));
    }
}

/// An answer that passes as it came.
fn pass(body: StreamBody, head: Passed) -> Answer {
    let mut answer = Response::new(Body::new(body));
    *answer.status_mut() = head.status;
    *answer.headers_mut() = head.headers;
    answer
}

/// `x-tollgate-*`: what happened to the call, as far as it is known when the head is sent.
fn describe(record: &Recording, headers: &mut HeaderMap) {
    record.with(|record| {
        if let Some(target) = record.target.as_deref().and_then(|target| HeaderValue::from_str(target).ok()) {
            headers.insert(names::X_TOLLGATE_TARGET, target);
        }
        let id = record.attempts.last().and_then(|attempt| attempt.upstream_id.as_deref());
        if let Some(id) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(names::X_TOLLGATE_UPSTREAM_REQUEST_ID, id);
        }
        if let Some(cost) = record.cost.and_then(|cost| HeaderValue::try_from(cost.to_string()).ok()) {
            headers.insert(names::X_TOLLGATE_COST_USD, cost);
        }
        if let Some(confidence) = record.count.as_deref().and_then(|count| HeaderValue::from_str(count).ok()) {
            headers.insert(names::X_TOLLGATE_COUNT, confidence);
        }
        if record.unpriced {
            headers.insert(names::X_TOLLGATE_UNPRICED, HeaderValue::from_static("true"));
        }
        if record.estimated {
            headers.insert(names::X_TOLLGATE_ESTIMATED, HeaderValue::from_static("true"));
        }
        if let Some(limit) = record.downgraded_by.as_deref().and_then(|limit| HeaderValue::from_str(limit).ok()) {
            headers.insert(names::X_TOLLGATE_DOWNGRADED, limit);
        }
        if !record.loss.is_empty()
            && let Ok(loss) = HeaderValue::try_from(record.loss.join(","))
        {
            headers.insert(names::X_TOLLGATE_LOSS, loss);
        }
        headers.insert(names::X_TOLLGATE_ATTEMPTS, record.attempts.len().into());
    });
}
