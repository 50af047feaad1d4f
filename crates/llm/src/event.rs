//! The canonical stream: what every dialect's stream is read into and written from.
//!
//! Order for one choice: `Start (Open Delta* Close)* Usage? Stop`, with blocks possibly interleaved in dialects that do
//! so (parallel tool calls). `Usage` may come several times; each replaces the one before, none is added. A stream
//! without `Stop` is not a finished answer.

use crate::{
    call::{Part, Text, Thinking, ToolUse},
    dialect::Dialect,
    failure::Failure,
    loss::Loss,
    reply::{Choice, Reply, Stop},
    usage::Usage,
};

/// One step of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer begins. Comes once, first.
    Start { id: String, model: String, created: Option<i64> },
    /// Block `index` of `choice` begins. Indexes count from 0 in the order of opening, per choice.
    Open { choice: u32, index: u32, block: Block },
    /// A piece of block `index`.
    Delta { choice: u32, index: u32, delta: Delta },
    /// Block `index` is complete.
    Close { choice: u32, index: u32 },
    /// Token counts so far; the last one counts.
    Usage { usage: Usage, service_tier: Option<String> },
    /// The choice is finished.
    Stop { choice: u32, stop: Stop },
    /// The provider says that it failed, in the middle of the stream.
    Fault(Failure),
    /// The dialect's own end of stream (`[DONE]`, `message_stop`).
    End,
    /// An event that only `dialect` knows (unknown vendor fields), as JSON text. Other dialects drop it as a loss.
    Native { dialect: Dialect, raw: String },
}

/// What kind of block opens.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    Text,
    Thinking,
    /// Redacted thinking arrives whole.
    Redacted {
        data: String,
    },
    ToolUse {
        id: String,
        name: String,
        /// As [`ToolUse::signature`]: known when the call begins.
        signature: Option<String>,
    },
    Refusal,
    /// A block that only `dialect` knows, as JSON.
    Native {
        dialect: Dialect,
        raw: serde_json::Value,
    },
}

/// A piece of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// More text, thought or refusal, as the block is.
    Text(String),
    /// More of a tool call's arguments: a fragment of JSON text.
    Arguments(String),
    /// The signature of a thinking block, whole or a further piece.
    Signature(String),
    /// A piece that only `dialect` knows (citations), as JSON.
    Native { dialect: Dialect, raw: serde_json::Value },
}

/// Folds a stream into the whole answer. Returns the reply and the fault that cut it, if one did.
///
/// Deltas for blocks that were never opened are ignored: readers do not produce them.
pub fn fold(events: impl IntoIterator<Item = Event>) -> (Reply, Option<Failure>) {
    let mut reply = Reply::default();
    let mut fault = None;
    for event in events {
        match event {
            Event::Start { id, model, created } => {
                reply.id = id;
                reply.model = model;
                reply.created = created;
            }
            Event::Open { choice, block, .. } => choice_mut(&mut reply, choice).parts.push(open(block)),
            Event::Delta { choice, index, delta } => {
                if let Some(part) = choice_mut(&mut reply, choice).parts.get_mut(index as usize) {
                    extend(part, delta);
                }
            }
            Event::Usage { usage, service_tier } => {
                reply.usage = usage;
                reply.service_tier = service_tier.or(reply.service_tier.take());
            }
            Event::Stop { choice, stop } => choice_mut(&mut reply, choice).stop = Some(stop),
            Event::Fault(failure) => fault = Some(failure),
            Event::Close { .. } | Event::End | Event::Native { .. } => {}
        }
    }
    (reply, fault)
}

/// The stream that says a whole answer; [`fold`] undoes it. Pictures and sounds are a loss: no stream has a block for them.
#[must_use]
pub fn unfold(reply: Reply) -> (Vec<Event>, Loss) {
    let mut loss = Loss::none();
    let mut events = vec![Event::Start { id: reply.id, model: reply.model, created: reply.created }];
    let mut stops = Vec::new();
    for (choice, content) in (0..).zip(reply.choices) {
        let mut index = 0;
        for part in content.parts {
            let Some((block, deltas)) = take_apart(part) else {
                loss.note("reply.media", "streams have no block for pictures and sounds");
                continue;
            };
            events.push(Event::Open { choice, index, block });
            events.extend(deltas.into_iter().flatten().map(|delta| Event::Delta { choice, index, delta }));
            events.push(Event::Close { choice, index });
            index += 1;
        }
        stops.extend(content.stop.map(|stop| Event::Stop { choice, stop }));
    }
    events.push(Event::Usage { usage: reply.usage, service_tier: reply.service_tier });
    events.extend(stops);
    events.push(Event::End);
    (events, loss)
}

/// A part as a block and what fills it; `None` for media.
fn take_apart(part: Part) -> Option<(Block, [Option<Delta>; 2])> {
    Some(match part {
        Part::Text(Text { text, notes, .. }) => {
            let notes = notes.map(|(dialect, raw)| Delta::Native { dialect, raw });
            (Block::Text, [Some(Delta::Text(text)), notes])
        }
        Part::Refusal(text) => (Block::Refusal, [Some(Delta::Text(text)), None]),
        Part::Thinking(Thinking::Text { text, signature }) => {
            (Block::Thinking, [Some(Delta::Text(text)), signature.map(Delta::Signature)])
        }
        Part::Thinking(Thinking::Redacted { data }) => (Block::Redacted { data }, [None, None]),
        Part::ToolUse(ToolUse { id, name, arguments, signature, .. }) => {
            (Block::ToolUse { id, name, signature }, [Some(Delta::Arguments(arguments)), None])
        }
        Part::Native { dialect, raw } => (Block::Native { dialect, raw }, [None, None]),
        Part::Image(_) | Part::Audio(_) | Part::Video(_) | Part::Document(_) | Part::ToolResult(_) => return None,
    })
}

/// The choice with this index; gaps are filled, up to a bound that no real answer reaches.
fn choice_mut(reply: &mut Reply, choice: u32) -> &mut Choice {
    const MOST_CHOICES: usize = 128;
    let index = (choice as usize).min(MOST_CHOICES);
    while reply.choices.len() <= index {
        reply.choices.push(Choice::default());
    }
    #[expect(clippy::indexing_slicing, reason = "the loop above makes the index valid")]
    &mut reply.choices[index]
}

fn open(block: Block) -> Part {
    match block {
        Block::Text => Part::Text(Text::default()),
        Block::Thinking => Part::Thinking(Thinking::Text { text: String::new(), signature: None }),
        Block::Redacted { data } => Part::Thinking(Thinking::Redacted { data }),
        Block::ToolUse { id, name, signature } => {
            Part::ToolUse(ToolUse { id, name, arguments: String::new(), signature, cache: None })
        }
        Block::Refusal => Part::Refusal(String::new()),
        Block::Native { dialect, raw } => Part::Native { dialect, raw },
    }
}

fn extend(part: &mut Part, delta: Delta) {
    match (part, delta) {
        (Part::Text(text), Delta::Text(more)) => text.text.push_str(&more),
        (Part::Refusal(text), Delta::Text(more)) => text.push_str(&more),
        (Part::Thinking(Thinking::Text { text, .. }), Delta::Text(more)) => text.push_str(&more),
        (Part::Thinking(Thinking::Text { signature, .. }), Delta::Signature(more)) => {
            signature.get_or_insert_default().push_str(&more);
        }
        (Part::ToolUse(tool), Delta::Arguments(more)) => tool.arguments.push_str(&more),
        _ => {}
    }
}
