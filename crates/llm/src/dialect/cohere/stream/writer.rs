//! Events to frames.

use serde_json::{Value, json};

use super::super::{error, stop, usage};
use crate::{
    Loss,
    dialect::{Dialect, EventWriter},
    event::{Block, Delta, Event},
    reply::Stop,
    usage::Usage,
};

/// Writes a streamed answer; of several choices the first.
#[derive(Debug, Default)]
pub struct Writer {
    started: bool,
    done: bool,
    /// Canonical index, kind and number of the open blocks.
    open: Vec<(u32, Kind, u64)>,
    contents: u64,
    calls: u64,
    citations: u64,
    /// The answer's end is said with what it used, which may come after it.
    stop: Option<Stop>,
    usage: Usage,
    loss: Loss,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Call { begun: bool },
}

impl EventWriter for Writer {
    fn push(&mut self, event: &Event, bytes: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, .. } => self.start(id, bytes),
            Event::Open { choice: 0, index, block } => self.open(*index, block, bytes),
            Event::Delta { choice: 0, index, delta } => self.delta(*index, delta, bytes),
            Event::Close { choice: 0, index } => self.close(*index, bytes),
            Event::Stop { choice: 0, stop } => self.stop = Some(stop.clone()),
            Event::Open { .. } | Event::Delta { .. } | Event::Close { .. } | Event::Stop { .. } => {
                self.loss.note("choices", "cohere gives one answer");
            }
            Event::Usage { usage, .. } => self.usage = *usage,
            Event::Fault(failure) => {
                self.done = true;
                let usage = (!self.usage.is_empty()).then(|| usage::write(&self.usage));
                frame(error::end(&failure.message, usage), bytes);
            }
            Event::End => self.end(bytes),
            Event::Native { dialect: Dialect::Cohere, raw } => {
                if let Ok(value) = serde_json::from_str::<Value>(raw) {
                    frame(value, bytes);
                }
            }
            Event::Native { .. } => self.loss.note("stream.native", "cohere has no such event"),
        }
    }

    fn loss(&self) -> &Loss {
        &self.loss
    }
}

impl Writer {
    fn start(&mut self, id: &str, bytes: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.started, true) {
            let message =
                json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
            frame(json!({"type": "message-start", "id": id, "delta": {"message": message}}), bytes);
        }
    }

    fn open(&mut self, index: u32, block: &Block, bytes: &mut Vec<u8>) {
        self.start("", bytes);
        match block {
            Block::Text | Block::Refusal | Block::Thinking => {
                let (kind, name) =
                    if matches!(block, Block::Thinking) { (Kind::Thinking, "thinking") } else { (Kind::Text, "text") };
                let number = self.contents;
                self.contents += 1;
                self.open.push((index, kind, number));
                let content = json!({"type": name, name: ""});
                frame(
                    json!({"type": "content-start", "index": number, "delta": {"message": {"content": content}}}),
                    bytes,
                );
            }
            Block::ToolUse { id, name, signature } => {
                if signature.is_some() {
                    self.loss.note("stream.signature", "cohere has no signatures");
                }
                let number = self.calls;
                self.calls += 1;
                self.open.push((index, Kind::Call { begun: false }, number));
                let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}});
                frame(
                    json!({"type": "tool-call-start", "index": number, "delta": {"message": {"tool_calls": call}}}),
                    bytes,
                );
            }
            Block::Redacted { .. } | Block::Native { .. } => self.loss.note("stream.block", "cohere has no such block"),
        }
    }

    fn delta(&mut self, index: u32, delta: &Delta, bytes: &mut Vec<u8>) {
        let open = self.open.iter_mut().find(|(open, ..)| *open == index).map(|(_, kind, number)| (kind, *number));
        match (open, delta) {
            (Some((Kind::Text, number)), Delta::Text(text)) => content(number, "text", text, bytes),
            (Some((Kind::Thinking, number)), Delta::Text(text)) => content(number, "thinking", text, bytes),
            (Some((Kind::Call { begun }, number)), Delta::Arguments(piece)) if !piece.is_empty() => {
                *begun = true;
                arguments(number, piece, bytes);
            }
            (_, Delta::Native { dialect: Dialect::Cohere, raw }) => {
                let number = self.citations;
                self.citations += 1;
                frame(
                    json!({"type": "citation-start", "index": number, "delta": {"message": {"citations": raw}}}),
                    bytes,
                );
                frame(json!({"type": "citation-end", "index": number}), bytes);
            }
            (_, Delta::Native { .. }) => self.loss.note("stream.delta", "cohere has no such delta"),
            (_, Delta::Signature(_)) => self.loss.note("stream.signature", "cohere has no signatures"),
            _ => {}
        }
    }

    fn close(&mut self, index: u32, bytes: &mut Vec<u8>) {
        let Some(at) = self.open.iter().position(|(open, ..)| *open == index) else { return };
        let (_, kind, number) = self.open.remove(at);
        match kind {
            Kind::Text | Kind::Thinking => frame(json!({"type": "content-end", "index": number}), bytes),
            Kind::Call { begun } => {
                if !begun {
                    arguments(number, "{}", bytes); // clients parse what they collect
                }
                frame(json!({"type": "tool-call-end", "index": number}), bytes);
            }
        }
    }

    fn end(&mut self, bytes: &mut Vec<u8>) {
        self.done = true;
        let reason = self.stop.as_ref().map(stop::write);
        frame(
            json!({"type": "message-end", "delta": {"finish_reason": reason, "usage": usage::write(&self.usage)}}),
            bytes,
        );
    }
}

fn content(number: u64, name: &str, text: &str, bytes: &mut Vec<u8>) {
    frame(json!({"type": "content-delta", "index": number, "delta": {"message": {"content": {name: text}}}}), bytes);
}

fn arguments(number: u64, piece: &str, bytes: &mut Vec<u8>) {
    let call = json!({"function": {"arguments": piece}});
    frame(json!({"type": "tool-call-delta", "index": number, "delta": {"message": {"tool_calls": call}}}), bytes);
}

/// One frame, named by its `type`.
fn frame(value: Value, bytes: &mut Vec<u8>) {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("message");
    bytes.extend_from_slice(format!("event: {kind}\ndata: {value}\n\n").as_bytes());
}
