//! What an upstream answer is worth: an answer, or a failure that another try may mend. Nothing has reached the client
//! yet, so an error that comes as the first event of a stream counts like one that comes as a status.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use govern::config::snapshot::Target;
use http::{HeaderMap, Response, StatusCode, header};
use llm::{
    Loss, Reply, Wire,
    dialect::{
        EventWriter, Glance, StreamForm,
        openai_responses::{self, Echo},
    },
    event::unfold,
    failure::{Failure, Kind},
    provider::BadAnswer,
    structured::Emulated,
};

use super::{encode::Unfit, fit::unfit};

use crate::{
    body::{Feed, Guarded, LaneBody, Opaque, Passed, Relay, Translate, Wrapped},
    clock::within,
    guard::{Blocked, CompiledGuard, refuses},
    http::{Surface, names},
    observe::Lane,
    upstream::{UpstreamBody, plain, retry_after},
};

/// What is needed to judge the answer of one try.
pub struct Expect<'a> {
    pub target: &'a Target,
    /// The format in which it was asked, and answers.
    pub wire: Wire,
    pub client: Surface,
    pub lane: Lane,
    /// The schema that was asked for by other means than the dialect's own.
    pub emulated: Option<&'a Emulated>,
    /// The client wants a stream.
    pub stream: bool,
    pub wants_usage: bool,
    /// What an answer in the Responses API repeats of its question.
    pub echo: Option<&'a Echo>,
    /// What reads the answer.
    pub guards: Option<&'a Arc<[CompiledGuard]>>,
    /// Until when the first content of a stream must have come, or the head of a whole answer.
    pub deadline: Instant,
    /// Longest silence inside a whole answer.
    pub idle: Duration,
    /// When the try began.
    pub begun: Instant,
    /// When the whole call must be over.
    pub over: Instant,
    /// Largest whole answer.
    pub most_bytes: usize,
}

/// An answer that deserves to be sent.
#[expect(clippy::large_enum_variant, reason = "moved once, straight to where it is booked")]
pub enum Good {
    /// `loss`: what the translation of the answer could not carry.
    Whole { body: Bytes, glance: Glance, loss: Loss },
    Stream {
        upstream: UpstreamBody,
        lane: LaneBody,
        ready: Vec<Bytes>,
        ended: bool,
        /// The head of an answer that passes as it came.
        passed: Option<Passed>,
    },
    /// An answer that is not in the form that was asked for.
    Unfit { unfit: Unfit, glance: Glance },
    /// An answer to which a guard objects: its target has done its part all the same.
    Blocked { blocked: Blocked, glance: Glance },
}

/// A failure, with what it may have used all the same.
#[derive(Debug)]
pub struct Bad {
    pub failure: Failure,
    pub glance: Glance,
}

impl From<Failure> for Bad {
    fn from(failure: Failure) -> Self {
        Self { failure, glance: Glance::default() }
    }
}

/// Most of an error body that is read.
const MOST_ERROR_BYTES: usize = 64 << 10;

/// Reads an answer as far as needed to judge it: whole, or up to the first content of a stream.
///
/// # Errors
/// The failure, classified by the provider.
pub async fn judge(expect: &Expect<'_>, answer: Response<UpstreamBody>) -> Result<Good, Bad> {
    let (head, body) = plain(answer, expect.wire.words()).into_parts();
    if !head.status.is_success() {
        return Err(refused(expect, head.status, &head.headers, body).await);
    }
    let stream_type = expect.wire.words().framing().content_type().as_bytes();
    let is_stream = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(stream_type));
    let good = match (expect.streams_upstream(), is_stream) {
        (true, true) => first_content(expect, body).await,
        (false, false) => whole(expect, body).await,
        (true, false) => {
            // Some servers answer an early error of a stream with JSON and status 200.
            let body = read(expect, body, MOST_ERROR_BYTES).await.unwrap_or_default();
            let glance = expect.wire.glance_reply(&body);
            let failure = glance.fault.clone();
            let failure =
                failure.unwrap_or_else(|| Failure::new(Kind::Malformed, "the provider did not stream its answer"));
            Err(Bad { failure, glance })
        }
        (false, true) => {
            Err(Failure::new(Kind::Malformed, "the provider streamed an answer that was asked for whole").into())
        }
    };
    Ok(match good? {
        Good::Stream { upstream, lane, ready, ended, passed } if expect.client.wraps() => {
            let (lane, ready) = Wrapped::around(lane, &ready, expect.begun);
            Good::Stream { upstream, lane: LaneBody::Wrapped(Box::new(lane)), ready, ended, passed }
        }
        good => good,
    })
}

/// The failure that a bad status stands for.
pub(super) async fn refused(expect: &Expect<'_>, status: StatusCode, headers: &HeaderMap, body: UpstreamBody) -> Bad {
    let body = read(expect, body, MOST_ERROR_BYTES).await.unwrap_or_default();
    bad_status(expect, status.as_u16(), headers, &body).into()
}

/// The first bytes of an answer, if they come in time; `None` if it is empty.
pub(super) async fn first_bytes(expect: &Expect<'_>, upstream: &mut UpstreamBody) -> Result<Option<Bytes>, Failure> {
    let left = || expect.deadline.saturating_duration_since(Instant::now());
    match within(left, upstream.chunk()).await {
        Err(_elapsed) => Err(Failure::new(Kind::Timeout, "the provider sent no content in time")),
        Ok(Err(_broken)) => Err(Failure::new(Kind::Connect, "the connection broke before the answer")),
        Ok(Ok(chunk)) => Ok(chunk),
    }
}

async fn whole(expect: &Expect<'_>, body: UpstreamBody) -> Result<Good, Bad> {
    let body = read(expect, body, expect.most_bytes).await?;
    if let (Wire::Count(theirs), Lane::Translate) = (expect.wire, expect.lane) {
        let tokens = theirs.read_counted(&body).map_err(|wrong| Failure::new(Kind::Malformed, wrong.message))?;
        let body = expect.client.dialect().write_counted(tokens).into();
        return Ok(Good::Whole { body, glance: Glance::default(), loss: Loss::none() });
    }
    let glance = expect.wire.glance_reply(&body);
    if let Some(fault) = &glance.fault {
        return Err(Bad { failure: fault.clone(), glance });
    }
    if expect.lane == Lane::Translate || expect.guards.is_some() {
        let mut reply = expect.wire.words().read_reply(&body).map_err(|malformed| Bad {
            failure: Failure::new(Kind::Malformed, malformed.message),
            glance: glance.clone(),
        })?;
        if let Some(blocked) = expect.guards.and_then(|guards| refuses(guards, &reply)) {
            return Ok(Good::Blocked { blocked, glance });
        }
        if expect.lane != Lane::Translate {
            return Ok(Good::Whole { body, glance, loss: Loss::none() });
        }
        reply.created.get_or_insert_with(crate::clock::now_seconds);
        if let Some(emulated) = expect.emulated {
            emulated.unwrap(&mut reply);
            if let Some(unfit) = unfit(emulated, &reply) {
                return Ok(Good::Unfit { unfit, glance });
            }
        }
        if expect.stream {
            return Ok(streamed(expect, reply, glance));
        }
        let (body, loss) = match expect.echo {
            Some(echo) => openai_responses::reply::write_echoing(&reply, echo),
            None => expect.client.dialect().write_reply(&reply),
        };
        return Ok(Good::Whole { body: body.into(), glance, loss });
    }
    Ok(Good::Whole { body, glance, loss: Loss::none() })
}

/// A whole answer, as the stream that the client wants.
fn streamed(expect: &Expect<'_>, reply: Reply, glance: Glance) -> Good {
    let mut writer = expect.writer();
    let mut said = Vec::new();
    for event in unfold(reply).0 {
        writer.push(&event, &mut said);
    }
    let lane = LaneBody::Opaque(Opaque::new(glance, None));
    Good::Stream { upstream: UpstreamBody::empty(), lane, ready: vec![said.into()], ended: true, passed: None }
}

impl Expect<'_> {
    /// Whether the provider was asked for a stream.
    pub(super) fn streams_upstream(&self) -> bool {
        self.stream && self.emulated.is_none_or(|emulated| emulated.unwrapper().is_some())
    }

    fn writer(&self) -> Box<dyn EventWriter> {
        match self.echo {
            Some(echo) => Box::new(openai_responses::stream::Writer::new(echo.clone())),
            None => self.client.dialect().writer(self.form()),
        }
    }

    fn form(&self) -> StreamForm {
        // What is wrapped is said as the dialect's own servers say it.
        let framing = if self.client.wraps() { self.client.dialect().framing() } else { self.client.framing() };
        StreamForm { include_usage: self.wants_usage, framing }
    }
}

async fn first_content(expect: &Expect<'_>, mut upstream: UpstreamBody) -> Result<Good, Bad> {
    let theirs = expect.wire.words();
    let form = expect.form();
    let mut lane = match expect.lane {
        Lane::Relay | Lane::Inspect => LaneBody::Relay(Relay::new(theirs, form)),
        Lane::Translate => LaneBody::Translate(Translate::new(theirs, expect.writer()).unwrapping(expect.emulated)),
    };
    if let Some(guards) = expect.guards {
        lane = LaneBody::Guarded(Box::new(Guarded::new(lane, theirs, guards.clone())));
    }
    let mut ready = Vec::new();
    loop {
        let content = lane.glance().content;
        let left = || {
            let now = Instant::now();
            // Content that guards hold back has come in time.
            let until = if content { expect.over.min(now + expect.idle) } else { expect.deadline };
            until.saturating_duration_since(now)
        };
        let chunk = match within(left, upstream.chunk()).await {
            Err(_elapsed) => return Err(Failure::new(Kind::Timeout, "the provider sent no content in time").into()),
            Ok(Err(_broken)) => None,
            Ok(Ok(chunk)) => chunk,
        };
        let (feed, ended) = match &chunk {
            Some(bytes) => (lane.feed(bytes, &mut ready), false),
            None => (lane.finish(&mut ready), true),
        };
        if let Some(blocked) = lane.blocked().cloned() {
            return Ok(Good::Blocked { blocked, glance: lane.glance().clone() });
        }
        if feed == Feed::Fault {
            return Err(Bad { failure: lane.fault(), glance: lane.glance().clone() });
        }
        let Glance { ended: complete, content, stopped, .. } = lane.glance();
        if *complete && !content && !stopped {
            return Err(Failure::new(Kind::Malformed, "the provider's stream ended without an answer").into());
        }
        if ended || lane.has_begun() {
            return Ok(Good::Stream { upstream, lane, ready, ended, passed: None });
        }
    }
}

/// Reads a body whole.
pub(super) async fn read(expect: &Expect<'_>, mut body: UpstreamBody, most: usize) -> Result<Bytes, Failure> {
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    loop {
        let left = || expect.over.saturating_duration_since(Instant::now()).min(expect.idle);
        let chunk = match within(left, body.chunk()).await {
            Err(_elapsed) => {
                return Err(Failure::new(Kind::Timeout, "the provider fell silent in the middle of its answer"));
            }
            Ok(Err(_broken)) => {
                return Err(Failure::new(Kind::Connect, "the connection broke in the middle of the answer"));
            }
            Ok(Ok(chunk)) => chunk,
        };
        let Some(bytes) = chunk else { break };
        if whole.len() + pieces.len() + bytes.len() > most {
            return Err(Failure::new(Kind::Malformed, format!("the provider's answer is larger than {most} bytes")));
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = bytes;
        } else {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
            pieces.extend_from_slice(&bytes);
        }
    }
    Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
}

fn bad_status(expect: &Expect<'_>, status: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
    let retry_after = retry_after(headers);
    let (wire, request_id) = (expect.wire, upstream_id(headers));
    expect.target.account.provider.failure(&BadAnswer { wire, status, retry_after, request_id, body })
}

/// The provider's own id of the request.
#[must_use]
pub fn upstream_id(headers: &HeaderMap) -> Option<&str> {
    [names::X_REQUEST_ID, names::REQUEST_ID].iter().find_map(|name| headers.get(name)?.to_str().ok())
}
