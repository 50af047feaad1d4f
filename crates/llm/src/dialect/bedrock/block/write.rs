use serde_json::{Map, Value, json};

use super::media::{DOCUMENT, IMAGE, Media, VIDEO};
use crate::{
    Loss,
    call::{CacheMark, Document, Image, Part, Source, Text, Thinking, ToolResult, ToolUse},
    dialect::{Dialect, Malformed, place::Place},
    signature::{self, Maker},
};

/// Writes parts as blocks and keeps the account of what they lose.
#[derive(Debug)]
pub(in super::super) struct Blocks {
    /// The parts were read from this dialect and are wanted back as they were.
    pub native: bool,
    /// The parts go to the model, which is strict: only thinking that it signed itself, only complete tool calls.
    pub replayed: bool,
    /// The thinking was done by another model, which would refuse it.
    pub foreign_thinking: bool,
    /// The target does not understand cache points.
    pub ignores_cache_marks: bool,
    /// The names of the documents so far: Bedrock refuses two of one name.
    pub names: Vec<String>,
    pub loss: Loss,
}

impl Blocks {
    /// Appends the blocks that say this part: none if there is nothing to say, two if it is marked.
    ///
    /// # Errors
    /// Content that Converse has no block for.
    pub fn write(&mut self, part: &Part, at: Place, blocks: &mut Vec<Value>) -> Result<(), Malformed> {
        let (block, mark) = match part {
            Part::Text(text) => (self.text(text, at), text.cache),
            Part::Refusal(text) => (self.text(&Text { text: text.clone(), ..Text::default() }, at), None),
            Part::Image(image) => (Some(self.image(image, at)?), image.cache),
            Part::Document(document) => (Some(self.document(document, at)?), document.cache),
            Part::Video(video) => {
                if video.cut.is_some() {
                    self.loss.note(format!("{at}.video.cut"), "bedrock sees a video whole");
                }
                (Some(json!({"video": file(&video.source, &VIDEO, "video", at)?})), video.cache)
            }
            Part::Audio(audio) => {
                (Some(json!({"audio": {"format": audio.format, "source": {"bytes": audio.data}}})), None)
            }
            Part::ToolUse(call) => (Some(self.tool_use(call, at)?), call.cache),
            Part::ToolResult(result) => (Some(self.tool_result(result, at)?), result.cache),
            Part::Thinking(thinking) => (self.thinking(thinking), None),
            Part::Native { dialect: Dialect::Bedrock, raw } => (Some(raw.clone()), None),
            Part::Native { dialect, raw } => {
                self.foreign(*dialect, raw, at)?;
                (None, None)
            }
        };
        let Some(block) = block else { return Ok(()) };
        blocks.push(block);
        match mark {
            Some(_) if self.ignores_cache_marks => self.loss.note("cache_marks", "the target takes no cache points"),
            Some(mark) => blocks.push(cache_point(mark)),
            None => {}
        }
        Ok(())
    }

    /// Another dialect's content is refused by name; mere fields around it (`{"message": {..}}`) are lost by name.
    fn foreign(&mut self, dialect: Dialect, raw: &Value, at: Place) -> Result<(), Malformed> {
        let around = ["message", "choice", "reply"].into_iter().find_map(|level| raw.get(level)?.as_object());
        if let Some(fields) = around.filter(|fields| !fields.contains_key("audio")) {
            for name in fields.keys() {
                self.loss.note(format!("{at}.{name}"), "bedrock does not know the field");
            }
            return Ok(());
        }
        let kind = raw.get("type").and_then(Value::as_str).unwrap_or("unnamed");
        Err(refused(at, &format!("{} content of type `{kind}`", dialect.as_str()), "text, an image or a document"))
    }

    fn text(&mut self, text: &Text, at: Place) -> Option<Value> {
        // Bedrock refuses text without a visible character, which OpenAI histories are full of.
        if text.text.trim().is_empty() {
            return None;
        }
        match &text.notes {
            Some((Dialect::Bedrock, citations)) => {
                return Some(json!({"citationsContent": {"content": [{"text": text.text}], "citations": citations}}));
            }
            Some(_) => self.loss.note(format!("{at}.notes"), "bedrock has no such annotations"),
            None => {}
        }
        Some(json!({"text": text.text}))
    }

    fn image(&mut self, image: &Image, at: Place) -> Result<Value, Malformed> {
        if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.loss.note(format!("{at}.image.detail"), "bedrock has no level of detail");
        }
        Ok(json!({"image": file(&image.source, &IMAGE, "image", at)?}))
    }

    fn document(&mut self, document: &Document, at: Place) -> Result<Value, Malformed> {
        if document.source.base64().is_some_and(|(media_type, _)| media_type.starts_with("image/")) {
            // OpenAI clients send pictures as files, too.
            return self.image(&Image { source: document.source.clone(), detail: None, cache: None }, at);
        }
        let mut block = match &document.source {
            Source::Text(text) => json!({"format": "txt", "source": {"text": text}}),
            Source::Content(parts) => json!({"source": {"content": self.passages(parts, at)?}}),
            source => file(source, &DOCUMENT, "document", at)?,
        };
        let name = self.name(document.title.as_deref(), at);
        if let Some(block) = block.as_object_mut() {
            block.insert("name".into(), name.into());
            if let Some(context) = &document.context {
                block.insert("context".into(), context.as_str().into());
            }
            if let Some(enabled) = document.citations {
                block.insert("citations".into(), json!({"enabled": enabled}));
            }
        }
        Ok(json!({"document": block}))
    }

    /// A name as Bedrock allows it: letters, digits, single blanks, hyphens, parentheses and brackets, unlike any before it.
    fn name(&mut self, title: Option<&str>, at: Place) -> String {
        const MOST_CHARS: usize = 190;
        let title = title.unwrap_or("document");
        // The format says what the ending said.
        let stem = if DOCUMENT.format_of_name(title).is_some() && !self.native {
            title.rsplit_once('.').map_or(title, |(stem, _)| stem)
        } else {
            title
        };
        let allowed = |c: char| if c.is_ascii_alphanumeric() || "-()[]".contains(c) { c } else { ' ' };
        let plain: String = stem.chars().map(allowed).collect();
        let plain: String = plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MOST_CHARS).collect();
        if plain != stem {
            self.loss.note(format!("{at}.document.title"), "bedrock allows letters, digits, blanks and -()[] in names");
        }
        let plain = if plain.is_empty() { "document".to_owned() } else { plain };
        let taken = |name: &str| self.names.iter().any(|taken| taken == name);
        let name = if taken(&plain) {
            (2..).map(|number| format!("{plain} ({number})")).find(|name| !taken(name)).unwrap_or_default()
        } else {
            plain
        };
        self.names.push(name.clone());
        name
    }

    /// The passages of a document that is made of text.
    fn passages(&mut self, parts: &[Part], at: Place) -> Result<Vec<Value>, Malformed> {
        let mut passages = Vec::with_capacity(parts.len());
        for (inner, part) in parts.iter().enumerate() {
            let place = Place { inner: Some(inner), ..at };
            let Part::Text(text) = part else { return Err(refused(place, "this in a document", "text")) };
            passages.extend(self.text(text, place));
        }
        Ok(passages)
    }

    fn tool_use(&mut self, call: &ToolUse, at: Place) -> Result<Value, Malformed> {
        let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        let mut input: Value = serde_json::from_str(text).unwrap_or_default();
        if !input.is_object() && !self.native {
            let message =
                format!("{at}: the arguments of tool call `{}` ({}) must be a JSON object", call.id, call.name);
            if self.replayed {
                return Err(Malformed { field: Some(format!("{at}.arguments")), message });
            }
            // An answer cut off amid its arguments still says which tool was meant.
            self.loss.note(format!("{at}.arguments"), message);
            input = json!({});
        }
        if self.replayed && call.signature.is_some() {
            self.loss.note(format!("{at}.signature"), "the signature is another model's");
        }
        Ok(json!({"toolUse": {"toolUseId": self.id(&call.id, at)?, "name": call.name, "input": input}}))
    }

    fn tool_result(&mut self, result: &ToolResult, at: Place) -> Result<Value, Malformed> {
        let mut content = Vec::with_capacity(result.parts.len());
        for (inner, part) in result.parts.iter().enumerate() {
            let place = Place { inner: Some(inner), ..at };
            match part {
                Part::Text(_) | Part::Image(_) | Part::Document(_) | Part::Video(_) | Part::Native { .. } => {
                    self.write(part, place, &mut content)?;
                }
                _ => return Err(refused(place, "this in a tool result", "text, an image or a document")),
            }
        }
        // A point within a result is none that Bedrock knows: the end of the result is marked instead.
        let marked = content.len();
        content.retain(|block| block.get("cachePoint").is_none());
        if content.len() < marked {
            self.loss.note(format!("{at}.cache"), "bedrock marks tool results as a whole");
        }
        let mut block = json!({"toolUseId": self.id(&result.tool_use_id, at)?, "content": content});
        if let (Some(failed), Some(block)) = (result.is_error, block.as_object_mut()) {
            block.insert("status".into(), if failed { "error" } else { "success" }.into());
        }
        Ok(json!({"toolResult": block}))
    }

    /// Thinking of another model, and thinking that nobody signed, would be refused: it is left out.
    fn thinking(&mut self, thinking: &Thinking) -> Option<Value> {
        let proof = match thinking {
            Thinking::Text { signature, .. } => signature.as_ref(),
            Thinking::Redacted { data } => Some(data),
        };
        if self.replayed {
            let foreign =
                self.foreign_thinking || proof.is_some_and(|proof| signature::own(Maker::Anthropic, proof).is_none());
            if foreign || (proof.is_none() && !self.native) {
                let why = if foreign { "the signature is another model's" } else { "nobody signed the thinking" };
                self.loss.note("turns[*].thinking", why);
                return None;
            }
        }
        Some(match thinking {
            Thinking::Text { text, signature: None } => json!({"reasoningContent": {"reasoningText": {"text": text}}}),
            Thinking::Text { text, signature: Some(proof) } => {
                json!({"reasoningContent": {"reasoningText": {"text": text, "signature": proof}}})
            }
            Thinking::Redacted { data } => json!({"reasoningContent": {"redactedContent": data}}),
        })
    }

    /// The id of a tool call as Bedrock allows it; the same id is changed in the same way wherever it stands.
    fn id(&self, id: &str, at: Place) -> Result<String, Malformed> {
        const MOST: usize = 64;
        if id.is_empty() {
            let message = format!("{at}: a tool call must have an id");
            return Err(Malformed { field: Some(at.to_string()), message });
        }
        let allowed = |c: char| if c.is_ascii_alphanumeric() || "_.:-".contains(c) { c } else { '_' };
        let mut plain: String = id.chars().map(allowed).collect();
        if plain.len() > MOST {
            let hash = id
                .bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            plain.truncate(MOST - 17);
            plain.push_str(&format!("-{hash:016x}"));
        }
        Ok(plain)
    }
}

/// The block that marks what stands before it.
pub(in super::super) fn cache_point(mark: CacheMark) -> Value {
    match mark {
        CacheMark::Default => json!({"cachePoint": {"type": "default"}}),
        CacheMark::FiveMinutes => json!({"cachePoint": {"type": "default", "ttl": "5m"}}),
        CacheMark::OneHour => json!({"cachePoint": {"type": "default", "ttl": "1h"}}),
    }
}

/// The format and the place of a file.
fn file(source: &Source, media: &Media, what: &str, at: Place) -> Result<Value, Malformed> {
    let mut file = Map::new();
    let unknown =
        |kind: &str| refused(at, &format!("{what} data of type `{kind}`"), &format!("one of {}", media.names()));
    if let Some((media_type, data)) = source.base64() {
        file.insert("format".into(), media.format_of(media_type).ok_or_else(|| unknown(media_type))?.into());
        file.insert("source".into(), json!({"bytes": data}));
        return Ok(file.into());
    }
    match source {
        Source::File(uri) if uri.starts_with("s3://") => {
            file.insert("format".into(), media.format_of_name(uri).ok_or_else(|| unknown(uri))?.into());
            file.insert("source".into(), json!({"s3Location": {"uri": uri}}));
            Ok(file.into())
        }
        Source::File(_) => Err(refused(at, "a file id of another provider's store", "the file itself as base64")),
        Source::Url(_) => Err(refused(at, &format!("{what} data by URL"), "it as base64")),
        _ => Err(refused(at, &format!("{what} data given as text"), "base64")),
    }
}

fn refused(at: Place, what: &str, right: &str) -> Malformed {
    let message = format!("{at}: Bedrock Converse does not take {what}: send {right}");
    Malformed { field: Some(at.to_string()), message }
}
