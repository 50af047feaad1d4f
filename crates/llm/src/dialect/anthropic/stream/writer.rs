use std::{collections::VecDeque, mem};

use crate::{
    Event, Loss,
    dialect::{
        Dialect, EventWriter,
        anthropic::{
            block, error,
            reply::{Said, write_stop},
            usage,
        },
    },
    event::{Block, Delta},
    failure::{Failure, Kind},
    json::{Json, object},
    reply::Stop,
    usage::Usage,
};

/// Writes a streamed answer.
///
/// Anthropic's blocks never overlap: while one is open, the pieces of the others wait. The beginning waits for the first
/// count or content, and the stop reason for the last count, as `message_start` and `message_delta` hold both.
#[derive(Debug, Default)]
pub struct Writer {
    loss: Loss,
    /// Id and model, until `message_start` is written.
    start: Option<(String, String)>,
    begun: bool,
    usage: Usage,
    service_tier: Option<String>,
    current: Option<Current>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// The next index on the wire.
    next: u32,
    said: Said,
    stop: Option<Stop>,
    /// `message_delta` is written.
    told: bool,
    /// Ended or failed.
    over: bool,
}

/// The block that is being written.
#[derive(Debug)]
struct Current {
    index: u32,
    block: Block,
    /// Its index on the wire, once `content_block_start` is written: empty blocks are not.
    wire: Option<u32>,
    extended: bool,
}

/// A block whose turn has not come.
#[derive(Debug)]
struct Waiting {
    index: u32,
    block: Block,
    deltas: Vec<Delta>,
    closed: bool,
}

impl Writer {
    /// How much may wait for an open block to close before the stream is given up.
    const MOST_WAITING_BYTES: usize = 16 << 20;

    fn begin(&mut self, bytes: &mut Vec<u8>) {
        if mem::replace(&mut self.begun, true) {
            return;
        }
        let (id, model) = self.start.take().unwrap_or_default();
        let message = object! {
            "id": id, "type": "message", "role": "assistant", "model": model, "content": Vec::new(),
            "stop_reason": Json::Null, "stop_sequence": Json::Null,
            "usage": usage::write(&self.usage, self.service_tier.as_deref()),
        };
        frame(bytes, "message_start", &object! {"type": "message_start", "message": message});
    }

    fn open(&mut self, index: u32, block: Block, bytes: &mut Vec<u8>) {
        self.said.tool_use |= matches!(block, Block::ToolUse { .. });
        self.said.refusal |= matches!(block, Block::Refusal);
        if self.current.is_some() {
            self.waiting.push_back(Waiting { index, block, deltas: Vec::new(), closed: false });
        } else {
            self.enter(index, block, bytes);
        }
    }

    /// Makes a block the current one. Text and thought are not written before there is some.
    fn enter(&mut self, index: u32, block: Block, bytes: &mut Vec<u8>) {
        let content = match &block {
            Block::Text | Block::Refusal | Block::Thinking => None,
            Block::Redacted { data } => Some(object! {"type": "redacted_thinking", "data": data}),
            Block::ToolUse { id, name, signature } => {
                if let Some(signature) = signature {
                    self.sign(signature, bytes);
                }
                Some(object! {"type": "tool_use", "id": id, "name": name, "input": object! {}})
            }
            Block::Native { dialect: Dialect::Anthropic, raw } => Some(raw.into()),
            Block::Native { .. } => {
                self.loss.note("blocks", "anthropic does not know a block of the answer");
                None
            }
        };
        let wire = content.map(|content| self.start_block(content, bytes));
        self.current = Some(Current { index, block, wire, extended: false });
    }

    /// The signature of the tool call that comes next.
    fn sign(&mut self, signature: &str, bytes: &mut Vec<u8>) {
        let wire = self.start_block(block::call_signature(""), bytes);
        piece(bytes, wire, object! {"type": "signature_delta", "signature": signature});
        frame(bytes, "content_block_stop", &object! {"type": "content_block_stop", "index": wire});
    }

    fn start_block(&mut self, content: Json<'_>, bytes: &mut Vec<u8>) -> u32 {
        self.begin(bytes);
        let wire = self.next;
        self.next += 1;
        let start = object! {"type": "content_block_start", "index": wire, "content_block": content};
        frame(bytes, "content_block_start", &start);
        wire
    }

    fn delta(&mut self, index: u32, delta: &Delta, bytes: &mut Vec<u8>) {
        if self.current.as_ref().is_some_and(|current| current.index == index) {
            self.extend(delta, bytes);
        } else if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.index == index) {
            self.waiting_bytes += wait(&mut waiting.deltas, delta);
            if self.waiting_bytes > Self::MOST_WAITING_BYTES {
                let message = "too much of the answer overlaps to be put in order";
                self.fail(&Failure::new(Kind::Malformed, message), bytes);
            }
        }
    }

    /// Writes a piece of the current block.
    fn extend(&mut self, delta: &Delta, bytes: &mut Vec<u8>) {
        let Some(current) = self.current.take() else { return };
        let delta = match (&current.block, delta) {
            (Block::Text | Block::Refusal, Delta::Text(text)) => object! {"type": "text_delta", "text": text},
            (Block::Thinking, Delta::Text(text)) => object! {"type": "thinking_delta", "thinking": text},
            (Block::Thinking, Delta::Signature(proof)) => object! {"type": "signature_delta", "signature": proof},
            (Block::ToolUse { .. }, Delta::Arguments(json)) => {
                object! {"type": "input_json_delta", "partial_json": json}
            }
            (_, Delta::Native { dialect: Dialect::Anthropic, raw }) => raw.into(),
            (Block::Native { .. }, _) => return self.current = Some(current),
            _ => {
                self.loss.note("deltas", "anthropic does not know a piece of the answer");
                return self.current = Some(current);
            }
        };
        let wire = match (current.wire, &current.block) {
            (Some(wire), _) => wire,
            (None, Block::Thinking) => self.start_block(block::call_signature(""), bytes),
            (None, _) => self.start_block(object! {"type": "text", "text": ""}, bytes),
        };
        piece(bytes, wire, delta);
        self.current = Some(Current { wire: Some(wire), extended: true, ..current });
    }

    fn close(&mut self, index: u32, bytes: &mut Vec<u8>) {
        if self.current.as_ref().is_some_and(|current| current.index == index) {
            self.leave(bytes);
        } else if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.index == index) {
            waiting.closed = true;
        }
    }

    /// Ends the current block and lets those that waited for it have their turn.
    fn leave(&mut self, bytes: &mut Vec<u8>) {
        while let Some(current) = self.current.take() {
            if let Some(wire) = current.wire {
                if matches!(current.block, Block::ToolUse { .. }) && !current.extended {
                    // A call without arguments streams one empty piece, as Anthropic does it.
                    piece(bytes, wire, object! {"type": "input_json_delta", "partial_json": ""});
                }
                frame(bytes, "content_block_stop", &object! {"type": "content_block_stop", "index": wire});
            }
            let Some(waiting) = self.waiting.pop_front() else { return };
            self.enter(waiting.index, waiting.block, bytes);
            for delta in &waiting.deltas {
                self.waiting_bytes = self.waiting_bytes.saturating_sub(size(delta));
                self.extend(delta, bytes);
            }
            if !waiting.closed {
                return;
            }
        }
    }

    /// Writes `message_delta`: why the model stopped, and the final counts.
    fn tell(&mut self, bytes: &mut Vec<u8>) {
        if mem::replace(&mut self.told, true) {
            return;
        }
        self.begin(bytes);
        let (reason, sequence) = self.stop.as_ref().map_or((None, None), |stop| write_stop(stop, self.said));
        let delta = object! {
            "type": "message_delta",
            "delta": object! {"stop_reason": reason, "stop_sequence": sequence},
            "usage": usage::write(&self.usage, self.service_tier.as_deref()),
        };
        frame(bytes, "message_delta", &delta);
    }

    fn close_all(&mut self, bytes: &mut Vec<u8>) {
        self.waiting.iter_mut().for_each(|waiting| waiting.closed = true);
        self.leave(bytes);
    }

    fn end(&mut self, bytes: &mut Vec<u8>) {
        self.close_all(bytes);
        self.tell(bytes);
        frame(bytes, "message_stop", &object! {"type": "message_stop"});
        self.over = true;
    }

    fn fail(&mut self, failure: &Failure, bytes: &mut Vec<u8>) {
        bytes.extend(error::write_event(&error::of(failure)));
        self.over = true;
    }
}

impl EventWriter for Writer {
    fn push(&mut self, event: &Event, bytes: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Open { choice: 1.., .. } => self.loss.note("choices", "anthropic gives one answer"),
            Event::Open { .. } if self.stop.is_some() => self.loss.note("blocks", "a block came after the stop reason"),
            Event::Delta { choice: 1.., .. } | Event::Close { choice: 1.., .. } | Event::Stop { choice: 1.., .. } => {}
            Event::Start { id, model, .. } => self.start = Some((id.clone(), model.clone())),
            Event::Open { index, block, .. } => self.open(*index, block.clone(), bytes),
            Event::Delta { index, delta, .. } => self.delta(*index, delta, bytes),
            Event::Close { index, .. } => self.close(*index, bytes),
            Event::Usage { usage, service_tier } => {
                self.usage = *usage;
                if service_tier.is_some() {
                    self.service_tier.clone_from(service_tier);
                }
                if self.stop.is_some() {
                    self.tell(bytes);
                } else if self.start.is_some() {
                    self.begin(bytes);
                }
            }
            Event::Stop { stop, .. } => {
                self.close_all(bytes);
                self.stop = Some(stop.clone());
            }
            Event::Fault(failure) => self.fail(failure, bytes),
            Event::End => self.end(bytes),
            Event::Native { dialect: Dialect::Anthropic, raw } => {
                self.begin(bytes);
                if let Ok(value) = Json::read(raw.as_bytes()) {
                    frame(bytes, value.get("type").and_then(Json::as_str).unwrap_or("message"), &value);
                }
            }
            Event::Native { .. } => self.loss.note("events", "anthropic does not know an event of the stream"),
        }
    }

    fn loss(&self) -> &Loss {
        &self.loss
    }
}

/// Keeps a piece for later. Pieces of one kind in a row become one. Returns how much more is held.
fn wait(deltas: &mut Vec<Delta>, delta: &Delta) -> usize {
    match (deltas.last_mut(), delta) {
        (Some(Delta::Text(held)), Delta::Text(more)) | (Some(Delta::Arguments(held)), Delta::Arguments(more)) => {
            held.push_str(more);
        }
        _ => deltas.push(delta.clone()),
    }
    size(delta)
}

fn size(delta: &Delta) -> usize {
    match delta {
        Delta::Text(piece) | Delta::Arguments(piece) | Delta::Signature(piece) => piece.len(),
        Delta::Native { raw, .. } => raw.to_string().len(),
    }
}

/// A piece of the block with this index.
fn piece(bytes: &mut Vec<u8>, wire: u32, delta: Json<'_>) {
    frame(bytes, "content_block_delta", &object! {"type": "content_block_delta", "index": wire, "delta": delta});
}

fn frame(bytes: &mut Vec<u8>, event: &str, data: &Json<'_>) {
    bytes.extend_from_slice(b"event: ");
    bytes.extend_from_slice(event.as_bytes());
    bytes.extend_from_slice(b"\ndata: ");
    data.write(bytes);
    bytes.extend_from_slice(b"\n\n");
}
