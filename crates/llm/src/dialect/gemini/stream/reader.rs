//! Frames to events.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::watch::broken;
use crate::{
    dialect::{
        Dialect, EventReader,
        gemini::{
            error,
            family::Family,
            ids, stop,
            thought::{self, Proof},
            usage::{Counts, Grounding},
        },
    },
    event::{Block, Delta, Event},
    failure::{Failure, Kind},
    frame::{Frame, Framing, Splitter},
    reply::Stop,
    usage::Usage,
};

/// Reads a streamed answer, as server-sent events or as one JSON array.
#[derive(Debug, Default)]
pub struct Reader {
    /// Chosen by the first byte that is not blank.
    splitter: Option<Splitter>,
    /// The blanks before it.
    blanks: Vec<u8>,
    state: State,
}

impl EventReader for Reader {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let state = &mut self.state;
        if self.splitter.is_none() {
            self.blanks.extend_from_slice(bytes);
            let framing = match self.blanks.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'[' | b'{') => Framing::JsonArray,
                None if self.blanks.len() < MOST_BLANKS => return,
                _ => Framing::Sse,
            };
            self.splitter = Some(framing.splitter());
        }
        let blanks = std::mem::take(&mut self.blanks);
        let bytes = if blanks.is_empty() { bytes } else { &blanks };
        let Some(splitter) = &mut self.splitter else { return };
        if splitter.push(bytes, |frame| state.see(&frame, events)).is_err() {
            state.fail(Failure::new(Kind::Malformed, "a frame of the stream is too long"), events);
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        let state = &mut self.state;
        if let Some(splitter) = &mut self.splitter {
            splitter.finish(|frame| state.see(&frame, events));
        }
        state.finish(events);
    }
}

/// No server sends more blanks before its answer.
const MOST_BLANKS: usize = 1024;

/// No model makes more answers to one question.
const MOST_CANDIDATES: u64 = 128;

#[derive(Debug, Default)]
struct State {
    started: bool,
    /// The stream has ended, well or badly: what follows is ignored.
    done: bool,
    id: String,
    by_query: bool,
    candidates: BTreeMap<u32, Candidate>,
    counted: Option<(Usage, Option<String>)>,
    grounding: Grounding,
    told: Option<(Usage, Option<String>)>,
}

/// One of the answers.
#[derive(Debug, Default)]
struct Candidate {
    next: u32,
    /// The open block, and whether it is thought.
    open: Option<(u32, bool)>,
    calls: usize,
    /// Told at the end of the bytes: some servers say it with every frame.
    stop: Option<Stop>,
}

impl State {
    fn see(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        let Some(data) = frame.data.as_deref().filter(|data| !self.done && !data.is_empty()) else { return };
        match serde_json::from_slice::<Value>(data) {
            Ok(Value::Object(chunk)) => self.take(chunk, events),
            _ if self.stopped() => {}
            _ => self.fail(broken(), events),
        }
    }

    fn take(&mut self, mut chunk: Map<String, Value>, events: &mut Vec<Event>) {
        if chunk.contains_key("error") {
            return self.fail(error::fault(&Value::Object(chunk)), events);
        }
        self.start(&chunk, events);
        let mut natives = Vec::new();
        for (at, candidate) in list(chunk.shift_remove("candidates")).into_iter().enumerate() {
            let Value::Object(candidate) = candidate else { continue };
            match self.candidate(candidate, at as u64, events) {
                Ok(native) => natives.extend(native),
                Err(failure) => return self.fail(failure, events),
            }
        }
        let blocked = chunk.get("promptFeedback").is_some_and(|feedback| feedback.get("blockReason").is_some());
        if blocked {
            self.candidates.entry(0).or_default().stop = Some(Stop::Filtered);
        }
        if let Some(Ok(counts)) = chunk.shift_remove("usageMetadata").map(serde_json::from_value::<Counts>) {
            self.counted = Some((counts.usage(), counts.tier()));
        }
        self.count(events);
        chunk.retain(|name, value| !["modelVersion", "responseId"].contains(&name.as_str()) && !value.is_null());
        if !natives.is_empty() {
            chunk.insert("candidates".to_owned(), natives.into());
        }
        if !chunk.is_empty() {
            events.push(Event::Native { dialect: Dialect::Gemini, raw: Value::Object(chunk).to_string() });
        }
    }

    fn start(&mut self, chunk: &Map<String, Value>, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let text = |name: &str| chunk.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (id, model) = (text("responseId"), text("modelVersion"));
        self.id.clone_from(&id);
        self.by_query = Family::of(&model).thinks_by_level();
        events.push(Event::Start { id, model, created: None });
    }

    /// Takes a candidate's news; gives back what of them only this dialect knows.
    fn candidate(
        &mut self,
        mut fields: Map<String, Value>,
        at: u64,
        events: &mut Vec<Event>,
    ) -> Result<Option<Value>, Failure> {
        let index = fields.shift_remove("index").and_then(|index| index.as_u64()).unwrap_or(at);
        let index = u32::try_from(index.min(MOST_CANDIDATES)).unwrap_or_default();
        let candidate = self.candidates.entry(index).or_default();
        let mut out = Out { choice: index, candidate, seed: &self.id, events };
        let content = fields.shift_remove("content").unwrap_or_default();
        for part in list(content.get("parts").cloned()) {
            out.part(part);
        }
        if let Some(reason) = fields.get("finishReason").and_then(Value::as_str) {
            let message = fields.get("finishMessage").and_then(Value::as_str);
            if let Some(failure) = stop::failure(reason, message) {
                return Err(failure);
            }
            candidate.stop = Some(stop::read(reason, candidate.calls > 0));
            if candidate.stop.as_ref().map(stop::write) == Some(reason) {
                fields.shift_remove("finishReason");
            }
        }
        if let Some(grounding) = fields.get("groundingMetadata") {
            self.grounding.see(grounding, self.by_query);
        }
        fields.retain(|_, value| !value.is_null() && *value != json!([]));
        if fields.is_empty() {
            return Ok(None);
        }
        fields.insert("index".to_owned(), index.into());
        Ok(Some(Value::Object(fields)))
    }

    fn count(&mut self, events: &mut Vec<Event>) {
        let Some((usage, service_tier)) = self.counted.clone() else { return };
        let told = (self.grounding.count(usage), service_tier);
        if self.told.as_ref() != Some(&told) {
            events.push(Event::Usage { usage: told.0, service_tier: told.1.clone() });
            self.told = Some(told);
        }
    }

    fn stopped(&self) -> bool {
        self.candidates.values().any(|candidate| candidate.stop.is_some())
    }

    fn fail(&mut self, failure: Failure, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.done, true) {
            events.push(Event::Fault(failure));
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        if self.done {
            return;
        }
        if !self.stopped() {
            let message = "the provider's stream broke off before its end";
            return self.fail(Failure::new(Kind::Malformed, message), events);
        }
        self.done = true;
        for (choice, candidate) in &mut self.candidates {
            let stop = candidate.stop.take();
            Out { choice: *choice, candidate, seed: "", events }.close();
            events.extend(stop.map(|stop| {
                // Calls may come after the reason.
                let stop = if candidate.calls > 0 && stop == Stop::End { Stop::ToolUse } else { stop };
                Event::Stop { choice: *choice, stop }
            }));
        }
        events.push(Event::End);
    }
}

/// Where the events of a candidate go.
struct Out<'a> {
    choice: u32,
    candidate: &'a mut Candidate,
    /// The id of the answer.
    seed: &'a str,
    events: &'a mut Vec<Event>,
}

impl Out<'_> {
    fn part(&mut self, part: Value) {
        let proof = part.get("thoughtSignature").and_then(Value::as_str).map(thought::read);
        let thinks = part.get("thought") == Some(&Value::Bool(true));
        if let Some(call) = part.get("functionCall") {
            self.call(call, proof);
        } else if let Some(text) = part.get("text").and_then(Value::as_str) {
            match proof {
                Some(Proof::Sealed(data)) => self.whole(Block::Redacted { data }),
                Some(Proof::Signed(signature)) if thinks => {
                    self.say(text, true);
                    let index = self.open(true);
                    self.delta(index, Delta::Signature(signature));
                    self.close();
                }
                Some(Proof::Signed(signature)) => {
                    self.close();
                    let index = self.open(true);
                    self.delta(index, Delta::Signature(signature));
                    self.close();
                    self.say(text, false);
                }
                None => self.say(text, thinks),
            }
        } else {
            self.whole(Block::Native { dialect: Dialect::Gemini, raw: part });
        }
    }

    fn call(&mut self, call: &Value, proof: Option<Proof>) {
        let text = |name: &str| call.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = Some(text("id")).filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| ids::make(self.seed, self.candidate.calls));
        let signature = match proof {
            Some(Proof::Signed(signature)) => Some(signature),
            _ => None,
        };
        self.candidate.calls += 1;
        self.close();
        let index = self.begin(Block::ToolUse { id, name: text("name"), signature });
        let arguments =
            call.get("args").filter(|args| args.is_object()).map_or_else(|| "{}".to_owned(), Value::to_string);
        self.delta(index, Delta::Arguments(arguments));
        self.events.push(Event::Close { choice: self.choice, index });
    }

    fn say(&mut self, text: &str, thinks: bool) {
        if !text.is_empty() {
            let index = self.open(thinks);
            self.delta(index, Delta::Text(text.to_owned()));
        }
    }

    /// The open block of this kind; another kind is closed first.
    fn open(&mut self, thinks: bool) -> u32 {
        match self.candidate.open {
            Some((index, open)) if open == thinks => index,
            _ => {
                self.close();
                let index = self.begin(if thinks { Block::Thinking } else { Block::Text });
                self.candidate.open = Some((index, thinks));
                index
            }
        }
    }

    fn whole(&mut self, block: Block) {
        self.close();
        let index = self.begin(block);
        self.events.push(Event::Close { choice: self.choice, index });
    }

    fn begin(&mut self, block: Block) -> u32 {
        let index = self.candidate.next;
        self.candidate.next = index.saturating_add(1);
        self.events.push(Event::Open { choice: self.choice, index, block });
        index
    }

    fn delta(&mut self, index: u32, delta: Delta) {
        self.events.push(Event::Delta { choice: self.choice, index, delta });
    }

    fn close(&mut self) {
        if let Some((index, _)) = self.candidate.open.take() {
            self.events.push(Event::Close { choice: self.choice, index });
        }
    }
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}
