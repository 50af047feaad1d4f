//! The translate lane: frames of one dialect become events, and these frames of the other.

use bytes::Bytes;
use llm::{
    Dialect, Event, Loss,
    dialect::{EventReader, EventWriter, Glance},
    event::{Block, Delta},
    structured::{Emulated, Unwrapper},
    usage::Delivered,
};

use super::Feed;
use crate::clock::now_seconds;

/// A stream whose two sides speak different dialects.
pub struct Translate {
    reader: Box<dyn EventReader>,
    writer: Box<dyn EventWriter>,
    /// Turns the tool that stands for a schema into text.
    unwrapper: Option<Unwrapper>,
    events: Vec<Event>,
    glance: Glance,
    delivered: Delivered,
}

impl Translate {
    #[must_use]
    pub fn new(upstream: Dialect, writer: Box<dyn EventWriter>) -> Self {
        Self {
            reader: upstream.reader(),
            writer,
            unwrapper: None,
            events: Vec::new(),
            glance: Glance::default(),
            delivered: Delivered::default(),
        }
    }

    /// The answer follows a schema that was asked for by other means.
    #[must_use]
    pub fn unwrapping(mut self, emulated: Option<&Emulated>) -> Self {
        self.unwrapper = emulated.and_then(Emulated::unwrapper);
        self
    }

    pub fn feed(&mut self, bytes: &Bytes, out: &mut Vec<Bytes>) -> Feed {
        self.reader.push(bytes, &mut self.events);
        self.write(out)
    }

    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Feed {
        self.reader.finish(&mut self.events);
        if !self.glance.ended && !self.events.iter().any(|event| matches!(event, Event::End | Event::Fault(_))) {
            self.events.push(Event::End); // a stop reason was seen: the answer is whole, only its last frame is missing
        }
        self.write(out)
    }

    /// What was learnt so far.
    #[must_use]
    pub fn glance(&self) -> &Glance {
        &self.glance
    }

    /// What could not be carried so far.
    #[must_use]
    pub fn loss(&self) -> &Loss {
        self.writer.loss()
    }

    fn write(&mut self, out: &mut Vec<Bytes>) -> Feed {
        let mut bytes = Vec::new();
        let mut events = std::mem::take(&mut self.events);
        if let Some(unwrapper) = &mut self.unwrapper {
            let mut unwrapped = Vec::with_capacity(events.len());
            events.into_iter().for_each(|event| unwrapper.push(event, &mut unwrapped));
            events = unwrapped;
        }
        for mut event in events {
            if let Event::Start { created, .. } = &mut event {
                // Anthropic does not say when; OpenAI's clients want to know.
                created.get_or_insert_with(now_seconds);
            }
            self.look(&event);
            if self.glance.fault.is_some() {
                break; // the caller gets it in our words
            }
            self.writer.push(&event, &mut bytes);
        }
        if !bytes.is_empty() {
            out.push(bytes.into());
        }
        if self.glance.fault.is_some() { Feed::Fault } else { Feed::More }
    }

    fn look(&mut self, event: &Event) {
        match event {
            Event::Open { block, .. } => match block {
                Block::Text | Block::Thinking | Block::Refusal => {}
                Block::Redacted { .. } | Block::ToolUse { .. } | Block::Native { .. } => self.content(""),
            },
            Event::Delta { delta: Delta::Text(text) | Delta::Arguments(text), .. } => self.content(text),
            Event::Delta { .. } => self.content(""),
            Event::Usage { usage, service_tier } => {
                self.glance.usage = Some(*usage);
                self.glance.service_tier = service_tier.clone().or(self.glance.service_tier.take());
            }
            Event::Stop { .. } => self.glance.stopped = true,
            Event::Fault(failure) => self.glance.fault = Some(failure.clone()),
            Event::End => self.glance.ended = true,
            Event::Start { model, .. } => self.glance.served_by(model),
            Event::Close { .. } | Event::Native { .. } => {}
        }
    }

    fn content(&mut self, text: &str) {
        self.glance.content = true;
        self.delivered.add(text);
        self.glance.delivered_tokens = self.delivered.tokens();
    }
}
