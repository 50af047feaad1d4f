use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use super::wire::{BlockStart, BlockStop, MessageDelta, MessageStart, kind_of};
use crate::{
    Event,
    dialect::{
        Dialect, EventReader,
        anthropic::{error, reply::read_stop, usage::Counts},
    },
    event::{Block, Delta},
    failure::{Failure, Kind},
    frame::sse::{Frame, Splitter},
    json::Json,
};

/// Reads a streamed answer.
#[derive(Debug, Default)]
pub struct Reader {
    splitter: Splitter,
    answer: Answer,
}

impl EventReader for Reader {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let Self { splitter, answer } = self;
        if let Err(too_long) = splitter.push(bytes, |frame| answer.take(&frame, events)) {
            answer.fail(Failure::new(Kind::Malformed, too_long.to_string()), events);
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        let Self { splitter, answer } = self;
        splitter.finish(|frame| answer.take(&frame, events));
        if answer.over {
            return;
        }
        if answer.stopped {
            // Only the terminal event is missing: the answer is whole.
            answer.over = true;
            events.push(Event::End);
        } else {
            let message = "the stream ended without a stop reason and without message_stop";
            answer.fail(Failure::new(Kind::Malformed, message), events);
        }
    }
}

/// The answer as far as it has come.
#[derive(Debug, Default)]
struct Answer {
    counts: Counts,
    /// Blocks in the order of their opening: their place is their canonical index.
    blocks: Vec<Opened>,
    tool_use: bool,
    stopped: bool,
    /// Ended or failed: what comes after is not part of the answer.
    over: bool,
}

#[derive(Debug)]
struct Opened {
    /// The index on the wire.
    wire: u64,
    native: bool,
    closed: bool,
}

/// A frame that is not what its name says.
struct Broken;

impl Answer {
    fn take(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        let Some(data) = frame.data.as_deref().filter(|data| !self.over && !data.is_empty()) else { return };
        let kind = frame.event.or_else(|| kind_of(data));
        let done = match kind {
            Some("message_start") => self.start(data, events),
            Some("content_block_start") => self.open(data, events),
            Some("content_block_delta") => self.extend(data, events),
            Some("content_block_stop") => self.close(data, events),
            Some("message_delta") => self.stop(data, events),
            Some("message_stop") => {
                self.over = true;
                events.push(Event::End);
                Ok(())
            }
            Some("error") => {
                self.fail(error::fault(data), events);
                Ok(())
            }
            Some("ping") => Ok(()),
            _ => self.keep(data, events),
        };
        if done.is_err() {
            let message = format!("the stream has a broken {} frame", kind.unwrap_or("nameless"));
            self.fail(Failure::new(Kind::Malformed, message), events);
        }
    }

    fn start(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let MessageStart { message } = parse(data)?;
        events.push(Event::Start { id: message.id, model: message.model, created: None });
        self.count(message.usage, events);
        Ok(())
    }

    fn open(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let start: BlockStart<'_> = serde_json::from_slice(data).map_err(|_| Broken)?;
        let (block, first) = begin(value(start.content_block)?);
        self.tool_use |= matches!(block, Block::ToolUse { .. });
        let index = u32::try_from(self.blocks.len()).map_err(|_| Broken)?;
        let native = matches!(block, Block::Native { .. });
        self.blocks.push(Opened { wire: start.index, native, closed: false });
        events.push(Event::Open { choice: 0, index, block });
        events.extend(first.into_iter().map(|delta| Event::Delta { choice: 0, index, delta }));
        Ok(())
    }

    fn extend(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let frame = Json::read(data).map_err(|_| Broken)?;
        let wire = frame.get("index").and_then(Json::as_u64).ok_or(Broken)?;
        let piece = frame.get("delta").ok_or(Broken)?;
        let Some((index, opened)) = self.find(wire) else { return Ok(()) };
        let text = |name: &str| match piece.get(name) {
            None | Some(Json::Null) => Ok(String::new()),
            Some(text) => text.as_str().map(str::to_owned).ok_or(Broken),
        };
        let kind = piece.as_object().ok_or(Broken)?.get("type").map_or(Ok(""), |kind| kind.as_str().ok_or(Broken))?;
        let delta = match kind {
            "text_delta" if !opened.native => Delta::Text(text("text")?),
            "thinking_delta" if !opened.native => Delta::Text(text("thinking")?),
            "input_json_delta" if !opened.native => Delta::Arguments(text("partial_json")?),
            "signature_delta" if !opened.native => Delta::Signature(text("signature")?),
            _ => Delta::Native { dialect: Dialect::Anthropic, raw: piece.to_value() },
        };
        let says = match &delta {
            Delta::Text(piece) | Delta::Arguments(piece) | Delta::Signature(piece) => !piece.is_empty(),
            Delta::Native { .. } => true,
        };
        if says {
            events.push(Event::Delta { choice: 0, index, delta });
        }
        Ok(())
    }

    fn close(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let BlockStop { index } = parse(data)?;
        if let Some((index, opened)) = self.find(index) {
            opened.closed = true;
            events.push(Event::Close { choice: 0, index });
        }
        Ok(())
    }

    fn stop(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let MessageDelta { delta, usage } = parse(data)?;
        self.count(usage, events);
        if let Some(reason) = delta.stop_reason {
            for (index, opened) in (0..).zip(&mut self.blocks) {
                if !std::mem::replace(&mut opened.closed, true) {
                    events.push(Event::Close { choice: 0, index });
                }
            }
            self.stopped = true;
            events.push(Event::Stop { choice: 0, stop: read_stop(&reason, delta.stop_sequence, self.tool_use) });
        }
        Ok(())
    }

    /// An event that this version does not know is kept as it is.
    fn keep(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let raw: &RawValue = serde_json::from_slice(data).map_err(|_| Broken)?;
        events.push(Event::Native { dialect: Dialect::Anthropic, raw: raw.get().to_owned() });
        Ok(())
    }

    fn fail(&mut self, failure: Failure, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.over, true) {
            events.push(Event::Fault(failure));
        }
    }

    fn count(&mut self, counts: Option<Counts>, events: &mut Vec<Event>) {
        if let Some(counts) = counts {
            self.counts.merge(counts);
            let service_tier = self.counts.service_tier.clone();
            events.push(Event::Usage { usage: self.counts.usage(), service_tier });
        }
    }

    /// The open block with this index on the wire, and its canonical index.
    fn find(&mut self, wire: u64) -> Option<(u32, &mut Opened)> {
        (0..).zip(&mut self.blocks).filter(|(_, opened)| opened.wire == wire && !opened.closed).last()
    }
}

/// The kind of a block, and what it holds from the start.
fn begin(block: Value) -> (Block, Option<Delta>) {
    let said = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let first = |text: String| (!text.is_empty()).then_some(Delta::Text(text));
    let direct = block.pointer("/caller/type").and_then(Value::as_str).is_none_or(|caller| caller == "direct");
    match block.get("type").and_then(Value::as_str) {
        Some("text") => (Block::Text, first(said("text"))),
        Some("thinking") => (Block::Thinking, first(said("thinking"))),
        Some("redacted_thinking") => (Block::Redacted { data: said("data") }, None),
        Some("tool_use") if direct => {
            let input = block.get("input").filter(|input| input.as_object().is_some_and(|input| !input.is_empty()));
            let arguments = input.map(|input| Delta::Arguments(input.to_string()));
            (Block::ToolUse { id: said("id"), name: said("name"), signature: None }, arguments)
        }
        _ => (Block::Native { dialect: Dialect::Anthropic, raw: block }, None),
    }
}

fn parse<T: DeserializeOwned>(data: &[u8]) -> Result<T, Broken> {
    serde_json::from_slice(data).map_err(|_| Broken)
}

fn value(raw: &RawValue) -> Result<Value, Broken> {
    serde_json::from_str(raw.get()).map_err(|_| Broken)
}
