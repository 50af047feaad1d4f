use std::mem;

use serde_json::{Value, json};

use crate::{
    Event, Loss,
    dialect::{
        Dialect, EventWriter,
        bedrock::{error, reply, usage},
        sequence::Sequence,
    },
    event::{Block, Delta},
    failure::{Failure, Kind},
    frame::eventstream,
    reply::Stop,
    usage::Usage,
};

/// Writes a streamed answer.
#[derive(Debug, Default)]
pub struct Writer {
    sequence: Sequence,
    page: Page,
}

/// What has been written so far.
#[derive(Debug, Default)]
struct Page {
    loss: Loss,
    begun: bool,
    usage: Usage,
    service_tier: Option<String>,
    current: Option<Current>,
    /// The next index on the wire.
    next: u32,
    calls: bool,
    stopped: bool,
    /// Ended or failed.
    over: bool,
}

/// The block that is being written.
#[derive(Debug)]
struct Current {
    block: Block,
    /// Its index on the wire, once something of it is written: empty blocks are not.
    wire: Option<u32>,
    extended: bool,
}

impl EventWriter for Writer {
    fn push(&mut self, event: &Event, bytes: &mut Vec<u8>) {
        let Self { sequence, page } = self;
        if page.over {
            return;
        }
        match event {
            Event::Open { choice: 1.., .. } => page.loss.note("choices", "bedrock gives one answer"),
            Event::Delta { choice: 1.., .. } | Event::Close { choice: 1.., .. } | Event::Stop { choice: 1.., .. } => {}
            Event::Open { .. } if page.stopped => page.loss.note("blocks", "a block came after the stop reason"),
            Event::Stop { .. } | Event::End => {
                sequence.close(&mut |event| page.write(event, bytes));
                page.write(event, bytes);
            }
            event => {
                if let Err(overlap) = sequence.push(event, &mut |event| page.write(event, bytes)) {
                    page.write(&Event::Fault(Failure::new(Kind::Malformed, overlap.to_string())), bytes);
                }
            }
        }
    }

    fn loss(&self) -> &Loss {
        &self.page.loss
    }
}

impl Page {
    /// Writes an event; those of blocks come one block after the other.
    fn write(&mut self, event: &Event, bytes: &mut Vec<u8>) {
        match event {
            Event::Start { .. } => self.begin(bytes),
            Event::Open { block, .. } => self.open(block, bytes),
            Event::Delta { delta, .. } => self.extend(delta, bytes),
            Event::Close { .. } => self.close(bytes),
            Event::Usage { usage, service_tier } => {
                self.usage = *usage;
                if service_tier.is_some() {
                    self.service_tier.clone_from(service_tier);
                }
            }
            Event::Stop { stop, .. } => self.stop(stop, bytes),
            Event::End => self.end(bytes),
            Event::Fault(failure) => {
                bytes.extend(error::write_event(&error::of(failure)));
                self.over = true;
            }
            Event::Native { dialect: Dialect::Bedrock, raw } => {
                let value: Value = serde_json::from_str(raw).unwrap_or_default();
                if let (Some(name), Some(data)) = (value.get("event").and_then(Value::as_str), value.get("data")) {
                    message(bytes, name, data);
                }
            }
            Event::Native { .. } => self.loss.note("events", "bedrock does not know an event of the stream"),
        }
    }

    fn begin(&mut self, bytes: &mut Vec<u8>) {
        if !mem::replace(&mut self.begun, true) {
            message(bytes, "messageStart", &json!({"role": "assistant"}));
        }
    }

    /// Only what is not text or thought is announced.
    fn open(&mut self, block: &Block, bytes: &mut Vec<u8>) {
        if let Block::ToolUse { signature: Some(proof), .. } = block {
            // Carried to the client as reasoning without text, before the call.
            self.current = Some(Current { block: Block::Thinking, wire: None, extended: false });
            self.delta(&json!({"reasoningContent": {"signature": proof}}), bytes);
            self.close(bytes);
        }
        self.current = Some(Current { block: block.clone(), wire: None, extended: false });
        match block {
            Block::Text | Block::Refusal | Block::Thinking => {}
            Block::Redacted { data } => self.delta(&json!({"reasoningContent": {"redactedContent": data}}), bytes),
            Block::ToolUse { id, name, .. } => {
                self.calls = true;
                self.announce(&json!({"toolUse": {"toolUseId": id, "name": name}}), bytes);
            }
            Block::Native { dialect: Dialect::Bedrock, raw } => self.announce(raw, bytes),
            Block::Native { .. } => self.loss.note("blocks", "bedrock does not know a block of the answer"),
        }
    }

    fn announce(&mut self, start: &Value, bytes: &mut Vec<u8>) {
        let Some(index) = self.index(bytes) else { return };
        message(bytes, "contentBlockStart", &json!({"start": start, "contentBlockIndex": index}));
    }

    fn extend(&mut self, delta: &Delta, bytes: &mut Vec<u8>) {
        let Some(current) = &self.current else { return };
        let delta = match (&current.block, delta) {
            (Block::Text | Block::Refusal, Delta::Text(text)) => json!({"text": text}),
            (Block::Thinking, Delta::Text(text)) => json!({"reasoningContent": {"text": text}}),
            (Block::Thinking, Delta::Signature(proof)) => json!({"reasoningContent": {"signature": proof}}),
            (Block::ToolUse { .. }, Delta::Arguments(piece)) => json!({"toolUse": {"input": piece}}),
            (_, Delta::Native { dialect: Dialect::Bedrock, raw }) => raw.clone(),
            (Block::Native { .. }, _) => return,
            _ => return self.loss.note("deltas", "bedrock does not know a piece of the answer"),
        };
        self.delta(&delta, bytes);
    }

    fn delta(&mut self, delta: &Value, bytes: &mut Vec<u8>) {
        let Some(index) = self.index(bytes) else { return };
        if let Some(current) = &mut self.current {
            current.extended = true;
        }
        message(bytes, "contentBlockDelta", &json!({"delta": delta, "contentBlockIndex": index}));
    }

    /// The index of the current block on the wire.
    fn index(&mut self, bytes: &mut Vec<u8>) -> Option<u32> {
        self.begin(bytes);
        let current = self.current.as_mut()?;
        let next = &mut self.next;
        Some(*current.wire.get_or_insert_with(|| {
            *next += 1;
            *next - 1
        }))
    }

    fn close(&mut self, bytes: &mut Vec<u8>) {
        if let Some(Current { block: Block::ToolUse { .. }, extended: false, .. }) = &self.current {
            // Clients read the arguments as JSON, and nothing is none.
            self.delta(&json!({"toolUse": {"input": "{}"}}), bytes);
        }
        if let Some(Current { wire: Some(index), .. }) = self.current.take() {
            message(bytes, "contentBlockStop", &json!({"contentBlockIndex": index}));
        }
    }

    fn stop(&mut self, stop: &Stop, bytes: &mut Vec<u8>) {
        if mem::replace(&mut self.stopped, true) {
            return;
        }
        self.begin(bytes);
        let mut data = json!({"stopReason": reply::write_stop(stop, self.calls)});
        if let (Stop::Sequence(Some(sequence)), Some(data)) = (stop, data.as_object_mut()) {
            data.insert("additionalModelResponseFields".into(), json!({"stop_sequence": sequence}));
        }
        message(bytes, "messageStop", &data);
    }

    fn end(&mut self, bytes: &mut Vec<u8>) {
        self.over = true;
        if !self.stopped {
            // A stream that just ends is not a finished answer.
            return;
        }
        let mut data = json!({"usage": usage::write(&self.usage), "metrics": {"latencyMs": 0}});
        if let (Some(tier), Some(data)) = (&self.service_tier, data.as_object_mut()) {
            data.insert("serviceTier".into(), json!({"type": tier}));
        }
        message(bytes, "metadata", &data);
    }
}

fn message(bytes: &mut Vec<u8>, event: &str, data: &Value) {
    eventstream::write_event(event, data.to_string().as_bytes(), bytes);
}
