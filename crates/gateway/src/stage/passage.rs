//! What is not modelled: a request to a path of the provider's own that the operator has opened. Authentication, limits,
//! guards and the record are those of every call; the bytes are not understood and pass as they are, once, without retry.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use govern::{
    Code, Error,
    access::whole_account,
    config::snapshot::{Account, RetryRule, Route, Target},
    route::Strategy,
};
use http::{HeaderMap, HeaderName, Method, Response, header};
use http_body_util::Limited;
use llm::{
    Dialect, Wire,
    dialect::Glance,
    frame::Framing,
    price::Price,
    provider::{Ask, Head, Operation},
};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Caller, Grant, Sent,
    attempt::{begin, deliver, note},
    count::reckon,
    need::unread,
    read::collect,
    reserve::cover_unread,
};
use crate::{
    Gateway, InForce,
    body::{Done, LaneBody, Noted, Opaque, Opened, Passed, Tee},
    guard::said_amiss,
    http::RawRequest,
    ledger::{Needs, journal::Most},
    observe::Recording,
    upstream::{RequestBody, UpstreamBody, is_presentable, request},
};

/// A request that may pass.
pub struct Passage {
    pub grant: Grant,
    rules: Arc<InForce>,
    target: Arc<Target>,
    path: String,
    method: Method,
    headers: HeaderMap,
    body: RequestBody,
    /// Tokens of the body, reckoned, should nobody report them.
    prompt_tokens: u64,
    /// The body's share of the memory that bodies may take.
    _held: Option<OwnedSemaphorePermit>,
}

/// Checks that the operator has opened the path and that the caller may use all of the account.
///
/// # Errors
/// 404 for a path that is not open; 405 for its method; 403 for a key that may use only some of the account's models;
/// what a body is refused for elsewhere.
pub async fn passage(
    gw: &Gateway,
    rules: Arc<InForce>,
    caller: Caller,
    raw: RawRequest,
    record: &Recording,
) -> Result<Passage, Error> {
    let RawRequest { head, body, .. } = raw;
    let (account, path) = opened(&rules, &head.method, head.uri.path())?;
    whole_account(&caller.key, &account)?;
    let path = head.uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let bounds = &rules.settings.bounds;
    let (body, model, prompt_tokens, held) = if is_json(&head.headers) {
        let collected = collect(&gw.inflight_bytes, bounds.body_bytes, body);
        let read = tokio::time::timeout(bounds.body_timeout, collected).await;
        let (bytes, held) = read.unwrap_or_else(|_late| {
            Err(Error::new(Code::RequestTimeout, format!("the body did not arrive within {:?}", bounds.body_timeout)))
        })?;
        let model = screened(&rules, &bytes)?;
        (RequestBody::from(bytes.clone()), model, reckon(&bytes), Some(held))
    } else {
        if !rules.guards.input.is_empty() && !http_body::Body::is_end_stream(&body) {
            let message = "guardrails are set, and they can read no other body than JSON: send `application/json`";
            return Err(Error::new(Code::UnsupportedMedia, message).at("content-type"));
        }
        // What such a body costs is not known, which is not nothing: one token flags it.
        (RequestBody::Streamed(Body::new(Limited::new(body, bounds.body_bytes))), None, 1, None)
    };
    let target = target(&account, model.as_deref(), &head.method);
    record.with(|record| record.model = model);
    record.label(crate::upstream::target_label(&target));
    let passage = Passage::to(rules, caller, target, (head.method, path));
    Ok(Passage { headers: head.headers, body, prompt_tokens, _held: held, ..passage })
}

/// The account of a path `/passthrough/ACCOUNT/PATH`, and the path behind it.
fn opened(rules: &InForce, method: &Method, path: &str) -> Result<(Arc<Account>, String), Error> {
    let shut = || Error::new(Code::NotFound, "the operator has opened no such path: see `passthrough` of the account");
    let rest = path.strip_prefix("/passthrough/").ok_or_else(shut)?;
    let (name, behind) = rest.split_once('/').ok_or_else(shut)?;
    let account = rules.accounts.get(name).ok_or_else(shut)?;
    let open = account.passthrough.as_ref().ok_or_else(shut)?;
    let path = format!("/{behind}");
    if !is_plain(&path) || !open.paths.iter().any(|pattern| pattern.captures(&path).is_some()) {
        return Err(shut());
    }
    if !open.methods.contains(&method.as_str()) {
        return Err(Error::new(Code::MethodNotAllowed, format!("{method} is not opened for this path")));
    }
    Ok((Arc::clone(account), path))
}

/// A path that every server reads alike: nothing that steps up, no doubled or hidden slash.
fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    !["//", "/./", "/../", "%2e", "%2f", "%5c", "\\"].iter().any(|odd| lower.contains(odd))
        && !lower.ends_with("/..")
        && !lower.ends_with("/.")
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Lets the input guards read a body. Gives the model that it names.
fn screened(rules: &InForce, body: &Bytes) -> Result<Option<String>, Error> {
    let read: Option<Value> = serde_json::from_slice(body).ok();
    if !rules.guards.input.is_empty() {
        let Some(read) = &read else {
            return Err(Error::new(Code::InvalidRequest, "the body is not JSON, and guardrails must read it"));
        };
        if let Some(blocked) = said_amiss(&rules.guards.input, read) {
            return Err(blocked.prompt());
        }
    }
    let model = read.as_ref().and_then(|body| body.get("model")).and_then(Value::as_str);
    Ok(model.filter(|model| model.len() <= 256).map(str::to_owned))
}

/// What the call is booked on. Looking something up or deleting it costs nothing; what else it costs depends on the
/// model, if the body names one, and is unknown if not.
fn target(account: &Arc<Account>, model: Option<&str>, method: &Method) -> Target {
    let target = Target::plain(account, model.unwrap_or("passthrough"));
    match *method {
        Method::GET | Method::HEAD | Method::DELETE => {
            Target { price: Some(std::sync::Arc::new(Price::free())), ..target }
        }
        _ => target,
    }
}

impl Passage {
    /// A request without a body for one path of an account, on behalf of a caller who may have what is there.
    pub(super) fn to(rules: Arc<InForce>, caller: Caller, target: Target, (method, path): (Method, String)) -> Self {
        let target = Arc::new(target);
        let route = Route {
            name: Arc::clone(&target.name),
            targets: vec![Arc::clone(&target)],
            strategy: Strategy::Priority,
            retry: RetryRule::default(),
            strict: false,
        };
        Self {
            grant: Grant { caller, targets: route.targets.clone(), route: Arc::new(route) },
            rules,
            target,
            path,
            method,
            headers: HeaderMap::new(),
            body: RequestBody::from(Bytes::new()),
            prompt_tokens: 0,
            _held: None,
        }
    }

    /// Sends the request and hands the answer on.
    ///
    /// # Errors
    /// The provider could not be reached, or a guard objects to its answer.
    pub async fn send(self, gw: &Arc<Gateway>, record: &Recording) -> Result<Sent, Error> {
        let Self { grant, rules, target, path, method, headers, body, prompt_tokens, .. } = self;
        let bytes = prompt_tokens.saturating_mul(4);
        let most = || unread(&target, record.surface().operation(), bytes, rules.settings.assumed_output_tokens);
        cover_unread(gw, &rules, &grant, (&target, &Needs::new(&most, &most)), record)?;
        let account = &target.account;
        let wire = account.provider.speaks(Operation::Chat, &target.model).first().copied();
        let wire = wire.unwrap_or(Wire::Chat(Dialect::OpenAiChat));
        let ask = Ask { wire, model: &target.model, stream: false, place: &account.place };
        let head = Head { path: path.into(), ..account.provider.head(&ask) };
        let client = request::Client { headers: &headers, same_dialect: true, stream: None, traceparent: None };
        let mut request = request::build(&target, &head, client, body)?;
        *request.method_mut() = method;
        for name in [header::CONTENT_TYPE, header::ACCEPT, header::RANGE, header::IF_NONE_MATCH] {
            match headers.get(&name) {
                Some(value) => request.headers_mut().insert(name, value.clone()),
                None => request.headers_mut().remove(name),
            };
        }
        begin(record, &target);
        record.with(|record| record.target = Some(target.name.to_string()));
        if !matches!(*request.method(), Method::GET | Method::HEAD | Method::DELETE) {
            let prompt = u32::try_from(prompt_tokens).unwrap_or(u32::MAX);
            let held = record.write_down(Most { prompt, output: 0 }).await;
            if held.is_err() {
                record.with(|record| record.attempts.pop()); // there was none
            }
            held?;
        }
        let timeouts = target.timeouts;
        let now = Instant::now();
        let sent = deliver(gw, &target, request, timeouts.answer).await?;
        let answer = match sent {
            Ok(answer) => answer,
            Err(failure) => {
                note(record, |noted| noted.failure = Some(failure.kind.as_str().to_owned()));
                return Err(failure.into());
            }
        };
        let status = answer.status().as_u16();
        note(record, |noted| (noted.status, noted.failure) = (Some(status), None));
        let deadline = now + timeouts.total;
        let opened = Answer { rules, target, wire, prompt_tokens, deadline }.open(answer).await?;
        Ok(Sent::Done(Done::Stream(Box::new(opened))))
    }
}

/// What is needed to hand an answer on.
struct Answer {
    rules: Arc<InForce>,
    target: Arc<Target>,
    wire: Wire,
    prompt_tokens: u64,
    deadline: Instant,
}

/// Most of an answer that is read before it is handed on: an error, which may quote a credential.
const MOST_ERROR_BYTES: usize = 64 << 10;

impl Answer {
    async fn open(self, answer: Response<UpstreamBody>) -> Result<Opened, Error> {
        let (head, mut upstream) = answer.into_parts();
        let json = is_json(&head.headers);
        let guards = &self.rules.guards.output;
        let failed = !head.status.is_success();
        let mut ready = Vec::new();
        let mut ended = false;
        if failed || !guards.is_empty() {
            let most = if failed { MOST_ERROR_BYTES } else { self.rules.settings.bounds.answer_bytes };
            let body = read(&mut upstream, most, self.target.timeouts.idle).await?;
            if !guards.is_empty() && !body.is_empty() {
                self.screen(json, &body)?;
            }
            let shown = String::from_utf8_lossy(&body);
            if failed && self.target.account.credential.secrets().any(|secret| shown.contains(secret.expose())) {
                return Err(Error::new(Code::ProviderError, "the provider refused the gateway's credential"));
            }
            ready.push(body);
            ended = true;
        }
        let tee = if json { Tee::whole(self.wire) } else { Tee::frames(self.wire, is_stream(&head.headers)) };
        let mut lane = LaneBody::Opaque(Opaque::new(Glance::default(), tee));
        for body in std::mem::take(&mut ready) {
            lane.feed(&body, &mut ready);
        }
        Ok(Opened {
            passed: Some(Passed { status: head.status, headers: self.presentable(&head.headers) }),
            upstream,
            lane,
            ready,
            ended,
            prompt_tokens: self.prompt_tokens,
            timeouts: self.target.timeouts,
            deadline: self.deadline,
            target: self.target,
            noted: Noted::default(),
        })
    }

    /// Lets the output guards read an answer.
    fn screen(&self, json: bool, body: &Bytes) -> Result<(), Error> {
        let read: Option<Value> = json.then(|| serde_json::from_slice(body).ok()).flatten();
        match read {
            Some(read) => said_amiss(&self.rules.guards.output, &read).map_or(Ok(()), |blocked| Err(blocked.answer())),
            None => {
                let message = "guardrails are set, and they can read no other answer than JSON here";
                Err(Error::new(Code::GuardrailBlocked, message))
            }
        }
    }

    /// What of the answer's head describes its body, as far as it does not repeat the credential.
    fn presentable(&self, headers: &HeaderMap) -> HeaderMap {
        const DESCRIBE: &[HeaderName] = &[
            header::CONTENT_TYPE,
            header::CONTENT_DISPOSITION,
            header::CONTENT_ENCODING,
            header::CONTENT_LANGUAGE,
            header::CONTENT_RANGE,
            header::ACCEPT_RANGES,
            header::CACHE_CONTROL,
            header::ETAG,
            header::LAST_MODIFIED,
            header::RETRY_AFTER,
        ];
        let shown = |value: &http::HeaderValue| {
            value.to_str().is_ok_and(|text| text.len() > 128 || is_presentable(text, &self.target.account))
        };
        let described = DESCRIBE.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
        described.filter(|(_, value)| shown(value)).collect()
    }
}

fn is_stream(headers: &HeaderMap) -> Option<Framing> {
    let kind = headers.get(header::CONTENT_TYPE)?;
    let framing = Framing::Sse;
    kind.as_bytes().starts_with(framing.content_type().as_bytes()).then_some(framing)
}

/// Reads a body whole.
async fn read(body: &mut UpstreamBody, most: usize, idle: Duration) -> Result<Bytes, Error> {
    let mut whole = bytes::BytesMut::new();
    loop {
        match tokio::time::timeout(idle, body.chunk()).await {
            Ok(Ok(None)) => return Ok(whole.freeze()),
            Ok(Ok(Some(bytes))) if whole.len() + bytes.len() <= most => whole.extend_from_slice(&bytes),
            Ok(Ok(Some(_))) => {
                let message = format!("the provider's answer is larger than {most} bytes");
                return Err(Error::new(Code::ProviderMalformed, message));
            }
            Ok(Err(error)) => {
                return Err(Error::new(Code::ProviderUnreachable, "the answer broke off").because(error));
            }
            Err(_elapsed) => {
                return Err(Error::new(Code::ProviderTimeout, "the provider fell silent in the middle of its answer"));
            }
        }
    }
}
