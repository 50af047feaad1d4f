//! Chunks to events.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    dialect::{
        Dialect, EventReader,
        openai_chat::{
            error,
            reply::read_usage,
            stop,
            stream::{broken, stated},
        },
    },
    event::{Block, Delta, Event},
    failure::{Failure, Kind},
    frame::sse::{Frame, Splitter},
};

/// Reads `text_completion` frames.
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
        if state.stopped && !state.done {
            state.end(events);
        }
        state.fail(Failure::new(Kind::Malformed, "the stream ended before the answer did"), events);
    }
}

/// Prompts times choices that are told apart; [`fold`](crate::event::fold) keeps no more.
const MOST_CHOICES: u64 = 127;

#[derive(Debug, Default)]
struct State {
    started: bool,
    done: bool,
    stopped: bool,
    /// Whether a choice has its block open; `None` after its end.
    choices: BTreeMap<u32, Option<bool>>,
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
        match serde_json::from_slice(data) {
            Ok(Value::Object(chunk)) => self.take(chunk, events),
            // All that matters has been said.
            _ if self.stopped => {}
            _ => self.fail(broken(), events),
        }
    }

    fn take(&mut self, mut chunk: Map<String, Value>, events: &mut Vec<Event>) {
        let usage = chunk.remove("usage").filter(Value::is_object);
        let choices = match chunk.remove("choices") {
            Some(Value::Array(choices)) if chunk.get("error").is_none_or(Value::is_null) => choices,
            None | Some(Value::Null) if usage.is_some() => Vec::new(),
            _ => {
                let whole = Value::Object(chunk);
                let is_stated = !error::from_value(&whole).message.is_empty();
                return self.fail(if is_stated { error::failure(&whole) } else { broken() }, events);
            }
        };
        if !std::mem::replace(&mut self.started, true) {
            let text = |name: &str| chunk.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let created = chunk.get("created").and_then(Value::as_i64);
            events.push(Event::Start { id: text("id"), model: text("model"), created });
        }
        for choice in choices {
            let Value::Object(choice) = choice else { return self.fail(broken(), events) };
            if let Err(failure) = self.take_choice(choice, events) {
                return self.fail(failure, events);
            }
        }
        if let Some(usage) = usage {
            events.push(Event::Usage { usage: read_usage(&usage), service_tier: None });
        }
    }

    fn take_choice(&mut self, mut choice: Map<String, Value>, events: &mut Vec<Event>) -> Result<(), Failure> {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        let number = u32::try_from(index).ok().filter(|_| index <= MOST_CHOICES);
        let number = number.ok_or_else(|| Failure::new(Kind::Malformed, "the stream has too many choices"))?;
        let text = choice.remove("text");
        let reason = choice.remove("finish_reason");
        let Some(open) = self.choices.entry(number).or_insert(Some(false)) else { return Ok(()) };
        if let Some(text) = text.as_ref().and_then(Value::as_str).filter(|text| !text.is_empty()) {
            if !std::mem::replace(open, true) {
                events.push(Event::Open { choice: number, index: 0, block: Block::Text });
            }
            events.push(Event::Delta { choice: number, index: 0, delta: Delta::Text(text.to_owned()) });
        }
        choice.retain(|name, value| name != "index" && !value.is_null());
        if !choice.is_empty() {
            choice.insert("index".to_owned(), json!(index));
            let raw = json!({"choices": [choice]}).to_string();
            events.push(Event::Native { dialect: Dialect::OpenAiCompletions, raw });
        }
        let Some(reason) = reason.as_ref().and_then(Value::as_str).filter(|reason| !reason.is_empty()) else {
            return Ok(());
        };
        if let Some(failure) = stop::failure(reason) {
            return Err(failure);
        }
        if *open {
            events.push(Event::Close { choice: number, index: 0 });
        }
        self.choices.insert(number, None);
        self.stopped = true;
        events.push(Event::Stop { choice: number, stop: stop::read(reason, false) });
        Ok(())
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        self.done = true;
        for (choice, open) in &self.choices {
            if *open == Some(true) {
                events.push(Event::Close { choice: *choice, index: 0 });
            }
        }
        events.push(Event::End);
    }

    fn fail(&mut self, failure: Failure, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.done, true) {
            events.push(Event::Fault(failure));
        }
    }
}
