use serde_json::{Value, json};

use crate::{
    Event,
    dialect::{
        Dialect, EventReader,
        bedrock::{error, reply, usage},
    },
    event::{Block, Delta},
    failure::{Failure, Kind},
    frame::{Frame, eventstream::Splitter},
};

use super::is_fault;

/// Reads a streamed answer.
#[derive(Debug, Default)]
pub struct Reader {
    splitter: Splitter,
    answer: Answer,
}

impl EventReader for Reader {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let Self { splitter, answer } = self;
        if let Err(unreadable) = splitter.push(bytes, |frame| answer.take(&frame, events)) {
            answer.fail(Failure::new(Kind::Malformed, unreadable.to_string()), events);
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        let answer = &mut self.answer;
        if answer.over {
            return;
        }
        if let Some(failure) = answer.failed.take() {
            answer.fail(failure, events);
        } else if answer.stopped {
            // Only the counts are missing: the answer is whole.
            answer.over = true;
            events.push(Event::End);
        } else {
            answer.fail(Failure::new(Kind::Malformed, "the stream ended without messageStop"), events);
        }
    }
}

/// The answer as far as it has come.
#[derive(Debug, Default)]
struct Answer {
    /// Blocks in the order of their opening: their place is their canonical index.
    blocks: Vec<Opened>,
    calls: bool,
    stopped: bool,
    /// The reason to stop was a failure, which is told when the counts have come.
    failed: Option<Failure>,
    /// Ended or failed: what comes after is not part of the answer.
    over: bool,
}

#[derive(Debug)]
struct Opened {
    /// The index on the wire.
    wire: u64,
    kind: Kinds,
    closed: bool,
}

/// What a block is, as far as its deltas depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kinds {
    Text,
    Thinking,
    /// Hidden thought, which arrives in pieces but is told whole.
    Redacted(String),
    ToolUse,
    Native,
}

/// A message that is not what its name says.
struct Broken;

impl Answer {
    fn take(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        if self.over {
            return;
        }
        let name = frame.event.unwrap_or_default();
        let data = frame.data.as_deref().unwrap_or_default();
        if is_fault(name) {
            return self.fail(error::fault(name, data), events);
        }
        let Ok(value) = serde_json::from_slice::<Value>(data) else {
            let message = format!("the stream has a broken {name} message");
            return self.fail(Failure::new(Kind::Malformed, message), events);
        };
        let done = match name {
            "messageStart" => {
                events.push(Event::Start { id: String::new(), model: String::new(), created: None });
                Ok(())
            }
            "contentBlockStart" => self.start(&value, events),
            "contentBlockDelta" => self.extend(&value, events),
            "contentBlockStop" => self.stop_block(&value, events),
            "messageStop" => self.stop(&value, events),
            "metadata" => {
                self.count(&value, events);
                Ok(())
            }
            _ => {
                let raw = json!({"event": name, "data": value}).to_string();
                events.push(Event::Native { dialect: Dialect::Bedrock, raw });
                Ok(())
            }
        };
        if done.is_err() {
            let message = format!("the stream has a broken {name} message");
            self.fail(Failure::new(Kind::Malformed, message), events);
        }
    }

    fn start(&mut self, value: &Value, events: &mut Vec<Event>) -> Result<(), Broken> {
        let wire = index(value)?;
        let start = value.get("start").ok_or(Broken)?;
        let call = start.get("toolUse").filter(|call| call.get("type").is_none_or(Value::is_null));
        match call {
            Some(call) => {
                let text = |name: &str| call.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(Broken);
                let block = Block::ToolUse { id: text("toolUseId")?, name: text("name")?, signature: None };
                self.open(wire, Kinds::ToolUse, Some(block), events)?;
            }
            // Some models announce their text, in so many words: {"start": {}}.
            None if start.as_object().is_some_and(serde_json::Map::is_empty) => {}
            None => {
                let block = Block::Native { dialect: Dialect::Bedrock, raw: start.clone() };
                self.open(wire, Kinds::Native, Some(block), events)?;
            }
        }
        Ok(())
    }

    /// Opens a block; `None`: it is not told before all of it is there.
    fn open(
        &mut self,
        wire: u64,
        kind: Kinds,
        block: Option<Block>,
        events: &mut Vec<Event>,
    ) -> Result<(u32, &mut Opened), Broken> {
        // Blocks are told in the order of their indexes: hidden thought that is still held back comes first.
        let held = self.blocks.iter().filter(|opened| !opened.closed && matches!(opened.kind, Kinds::Redacted(_)));
        for wire in held.map(|opened| opened.wire).collect::<Vec<_>>() {
            self.close_wire(wire, events);
        }
        let index = u32::try_from(self.blocks.len()).map_err(|_| Broken)?;
        self.blocks.push(Opened { wire, kind, closed: false });
        if let Some(block) = block {
            events.push(Event::Open { choice: 0, index, block });
        }
        self.blocks.last_mut().map(|opened| (index, opened)).ok_or(Broken)
    }

    fn extend(&mut self, value: &Value, events: &mut Vec<Event>) -> Result<(), Broken> {
        let wire = index(value)?;
        let delta = value.get("delta").ok_or(Broken)?;
        let Some((kind, delta)) = read_delta(delta) else { return Ok(()) };
        let open = (0..).zip(&self.blocks).filter(|(_, opened)| opened.wire == wire && !opened.closed).last();
        let (index, fits) = match open {
            Some((at, opened)) => (at, opened.kind == Kinds::Native || same(&opened.kind, &kind)),
            None => (0, false),
        };
        let index = if fits {
            index
        } else {
            // The kind of a block that was not announced shows in its first piece.
            let block = match kind {
                Kinds::Text => Some(Block::Text),
                Kinds::Thinking => Some(Block::Thinking),
                Kinds::Redacted(_) => None,
                Kinds::ToolUse | Kinds::Native => return Ok(()),
            };
            self.close_wire(wire, events);
            self.open(wire, kind.clone(), block, events)?.0
        };
        let Some(opened) = self.blocks.get_mut(index as usize) else { return Err(Broken) };
        match (&mut opened.kind, kind) {
            (Kinds::Redacted(held), Kinds::Redacted(more)) => {
                if fits {
                    held.push_str(&more);
                }
            }
            _ => {
                if let Some(delta) = delta {
                    events.push(Event::Delta { choice: 0, index, delta });
                }
            }
        }
        Ok(())
    }

    fn stop_block(&mut self, value: &Value, events: &mut Vec<Event>) -> Result<(), Broken> {
        let wire = index(value)?;
        self.close_wire(wire, events);
        Ok(())
    }

    fn close_wire(&mut self, wire: u64, events: &mut Vec<Event>) {
        for (index, opened) in (0..).zip(&mut self.blocks).filter(|(_, opened)| opened.wire == wire) {
            if !std::mem::replace(&mut opened.closed, true) {
                if let Kinds::Redacted(data) = &mut opened.kind {
                    let block = Block::Redacted { data: std::mem::take(data) };
                    events.push(Event::Open { choice: 0, index, block });
                }
                self.calls |= opened.kind == Kinds::ToolUse;
                events.push(Event::Close { choice: 0, index });
            }
        }
    }

    fn stop(&mut self, value: &Value, events: &mut Vec<Event>) -> Result<(), Broken> {
        let reason = value.get("stopReason").and_then(Value::as_str).ok_or(Broken)?;
        let wires: Vec<u64> = self.blocks.iter().filter(|opened| !opened.closed).map(|opened| opened.wire).collect();
        for wire in wires {
            self.close_wire(wire, events);
        }
        self.failed = reply::failed(reason);
        if self.failed.is_some() {
            return Ok(());
        }
        self.stopped = true;
        let more = value.get("additionalModelResponseFields").unwrap_or(&Value::Null);
        let stop = reply::read_stop(reason, &more.into(), self.calls);
        events.push(Event::Stop { choice: 0, stop });
        Ok(())
    }

    fn count(&mut self, value: &Value, events: &mut Vec<Event>) {
        if let Some(counts) = value.get("usage") {
            let service_tier = value.get("serviceTier").and_then(reply::tier);
            events.push(Event::Usage { usage: usage::read(&counts.into()), service_tier });
        }
        if let Some(failure) = self.failed.take() {
            self.fail(failure, events);
        } else if self.stopped {
            self.over = true;
            events.push(Event::End);
        }
    }

    fn fail(&mut self, failure: Failure, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.over, true) {
            events.push(Event::Fault(failure));
        }
    }
}

fn index(value: &Value) -> Result<u64, Broken> {
    value.get("contentBlockIndex").and_then(Value::as_u64).ok_or(Broken)
}

fn same(one: &Kinds, other: &Kinds) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other) || *other == Kinds::Native
}

/// What a `delta` is a piece of, and the piece; `None` if it says nothing.
fn read_delta(delta: &Value) -> Option<(Kinds, Option<Delta>)> {
    let said = |value: Option<&Value>| value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let native = || (Kinds::Native, Some(Delta::Native { dialect: Dialect::Bedrock, raw: delta.clone() }));
    if let Some(text) = delta.get("text") {
        return Some((Kinds::Text, Some(Delta::Text(said(Some(text))?))));
    }
    if let Some(call) = delta.get("toolUse") {
        return Some((Kinds::ToolUse, Some(Delta::Arguments(said(call.get("input"))?))));
    }
    if let Some(reasoning) = delta.get("reasoningContent") {
        if let Some(text) = said(reasoning.get("text")) {
            return Some((Kinds::Thinking, Some(Delta::Text(text))));
        }
        if let Some(proof) = said(reasoning.get("signature")) {
            return Some((Kinds::Thinking, Some(Delta::Signature(proof))));
        }
        return said(reasoning.get("redactedContent")).map(|data| (Kinds::Redacted(data), None));
    }
    Some(native())
}
