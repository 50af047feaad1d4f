//! Turns, written as `messages`: tool results become `tool` messages in front of what else the user says.

use serde_json::{Map, Value, json};

use super::super::{
    message::{self, Pen, put_cache},
    part,
};
use crate::{
    Loss,
    call::{Document, Part, Role, Source, Text, ToolResult, Turn},
    dialect::{Dialect, Malformed, WriteFor},
};

/// What a tool message begins with if the tool failed: the format has no field for it.
pub(in crate::dialect) const TOOL_FAILED: &str = "[tool error] ";

pub(super) fn write(turns: &[Turn], target: &WriteFor, loss: &mut Loss) -> Result<Vec<Value>, Malformed> {
    let mut messages = Vec::with_capacity(turns.len());
    for (at, turn) in turns.iter().enumerate() {
        let path = format!("turns[{at}]");
        match turn.role {
            Role::Assistant => messages.push(write_assistant(turn, target, path, loss)?),
            Role::System => messages.extend(write_said("system", turn, &path, &mut Scribe { target, loss })?),
            Role::Developer => messages.extend(write_said("developer", turn, &path, &mut Scribe { target, loss })?),
            Role::User => messages.extend(write_said("user", turn, &path, &mut Scribe { target, loss })?),
        }
    }
    Ok(messages)
}

fn write_assistant(turn: &Turn, target: &WriteFor, path: String, loss: &mut Loss) -> Result<Value, Malformed> {
    let mut pen =
        Pen { marks: !target.ignores_cache_marks, thinking: !target.foreign_thinking, signatures: false, path, loss };
    let mut message = message::write(&turn.parts, &mut pen, &mut Map::new())?;
    if let Some(name) = &turn.name {
        message.insert("name".to_owned(), json!(name));
    }
    Ok(Value::Object(message))
}

/// The messages of a turn that is not the assistant's: its tool results in order, then what else it says.
fn write_said(role: &str, turn: &Turn, path: &str, scribe: &mut Scribe<'_>) -> Result<Vec<Value>, Malformed> {
    let mut messages = Vec::new();
    let mut attached = Vec::new();
    let mut said = Vec::new();
    let mut fields = Map::new();
    for (at, part) in turn.parts.iter().enumerate() {
        let path = format!("{path}.parts[{at}]");
        match part {
            Part::ToolResult(result) => messages.push(scribe.result(result, &path, &mut attached)?),
            Part::Native { dialect: Dialect::OpenAiChat, raw } if raw.get("type").is_none() => {
                fields.extend(raw.get("message").and_then(Value::as_object).cloned().unwrap_or_default());
            }
            part => scribe.part(part, &path, &mut said)?,
        }
    }
    attached.append(&mut said);
    if role != "user" && attached.iter().any(|part| part.get("type").is_none_or(|kind| kind != "text")) {
        return Err(refused(path, &format!("a {role} message of openai_chat can only hold text")));
    }
    if !attached.is_empty() || messages.is_empty() {
        let mut message = Map::new();
        message.insert("role".to_owned(), json!(role));
        message.insert("content".to_owned(), message::content(attached).unwrap_or_else(|| json!("")));
        if let Some(name) = &turn.name {
            message.insert("name".to_owned(), json!(name));
        }
        message.extend(fields);
        messages.push(Value::Object(message));
    }
    Ok(messages)
}

struct Scribe<'a> {
    target: &'a WriteFor,
    loss: &'a mut Loss,
}

impl Scribe<'_> {
    /// Appends the content parts that say `part`.
    fn part(&mut self, part: &Part, path: &str, content: &mut Vec<Value>) -> Result<(), Malformed> {
        match part {
            Part::Text(text) => content.push(self.text(text, path)),
            Part::Image(image) => {
                let mut value = part::write_image(image)
                    .ok_or_else(|| refused(path, "openai_chat takes a picture by URL or as base64 only"))?;
                self.cache(&mut value, image.cache);
                content.push(value);
            }
            Part::Audio(audio) => content
                .push(json!({"type": "input_audio", "input_audio": {"data": audio.data, "format": audio.format}})),
            Part::Document(document) => self.document(document, path, content)?,
            Part::Video(video) => {
                let mut value = part::write_video(video)
                    .ok_or_else(|| refused(path, "openai_chat takes a video by URL or as base64 only"))?;
                if video.cut.is_some() {
                    self.loss.note(format!("{path}.cut"), "openai_chat has no cuts of a video");
                }
                self.cache(&mut value, video.cache);
                content.push(value);
            }
            Part::Refusal(words) => content.push(json!({"type": "text", "text": words})),
            Part::Native { dialect: Dialect::OpenAiChat, raw } => content.push(raw.clone()),
            Part::Thinking(_) => self.loss.note(path.to_owned(), "only an assistant thinks in openai_chat"),
            Part::Native { raw, .. } => {
                let kind = raw.get("type").and_then(Value::as_str).unwrap_or("unknown");
                return Err(refused(path, &format!("openai_chat has no content of type {kind}")));
            }
            Part::ToolUse(_) | Part::ToolResult(_) => {
                return Err(refused(path, "openai_chat has no place for a tool call or result here"));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &Text, path: &str) -> Value {
        if text.notes.is_some() {
            self.loss.note(format!("{path}.notes"), "openai_chat has no citations in what is said to it");
        }
        let mut value = json!({"type": "text", "text": text.text});
        self.cache(&mut value, text.cache);
        value
    }

    /// A file by bytes or id is a `file` part. Text is said as text, under its title.
    fn document(&mut self, document: &Document, path: &str, content: &mut Vec<Value>) -> Result<(), Malformed> {
        if document.citations == Some(true) {
            self.loss.note(format!("{path}.citations"), "openai_chat does not cite documents");
        }
        let heading: Vec<&str> = match &document.source {
            // The name of a file stands in its own part.
            Source::Base64 { .. } | Source::File(_) => document.context.as_deref().into_iter().collect(),
            _ => document.title.as_deref().into_iter().chain(document.context.as_deref()).collect(),
        };
        if !heading.is_empty() {
            content.push(json!({"type": "text", "text": heading.join("\n")}));
        }
        match &document.source {
            Source::Text(text) => content.push(json!({"type": "text", "text": text})),
            Source::Content(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    self.part(part, &format!("{path}.source[{at}]"), content)?;
                }
            }
            _ => content
                .push(part::write_file(document).ok_or_else(|| {
                    refused(path, "openai_chat takes a document as base64 or by file id, not by URL")
                })?),
        }
        if let Some(last) = content.last_mut() {
            self.cache(last, document.cache);
        }
        Ok(())
    }

    /// A `tool` message. It can hold text only: pictures and documents are attached to the user's message that
    /// follows, under the id of the call, and the tool's own message says so.
    fn result(&mut self, result: &ToolResult, path: &str, attached: &mut Vec<Value>) -> Result<Value, Malformed> {
        let mut texts = Vec::new();
        let mut others = Vec::new();
        for (at, part) in result.parts.iter().enumerate() {
            let path = format!("{path}.parts[{at}]");
            match part {
                Part::Text(text) => texts.push(self.text(text, &path)),
                part => self.part(part, &path, &mut others)?,
            }
        }
        let id = &result.tool_use_id;
        if !others.is_empty() {
            texts.push(attach(id, others, attached));
        }
        if result.is_error == Some(true) {
            self.loss.note(format!("{path}.is_error"), "openai_chat has no such field: the text says so");
            match texts.first_mut().and_then(|first| first.get_mut("text")) {
                Some(Value::String(text)) => text.insert_str(0, TOOL_FAILED),
                _ => texts.push(json!({"type": "text", "text": TOOL_FAILED.trim_end()})),
            }
        }
        let content = message::content(texts).unwrap_or_else(|| json!(""));
        let mut message = json!({"role": "tool", "tool_call_id": id, "content": content});
        self.cache(&mut message, result.cache);
        Ok(message)
    }

    fn cache(&mut self, owner: &mut Value, mark: Option<crate::call::CacheMark>) {
        put_cache(owner, mark, !self.target.ignores_cache_marks, self.loss);
    }
}

/// Appends what a tool returned beside text to the user's message that follows. Gives the tool's own words for it.
pub(in crate::dialect) fn attach(id: &str, mut returned: Vec<Value>, attached: &mut Vec<Value>) -> Value {
    attached.push(json!({"type": "text", "text": format!("[returned by tool call {id}]")}));
    attached.append(&mut returned);
    json!({"type": "text", "text": format!("[what tool call {id} returned is attached to the next message]")})
}

fn refused(path: &str, why: &str) -> Malformed {
    Malformed { field: Some(path.to_owned()), message: format!("{path}: {why}") }
}
