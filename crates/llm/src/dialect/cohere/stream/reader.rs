//! Frames to events.

use serde_json::Value;

use super::{
    super::{stop, usage},
    Named, stated,
};
use crate::{
    dialect::{Dialect, EventReader},
    event::{Block, Delta, Event},
    failure::{Failure, Kind},
    frame::sse::{Frame, Splitter},
};

/// Reads a streamed answer.
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
        state.fail(Failure::new(Kind::Malformed, "the stream ended before the answer did"), events);
    }
}

/// What is open: content and tool calls are numbered apart, and a plan has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Content(u64),
    Call(u64),
    Plan,
}

#[derive(Debug, Clone, Copy)]
struct Opened {
    place: Place,
    open: bool,
    /// Something was said in it.
    begun: bool,
}

#[derive(Debug, Default)]
struct State {
    started: bool,
    done: bool,
    called: bool,
    /// Blocks in the order of their opening: their place is their canonical index.
    blocks: Vec<Opened>,
    /// The last block of text, which citations are of.
    cited: Option<u32>,
}

/// No answer has more blocks.
const MOST_BLOCKS: usize = 4096;

impl State {
    fn see(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        let Some(data) = frame.data.as_deref().filter(|data| !self.done && !data.is_empty()) else { return };
        if data == b"[DONE]" {
            return; // said by proxies; the answer's own end is `message-end`
        }
        let Ok(value) = serde_json::from_slice::<Value>(data) else { return self.fail(stated(data), events) };
        let named = serde_json::from_value::<Named>(value.clone()).map(|named| named.kind).unwrap_or_default();
        let kind = if named.is_empty() { frame.event.unwrap_or_default() } else { &named };
        let index = value.get("index").and_then(Value::as_u64).unwrap_or(0);
        let text = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
        if self.blocks.len() >= MOST_BLOCKS {
            return self.fail(Failure::new(Kind::Malformed, "the stream has too many blocks"), events);
        }
        match kind {
            "message-start" => self.start(text("/id"), events),
            "content-start" => {
                let thinks = text("/delta/message/content/type") == "thinking"
                    || value.pointer("/delta/message/content/thinking").is_some_and(Value::is_string);
                self.open(Place::Content(index), if thinks { Block::Thinking } else { Block::Text }, events);
                self.content(index, &value, events);
            }
            "content-delta" => self.content(index, &value, events),
            "content-end" => self.close(Place::Content(index), events),
            "tool-plan-delta" => self.extend(Place::Plan, Delta::Text(text("/delta/message/tool_plan").into()), events),
            "tool-call-start" => {
                let call = |name: &str| text(&format!("/delta/message/tool_calls/{name}")).to_owned();
                let block = Block::ToolUse { id: call("id"), name: call("function/name"), signature: None };
                self.called = true;
                self.open(Place::Call(index), block, events);
                self.extend(Place::Call(index), Delta::Arguments(call("function/arguments")), events);
            }
            "tool-call-delta" => {
                let arguments = text("/delta/message/tool_calls/function/arguments").to_owned();
                self.extend(Place::Call(index), Delta::Arguments(arguments), events);
            }
            "tool-call-end" => self.close(Place::Call(index), events),
            "citation-start" => self.cite(&value, events),
            "citation-end" => {}
            "message-end" => self.end(&value, events),
            // Debug events, and what this version does not know.
            _ if value.get("type").is_some() => {
                events.push(Event::Native { dialect: Dialect::Cohere, raw: value.to_string() });
            }
            _ => self.fail(stated(data), events),
        }
    }

    fn start(&mut self, id: &str, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            events.push(Event::Start { id: id.to_owned(), model: String::new(), created: None });
        }
    }

    /// Opens a block; a plan ends where anything else begins.
    fn open(&mut self, place: Place, block: Block, events: &mut Vec<Event>) {
        self.start("", events);
        if place != Place::Plan {
            self.close(Place::Plan, events);
        }
        let index = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        if matches!(block, Block::Text) {
            self.cited = Some(index);
        }
        self.blocks.push(Opened { place, open: true, begun: false });
        events.push(Event::Open { choice: 0, index, block });
    }

    fn find(&self, place: Place) -> Option<u32> {
        let at = self.blocks.iter().rposition(|block| block.place == place && block.open)?;
        u32::try_from(at).ok()
    }

    fn content(&mut self, index: u64, value: &Value, events: &mut Vec<Event>) {
        for (name, block) in [("thinking", Block::Thinking), ("text", Block::Text)] {
            let path = format!("/delta/message/content/{name}");
            if let Some(text) = value.pointer(&path).and_then(Value::as_str).filter(|text| !text.is_empty()) {
                if self.find(Place::Content(index)).is_none() {
                    self.open(Place::Content(index), block, events);
                }
                self.extend(Place::Content(index), Delta::Text(text.to_owned()), events);
            }
        }
    }

    fn extend(&mut self, place: Place, delta: Delta, events: &mut Vec<Event>) {
        if let Delta::Text(piece) | Delta::Arguments(piece) = &delta
            && piece.is_empty()
        {
            return;
        }
        if place == Place::Plan && self.find(place).is_none() {
            self.open(place, Block::Thinking, events);
        }
        if let Some(index) = self.find(place) {
            if let Some(block) = self.blocks.get_mut(index as usize) {
                block.begun = true;
            }
            events.push(Event::Delta { choice: 0, index, delta });
        }
    }

    fn close(&mut self, place: Place, events: &mut Vec<Event>) {
        if let Some(index) = self.find(place) {
            if let Some(block) = self.blocks.get_mut(index as usize) {
                block.open = false;
                if matches!(place, Place::Call(_)) && !block.begun {
                    // A call without arguments: readers of other dialects parse what they collect.
                    let delta = Delta::Arguments("{}".to_owned());
                    events.push(Event::Delta { choice: 0, index, delta });
                }
            }
            events.push(Event::Close { choice: 0, index });
        }
    }

    /// A citation belongs to the text that it cites, if that is still open.
    fn cite(&mut self, value: &Value, events: &mut Vec<Event>) {
        let open = self.cited.filter(|index| self.blocks.get(*index as usize).is_some_and(|block| block.open));
        match (open, value.pointer("/delta/message/citations")) {
            (Some(index), Some(citation)) => {
                let raw = citation.clone();
                events.push(Event::Delta { choice: 0, index, delta: Delta::Native { dialect: Dialect::Cohere, raw } });
            }
            _ => events.push(Event::Native { dialect: Dialect::Cohere, raw: value.to_string() }),
        }
    }

    fn end(&mut self, value: &Value, events: &mut Vec<Event>) {
        let text = |path: &str| value.pointer(path).and_then(Value::as_str);
        if let Some(usage) = value.pointer("/delta/usage").and_then(|counts| usage::read(&counts.into())) {
            events.push(Event::Usage { usage, service_tier: None });
        }
        let reason = text("/delta/finish_reason").unwrap_or("COMPLETE");
        if let Some(failure) = stop::failure(reason, text("/delta/error")) {
            return self.fail(failure, events);
        }
        self.start("", events);
        for Opened { place, .. } in self.blocks.clone() {
            self.close(place, events);
        }
        self.done = true;
        events.push(Event::Stop { choice: 0, stop: stop::read(reason, self.called) });
        events.push(Event::End);
    }

    fn fail(&mut self, failure: Failure, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.done, true) {
            events.push(Event::Fault(failure));
        }
    }
}
