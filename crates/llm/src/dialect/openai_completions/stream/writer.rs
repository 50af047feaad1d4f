//! Events to chunks.

use serde_json::{Value, json};

use crate::{
    Loss,
    dialect::{
        Dialect, ErrorBody, EventWriter,
        openai_chat::{error, stop, usage},
    },
    event::{Block, Delta, Event},
    failure::Failure,
    usage::Usage,
};

/// Writes `text_completion` frames with one id, model and time, and `[DONE]` at the end of a whole answer.
#[derive(Debug, Default)]
pub struct Writer {
    include_usage: bool,
    head: String,
    /// Choice and index of the blocks whose text is shown.
    shown: Vec<(u32, u32)>,
    usage: Option<Usage>,
    done: bool,
    loss: Loss,
}

impl Writer {
    /// `include_usage`: the client asked for a usage chunk.
    #[must_use]
    pub fn new(include_usage: bool) -> Self {
        Self { include_usage, ..Self::default() }
    }

    fn frame(&self, fields: &Value, bytes: &mut Vec<u8>) {
        let fields = fields.to_string();
        bytes.extend_from_slice(self.head.as_bytes());
        bytes.extend_from_slice(fields.strip_prefix('{').unwrap_or(&fields).as_bytes());
        bytes.extend_from_slice(b"\n\n");
    }

    fn start(&mut self, id: &str, model: &str, created: Option<i64>) {
        let (id, model, created) = (json!(id), json!(model), created.unwrap_or(0));
        self.head =
            format!("data: {{\"id\":{id},\"object\":\"text_completion\",\"created\":{created},\"model\":{model},");
    }

    fn delta(&mut self, choice: u32, index: u32, delta: &Delta, bytes: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) if self.shown.contains(&(choice, index)) => {
                let choice = json!({"index": choice, "text": text, "logprobs": null, "finish_reason": null});
                self.frame(&json!({"choices": [choice]}), bytes);
            }
            Delta::Text(_) | Delta::Arguments(_) | Delta::Signature(_) => {} // its block is noted as lost
            Delta::Native { .. } => self.loss.note("stream.delta", "openai_completions has no such delta"),
        }
    }

    fn end(&mut self, bytes: &mut Vec<u8>) {
        self.done = true;
        if let (true, Some(counts)) = (self.include_usage, self.usage) {
            self.frame(&json!({"choices": [], "usage": usage::write(&counts).to_value()}), bytes);
        }
        bytes.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn fault(&mut self, failure: &Failure, bytes: &mut Vec<u8>) {
        self.done = true;
        let body = ErrorBody {
            kind: "upstream_error".to_owned(),
            message: failure.message.clone(),
            code: failure.code.clone().or_else(|| Some(failure.kind.as_str().to_owned())),
            ..ErrorBody::default()
        };
        bytes.extend_from_slice(&error::write_event(&body));
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
            Event::Open { choice, index, block: Block::Text | Block::Refusal } => self.shown.push((*choice, *index)),
            Event::Open { .. } => self.loss.note("stream.block", "an answer of openai_completions is text"),
            Event::Delta { choice, index, delta } => self.delta(*choice, *index, delta, bytes),
            Event::Close { choice, index } => self.shown.retain(|shown| *shown != (*choice, *index)),
            Event::Usage { usage, .. } => self.usage = Some(*usage),
            Event::Stop { choice, stop } => {
                let finish = json!({"index": choice, "text": "", "logprobs": null, "finish_reason": stop::write(stop)});
                self.frame(&json!({"choices": [finish]}), bytes);
            }
            Event::Fault(failure) => self.fault(failure, bytes),
            Event::End => self.end(bytes),
            Event::Native { dialect: Dialect::OpenAiCompletions, raw } => {
                if let Ok(fields) = serde_json::from_str(raw) {
                    self.frame(&fields, bytes);
                }
            }
            Event::Native { .. } => self.loss.note("stream.native", "openai_completions has no such event"),
        }
    }

    fn loss(&self) -> &Loss {
        &self.loss
    }
}
