//! Turns, written as `instructions` and `input`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::{item::Items, part::put_cache, thought, tools::Kinds};
use crate::{
    Call, Loss,
    call::{CacheMark, Document, Image, Part, Role, Source, Text, ToolResult, Turn},
    dialect::{
        Dialect, Malformed, WriteFor,
        openai_chat::{
            part::{write_file, write_source},
            request::TOOL_FAILED,
        },
    },
};

pub(super) struct Said {
    pub instructions: Option<String>,
    pub input: Vec<Value>,
}

/// Writes the turns. A first system turn of one plain text is the instructions.
pub(super) fn write(call: &Call, target: &WriteFor, kinds: &Kinds, loss: &mut Loss) -> Result<Said, Malformed> {
    let instructions = match call.turns.first() {
        Some(Turn { role: Role::System, parts, name: None }) => match parts.as_slice() {
            [Part::Text(Text { text, cache: None, notes: None })] if !text.is_empty() => Some(text.clone()),
            _ => None,
        },
        _ => None,
    };
    let native = call.extra.dialect == Dialect::OpenAiResponses;
    // Files of OpenAI's store have the same ids in both of its dialects.
    let files = native || call.extra.dialect == Dialect::OpenAiChat;
    let mut scribe = Scribe { kinds, native, files, target, loss, custom: HashSet::new() };
    let mut input = Vec::new();
    for (at, turn) in call.turns.iter().enumerate().skip(usize::from(instructions.is_some())) {
        if turn.name.is_some() {
            scribe.loss.note(format!("turns[{at}].name"), "openai_responses has no names of speakers");
        }
        let path = format!("turns[{at}]");
        match turn.role {
            Role::Assistant => scribe.assistant(turn, &path, &mut input)?,
            Role::User => scribe.said("user", turn, &path, &mut input)?,
            Role::System => scribe.said("system", turn, &path, &mut input)?,
            Role::Developer => scribe.said("developer", turn, &path, &mut input)?,
        }
    }
    Ok(Said { instructions, input })
}

struct Scribe<'a> {
    kinds: &'a Kinds,
    native: bool,
    files: bool,
    target: &'a WriteFor,
    loss: &'a mut Loss,
    /// The ids of calls of custom tools: their outputs are items of another type.
    custom: HashSet<String>,
}

impl Scribe<'_> {
    fn assistant(&mut self, turn: &Turn, path: &str, input: &mut Vec<Value>) -> Result<(), Malformed> {
        let mut items = Items::new(self.kinds);
        for (at, part) in turn.parts.iter().enumerate() {
            let path = format!("{path}.parts[{at}]");
            match part {
                Part::Text(text) => {
                    self.lose_notes(text, &path);
                    // OpenAI histories are full of empty texts; here they would be messages that say nothing.
                    if !text.text.is_empty() {
                        items.replayed(text);
                    }
                }
                Part::Refusal(words) if self.native => items.refusal(words),
                Part::Refusal(words) => items.replayed(&Text { text: words.clone(), ..Text::default() }),
                Part::Thinking(_) if self.target.foreign_thinking => {
                    self.loss.note(path, "thought of another model is not sent");
                }
                Part::Thinking(thinking) => match thought::replay(thinking, self.native) {
                    Some(item) => items.push(item),
                    None => self.loss.note(path, "OpenAI did not seal the thought"),
                },
                Part::ToolUse(tool) => {
                    if tool.signature.is_some() {
                        self.loss.note(format!("{path}.signature"), "the signature is another model's");
                    }
                    if self.kinds.find(&tool.name).custom {
                        self.custom.insert(tool.id.clone());
                    }
                    items.call(tool);
                }
                Part::Native { dialect: Dialect::OpenAiResponses, raw } => items.native(raw),
                Part::Native { .. } => self.foreign(part, &path)?,
                Part::Image(_) | Part::Audio(_) | Part::Document(_) | Part::Video(_) | Part::ToolResult(_) => {
                    return Err(refused(&path, "the assistant of openai_responses says text and calls tools"));
                }
            }
        }
        input.extend(items.finish());
        Ok(())
    }

    /// The items of a turn that is not the assistant's: its tool results in order, then what else it says.
    fn said(&mut self, role: &str, turn: &Turn, path: &str, input: &mut Vec<Value>) -> Result<(), Malformed> {
        let mut content = Vec::new();
        for (at, part) in turn.parts.iter().enumerate() {
            let path = format!("{path}.parts[{at}]");
            match part {
                Part::ToolResult(result) => input.push(self.result(result, &path)?),
                Part::Native { dialect: Dialect::OpenAiResponses, raw } if is_item(raw) => input.push(raw.clone()),
                part => self.part(part, &path, &mut content)?,
            }
        }
        if role != "user" && content.iter().any(|part| part.get("type").is_none_or(|kind| kind != "input_text")) {
            return Err(refused(path, &format!("a {role} message of openai_responses can only hold text")));
        }
        if !content.is_empty() {
            input.push(json!({"type": "message", "role": role, "content": string_or_parts(content)}));
        }
        Ok(())
    }

    fn result(&mut self, result: &ToolResult, path: &str) -> Result<Value, Malformed> {
        let mut content = Vec::new();
        for (at, part) in result.parts.iter().enumerate() {
            self.part(part, &format!("{path}.parts[{at}]"), &mut content)?;
        }
        if result.is_error == Some(true) {
            self.loss.note(format!("{path}.is_error"), "openai_responses has no such field: the text says so");
            match content.first_mut().and_then(|first| first.get_mut("text")) {
                Some(Value::String(text)) => text.insert_str(0, TOOL_FAILED),
                _ => content.insert(0, json!({"type": "input_text", "text": TOOL_FAILED.trim_end()})),
            }
        }
        self.lose_mark(result.cache);
        let id = &result.tool_use_id;
        let kind = if self.custom.contains(id) { "custom_tool_call_output" } else { "function_call_output" };
        let output = if content.is_empty() { json!("") } else { string_or_parts(content) };
        Ok(json!({"type": kind, "call_id": id, "output": output}))
    }

    /// Appends the content parts that say `part`.
    fn part(&mut self, part: &Part, path: &str, content: &mut Vec<Value>) -> Result<(), Malformed> {
        match part {
            Part::Text(text) => {
                self.lose_notes(text, path);
                let mut value = json!({"type": "input_text", "text": text.text});
                self.mark(&mut value, text.cache);
                content.push(value);
            }
            Part::Image(image) => content.push(self.image(image, path)?),
            Part::Document(document) => self.document(document, path, content)?,
            Part::Audio(audio) if self.native => content
                .push(json!({"type": "input_audio", "input_audio": {"data": audio.data, "format": audio.format}})),
            Part::Audio(_) => return Err(refused(path, "openai_responses takes no sound: send a transcript as text")),
            Part::Video(_) => return Err(refused(path, "openai_responses takes no video: send pictures of it")),
            Part::Refusal(words) => content.push(json!({"type": "input_text", "text": words})),
            Part::Native { dialect: Dialect::OpenAiResponses, raw } => content.push(raw.clone()),
            Part::Native { .. } => self.foreign(part, path)?,
            Part::Thinking(_) => self.loss.note(path.to_owned(), "only an assistant thinks in openai_responses"),
            Part::ToolUse(_) | Part::ToolResult(_) => {
                return Err(refused(path, "openai_responses has no place for a tool call or result here"));
            }
        }
        Ok(())
    }

    fn image(&mut self, image: &Image, path: &str) -> Result<Value, Malformed> {
        let mut value = match &image.source {
            Source::File(id) if self.files => json!({"type": "input_image", "file_id": id}),
            source => {
                let url = write_source(source)
                    .ok_or_else(|| refused(path, "openai_responses takes a picture by URL or as base64"))?;
                json!({"type": "input_image", "image_url": url})
            }
        };
        // OpenAI's own types ask for it, and so do the servers that are made of them.
        let detail = image.detail.as_deref().or((!self.native).then_some("auto"));
        if let (Some(detail), Some(value)) = (detail, value.as_object_mut()) {
            value.insert("detail".to_owned(), json!(detail));
        }
        self.mark(&mut value, image.cache);
        Ok(value)
    }

    /// A file by bytes, URL or id is an `input_file`. Text is said as text, under its title.
    fn document(&mut self, document: &Document, path: &str, content: &mut Vec<Value>) -> Result<(), Malformed> {
        if document.citations == Some(true) {
            self.loss.note(format!("{path}.citations"), "openai_responses does not cite what it is sent");
        }
        let named = matches!(document.source, Source::Base64 { .. } | Source::File(_) | Source::Url(_));
        let title = document.title.as_deref().filter(|_| !named);
        for heading in title.into_iter().chain(document.context.as_deref()) {
            content.push(json!({"type": "input_text", "text": heading}));
        }
        match &document.source {
            Source::Text(text) => content.push(json!({"type": "input_text", "text": text})),
            Source::Content(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    self.part(part, &format!("{path}.source[{at}]"), content)?;
                }
            }
            _ => content.push(self.file(document, path)?),
        }
        match content.last_mut() {
            Some(last) => self.mark(last, document.cache),
            None => self.lose_mark(document.cache),
        }
        Ok(())
    }

    fn file(&self, document: &Document, path: &str) -> Result<Value, Malformed> {
        let mut file = match &document.source {
            Source::Url(url) => match &document.title {
                Some(name) => json!({"file_url": url, "filename": name}),
                None => json!({"file_url": url}),
            },
            Source::File(_) if !self.files => {
                return Err(refused(path, "this is a file id of another provider's store: send the file itself"));
            }
            // The fields of a file are those of Chat Completions, one level up.
            _ => write_file(document).and_then(|part| Some(part.get("file")?.to_value())).unwrap_or_default(),
        };
        if let Some(file) = file.as_object_mut() {
            file.insert("type".to_owned(), json!("input_file"));
        }
        Ok(file)
    }

    /// Content of another dialect is refused by name; mere fields around it are lost by name.
    fn foreign(&mut self, part: &Part, path: &str) -> Result<(), Malformed> {
        let Part::Native { dialect, raw } = part else { return Ok(()) };
        if let Some(kind) = raw.get("type").and_then(Value::as_str) {
            return Err(refused(
                path,
                &format!("openai_responses has no content of {}'s type `{kind}`", dialect.as_str()),
            ));
        }
        self.loss.note(path.to_owned(), "openai_responses has no such field");
        Ok(())
    }

    fn lose_notes(&mut self, text: &Text, path: &str) {
        if text.notes.as_ref().is_some_and(|(dialect, _)| *dialect != Dialect::OpenAiResponses) {
            self.loss.note(format!("{path}.notes"), "openai_responses has no such citations");
        }
    }

    /// Other dialects' marks would be refused by all but the newest models, which need none.
    fn mark(&mut self, value: &mut Value, mark: Option<CacheMark>) {
        match mark {
            Some(mark) if self.native => put_cache(value, mark),
            mark => self.lose_mark(mark),
        }
    }

    fn lose_mark(&mut self, mark: Option<CacheMark>) {
        if mark.is_some() {
            self.loss.note("cache_control", "openai_responses caches by itself");
        }
    }
}

/// Whether what only this dialect knows is an item, not a content part.
fn is_item(raw: &Value) -> bool {
    let kind = raw.get("type").and_then(Value::as_str).unwrap_or_default();
    !matches!(kind, "summary_text" | "reasoning_text" | "computer_screenshot")
}

/// A list of content parts as it is best understood: one plain text as a string.
fn string_or_parts(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        [Value::Object(only)] if only.len() == 2 && only.get("type").is_some_and(|kind| kind == "input_text") => {
            only.remove("text").unwrap_or_default()
        }
        _ => Value::Array(parts),
    }
}

fn refused(path: &str, why: &str) -> Malformed {
    Malformed { field: Some(path.to_owned()), message: format!("{path}: {why}") }
}
