//! Events to frames.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::{error, reply::write_part, stop, usage};
use crate::{
    Loss,
    call::{Part, Thinking, ToolUse},
    dialect::{Dialect, EventWriter, StreamForm},
    event::{Block, Delta, Event},
    failure::{Failure, Kind},
    frame::Framing,
    reply::Stop,
    usage::Usage,
};

/// Writes a streamed answer. Text passes as it comes; a function call is kept until it is whole, as Gemini says it.
#[derive(Debug)]
pub struct Writer {
    framing: Framing,
    /// Nothing has been written yet.
    first: bool,
    id: String,
    model: String,
    usage: Option<(Usage, Option<String>)>,
    /// No frame has said the last count yet.
    untold: bool,
    open: BTreeMap<(u32, u32), Open>,
    held: usize,
    stops: BTreeMap<u32, Stop>,
    /// The stream has ended, well or badly: nothing may follow.
    over: bool,
    loss: Loss,
}

/// An open block.
#[derive(Debug)]
enum Open {
    Text,
    Thinking {
        signature: String,
        said: bool,
    },
    Call(ToolUse),
    /// Said already, or not sayable.
    Other,
}

impl Writer {
    /// How much of unfinished function calls may be kept before the stream is given up.
    const MOST_HELD_BYTES: usize = 16 << 20;

    #[must_use]
    pub fn new(form: StreamForm) -> Self {
        Self {
            framing: form.framing,
            first: true,
            id: String::new(),
            model: String::new(),
            usage: None,
            untold: false,
            open: BTreeMap::new(),
            held: 0,
            stops: BTreeMap::new(),
            over: false,
            loss: Loss::none(),
        }
    }

    fn open(&mut self, place: (u32, u32), block: &Block, bytes: &mut Vec<u8>) {
        let open = match block {
            Block::Text | Block::Refusal => Open::Text,
            Block::Thinking => Open::Thinking { signature: String::new(), said: false },
            Block::Redacted { data } => {
                let part = write_part(&Part::Thinking(Thinking::Redacted { data: data.clone() }));
                self.say(place.0, part.unwrap_or_default(), bytes);
                Open::Other
            }
            Block::ToolUse { id, name, signature } => Open::Call(ToolUse {
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
                signature: signature.clone(),
                cache: None,
            }),
            Block::Native { dialect: Dialect::Gemini, raw } => {
                self.say(place.0, raw.clone(), bytes);
                Open::Other
            }
            Block::Native { .. } => {
                self.loss.note("blocks", "gemini does not know a block of the answer");
                Open::Other
            }
        };
        self.open.insert(place, open);
    }

    fn delta(&mut self, place: (u32, u32), delta: &Delta, bytes: &mut Vec<u8>) {
        let part = match (self.open.get_mut(&place), delta) {
            (Some(Open::Text), Delta::Text(text)) => json!({"text": text}),
            (Some(Open::Thinking { said, .. }), Delta::Text(text)) => {
                *said = true;
                json!({"text": text, "thought": true})
            }
            (Some(Open::Thinking { signature, .. }), Delta::Signature(more)) => return signature.push_str(more),
            (Some(Open::Call(call)), Delta::Arguments(more)) => {
                call.arguments.push_str(more);
                self.held += more.len();
                if self.held > Self::MOST_HELD_BYTES {
                    self.fail(&Failure::new(Kind::Malformed, "the arguments of a function call are too long"), bytes);
                }
                return;
            }
            (_, Delta::Native { .. }) => return self.loss.note("deltas", "gemini does not know a piece of the answer"),
            _ => return,
        };
        self.say(place.0, part, bytes);
    }

    fn close(&mut self, place: (u32, u32), bytes: &mut Vec<u8>) {
        let part = match self.open.remove(&place) {
            Some(Open::Thinking { signature, said }) if !signature.is_empty() => {
                let part =
                    write_part(&Part::Thinking(Thinking::Text { text: String::new(), signature: Some(signature) }));
                let mut part = part.unwrap_or_default();
                if let (true, Some(fields)) = (said, part.as_object_mut()) {
                    fields.insert("thought".to_owned(), true.into());
                }
                part
            }
            Some(Open::Call(call)) => {
                self.held = self.held.saturating_sub(call.arguments.len());
                if !call.arguments.is_empty() && serde_json::from_str::<Map<String, Value>>(&call.arguments).is_err() {
                    self.loss.note("tool_use.arguments", "the arguments are not a JSON object");
                }
                write_part(&Part::ToolUse(call)).unwrap_or_default()
            }
            _ => return,
        };
        self.say(place.0, part, bytes);
    }

    fn close_all(&mut self, choice: Option<u32>, bytes: &mut Vec<u8>) {
        let places: Vec<_> =
            self.open.keys().copied().filter(|(of, _)| choice.is_none_or(|choice| *of == choice)).collect();
        places.into_iter().for_each(|place| self.close(place, bytes));
    }

    fn say(&mut self, choice: u32, part: Value, bytes: &mut Vec<u8>) {
        let candidate = json!({"content": {"parts": [part], "role": "model"}, "index": choice});
        self.chunk(json!([candidate]), bytes);
    }

    fn chunk(&mut self, candidates: Value, bytes: &mut Vec<u8>) {
        let mut chunk = Map::new();
        chunk.insert("candidates".to_owned(), candidates);
        self.frame(chunk, bytes);
    }

    fn frame(&mut self, mut chunk: Map<String, Value>, bytes: &mut Vec<u8>) {
        if let Some((usage, tier)) = &self.usage {
            chunk.insert("usageMetadata".to_owned(), usage::write(usage, tier.as_deref()));
        }
        chunk.insert("modelVersion".to_owned(), self.model.as_str().into());
        chunk.insert("responseId".to_owned(), self.id.as_str().into());
        self.framing.frame(None, one_line(&Value::Object(chunk)).as_bytes(), self.first, bytes);
        self.first = false;
        self.untold = false;
    }

    /// The last frame: why each answer ended, and the final counts. It holds an empty text, as Google's does, as clients
    /// look for one in every frame.
    fn end(&mut self, bytes: &mut Vec<u8>) {
        self.close_all(None, bytes);
        let stops = std::mem::take(&mut self.stops);
        let last = |(choice, stop): (u32, Stop)| {
            let content = json!({"parts": [{"text": ""}], "role": "model"});
            json!({"content": content, "finishReason": stop::write(&stop), "index": choice})
        };
        self.chunk(stops.into_iter().map(last).collect(), bytes);
        self.framing.end(self.first, bytes);
        self.over = true;
    }

    fn fail(&mut self, failure: &Failure, bytes: &mut Vec<u8>) {
        if self.untold {
            self.frame(Map::new(), bytes);
        }
        bytes.extend(error::write_event(&error::of(failure), self.framing, self.first));
        self.over = true;
    }

    fn native(&mut self, raw: &str, bytes: &mut Vec<u8>) {
        if let Ok(Value::Object(chunk)) = serde_json::from_str(raw) {
            self.frame(chunk, bytes);
        }
    }
}

impl EventWriter for Writer {
    fn push(&mut self, event: &Event, bytes: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
            }
            Event::Open { choice, index, block } => self.open((*choice, *index), block, bytes),
            Event::Delta { choice, index, delta } => self.delta((*choice, *index), delta, bytes),
            Event::Close { choice, index } => self.close((*choice, *index), bytes),
            Event::Usage { usage, service_tier } => {
                let tier = service_tier.clone().or_else(|| self.usage.take().and_then(|(_, tier)| tier));
                self.usage = Some((*usage, tier));
                self.untold = true;
            }
            Event::Stop { choice, stop } => {
                self.close_all(Some(*choice), bytes);
                self.stops.insert(*choice, stop.clone());
            }
            Event::Fault(failure) => self.fail(failure, bytes),
            Event::End => self.end(bytes),
            Event::Native { dialect: Dialect::Gemini, raw } => self.native(raw, bytes),
            Event::Native { .. } => self.loss.note("events", "gemini does not know an event of the stream"),
        }
    }

    fn loss(&self) -> &Loss {
        &self.loss
    }
}

/// JSON without a character that some of Google's clients take for the end of a line.
pub(in super::super) fn one_line(value: &Value) -> String {
    let json = value.to_string();
    if json.is_ascii() || !json.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return json;
    }
    json.replace('\u{85}', "\\u0085").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
