use std::borrow::Cow;

use serde_json::Value;

use crate::{
    Loss,
    call::{CacheMark, Document, Image, Part, Source, Text, Thinking, ToolResult, ToolUse},
    dialect::{Dialect, Malformed, place::Place},
    json::{Json, Object, object},
    signature::{self, Maker},
};

/// Writes parts as blocks and keeps the account of what they lose.
#[derive(Debug)]
pub(in super::super) struct Blocks {
    /// The parts were read from this dialect: its file ids mean something, and its blocks are wanted back as they were.
    pub native: bool,
    /// The parts go to the model, which is strict: only thinking that it signed itself, only complete tool calls.
    pub replayed: bool,
    /// The thinking was done by another model, which would refuse it.
    pub foreign_thinking: bool,
    /// The target does not understand cache marks.
    pub ignores_cache_marks: bool,
    pub loss: Loss,
}

impl Blocks {
    /// The block that says this part; `None` if there is nothing to say (empty text, thinking that must not be replayed).
    ///
    /// # Errors
    /// Content that Anthropic Messages has no block for.
    pub fn write<'c>(&mut self, part: &'c Part, at: Place) -> Result<Option<Json<'c>>, Malformed> {
        match part {
            Part::Text(text) => Ok(self.text(text, at)),
            Part::Refusal(words) => Ok(plain(words)),
            Part::Image(image) => self.image(image, at).map(Some),
            Part::Document(document) => self.document(document, at).map(Some),
            Part::ToolUse(call) => self.tool_use(call, at).map(Some),
            Part::ToolResult(result) => self.tool_result(result, at).map(Some),
            Part::Thinking(thinking) => Ok(self.thinking(thinking)),
            Part::Native { dialect: Dialect::Anthropic, raw } => Ok(Some(raw.into())),
            Part::Native { dialect, raw } => self.foreign(*dialect, raw, at).map(|()| None),
            Part::Audio(_) => Err(refused(at, "sound", "a transcript as text")),
            Part::Video(_) => Err(refused(at, "video", "some of its pictures")),
        }
    }

    /// Another dialect's content is refused by name; mere fields around it (`{"message": {..}}`) are lost by name.
    fn foreign(&mut self, dialect: Dialect, raw: &Value, at: Place) -> Result<(), Malformed> {
        let around = ["message", "choice", "reply"].into_iter().find_map(|level| raw.get(level)?.as_object());
        let fields = around.filter(|fields| !fields.contains_key("audio"));
        if let Some(fields) = fields {
            for name in fields.keys() {
                self.loss.note(format!("{at}.{name}"), "anthropic does not know the field");
            }
            return Ok(());
        }
        let kind = raw.get("type").or_else(|| raw.pointer("/tool_call/type")).and_then(Value::as_str);
        let kind = kind.or_else(|| raw.pointer("/message/audio").map(|_| "audio")).unwrap_or("unnamed");
        Err(refused(at, &format!("{} content of type `{kind}`", dialect.as_str()), "text, an image or a document"))
    }

    fn text<'c>(&mut self, text: &'c Text, at: Place) -> Option<Json<'c>> {
        let mut block = plain(&text.text)?;
        match &text.notes {
            // A block that has been put into words for others is itself again.
            Some((Dialect::Anthropic, own @ Value::Object(_))) => block = own.into(),
            Some((Dialect::Anthropic, citations)) => put(&mut block, "citations", citations.into()),
            Some(_) => self.loss.note(format!("{at}.notes"), "anthropic has no such annotations"),
            None => {}
        }
        self.mark(&mut block, text.cache);
        Some(block)
    }

    fn image<'c>(&mut self, image: &'c Image, at: Place) -> Result<Json<'c>, Malformed> {
        if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.loss.note(format!("{at}.image.detail"), "anthropic has no level of detail");
        }
        self.picture(&image.source, image.cache, at)
    }

    fn picture<'c>(&mut self, source: &'c Source, mark: Option<CacheMark>, at: Place) -> Result<Json<'c>, Malformed> {
        let mut block = object! {"type": "image", "source": self.source(source, "image", at)?};
        self.mark(&mut block, mark);
        Ok(block)
    }

    fn document<'c>(&mut self, document: &'c Document, at: Place) -> Result<Json<'c>, Malformed> {
        if document.source.base64().is_some_and(|(media_type, _)| media_type.starts_with("image/")) {
            // OpenAI clients send pictures as files, too. A picture has no title here.
            if document.title.is_some() {
                self.loss.note(format!("{at}.document.title"), "a picture has no title");
            }
            return self.picture(&document.source, document.cache, at);
        }
        let source = match &document.source {
            Source::Text(text) => object! {"type": "text", "media_type": "text/plain", "data": text},
            Source::Content(parts) => object! {"type": "content", "content": self.inner(parts, at)?},
            source => self.source(source, "document", at)?,
        };
        let mut block = object! {"type": "document", "source": source};
        if let Some(title) = &document.title {
            put(&mut block, "title", title.as_str().into());
        }
        if let Some(context) = &document.context {
            put(&mut block, "context", context.as_str().into());
        }
        if let Some(enabled) = document.citations {
            put(&mut block, "citations", object! {"enabled": enabled});
        }
        self.mark(&mut block, document.cache);
        Ok(block)
    }

    fn source<'c>(&self, source: &'c Source, what: &str, at: Place) -> Result<Json<'c>, Malformed> {
        if let Some((media_type, data)) = source.base64() {
            let fits = match what {
                "document" => media_type == "application/pdf",
                _ => media_type.starts_with("image/"),
            };
            return if fits {
                Ok(object! {"type": "base64", "media_type": media_type, "data": data})
            } else {
                let right = if what == "document" { "a PDF, or its text as text" } else { "a picture" };
                Err(refused(at, &format!("{what} data of type `{media_type}`"), right))
            };
        }
        match source {
            Source::Url(url) if url.starts_with("data:") => {
                Err(refused(at, "a data: URL that is not base64", "data:<media type>;base64,<data>"))
            }
            Source::Url(url) => Ok(object! {"type": "url", "url": url}),
            Source::File(id) if self.native => Ok(object! {"type": "file", "file_id": id}),
            Source::File(_) => {
                Err(refused(at, "a file id of another provider's store", "the file itself as base64, or its URL"))
            }
            _ => Err(refused(at, &format!("{what} given as text"), "base64 or a URL")),
        }
    }

    fn tool_use<'c>(&mut self, call: &'c ToolUse, at: Place) -> Result<Json<'c>, Malformed> {
        let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        let mut input = Json::read(text.as_bytes()).unwrap_or_default();
        if input.as_object().is_none() {
            let message =
                format!("{at}: the arguments of tool call `{}` ({}) must be a JSON object", call.id, call.name);
            if self.replayed {
                return Err(Malformed { field: Some(format!("{at}.arguments")), message });
            }
            // An answer cut off amid its arguments still says which tool was meant.
            self.loss.note(format!("{at}.arguments"), message);
            input = object! {};
        }
        if self.replayed && call.signature.is_some() {
            self.loss.note(format!("{at}.signature"), "the signature is another model's");
        }
        let id = self.id(&call.id, at)?;
        let mut block = object! {"type": "tool_use", "id": id, "name": &call.name, "input": input};
        self.mark(&mut block, call.cache);
        Ok(block)
    }

    fn tool_result<'c>(&mut self, result: &'c ToolResult, at: Place) -> Result<Json<'c>, Malformed> {
        let mut block = object! {"type": "tool_result", "tool_use_id": self.id(&result.tool_use_id, at)?};
        let content = self.inner(&result.parts, at)?;
        if let Some(content) = string_or_blocks(content) {
            put(&mut block, "content", content);
        }
        if let Some(failed) = result.is_error {
            put(&mut block, "is_error", failed.into());
        }
        self.mark(&mut block, result.cache);
        Ok(block)
    }

    fn inner<'c>(&mut self, parts: &'c [Part], at: Place) -> Result<Vec<Json<'c>>, Malformed> {
        let mut blocks = Vec::with_capacity(parts.len());
        for (inner, part) in parts.iter().enumerate() {
            blocks.extend(self.write(part, Place { inner: Some(inner), ..at })?);
        }
        Ok(blocks)
    }

    /// Thinking of another model, and thinking that nobody signed, would be refused: it is left out.
    fn thinking<'c>(&mut self, thinking: &'c Thinking) -> Option<Json<'c>> {
        let proof = match thinking {
            Thinking::Text { signature, .. } => signature.as_ref(),
            Thinking::Redacted { data } => Some(data),
        };
        let unsigned = proof.is_none();
        let foreign =
            self.foreign_thinking || proof.is_some_and(|proof| signature::own(Maker::Anthropic, proof).is_none());
        if self.replayed && (foreign || unsigned) {
            let why =
                if unsigned { "thinking without a signature is refused" } else { "the signature is another model's" };
            self.loss.note("turns[*].thinking", why);
            return None;
        }
        Some(match thinking {
            Thinking::Text { text, signature } => thought(text, signature.as_deref().unwrap_or_default()),
            Thinking::Redacted { data } => object! {"type": "redacted_thinking", "data": data},
        })
    }

    /// A tool call's id in the characters that Anthropic allows. Call and result are written alike, so they still meet.
    fn id<'c>(&self, id: &'c str, at: Place) -> Result<Cow<'c, str>, Malformed> {
        if id.is_empty() && self.replayed {
            return Err(Malformed {
                field: Some(at.to_string()),
                message: format!("{at}: a tool call must have an id"),
            });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.native || id.chars().all(allowed) {
            return Ok(id.into());
        }
        Ok(id.chars().map(|c| if allowed(c) { c } else { '_' }).collect())
    }

    fn mark(&mut self, block: &mut Json<'_>, mark: Option<CacheMark>) {
        let Some(mark) = mark else { return };
        if self.ignores_cache_marks {
            self.loss.note("cache_marks", "the target takes no cache marks");
        } else {
            put(block, "cache_control", cache_control(mark));
        }
    }
}

/// A block of text. Anthropic refuses blocks without a visible character, which OpenAI histories are full of.
fn plain(text: &str) -> Option<Json<'_>> {
    (!text.trim().is_empty()).then(|| object! {"type": "text", "text": text})
}

fn thought<'c>(text: &'c str, signature: &'c str) -> Json<'c> {
    object! {"type": "thinking", "thinking": text, "signature": signature}
}

/// The block that carries a tool call's signature to a client: thinking without text, before the call.
pub(in super::super) fn call_signature(signature: &str) -> Json<'_> {
    thought("", signature)
}

/// The mark as Anthropic writes it.
pub(in super::super) fn cache_control(mark: CacheMark) -> Json<'static> {
    match mark {
        CacheMark::Default => object! {"type": "ephemeral"},
        CacheMark::FiveMinutes => object! {"type": "ephemeral", "ttl": "5m"},
        CacheMark::OneHour => object! {"type": "ephemeral", "ttl": "1h"},
    }
}

/// The blocks as content: a lone plain text as a string, as most clients write it; `None` if there are none.
pub(in super::super) fn string_or_blocks(mut blocks: Vec<Json<'_>>) -> Option<Json<'_>> {
    let is_plain = |block: &Object<'_>| block.len() == 2 && block.get("type").is_some_and(|kind| kind == "text");
    match blocks.as_mut_slice() {
        [] => None,
        [Json::Object(block)] if is_plain(block) => block.remove("text"),
        _ => Some(blocks.into()),
    }
}

fn refused(at: Place, what: &str, right: &str) -> Malformed {
    Malformed {
        field: Some(at.to_string()),
        message: format!("{at}: Anthropic Messages does not take {what}: send {right}"),
    }
}

fn put<'c>(block: &mut Json<'c>, name: &'static str, value: Json<'c>) {
    if let Some(block) = block.as_object_mut() {
        block.set(name, value);
    }
}
