use std::{collections::HashMap, fmt};

use serde_json::{Map, Value, json};

use super::media;
use crate::{
    Call, Loss,
    call::{Document, Image, Part, Source, Text, Thinking, ToolResult, ToolUse, Video},
    dialect::{
        Dialect, Malformed,
        gemini::{family::Family, ids},
    },
    signature::{self, Maker},
};

/// Where a part stands: `turns[2].parts[0]`.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Place {
    pub turn: usize,
    pub part: usize,
    /// The part of a tool result or a document.
    pub inner: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "turns[{}].parts[{}]", self.turn, self.part)?;
        self.inner.map_or(Ok(()), |inner| write!(f, ".parts[{inner}]"))
    }
}

/// Writes parts for a model and keeps the account of what they lose.
#[derive(Debug)]
pub(in super::super) struct Scribe<'c> {
    /// The parts were read from this dialect and go back as they were.
    pub native: bool,
    pub family: Family,
    /// Signatures were refused: none is sent.
    pub unsigned: bool,
    pub loss: Loss,
    /// The names of the functions that were called, by the id of the call.
    names: HashMap<&'c str, &'c str>,
}

impl<'c> Scribe<'c> {
    pub fn new(call: &'c Call, unsigned: bool) -> Self {
        let parts = call.turns.iter().flat_map(|turn| &turn.parts);
        let names = parts.filter_map(|part| match part {
            Part::ToolUse(tool) => Some((tool.id.as_str(), tool.name.as_str())),
            _ => None,
        });
        Self {
            native: call.extra.dialect == Dialect::Gemini,
            family: Family::of(&call.model),
            unsigned,
            loss: Loss::none(),
            names: names.collect(),
        }
    }

    /// Appends what says the part; results of functions and what they bring along go to lists of their own.
    ///
    /// # Errors
    /// Content that Gemini has no part for.
    pub fn write(&mut self, part: &Part, at: Place, out: &mut Vec<Value>) -> Result<(), Malformed> {
        match part {
            Part::Text(text) => self.text(text, at, out),
            Part::Refusal(words) if !words.is_empty() => out.push(json!({"text": words})),
            Part::Refusal(_) => {}
            Part::Image(image) => push(self.image(image, at)?, out),
            Part::Audio(audio) => out.push(json!({
                "inlineData": {"mimeType": format!("audio/{}", audio.format), "data": audio.data},
            })),
            Part::Document(document) => self.document(document, at, out)?,
            Part::Video(video) => push(self.video(video, at)?, out),
            Part::ToolUse(tool) => out.push(self.call(tool, at)?),
            Part::ToolResult(result) => {
                let mut beside = Vec::new();
                let result = self.result(result, at, &mut beside)?;
                out.push(result);
                out.append(&mut beside);
            }
            Part::Thinking(thinking) => self.thinking(thinking, at, out),
            Part::Native { dialect: Dialect::Gemini, raw } => out.push(raw.clone()),
            Part::Native { dialect, raw } => self.foreign(*dialect, raw, at)?,
        }
        Ok(())
    }

    fn text(&mut self, text: &Text, at: Place, out: &mut Vec<Value>) {
        if text.notes.is_some() {
            self.loss.note(format!("{at}.notes"), "gemini has no notes on what is said to it");
        }
        self.mark(text.cache.is_some());
        // Gemini refuses a part without content, which other histories are full of.
        if self.native || !text.text.is_empty() {
            push(json!({"text": text.text}), out);
        }
    }

    fn image(&mut self, image: &Image, at: Place) -> Result<Value, Malformed> {
        self.mark(image.cache.is_some());
        let mut part = self.media(&image.source, None, at)?;
        match &image.detail {
            Some(detail) if self.native => {
                if let Some(resolution) = media::resolution(detail) {
                    put(&mut part, "mediaResolution", resolution);
                }
            }
            Some(detail) if detail != "auto" => {
                self.loss.note(format!("{at}.image.detail"), "gemini sets it for the whole call");
            }
            _ => {}
        }
        Ok(part)
    }

    fn video(&mut self, video: &Video, at: Place) -> Result<Value, Malformed> {
        self.mark(video.cache.is_some());
        let mut part = self.media(&video.source, Some(media::FILM), at)?;
        match &video.cut {
            Some((Dialect::Gemini, cut)) => put(&mut part, "videoMetadata", cut.clone()),
            Some(_) => self.loss.note(format!("{at}.cut"), "gemini cuts films in another way"),
            None => {}
        }
        Ok(part)
    }

    /// A document has no name of its own here: what it is called and what is said of it stand before it.
    fn document(&mut self, document: &Document, at: Place, out: &mut Vec<Value>) -> Result<(), Malformed> {
        self.mark(document.cache.is_some());
        if document.citations == Some(true) {
            self.loss.note(format!("{at}.citations"), "gemini does not cite documents");
        }
        let heading: Vec<&str> = document.title.as_deref().into_iter().chain(document.context.as_deref()).collect();
        if !self.native && !heading.is_empty() {
            out.push(json!({"text": heading.join("\n")}));
        }
        match &document.source {
            Source::Text(text) => out.push(json!({"text": text})),
            Source::Content(parts) => {
                for (inner, part) in parts.iter().enumerate() {
                    self.write(part, Place { inner: Some(inner), ..at }, out)?;
                }
            }
            source => {
                let mut part = self.media(source, None, at)?;
                let data = ["inlineData", "fileData"].into_iter().find(|name| part.get(name).is_some());
                if let (true, Some(title), Some(data)) =
                    (self.native, &document.title, data.and_then(|name| part.get_mut(name)))
                {
                    put(data, "displayName", title.as_str().into());
                }
                push(part, out);
            }
        }
        Ok(())
    }

    fn media(&self, source: &Source, fallback: Option<&str>, at: Place) -> Result<Value, Malformed> {
        match source {
            Source::File(id) if !self.native && !media::is_googles(id) => {
                Err(refused(at, "a file id of another provider's store", "the file itself as base64, or its URL"))
            }
            source => media::write(source, fallback)
                .ok_or_else(|| refused(at, "media that are neither base64 nor at a URL", "base64 or a URL")),
        }
    }

    fn call(&mut self, tool: &ToolUse, at: Place) -> Result<Value, Malformed> {
        self.mark(tool.cache.is_some());
        let text = if tool.arguments.trim().is_empty() { "{}" } else { &tool.arguments };
        let args: Map<String, Value> = serde_json::from_str(text).map_err(|_| Malformed {
            field: Some(format!("{at}.arguments")),
            message: format!("{at}: the arguments of tool call `{}` ({}) must be a JSON object", tool.id, tool.name),
        })?;
        let mut call = json!({"name": tool.name, "args": args});
        if let Some(id) = ids::given(&tool.id) {
            put(&mut call, "id", id.into());
        }
        let mut part = json!({"functionCall": call});
        if let Some(signature) = self.signature(tool.signature.as_deref(), at) {
            put(&mut part, "thoughtSignature", signature.into());
        }
        Ok(part)
    }

    /// The signature, if it is a Gemini's own.
    fn signature<'s>(&mut self, signature: Option<&'s str>, at: Place) -> Option<&'s str> {
        let own = signature.and_then(|signature| signature::own(Maker::Gemini, signature));
        let own = own.filter(|_| !self.unsigned);
        if signature.is_some() && own.is_none() {
            self.loss.note(format!("{at}.signature"), "the signature is another model's");
        }
        own
    }

    /// What a function answered. Pictures stand inside for models that take them there, and beside it for others.
    fn result(&mut self, result: &ToolResult, at: Place, beside: &mut Vec<Value>) -> Result<Value, Malformed> {
        self.mark(result.cache.is_some());
        let mut texts = Vec::new();
        let mut media = Vec::new();
        for (inner, part) in result.parts.iter().enumerate() {
            match part {
                Part::Text(text) => texts.push(text.text.as_str()),
                part => self.write(part, Place { inner: Some(inner), ..at }, &mut media)?,
            }
        }
        let response = respond(&texts.join("\n"), result.is_error == Some(true));
        let id = result.tool_use_id.as_str();
        let name = self.names.get(id).copied().unwrap_or(id);
        let mut answer = json!({"name": name, "response": response});
        if let Some(id) = ids::given(id) {
            put(&mut answer, "id", id.into());
        }
        if self.native || self.family.takes_media_results() {
            let (inside, outside): (Vec<_>, _) = media.into_iter().partition(|part| self.native || is_blob(part));
            media = outside;
            if !inside.is_empty() {
                put(&mut answer, "parts", inside.into());
            }
        }
        if !media.is_empty() {
            beside.push(json!({"text": format!("[returned by {name}]")}));
            beside.append(&mut media);
        }
        Ok(json!({"functionResponse": answer}))
    }

    fn thinking(&mut self, thinking: &Thinking, at: Place, out: &mut Vec<Value>) {
        let Thinking::Text { text, signature } = thinking else {
            return self.loss.note(format!("{at}.thinking"), "the thought is another model's");
        };
        let own = self.signature(signature.as_deref(), at).map(str::to_owned);
        match own {
            Some(signature) if text.is_empty() => out.push(lone(signature)),
            Some(signature) => out.push(json!({"text": text, "thought": true, "thoughtSignature": signature})),
            None if self.native && signature.is_none() => out.push(json!({"text": text, "thought": true})),
            None if text.is_empty() => {}
            None => self.loss.note(format!("{at}.thinking"), "thought that Gemini did not sign is not sent to it"),
        }
    }

    /// Another dialect's content is refused by name; mere fields around it (`{"message": {..}}`) are lost by name.
    fn foreign(&mut self, dialect: Dialect, raw: &Value, at: Place) -> Result<(), Malformed> {
        let around = ["message", "choice", "reply"].into_iter().find_map(|level| raw.get(level)?.as_object());
        if let Some(fields) = around.filter(|fields| !fields.contains_key("audio")) {
            for name in fields.keys() {
                self.loss.note(format!("{at}.{name}"), "gemini does not know the field");
            }
            return Ok(());
        }
        let kind = raw.get("type").or_else(|| raw.pointer("/tool_call/type")).and_then(Value::as_str);
        let kind = kind.unwrap_or("unnamed");
        Err(refused(at, &format!("{} content of type `{kind}`", dialect.as_str()), "text, media or function calls"))
    }

    fn mark(&mut self, marked: bool) {
        if marked {
            self.loss.note("cache_marks", "gemini caches by itself");
        }
    }
}

/// A signature that stands alone, unless a text or a picture follows.
fn lone(signature: String) -> Value {
    json!({"text": "", "thoughtSignature": signature})
}

/// Appends a text or a picture, with the signature that stands alone before it.
fn push(mut part: Value, out: &mut Vec<Value>) {
    let before = out.last().filter(|last| last.get("text") == Some(&json!("")) && last.get("thought").is_none());
    if let Some(signature) = before.and_then(|last| last.get("thoughtSignature")).cloned() {
        out.pop();
        put(&mut part, "thoughtSignature", signature);
    }
    out.push(part);
}

/// What a function told, as the object that Gemini wants. JSON is given as it is, unless it holds what Gemini would take
/// for a reference of its own to an attachment (`$ref`).
fn respond(text: &str, failed: bool) -> Value {
    let object = serde_json::from_str::<Value>(text).ok().filter(|value| value.is_object() && !has_reference(value));
    match (failed, object) {
        (false, Some(object)) => object,
        (false, None) => json!({"output": text}),
        (true, Some(object)) => json!({"error": object}),
        (true, None) => json!({"error": text}),
    }
}

fn has_reference(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| name.starts_with('$') || has_reference(value)),
        Value::Array(items) => items.iter().any(has_reference),
        _ => false,
    }
}

fn is_blob(part: &Value) -> bool {
    part.get("inlineData").is_some() || part.get("fileData").is_some()
}

fn refused(at: Place, what: &str, right: &str) -> Malformed {
    Malformed { field: Some(at.to_string()), message: format!("{at}: Gemini does not take {what}: send {right}") }
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
