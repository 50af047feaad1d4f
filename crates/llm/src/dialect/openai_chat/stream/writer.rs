//! Events to chunks.

use super::super::{
    error,
    message::{redacted_block, thinking_block, write_signature},
    stop, usage,
};
use crate::{
    Loss,
    dialect::{Dialect, ErrorBody, EventWriter},
    event::{Block, Delta, Event},
    failure::Failure,
    json::{Json, Object, object},
    usage::Usage,
};

/// Writes `chat.completion.chunk` frames with one id, model and time, and `[DONE]` at the end of a whole answer.
///
/// `created` is 0 where [`Event::Start`] does not say it: a codec reads no clock.
#[derive(Debug, Default)]
pub struct Writer {
    include_usage: bool,
    /// `data: {"id":..,"object":..,"created":..,"model":..`: what every frame begins with.
    head: Vec<u8>,
    choices: Vec<(u32, Spoken)>,
    usage: Option<(Usage, Option<String>)>,
    /// The stream has ended, well or badly: nothing may follow.
    done: bool,
    loss: Loss,
}

/// What was said of a choice.
#[derive(Debug, Default)]
struct Spoken {
    calls: u32,
    open: Vec<(u32, Open)>,
}

/// An open block.
#[derive(Debug)]
enum Open {
    Text,
    Refusal,
    /// Kept until its end, to be said once more whole with its signature.
    Thinking {
        text: String,
        signature: String,
    },
    ToolUse {
        call: u32,
        begun: bool,
    },
    /// Said already, or not sayable.
    Other,
}

/// A signed thought longer than this is not kept to be said again whole: its client cannot send it back.
const MOST_THOUGHT: usize = 4 << 20;

impl Writer {
    /// `include_usage`: the client asked for a usage chunk.
    #[must_use]
    pub fn new(include_usage: bool) -> Self {
        Self { include_usage, ..Self::default() }
    }
}

impl EventWriter for Writer {
    fn push(&mut self, event: &Event, bytes: &mut Vec<u8>) {
        if self.done {
            return;
        }
        if self.head.is_empty() {
            self.start("", "", None);
        }
        match event {
            Event::Start { id, model, created } => self.start(id, model, *created),
            Event::Open { choice, index, block } => self.open(*choice, *index, block, bytes),
            Event::Delta { choice, index, delta } => self.delta(*choice, *index, delta, bytes),
            Event::Close { choice, index } => self.close(*choice, *index, bytes),
            Event::Usage { usage, service_tier } => {
                let tier = service_tier.clone().or_else(|| self.usage.take().and_then(|(_, tier)| tier));
                self.usage = Some((*usage, tier));
            }
            Event::Stop { choice, stop } => {
                self.spoken(*choice, bytes);
                self.chunk(*choice, &object! {}, Some(stop::write(stop)), bytes);
            }
            Event::Fault(failure) => self.fault(failure, bytes),
            Event::End => self.end(bytes),
            Event::Native { dialect: Dialect::OpenAiChat, raw } => self.native(raw, bytes),
            Event::Native { .. } => self.loss.note("stream.native", "openai_chat has no such event"),
        }
    }

    fn loss(&self) -> &Loss {
        &self.loss
    }
}

impl Writer {
    fn start(&mut self, id: &str, model: &str, created: Option<i64>) {
        let created = created.unwrap_or(0);
        let head = object! {"id": id, "object": "chat.completion.chunk", "created": created, "model": model};
        self.head.clear();
        self.head.extend_from_slice(b"data: ");
        head.write(&mut self.head);
        self.head.pop(); // further fields follow
    }

    fn open(&mut self, choice: u32, index: u32, block: &Block, bytes: &mut Vec<u8>) {
        let spoken = self.spoken(choice, bytes);
        let (open, delta) = match block {
            Block::Text => (Open::Text, None),
            Block::Refusal => (Open::Refusal, None),
            Block::Thinking => (Open::Thinking { text: String::new(), signature: String::new() }, None),
            Block::Redacted { data } => (Open::Other, Some(object! {"thinking_blocks": vec![redacted_block(data)]})),
            Block::ToolUse { id, name, signature } => {
                let call = spoken.calls;
                spoken.calls += 1;
                let function = object! {"name": name, "arguments": ""};
                let mut made = object! {"index": call, "id": id, "type": "function", "function": function};
                if let (Some(extra), Some(made)) =
                    (signature.as_deref().and_then(write_signature), made.as_object_mut())
                {
                    made.set("extra_content", extra);
                }
                (Open::ToolUse { call, begun: false }, Some(object! {"tool_calls": vec![made]}))
            }
            Block::Native { .. } => {
                self.loss.note("stream.block", "openai_chat has no such block");
                return;
            }
        };
        spoken.open.push((index, open));
        if let Some(delta) = delta {
            self.say(choice, &delta, bytes);
        }
    }

    fn delta(&mut self, choice: u32, index: u32, delta: &Delta, bytes: &mut Vec<u8>) {
        let open = self.spoken(choice, bytes).open.iter_mut().find(|(open, _)| *open == index);
        let said = match (open.map(|(_, open)| open), delta) {
            (Some(Open::Text), Delta::Text(text)) => object! {"content": text},
            (Some(Open::Refusal), Delta::Text(text)) => object! {"refusal": text},
            (Some(Open::Thinking { text: held, .. }), Delta::Text(text)) => {
                if held.len() <= MOST_THOUGHT {
                    held.push_str(text);
                }
                object! {"reasoning_content": text}
            }
            (Some(Open::Thinking { signature, .. }), Delta::Signature(more)) => return signature.push_str(more),
            (Some(Open::ToolUse { call, begun }), Delta::Arguments(arguments)) if !arguments.is_empty() => {
                *begun = true;
                called(*call, arguments)
            }
            (_, Delta::Native { .. }) => return self.loss.note("stream.delta", "openai_chat has no such delta"),
            _ => return,
        };
        self.say(choice, &said, bytes);
    }

    fn close(&mut self, choice: u32, index: u32, bytes: &mut Vec<u8>) {
        let open = &mut self.spoken(choice, bytes).open;
        let Some(at) = open.iter().position(|(open, _)| *open == index) else { return };
        match open.remove(at).1 {
            Open::Thinking { text, .. } if text.len() > MOST_THOUGHT => {
                self.loss.note("stream.thinking.signature", "the thought is too long to be repeated");
            }
            Open::Thinking { text, signature } if !signature.is_empty() => {
                self.say(choice, &object! {"thinking_blocks": vec![thinking_block(&text, Some(&signature))]}, bytes);
            }
            // A call without arguments: clients parse what they collect.
            Open::ToolUse { call, begun: false } => {
                self.say(choice, &called(call, "{}"), bytes);
            }
            _ => {}
        }
    }

    /// The usage chunk, if it was asked for, and the end.
    fn end(&mut self, bytes: &mut Vec<u8>) {
        self.done = true;
        if let (true, Some((usage, tier))) = (self.include_usage, self.usage.take()) {
            let mut fields = Object::of([("choices", Vec::new().into()), ("usage", usage::write(&usage))]);
            if let Some(tier) = tier {
                fields.set("service_tier", tier);
            }
            self.frame(&fields.into(), bytes);
        }
        bytes.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn fault(&mut self, failure: &Failure, bytes: &mut Vec<u8>) {
        self.done = true;
        let error = ErrorBody {
            kind: "upstream_error".to_owned(),
            message: failure.message.clone(),
            code: failure.code.clone().or_else(|| Some(failure.kind.as_str().to_owned())),
            ..ErrorBody::default()
        };
        bytes.extend_from_slice(&error::write_event(&error));
    }

    fn native(&mut self, raw: &str, bytes: &mut Vec<u8>) {
        let Ok(Json::Object(mut fields)) = Json::read(raw.as_bytes()) else { return };
        for choice in fields.get_mut("choices").and_then(Json::as_array_mut).into_iter().flatten() {
            let index = choice.get("index").and_then(Json::as_u64).and_then(|index| u32::try_from(index).ok());
            self.spoken(index.unwrap_or(0), bytes);
            if let Some(choice) = choice.as_object_mut() {
                choice.set("finish_reason", Json::Null);
            }
        }
        self.frame(&fields.into(), bytes);
    }

    /// What was said of a choice; the first thing said of it is who speaks.
    fn spoken(&mut self, choice: u32, bytes: &mut Vec<u8>) -> &mut Spoken {
        let at = self.choices.iter().position(|(index, _)| *index == choice).unwrap_or_else(|| {
            let delta = object! {"role": "assistant", "content": ""};
            self.say(choice, &delta, bytes);
            self.choices.push((choice, Spoken::default()));
            self.choices.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the position was found or made above")]
        &mut self.choices[at].1
    }

    fn say(&self, choice: u32, delta: &Json<'_>, bytes: &mut Vec<u8>) {
        self.chunk(choice, delta, None, bytes);
    }

    /// A frame of one choice.
    fn chunk(&self, choice: u32, delta: &Json<'_>, finish_reason: Option<&str>, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.head);
        bytes.extend_from_slice(b",\"choices\":[{\"index\":");
        Json::from(choice).write(bytes);
        bytes.extend_from_slice(b",\"delta\":");
        delta.write(bytes);
        bytes.extend_from_slice(b",\"finish_reason\":");
        Json::from(finish_reason).write(bytes);
        bytes.extend_from_slice(b"}]}\n\n");
    }

    /// A frame with these fields, an object that is not empty.
    fn frame(&self, fields: &Json<'_>, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.head);
        let brace = bytes.len();
        fields.write(bytes);
        if let Some(brace) = bytes.get_mut(brace) {
            *brace = b',';
        }
        bytes.extend_from_slice(b"\n\n");
    }
}

/// A piece of a tool call's arguments.
fn called(call: u32, arguments: &str) -> Json<'_> {
    object! {"tool_calls": vec![object! {"index": call, "function": object! {"arguments": arguments}}]}
}
