//! Chunks to events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{error, reply, stop},
    blocks::{Blocks, Place},
};
use crate::{
    dialect::{Dialect, EventReader},
    event::Event,
    failure::{Failure, Kind},
    frame::sse::{Frame, Splitter},
    json::{Json, Object},
};

/// Reads `chat.completion.chunk` frames.
#[derive(Debug, Default)]
pub struct Reader {
    splitter: Splitter,
    state: State,
}

impl EventReader for Reader {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let state = &mut self.state;
        if self.splitter.push(bytes, |frame| state.see(&frame, events)).is_err() {
            state.fail(Failure::new(Kind::Malformed, "a frame of the stream is too long"), events);
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        let state = &mut self.state;
        self.splitter.finish(|frame| state.see(&frame, events));
        state.finish(events);
    }
}

/// No server makes more answers to one question.
const MOST_CHOICES: u64 = 128;
const MOST_FIELDS: usize = 64;

#[derive(Debug, Default)]
struct State {
    started: bool,
    /// The stream has ended, well or badly: what follows is ignored.
    done: bool,
    stopped: bool,
    id: String,
    service_tier: Option<String>,
    choices: BTreeMap<u32, Blocks>,
    /// Unknown top-level fields as they were last told: most servers repeat them on every chunk.
    fields: Object<'static>,
    /// What only this dialect knows and came before the answer began (Azure).
    early: Option<String>,
}

impl State {
    fn see(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        let Some(data) = frame.data.as_deref().filter(|data| !self.done && !data.is_empty()) else { return };
        if data == b"[DONE]" {
            return self.end(events);
        }
        if frame.event == Some("error") {
            return self.fail(stated(data), events);
        }
        match Json::read(data) {
            Ok(Json::Object(chunk)) => self.take(chunk, events),
            // All that matters has been said: a usage chunk that was cut off does not unmake the answer.
            _ if self.stopped => {}
            _ => self.fail(broken(), events),
        }
    }

    fn take(&mut self, mut chunk: Object<'_>, events: &mut Vec<Event>) {
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return self.fail(error::failure(&chunk.to_map().into()), events);
        }
        let usage = chunk.remove("usage").filter(|usage| usage.as_object().is_some());
        let choices = match chunk.remove("choices") {
            Some(Json::Array(choices)) => choices,
            None | Some(Json::Null) => {
                let whole = Value::Object(chunk.to_map());
                if usage.is_none() && !error::from_value(&whole).message.is_empty() {
                    return self.fail(error::failure(&whole), events);
                }
                Vec::new()
            }
            Some(_) => return self.fail(broken(), events),
        };
        self.start(&chunk, !choices.is_empty() || usage.is_some(), events);
        let tier = chunk.get("service_tier").and_then(Json::as_str);
        if tier.is_some() && tier != self.service_tier.as_deref() {
            self.service_tier = tier.map(str::to_owned);
        }
        let mut natives = Vec::new();
        let mut stops = Vec::new();
        for choice in choices {
            let Json::Object(choice) = choice else { return self.fail(broken(), events) };
            if let Err(failure) = self.take_choice(choice, &mut natives, &mut stops, events) {
                return self.fail(failure, events);
            }
        }
        self.keep_native(chunk, natives, events);
        for (choice, reason) in stops {
            self.stop(choice, &reason, events);
        }
        if let (Some(usage), false) = (usage, self.done) {
            let usage = reply::read_usage(&usage.to_value());
            events.push(Event::Usage { usage, service_tier: self.service_tier.clone() });
        }
    }

    /// Azure's first chunk has neither choices nor an id: the answer begins with the next.
    fn start(&mut self, chunk: &Object<'_>, begun: bool, events: &mut Vec<Event>) {
        if self.started {
            return;
        }
        let text = |name: &str| chunk.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let id = text("id");
        if id.is_empty() && !begun {
            return;
        }
        self.started = true;
        self.id.clone_from(&id);
        let created = chunk.get("created").and_then(Json::as_i64);
        events.push(Event::Start { id, model: text("model"), created });
        events.extend(self.early.take().map(|raw| Event::Native { dialect: Dialect::OpenAiChat, raw }));
    }

    fn take_choice<'j>(
        &mut self,
        mut choice: Object<'j>,
        natives: &mut Vec<Json<'j>>,
        stops: &mut Vec<(u32, String)>,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let index = choice.remove("index").and_then(|index| index.as_u64()).unwrap_or(0);
        if index > MOST_CHOICES {
            return Err(Failure::new(Kind::Malformed, "the stream has too many choices"));
        }
        let number = u32::try_from(index).unwrap_or(0);
        let blocks = self.choices.entry(number).or_default();
        let mut delta = match choice.remove("delta") {
            Some(Json::Object(delta)) if !blocks.stopped => delta,
            _ => Object::default(),
        };
        blocks
            .take(&mut delta, Place { choice: number, seed: &self.id, events })
            .map_err(|_| Failure::new(Kind::Malformed, "the stream has too many tool calls"))?;
        if let Some(Json::String(reason)) = choice.remove("finish_reason")
            && !reason.is_empty()
            && !blocks.stopped
        {
            stops.push((number, reason.into_owned()));
        }
        choice.retain(is_said);
        delta.retain(is_said);
        if !choice.is_empty() || !delta.is_empty() {
            choice.set("index", index);
            choice.set("delta", delta);
            natives.push(choice.into());
        }
        Ok(())
    }

    fn keep_native<'j>(&mut self, mut chunk: Object<'j>, natives: Vec<Json<'j>>, events: &mut Vec<Event>) {
        // `obfuscation` pads the frame that it came in; in another frame it means nothing.
        const UNDERSTOOD: &[&str] = &["id", "object", "created", "model", "service_tier", "obfuscation", "error"];
        chunk.retain(|name, value| {
            is_said(name, value) && !UNDERSTOOD.contains(&name) && self.fields.get(name) != Some(value)
        });
        if chunk.is_empty() && natives.is_empty() {
            return;
        }
        // Bounded: a server that invents names is not remembered.
        if self.fields.len() < MOST_FIELDS {
            self.fields.extend(chunk.to_map());
        }
        chunk.set("choices", natives);
        let raw = Json::from(chunk).to_string();
        if self.started {
            events.push(Event::Native { dialect: Dialect::OpenAiChat, raw });
        } else {
            self.early = Some(raw);
        }
    }

    fn stop(&mut self, choice: u32, reason: &str, events: &mut Vec<Event>) {
        if let Some(failure) = stop::failure(reason) {
            return self.fail(failure, events);
        }
        if let Some(blocks) = self.choices.get_mut(&choice) {
            let stop = stop::read(reason, blocks.called());
            blocks.stopped = true;
            blocks.close(Place { choice, seed: &self.id, events });
            events.push(Event::Stop { choice, stop });
            self.stopped = true;
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        self.done = true;
        for (choice, blocks) in &mut self.choices {
            blocks.close(Place { choice: *choice, seed: &self.id, events });
        }
        events.push(Event::End);
    }

    fn fail(&mut self, failure: Failure, events: &mut Vec<Event>) {
        if !self.done {
            self.done = true;
            events.push(Event::Fault(failure));
        }
    }

    /// A finish reason without `[DONE]` is a finished answer; a stream with neither was cut.
    fn finish(&mut self, events: &mut Vec<Event>) {
        if self.stopped && !self.done {
            self.end(events);
        }
        self.fail(Failure::new(Kind::Malformed, "the stream ended before the answer did"), events);
    }
}

/// Whether a field says anything.
fn is_said(_: &str, value: &Json<'_>) -> bool {
    !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
}

/// The failure that a frame's own words state.
pub(in crate::dialect) fn stated(data: &[u8]) -> Failure {
    match serde_json::from_slice(data) {
        Ok(value) => error::failure(&value),
        Err(_) => Failure::new(Kind::Server, crate::failure::clean(&error::read(data).message)),
    }
}

/// The failure of a frame that is not a chunk.
pub(in crate::dialect) fn broken() -> Failure {
    Failure::new(Kind::Malformed, "the stream holds a frame that is not the JSON of a chunk")
}
