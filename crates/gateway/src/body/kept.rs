//! A streamed answer of the Responses API on its way to the caller: its end is held back until the answer is kept, so
//! that the next question can go on from it at once, on any replica.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http_body::Frame;
use llm::{
    frame::sse::{self, Splitter},
    signature,
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    Gateway,
    clock::now_micros,
    observe::Recording,
    responses::{KeptResponse, KeptTurn, Seals, digest},
    stage::Thread,
};

/// What keeps the answer of one question.
#[derive(Clone)]
pub struct Keeper {
    pub gw: Arc<Gateway>,
    pub thread: Arc<Thread>,
    pub record: Recording,
}

/// The answer, as far as keeping it goes.
#[derive(Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    status: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    output: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    encrypted_content: Option<std::borrow::Cow<'a, str>>,
}

impl Keeper {
    /// Keeps an answer. `seals`: digests of what was sealed in it, as far as they are known already.
    pub async fn keep(&self, response: &[u8], mut seals: Vec<String>) {
        let Ok(kept) = serde_json::from_slice::<Kept<'_>>(response) else { return };
        let Some(target) = self.target() else { return };
        seals.extend(kept.output.iter().filter_map(|item| seal(item.encrypted_content.as_deref()?)));
        self.note_seals(&target.account.name, seals).await;
        if !self.thread.store || matches!(&*kept.status, "failed" | "cancelled") {
            return;
        }
        // An answer that has another name than ours is kept where it was made.
        let own = *kept.id == self.thread.id;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let turn = own.then(|| KeptTurn { input: text(&self.thread.input), response: text(response) });
        let kept = KeptResponse {
            id: kept.id.into_owned(),
            owner: self.thread.owner.clone(),
            account: target.account.name.to_string(),
            target: target.name.to_string(),
            previous: self.thread.previous.clone().filter(|_| own),
            turn,
            created_at: now_micros(),
        };
        if let Err(error) = self.gw.responses.store.keep_response(&kept).await {
            tracing::warn!(%error, "a response could not be kept: no question can go on from it");
        }
    }

    /// Which account can read what it has sealed matters where there is another.
    async fn note_seals(&self, account: &Arc<str>, digests: Vec<String>) {
        if digests.is_empty() || !self.thread.has_choice() {
            return;
        }
        let seals =
            Seals { owner: self.thread.owner.clone(), account: account.to_string(), digests, created_at: now_micros() };
        self.gw.responses.note_seals(&seals).await;
    }

    /// The target that answered.
    fn target(&self) -> Option<&Arc<govern::config::snapshot::Target>> {
        let name = self.record.with(|record| record.target.clone())?;
        self.thread.targets.iter().find(|target| *target.name == *name)
    }
}

/// The digest of a seal, unless it bears the mark of another maker: that any account can be sent.
fn seal(sealed: &str) -> Option<String> {
    (!sealed.is_empty() && signature::marked(sealed).is_none()).then(|| digest(sealed))
}

/// The body that the client reads.
pub struct KeptBody {
    inner: Body,
    keeper: Keeper,
    splitter: Splitter,
    seen: Seen,
    /// What may go out.
    out: BytesMut,
    /// Must be over before `held` goes out.
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    held: BytesMut,
    ended: bool,
}

/// What was seen of the stream.
#[derive(Default)]
struct Seen {
    /// The event by which the answer began.
    begin: Option<Bytes>,
    /// The number of the last event.
    number: Option<u64>,
    seals: Vec<String>,
    /// The answer, whole.
    response: Option<Bytes>,
}

impl KeptBody {
    #[must_use]
    pub fn new(inner: Body, keeper: Keeper) -> Self {
        Self {
            inner,
            keeper,
            splitter: Splitter::default(),
            seen: Seen::default(),
            out: BytesMut::new(),
            work: None,
            held: BytesMut::new(),
            ended: false,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let Self { splitter, seen, out, held, .. } = self;
        let each = |frame: sse::Frame<'_>| seen.see(&frame, out, held);
        if splitter.push(bytes, each).is_err() {
            self.ended = true;
        }
        self.begin_work();
    }

    fn finish(&mut self) {
        let Self { splitter, seen, out, held, .. } = self;
        splitter.finish(|frame| seen.see(&frame, out, held));
        self.ended = true;
        self.begin_work();
    }

    fn begin_work(&mut self) {
        if let Some(response) = self.seen.response.take() {
            let (keeper, seals) = (self.keeper.clone(), std::mem::take(&mut self.seen.seals));
            self.work = Some(async move { keeper.keep(&response, seals).await }.boxed());
        }
    }
}

impl Seen {
    /// Looks at an event, and puts it where it belongs: what comes with and after the end is held.
    fn see(&mut self, frame: &sse::Frame<'_>, out: &mut BytesMut, held: &mut BytesMut) {
        let data = frame.data.as_deref().unwrap_or_default();
        match frame.event {
            Some("response.created") => self.begin = Some(Bytes::copy_from_slice(data)),
            Some("response.output_item.done") if memchr::memmem::find(data, b"encrypted_content").is_some() => {
                #[derive(Deserialize)]
                struct Done<'a> {
                    #[serde(borrow)]
                    item: Item<'a>,
                }
                if let Ok(Done { item }) = serde_json::from_slice(data) {
                    self.seals.extend(item.encrypted_content.as_deref().and_then(seal));
                }
            }
            Some("response.completed" | "response.incomplete") => {
                #[derive(Deserialize)]
                struct End<'a> {
                    #[serde(borrow)]
                    response: &'a RawValue,
                }
                if let Ok(End { response }) = serde_json::from_slice(data) {
                    self.response = Some(Bytes::copy_from_slice(response.get().as_bytes()));
                    return held.extend_from_slice(frame.raw);
                }
            }
            // The gateway's own: it does not know what came before.
            Some("error") => return out.extend_from_slice(&self.failed(data)),
            _ => {}
        }
        self.number = number_of(data).or(self.number);
        if held.is_empty() { out.extend_from_slice(frame.raw) } else { held.extend_from_slice(frame.raw) }
    }

    /// An error with its number, and the end of the answer that it cut, if that had begun: clients wait for one.
    fn failed(&self, error: &[u8]) -> Vec<u8> {
        let mut event: Value = serde_json::from_slice(error).unwrap_or_default();
        let number = self.number.map_or(0, |last| last + 1);
        let failure = json!({"code": event.get("code"), "message": event.get("message")});
        if let Some(event) = event.as_object_mut() {
            event.insert("sequence_number".to_owned(), json!(number));
        }
        let mut frames = frame("error", &event);
        let begun = self.begin.as_ref().and_then(|begin| serde_json::from_slice::<Value>(begin).ok());
        if let Some(mut response) = begun.and_then(|mut begin| begin.get_mut("response").map(Value::take)) {
            if let Some(response) = response.as_object_mut() {
                response.insert("status".to_owned(), json!("failed"));
                response.insert("error".to_owned(), failure);
            }
            let end = json!({"type": "response.failed", "sequence_number": number + 1, "response": response});
            frames.extend(frame("response.failed", &end));
        }
        frames
    }
}

fn frame(event: &str, data: &Value) -> Vec<u8> {
    format!("event: {event}\ndata: {data}\n\n").into_bytes()
}

/// The `sequence_number` of an event, which stands near its beginning or its end.
fn number_of(data: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(data, b"\"sequence_number\":")?;
    let digits = data.get(at + b"\"sequence_number\":".len()..)?;
    let digits = digits.trim_ascii_start();
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

impl http_body::Body for KeptBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            if !this.out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(this.out.split().freeze()))));
            }
            if let Some(work) = &mut this.work {
                ready!(work.as_mut().poll(context));
                this.work = None;
            }
            if !this.held.is_empty() {
                this.out = this.held.split();
                continue;
            }
            if this.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                None => this.finish(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.take(&data),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
            }
        }
    }
}
