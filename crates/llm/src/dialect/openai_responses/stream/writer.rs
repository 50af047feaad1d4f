//! Canonical events to events of the wire.

mod close;

use serde_json::{Map, Value, json};

use super::super::{
    Echo, error,
    item::{self, named},
    part,
    reply::{Head, Last, write_stop},
    thought,
    tools::{Kind, Kinds},
};
use crate::{
    Loss,
    dialect::{Dialect, EventWriter},
    event::{Block, Delta, Event},
    failure::{Failure, Kind as Fault},
    reply::Stop,
    usage::Usage,
};

/// Writes a streamed answer: one id, numbers that rise by one, and at the end the answer once more, whole.
///
/// `created_at` is 0 where neither the echo nor [`Event::Start`] says it: a codec reads no clock.
#[derive(Debug, Default)]
pub struct Writer {
    echo: Echo,
    kinds: Kinds,
    head: Head,
    begun: bool,
    /// The number of the next event.
    number: u64,
    /// The items; `Null` stands for one that is not complete.
    output: Vec<Value>,
    open: Vec<(u32, Open)>,
    message: Option<Message>,
    /// What the next message is labelled.
    phase: Option<Value>,
    usage: Option<Usage>,
    service_tier: Option<String>,
    stop: Option<Stop>,
    held_bytes: usize,
    /// Ended or failed: nothing may follow.
    over: bool,
    loss: Loss,
}

/// The message that texts go to.
#[derive(Debug)]
struct Message {
    at: usize,
    id: String,
    /// Its parts; `Null` stands for one that is not complete.
    content: Vec<Value>,
    phase: Option<Value>,
}

/// An open block.
#[derive(Debug)]
enum Open {
    Said(Said),
    Thought { text: String, signature: String, item: Option<(usize, String)> },
    Call { at: usize, id: String, call_id: String, kind: Kind, arguments: String, signature: Option<String> },
}

/// A text, or a refusal.
#[derive(Debug, Default)]
struct Said {
    refusal: bool,
    text: String,
    notes: Vec<Value>,
    /// Where it stands, once it says something.
    place: Option<Place>,
}

/// Where a text stands: item, its id, content part.
#[derive(Debug, Clone)]
struct Place {
    at: usize,
    id: String,
    index: usize,
}

impl Writer {
    /// The end of a stream repeats all of it; more than this is not kept for that.
    const MOST_HELD_BYTES: usize = 32 << 20;

    /// A writer of an answer that repeats this of its question.
    #[must_use]
    pub fn new(echo: Echo) -> Self {
        Self { kinds: Kinds::of_raw(echo.fields.get("tools")), echo, ..Self::default() }
    }

    fn begin(&mut self, bytes: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        if self.head.id.is_empty() {
            self.head.id = self.echo.name("");
        }
        for kind in ["response.created", "response.in_progress"] {
            let answer = self.head.answer(&self.echo, Last { status: "in_progress", ..Last::default() });
            self.say(kind, json!({"response": answer}), bytes);
        }
    }

    /// One event.
    fn say(&mut self, kind: &str, fields: Value, bytes: &mut Vec<u8>) {
        let mut event = Map::new();
        event.insert("type".to_owned(), json!(kind));
        event.insert("sequence_number".to_owned(), json!(self.number));
        self.number += 1;
        if let Value::Object(fields) = fields {
            event.extend(fields);
        }
        bytes.extend_from_slice(b"event: ");
        bytes.extend_from_slice(kind.as_bytes());
        bytes.extend_from_slice(b"\ndata: ");
        bytes.extend_from_slice(Value::Object(event).to_string().as_bytes());
        bytes.extend_from_slice(b"\n\n");
    }

    /// Begins an item, given without id and status; its place and id.
    fn add(&mut self, said: Value, bytes: &mut Vec<u8>) -> (usize, String) {
        self.begin(bytes);
        let at = self.output.len();
        self.output.push(Value::Null);
        let item = named(said, &self.head.id, at, "in_progress");
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.say("response.output_item.added", json!({"output_index": at, "item": item}), bytes);
        (at, id)
    }

    /// Completes the item at this place.
    fn complete(&mut self, at: usize, said: Value, bytes: &mut Vec<u8>) {
        let item = named(said, &self.head.id, at, "completed");
        self.say("response.output_item.done", json!({"output_index": at, "item": item}), bytes);
        if let Some(place) = self.output.get_mut(at) {
            *place = item;
        }
    }

    /// An item that comes whole.
    fn whole(&mut self, said: Value, bytes: &mut Vec<u8>) {
        let (at, _) = self.add(said.clone(), bytes);
        self.complete(at, said, bytes);
    }

    fn open(&mut self, index: u32, block: &Block, bytes: &mut Vec<u8>) {
        let open = match block {
            Block::Text | Block::Refusal => Open::Said(Said { refusal: *block == Block::Refusal, ..Said::default() }),
            Block::Thinking => Open::Thought { text: String::new(), signature: String::new(), item: None },
            Block::ToolUse { id, name, signature } => {
                self.end_message(bytes);
                let kind = self.kinds.find(name);
                let mut said = kind.item(id, "");
                if let Some(arguments) = said.get_mut("arguments") {
                    *arguments = json!("");
                }
                let (at, item_id) = self.add(said, bytes);
                let (call_id, signature) = (id.clone(), signature.clone());
                Open::Call { at, id: item_id, call_id, kind, arguments: String::new(), signature }
            }
            Block::Redacted { data } => {
                self.end_message(bytes);
                return self.whole(thought::item("", Some(&thought::seal_redacted(data))), bytes);
            }
            Block::Native { dialect: Dialect::OpenAiResponses, raw } => {
                self.end_message(bytes);
                match raw.pointer("/message/phase") {
                    Some(phase) => self.phase = Some(phase.clone()),
                    None => self.whole(raw.clone(), bytes),
                }
                return;
            }
            Block::Native { .. } => return self.loss.note("stream.block", "openai_responses has no such block"),
        };
        self.open.push((index, open));
    }

    fn delta(&mut self, index: u32, delta: &Delta, bytes: &mut Vec<u8>) {
        let Some(found) = self.open.iter().position(|(open, _)| *open == index) else { return };
        let (_, mut open) = self.open.swap_remove(found);
        match (&mut open, delta) {
            (Open::Said(Said { refusal, text, place, .. }), Delta::Text(more)) => {
                let place = match place {
                    Some(place) => place.clone(),
                    None => place.insert(self.part(*refusal, bytes)).clone(),
                };
                text.push_str(more);
                let kind = if *refusal { "response.refusal.delta" } else { "response.output_text.delta" };
                self.say_part(kind, &place, json!({"delta": more}), bytes);
            }
            (Open::Said(Said { notes, .. }), Delta::Native { dialect: Dialect::OpenAiResponses, raw }) => {
                notes.extend(raw.get("annotation").cloned());
            }
            (Open::Thought { text, item, .. }, Delta::Text(more)) => {
                let (at, id) = match item {
                    Some(item) => item.clone(),
                    None => item.insert(self.think(bytes)).clone(),
                };
                text.push_str(more);
                let fields = json!({"item_id": id, "output_index": at, "summary_index": 0, "delta": more});
                self.say("response.reasoning_summary_text.delta", fields, bytes);
            }
            (Open::Thought { signature, .. }, Delta::Signature(more)) => signature.push_str(more),
            (Open::Call { at, id, kind, arguments, .. }, Delta::Arguments(more)) if !more.is_empty() => {
                arguments.push_str(more);
                // The free text of a custom tool can be told only when it is whole.
                if !kind.custom {
                    let fields = json!({"item_id": id, "output_index": at, "delta": more});
                    self.say("response.function_call_arguments.delta", fields, bytes);
                }
            }
            (_, Delta::Native { .. }) => self.loss.note("stream.delta", "openai_responses has no such delta"),
            _ => {}
        }
        self.open.push((index, open));
        self.held_bytes += size(delta);
        if self.held_bytes > Self::MOST_HELD_BYTES {
            self.fail(&Failure::new(Fault::Malformed, "the answer is too long to be repeated at its end"), bytes);
        }
    }

    /// Begins a text in the message that goes on, or in a new one.
    fn part(&mut self, refusal: bool, bytes: &mut Vec<u8>) -> Place {
        let mut message = match self.message.take() {
            Some(message) => message,
            None => {
                let phase = self.phase.take();
                let (at, id) = self.add(item::message(json!([]), phase.as_ref()), bytes);
                Message { at, id, content: Vec::new(), phase }
            }
        };
        let place = Place { at: message.at, id: message.id.clone(), index: message.content.len() };
        message.content.push(Value::Null);
        self.message = Some(message);
        let empty = if refusal { part::refusal("") } else { part::output_text("", None) };
        self.say_part("response.content_part.added", &place, json!({"part": empty}), bytes);
        place
    }

    /// An event about a content part. Those of a text have room for probabilities.
    fn say_part(&mut self, kind: &str, place: &Place, said: Value, bytes: &mut Vec<u8>) {
        let mut fields = json!({"item_id": place.id, "output_index": place.at, "content_index": place.index});
        if let (Some(fields), Value::Object(said)) = (fields.as_object_mut(), said) {
            fields.extend(said);
            if kind.starts_with("response.output_text") {
                fields.insert("logprobs".to_owned(), json!([]));
            }
        }
        self.say(kind, fields, bytes);
    }

    fn think(&mut self, bytes: &mut Vec<u8>) -> (usize, String) {
        self.end_message(bytes);
        let (at, id) = self.add(thought::item("", None), bytes);
        let part = json!({"type": "summary_text", "text": ""});
        let fields = json!({"item_id": id, "output_index": at, "summary_index": 0, "part": part});
        self.say("response.reasoning_summary_part.added", fields, bytes);
        (at, id)
    }

    fn end(&mut self, bytes: &mut Vec<u8>) {
        self.begin(bytes);
        self.end_all(bytes);
        let stop = self.stop.take();
        let (status, reason) = write_stop(stop.as_ref());
        let kind = if status == "completed" { "response.completed" } else { "response.incomplete" };
        let output = std::mem::take(&mut self.output);
        let service_tier = self.service_tier.take();
        let usage = Some(self.usage.unwrap_or_default());
        let last = Last { status, reason, output, usage, service_tier: service_tier.as_deref(), error: Value::Null };
        let answer = self.head.answer(&self.echo, last);
        self.say(kind, json!({"response": answer}), bytes);
        self.over = true;
    }

    /// The answer failed: clients wait for the response's own end.
    fn fail(&mut self, failure: &Failure, bytes: &mut Vec<u8>) {
        self.begin(bytes);
        let mut output = std::mem::take(&mut self.output);
        output.retain(|item| !item.is_null());
        let last = Last { status: "failed", error: error::of(failure), output, ..Last::default() };
        let answer = self.head.answer(&self.echo, last);
        self.say("response.failed", json!({"response": answer}), bytes);
        self.over = true;
    }

    fn native(&mut self, raw: &str, bytes: &mut Vec<u8>) {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(raw) else { return };
        if ["item_id", "output_index", "response"].iter().any(|name| fields.contains_key(*name)) {
            // What it speaks of is called otherwise here.
            return self.loss.note("stream.native", "an event of the provider's about an item of its own");
        }
        self.begin(bytes);
        fields.remove("sequence_number");
        let kind = fields.remove("type");
        if let Some(kind) = kind.as_ref().and_then(Value::as_str) {
            self.say(kind, Value::Object(fields), bytes);
        }
    }
}

impl EventWriter for Writer {
    fn push(&mut self, event: &Event, bytes: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Open { choice: 1.., .. } => self.loss.note("choices", "openai_responses gives one answer"),
            Event::Delta { choice: 1.., .. } | Event::Close { choice: 1.., .. } | Event::Stop { choice: 1.., .. } => {}
            // A beginning that comes late must not give the answer another name.
            Event::Start { .. } if self.begun => {}
            Event::Start { id, model, created } => {
                self.head = Head {
                    id: self.echo.name(id),
                    model: model.clone(),
                    created: self.echo.created.or(*created).unwrap_or(0),
                };
                self.begin(bytes);
            }
            Event::Open { index, block, .. } => self.open(*index, block, bytes),
            Event::Delta { index, delta, .. } => self.delta(*index, delta, bytes),
            Event::Close { index, .. } => self.close(*index, bytes),
            Event::Usage { usage, service_tier } => {
                self.usage = Some(*usage);
                if service_tier.is_some() {
                    self.service_tier.clone_from(service_tier);
                }
            }
            Event::Stop { stop, .. } => self.stop = Some(stop.clone()),
            Event::Fault(failure) => self.fail(failure, bytes),
            Event::End => self.end(bytes),
            Event::Native { dialect: Dialect::OpenAiResponses, raw } => self.native(raw, bytes),
            Event::Native { .. } => self.loss.note("stream.native", "openai_responses has no such event"),
        }
    }

    fn loss(&self) -> &Loss {
        &self.loss
    }
}

fn size(delta: &Delta) -> usize {
    match delta {
        Delta::Text(piece) | Delta::Arguments(piece) | Delta::Signature(piece) => piece.len(),
        Delta::Native { .. } => 0,
    }
}
