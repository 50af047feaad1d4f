//! Turns, written as `messages`: tool results become `tool` messages in front of what else the user says.

use serde_json::Value;

use super::super::{
    message::{self, Pen, put_cache},
    part,
};
use crate::{
    Loss,
    call::{Document, Part, Role, Source, Text, ToolResult, Turn},
    dialect::{Dialect, Malformed, WriteFor, place::Place},
    json::{Json, Object, object},
};

/// What a tool message begins with if the tool failed: the format has no field for it.
pub(in crate::dialect) const TOOL_FAILED: &str = "[tool error] ";

pub(super) fn write<'c>(turns: &'c [Turn], target: &WriteFor, loss: &mut Loss) -> Result<Vec<Json<'c>>, Malformed> {
    let mut messages = Vec::with_capacity(turns.len());
    for (at, turn) in turns.iter().enumerate() {
        let place = Place { list: "turns", turn: at, part: 0, inner: None };
        match turn.role {
            Role::Assistant => messages.push(write_assistant(turn, target, place, loss)?),
            Role::System => messages.extend(write_said("system", turn, place, &mut Scribe { target, loss })?),
            Role::Developer => messages.extend(write_said("developer", turn, place, &mut Scribe { target, loss })?),
            Role::User => messages.extend(write_said("user", turn, place, &mut Scribe { target, loss })?),
        }
    }
    Ok(messages)
}

fn write_assistant<'c>(
    turn: &'c Turn,
    target: &WriteFor,
    place: Place,
    loss: &mut Loss,
) -> Result<Json<'c>, Malformed> {
    let mut pen =
        Pen { marks: !target.ignores_cache_marks, thinking: !target.foreign_thinking, signatures: false, place, loss };
    let mut message = message::write(&turn.parts, &mut pen, &mut Object::default())?;
    if let Some(name) = &turn.name {
        message.set("name", name);
    }
    Ok(message.into())
}

/// The messages of a turn that is not the assistant's: its tool results in order, then what else it says.
fn write_said<'c>(
    role: &'static str,
    turn: &'c Turn,
    place: Place,
    scribe: &mut Scribe<'_>,
) -> Result<Vec<Json<'c>>, Malformed> {
    let mut messages = Vec::new();
    let mut attached = Vec::new();
    let mut said = Vec::new();
    let mut fields = Object::default();
    for (at, part) in turn.parts.iter().enumerate() {
        let at = Place { part: at, ..place };
        match part {
            Part::ToolResult(result) => messages.push(scribe.result(result, at, &mut attached)?),
            Part::Native { dialect: Dialect::OpenAiChat, raw } if raw.get("type").is_none() => {
                raw.get("message").and_then(Value::as_object).into_iter().for_each(|more| fields.extend(more));
            }
            part => scribe.part(part, at, &mut said)?,
        }
    }
    attached.append(&mut said);
    if role != "user" && attached.iter().any(|part| part.get("type").is_none_or(|kind| kind != "text")) {
        return Err(refused(
            format!("turns[{}]", place.turn),
            &format!("a {role} message of openai_chat can only hold text"),
        ));
    }
    if !attached.is_empty() || messages.is_empty() {
        let content = message::content(attached).unwrap_or_else(|| "".into());
        let mut message = Object::of([("role", role.into()), ("content", content)]);
        if let Some(name) = &turn.name {
            message.set("name", name);
        }
        message.extend(fields);
        messages.push(message.into());
    }
    Ok(messages)
}

struct Scribe<'a> {
    target: &'a WriteFor,
    loss: &'a mut Loss,
}

impl Scribe<'_> {
    /// Appends the content parts that say `part`.
    fn part<'c>(&mut self, part: &'c Part, at: Place, content: &mut Vec<Json<'c>>) -> Result<(), Malformed> {
        match part {
            Part::Text(text) => content.push(self.text(text, at)),
            Part::Image(image) => {
                let mut value = part::write_image(image)
                    .ok_or_else(|| refused(at, "openai_chat takes a picture by URL or as base64 only"))?;
                self.cache(&mut value, image.cache);
                content.push(value);
            }
            Part::Audio(audio) => content.push(
                object! {"type": "input_audio", "input_audio": object! {"data": &audio.data, "format": &audio.format}},
            ),
            Part::Document(document) => self.document(document, at, content)?,
            Part::Video(video) => {
                let mut value = part::write_video(video)
                    .ok_or_else(|| refused(at, "openai_chat takes a video by URL or as base64 only"))?;
                if video.cut.is_some() {
                    self.loss.note(format!("{at}.cut"), "openai_chat has no cuts of a video");
                }
                self.cache(&mut value, video.cache);
                content.push(value);
            }
            Part::Refusal(words) => content.push(object! {"type": "text", "text": words}),
            Part::Native { dialect: Dialect::OpenAiChat, raw } => content.push(raw.into()),
            Part::Thinking(_) => self.loss.note(at.to_string(), "only an assistant thinks in openai_chat"),
            Part::Native { raw, .. } => {
                let kind = raw.get("type").and_then(Value::as_str).unwrap_or("unknown");
                return Err(refused(at, &format!("openai_chat has no content of type {kind}")));
            }
            Part::ToolUse(_) | Part::ToolResult(_) => {
                return Err(refused(at, "openai_chat has no place for a tool call or result here"));
            }
        }
        Ok(())
    }

    fn text<'c>(&mut self, text: &'c Text, at: Place) -> Json<'c> {
        if text.notes.is_some() {
            self.loss.note(format!("{at}.notes"), "openai_chat has no citations in what is said to it");
        }
        let mut value = object! {"type": "text", "text": &text.text};
        self.cache(&mut value, text.cache);
        value
    }

    /// A file by bytes or id is a `file` part. Text is said as text, under its title.
    fn document<'c>(
        &mut self,
        document: &'c Document,
        at: Place,
        content: &mut Vec<Json<'c>>,
    ) -> Result<(), Malformed> {
        if document.citations == Some(true) {
            self.loss.note(format!("{at}.citations"), "openai_chat does not cite documents");
        }
        let heading: Vec<&str> = match &document.source {
            // The name of a file stands in its own part.
            Source::Base64 { .. } | Source::File(_) => document.context.as_deref().into_iter().collect(),
            _ => document.title.as_deref().into_iter().chain(document.context.as_deref()).collect(),
        };
        if !heading.is_empty() {
            content.push(object! {"type": "text", "text": heading.join("\n")});
        }
        match &document.source {
            Source::Text(text) => content.push(object! {"type": "text", "text": text}),
            Source::Content(parts) => {
                for (inner, part) in parts.iter().enumerate() {
                    self.part(part, Place { inner: Some(inner), ..at }, content)?;
                }
            }
            _ => content.push(
                part::write_file(document)
                    .ok_or_else(|| refused(at, "openai_chat takes a document as base64 or by file id, not by URL"))?,
            ),
        }
        if let Some(last) = content.last_mut() {
            self.cache(last, document.cache);
        }
        Ok(())
    }

    /// A `tool` message. It can hold text only: pictures and documents are attached to the user's message that
    /// follows, under the id of the call, and the tool's own message says so.
    fn result<'c>(
        &mut self,
        result: &'c ToolResult,
        at: Place,
        attached: &mut Vec<Json<'c>>,
    ) -> Result<Json<'c>, Malformed> {
        let mut texts = Vec::new();
        let mut others = Vec::new();
        for (inner, part) in result.parts.iter().enumerate() {
            let at = Place { inner: Some(inner), ..at };
            match part {
                Part::Text(text) => texts.push(self.text(text, at)),
                part => self.part(part, at, &mut others)?,
            }
        }
        let id = &result.tool_use_id;
        if !others.is_empty() {
            texts.push(attach(id, others, attached));
        }
        if result.is_error == Some(true) {
            self.loss.note(format!("{at}.is_error"), "openai_chat has no such field: the text says so");
            match texts.first_mut().and_then(|first| first.as_object_mut()?.get_mut("text")) {
                Some(Json::String(text)) => text.to_mut().insert_str(0, TOOL_FAILED),
                _ => texts.push(object! {"type": "text", "text": TOOL_FAILED.trim_end()}),
            }
        }
        let content = message::content(texts).unwrap_or_else(|| "".into());
        let mut message = object! {"role": "tool", "tool_call_id": id, "content": content};
        self.cache(&mut message, result.cache);
        Ok(message)
    }

    fn cache(&mut self, owner: &mut Json<'_>, mark: Option<crate::call::CacheMark>) {
        put_cache(owner, mark, !self.target.ignores_cache_marks, self.loss);
    }
}

/// Appends what a tool returned beside text to the user's message that follows. Gives the tool's own words for it.
pub(in crate::dialect) fn attach<'c, T: From<Json<'c>>>(id: &str, mut returned: Vec<T>, attached: &mut Vec<T>) -> T {
    let text = |text: String| T::from(object! {"type": "text", "text": text});
    attached.push(text(format!("[returned by tool call {id}]")));
    attached.append(&mut returned);
    text(format!("[what tool call {id} returned is attached to the next message]"))
}

fn refused(at: impl ToString, why: &str) -> Malformed {
    let at = at.to_string();
    Malformed { message: format!("{at}: {why}"), field: Some(at) }
}
