//! Turns, written as `messages` and `documents`.

use serde_json::{Map, Value, json};

use super::super::message;
use crate::{
    Loss,
    call::{CacheMark, Document, Part, Role, Source, ToolResult, Turn},
    dialect::{
        Dialect, Malformed,
        openai_chat::{
            part::write_image,
            request::{TOOL_FAILED, attach},
        },
    },
};

pub(super) struct Written {
    pub messages: Vec<Value>,
    pub documents: Vec<Value>,
}

pub(super) fn write(turns: &[Turn], loss: &mut Loss) -> Result<Written, Malformed> {
    let mut scribe = Scribe { documents: Vec::new(), loss };
    let mut messages = Vec::with_capacity(turns.len());
    for (at, turn) in turns.iter().enumerate() {
        let path = format!("turns[{at}]");
        if turn.name.is_some() {
            scribe.loss.note(format!("{path}.name"), "cohere's speakers have no names");
        }
        match turn.role {
            Role::Assistant => messages.push(Value::Object(message::write(&turn.parts, &path, scribe.loss)?)),
            Role::System | Role::Developer => scribe.said("system", turn, &path, &mut messages)?,
            Role::User => scribe.said("user", turn, &path, &mut messages)?,
        }
    }
    Ok(Written { messages, documents: scribe.documents })
}

struct Scribe<'a> {
    documents: Vec<Value>,
    loss: &'a mut Loss,
}

impl Scribe<'_> {
    /// The messages of a turn that is not the assistant's: its tool results in order, then what else it says. Pictures
    /// that a tool returned are part of that: a tool's own message holds text and documents.
    fn said(&mut self, role: &str, turn: &Turn, path: &str, messages: &mut Vec<Value>) -> Result<(), Malformed> {
        let mut content = Vec::new();
        let mut answers = false;
        for (at, part) in turn.parts.iter().enumerate() {
            let path = format!("{path}.parts[{at}]");
            match part {
                Part::ToolResult(result) => {
                    answers = true;
                    messages.push(self.result(result, &path, &mut content)?);
                }
                Part::Document(document) => {
                    let document = self.document(document, &path)?;
                    self.documents.push(document);
                }
                Part::Native { dialect: Dialect::Cohere, raw } => self.documents.extend(raw.get("document").cloned()),
                part => content.extend(self.part(part, &path)?),
            }
        }
        if role == "system" && content.iter().any(|part| part.get("type").is_none_or(|kind| kind != "text")) {
            return Err(refused(path, "a system message of cohere can only hold text"));
        }
        // Cohere refuses a message that says nothing: an empty system prompt is none.
        if !content.is_empty() || !(answers || role == "system") {
            messages.push(json!({"role": role, "content": plain(content)}));
        }
        Ok(())
    }

    fn part(&mut self, part: &Part, path: &str) -> Result<Option<Value>, Malformed> {
        match part {
            Part::Text(text) => {
                self.cache(text.cache);
                if text.notes.is_some() {
                    self.loss.note(format!("{path}.notes"), "cohere has no citations in what is said to it");
                }
                Ok((!text.text.is_empty()).then(|| json!({"type": "text", "text": text.text})))
            }
            Part::Refusal(words) => Ok(Some(json!({"type": "text", "text": words}))),
            Part::Image(image) => {
                self.cache(image.cache);
                let written = write_image(image).map(|image| image.to_value());
                written.map(Some).ok_or_else(|| refused(path, "cohere takes a picture by URL or as base64 only"))
            }
            Part::Thinking(_) => {
                self.loss.note(path.to_owned(), "only an assistant thinks in cohere");
                Ok(None)
            }
            Part::Audio(_) => Err(refused(path, "cohere takes no sound")),
            Part::Video(_) => Err(refused(path, "cohere takes no video")),
            Part::Native { raw, .. } => {
                let kind = raw.get("type").and_then(Value::as_str).unwrap_or("unknown");
                Err(refused(path, &format!("cohere has no content of type {kind}")))
            }
            Part::Document(_) | Part::ToolUse(_) | Part::ToolResult(_) => {
                Err(refused(path, "cohere has no place for this part here"))
            }
        }
    }

    fn document(&mut self, document: &Document, path: &str) -> Result<Value, Malformed> {
        self.cache(document.cache);
        let text = match &document.source {
            Source::Text(text) => text.clone(),
            Source::Content(parts) => {
                let texts = parts.iter().map(|part| match part {
                    Part::Text(text) => Ok(text.text.as_str()),
                    _ => Err(refused(path, "cohere takes documents of text")),
                });
                texts.collect::<Result<Vec<_>, _>>()?.join("\n")
            }
            Source::Url(_) | Source::Base64 { .. } | Source::File(_) => {
                return Err(refused(path, "cohere takes documents of text: send the document's text"));
            }
        };
        let mut data = Map::new();
        let fields = [("title", &document.title), ("context", &document.context)];
        for (name, value) in fields {
            data.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
        }
        data.insert("text".to_owned(), json!(text));
        Ok(json!({"data": data}))
    }

    fn result(&mut self, result: &ToolResult, path: &str, attached: &mut Vec<Value>) -> Result<Value, Malformed> {
        let (mut content, mut pictures) = (Vec::new(), Vec::new());
        for (at, part) in result.parts.iter().enumerate() {
            let path = format!("{path}.parts[{at}]");
            match part {
                Part::Document(document) => {
                    content.push(json!({"type": "document", "document": self.document(document, &path)?}));
                }
                Part::Native { dialect: Dialect::Cohere, raw } => content.push(raw.clone()),
                Part::Image(_) => pictures.extend(self.part(part, &path)?),
                part => content.extend(self.part(part, &path)?),
            }
        }
        if !pictures.is_empty() {
            content.push(attach(&result.tool_use_id, pictures, attached));
        }
        if result.is_error == Some(true) {
            self.loss.note(format!("{path}.is_error"), "cohere has no such field: the text says so");
            content.insert(0, json!({"type": "text", "text": TOOL_FAILED.trim_end()}));
        }
        self.cache(result.cache);
        Ok(json!({"role": "tool", "tool_call_id": result.tool_use_id, "content": plain(content)}))
    }

    fn cache(&mut self, mark: Option<CacheMark>) {
        if mark.is_some() {
            self.loss.note("cache_control", "the target has no cache marks");
        }
    }
}

/// Content as it is best understood: plain text as a string.
fn plain(mut content: Vec<Value>) -> Value {
    match content.as_mut_slice() {
        [] => json!(""),
        [only] if only.get("type").is_some_and(|kind| kind == "text") => {
            only.get_mut("text").map(Value::take).unwrap_or_default()
        }
        _ => Value::Array(content),
    }
}

fn refused(path: &str, why: &str) -> Malformed {
    Malformed { field: Some(path.to_owned()), message: format!("{path}: {why}") }
}
