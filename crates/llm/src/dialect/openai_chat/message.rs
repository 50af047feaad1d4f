//! The assistant's message, both ways: as an answer, and as history in a request.

use serde_json::{Value, json};

use super::part;
use crate::{
    call::{Part, Text, Thinking, ToolUse},
    dialect::{Dialect, Malformed, field::Field, place::Place},
    json::{Json, Object, object},
    loss::Loss,
    signature::{self, Maker},
};

/// How ids that were not sent are dealt with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ids<'a> {
    /// They are missing fields; only a `function_call` of the days before `tools` is given one, made from this.
    Demanded(&'a str),
    /// They are made from this, the answer's own id: some servers send none, and other formats cannot do without.
    Made(&'a str),
}

/// The fields that are understood; all others are kept as [`Part::Native`].
const KNOWN: &[&str] = &[
    "role",
    "content",
    "name",
    "refusal",
    "tool_calls",
    "function_call",
    "thinking_blocks",
    "reasoning_content",
    "reasoning",
    "cache_control",
    "annotations",
];

/// The parts of an assistant's message in the order in which they were produced: thought, text, refusal, tool calls.
pub(super) fn read(message: &Field<'_, '_>, ids: Ids<'_>) -> Result<Vec<Part>, Malformed> {
    let mut parts = read_thinking(message)?;
    if let Some(content) = message.get("content") {
        parts.extend(part::read_content(&content)?);
    }
    if let (Some(mark), Some(last)) = (part::read_cache(message)?, parts.last_mut()) {
        mark_part(last, mark);
    }
    read_annotations(message, &mut parts)?;
    if let Some(refusal) = message.get("refusal") {
        parts.push(Part::Refusal(refusal.string()?));
    }
    if let Some(calls) = message.get("tool_calls") {
        for (at, call) in calls.items()?.enumerate() {
            parts.push(read_call(&call, ids, at)?);
        }
    }
    if let Some(call) = message.get("function_call") {
        let (Ids::Demanded(seed) | Ids::Made(seed)) = ids;
        parts.push(Part::ToolUse(ToolUse { id: made_id(seed, 0), ..read_function(&call)? }));
    }
    if let Some(native) = others(message, KNOWN, "message")? {
        parts.push(native);
    }
    Ok(parts)
}

/// The fields of `owner` that are not `known`, as a native part of this level.
pub(super) fn others(owner: &Field<'_, '_>, known: &[&str], level: &str) -> Result<Option<Part>, Malformed> {
    let fields = owner.object()?.others(known);
    Ok((!fields.is_empty()).then(|| Part::Native { dialect: Dialect::OpenAiChat, raw: json!({level: fields}) }))
}

/// Sets the mark of a part that can bear one.
pub(super) fn mark_part(part: &mut Part, mark: crate::call::CacheMark) {
    match part {
        Part::Text(text) => text.cache = Some(mark),
        Part::Image(image) => image.cache = Some(mark),
        Part::Document(document) => document.cache = Some(mark),
        _ => {}
    }
}

/// An id for a tool call that came without one: the same for the same answer, different for each call in it, and of
/// characters that every format allows.
pub(super) fn made_id(seed: &str, at: usize) -> String {
    let seed: String = seed.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    format!("call_{seed}_{at}")
}

fn read_thinking(message: &Field<'_, '_>) -> Result<Vec<Part>, Malformed> {
    let mut parts = Vec::new();
    if let Some(blocks) = message.get("thinking_blocks") {
        for block in blocks.items()? {
            parts.push(Part::Thinking(read_thinking_block(&block)?));
        }
    }
    if parts.is_empty() {
        // Groq, OpenRouter and newer vLLM say `reasoning`; an object of that name is something else.
        let plain = message.get("reasoning_content").or_else(|| message.get("reasoning"));
        if let Some(text) = plain.and_then(|plain| plain.value.as_str()).filter(|text| !text.is_empty()) {
            parts.push(Part::Thinking(Thinking::Text { text: text.to_owned(), signature: None }));
        }
    }
    Ok(parts)
}

fn read_thinking_block(block: &Field<'_, '_>) -> Result<Thinking, Malformed> {
    let kind = block.need("type", "\"thinking\" or \"redacted_thinking\"")?;
    match kind.text()? {
        "thinking" => {
            let text = block.need("thinking", "a string")?.string()?;
            let signature = block.get("signature").map(|signature| signature.string()).transpose()?;
            Ok(Thinking::Text { text, signature: signature.filter(|signature| !signature.is_empty()) })
        }
        "redacted_thinking" => Ok(Thinking::Redacted { data: block.need("data", "a string")?.string()? }),
        _ => Err(kind.wrong("\"thinking\" or \"redacted_thinking\"")),
    }
}

/// Annotations belong to the text; without a text they are kept as a field.
fn read_annotations(message: &Field<'_, '_>, parts: &mut Vec<Part>) -> Result<(), Malformed> {
    let Some(annotations) = message.get("annotations") else { return Ok(()) };
    if annotations.items()?.next().is_none() {
        return Ok(());
    }
    let note = annotations.value.to_value();
    let text = parts.iter_mut().rev().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
    match text {
        Some(text) => text.notes = Some((Dialect::OpenAiChat, note)),
        None => {
            parts.push(Part::Native { dialect: Dialect::OpenAiChat, raw: json!({"message": {"annotations": note}}) })
        }
    }
    Ok(())
}

fn read_call(call: &Field<'_, '_>, ids: Ids<'_>, at: usize) -> Result<Part, Malformed> {
    let kind = call.get("type").map_or(Ok("function"), |kind| kind.text())?;
    if kind != "function" {
        return Ok(Part::Native { dialect: Dialect::OpenAiChat, raw: json!({"tool_call": call.value.to_value()}) });
    }
    let function = call.need("function", "an object with name and arguments")?;
    const RIGHT: &str = "the call's id";
    let id = match (call.get("id").filter(|id| id.value.as_str() != Some("")), ids) {
        (Some(id), _) => id.string()?,
        (None, Ids::Made(seed)) => made_id(seed, at),
        (None, Ids::Demanded(_)) => {
            return Err(call.need("id", RIGHT).map_or_else(|missing| missing, |empty| empty.wrong(RIGHT)));
        }
    };
    let signature = read_signature(call)?.map(|value| signature::mark(Maker::Gemini, value));
    Ok(Part::ToolUse(ToolUse { id, signature, cache: part::read_cache(call)?, ..read_function(&function)? }))
}

/// A tool call's `extra_content.google.thought_signature`: Google's own extension of this format.
fn read_signature<'v>(call: &Field<'v, '_>) -> Result<Option<&'v str>, Malformed> {
    let extra = call.get("extra_content");
    let google = extra.as_ref().and_then(|extra| extra.get("google"));
    let signature = google.as_ref().and_then(|google| google.get("thought_signature"));
    signature.map(|signature| signature.text()).transpose()
}

/// The same for a call that is written; `None` if the signature is not Google's.
pub(super) fn write_signature(signature: &str) -> Option<Json<'_>> {
    let value = signature::own(Maker::Gemini, signature)?;
    Some(object! {"google": object! {"thought_signature": value}})
}

fn read_function(function: &Field<'_, '_>) -> Result<ToolUse, Malformed> {
    let name = function.need("name", "the function's name")?.string()?;
    let arguments = match function.get("arguments") {
        None => "{}".to_owned(),
        Some(arguments) => match arguments.value {
            Json::String(text) if text.is_empty() => "{}".to_owned(),
            // Ollama's native form, which some servers let through: the arguments as JSON, not as text of JSON.
            Json::Object(_) => arguments.value.to_string(),
            _ => arguments.string()?,
        },
    };
    Ok(ToolUse { id: String::new(), name, arguments, signature: None, cache: None })
}

/// How an assistant's message is to be written.
pub(super) struct Pen<'a> {
    /// Cache marks are understood.
    pub marks: bool,
    /// Thinking is understood.
    pub thinking: bool,
    /// It goes to a client, which is to bring other makers' signatures back; models refuse them.
    pub signatures: bool,
    /// Where the message stands, for the loss; its parts are counted from there.
    pub place: Place,
    pub loss: &'a mut Loss,
}

impl Pen<'_> {
    fn lose_signature(&mut self, at: Place) {
        self.loss.note(format!("{at}.signature"), "the signature is another model's");
    }

    /// The signature, if it may be written.
    fn signature<'s>(&mut self, signature: Option<&'s str>, at: Place) -> Option<&'s str> {
        let own = signature.filter(|proof| self.signatures || signature::marked(proof).is_none());
        if own.is_none() && signature.is_some() {
            self.lose_signature(at);
        }
        own
    }
}

/// Writes the message; fields of the levels above it go to `above`.
///
/// # Errors
/// A part that an assistant's message cannot hold and that must not be dropped.
pub(super) fn write<'c>(
    parts: impl IntoIterator<Item = &'c Part>,
    pen: &mut Pen<'_>,
    above: &mut Object<'c>,
) -> Result<Object<'c>, Malformed> {
    let mut draft = Draft::default();
    for (at, part) in parts.into_iter().enumerate() {
        let at = Place { part: at, ..pen.place };
        match part {
            Part::Text(text) => draft.text(text, pen, at),
            Part::Refusal(words) => draft.refusal.get_or_insert_default().push_str(words),
            Part::Thinking(thinking) if pen.thinking => draft.think(thinking, pen, at),
            Part::Thinking(_) => pen.loss.note(at.to_string(), "thought of another model is not sent"),
            Part::ToolUse(tool) => draft.call(tool, pen, at),
            Part::Native { dialect: Dialect::OpenAiChat, raw } => draft.native(raw, above),
            Part::Native { .. } => pen.loss.note(at.to_string(), "openai_chat has no such block"),
            Part::Image(_) | Part::Audio(_) | Part::Document(_) | Part::Video(_) | Part::ToolResult(_) => {
                let message = format!("{at}: an assistant's message of openai_chat can only hold text and tool calls");
                return Err(Malformed { field: Some(at.to_string()), message });
            }
        }
    }
    Ok(draft.finish())
}

/// The fields of a message while its parts are gone through.
#[derive(Default)]
struct Draft<'c> {
    content: Vec<Json<'c>>,
    refusal: Option<String>,
    thought: String,
    blocks: Vec<Json<'c>>,
    sealed: bool,
    calls: Vec<Json<'c>>,
    annotations: Vec<Json<'c>>,
    fields: Object<'c>,
}

impl<'c> Draft<'c> {
    fn text(&mut self, text: &'c Text, pen: &mut Pen<'_>, at: Place) {
        match &text.notes {
            Some((Dialect::OpenAiChat, Value::Array(notes))) => self.annotations.extend(notes.iter().map(Json::from)),
            Some(_) => pen.loss.note(format!("{at}.notes"), "openai_chat has no such citations"),
            None => {}
        }
        let mut part = object! {"type": "text", "text": &text.text};
        put_cache(&mut part, text.cache, pen.marks, pen.loss);
        self.content.push(part);
    }

    fn think(&mut self, thinking: &'c Thinking, pen: &mut Pen<'_>, at: Place) {
        let block = match thinking {
            Thinking::Text { text, signature } => {
                self.thought.push_str(text);
                let signature = pen.signature(signature.as_deref(), at);
                self.sealed |= signature.is_some();
                thinking_block(text, signature)
            }
            Thinking::Redacted { data } => {
                if pen.signature(Some(data), at).is_none() {
                    return;
                }
                self.sealed = true;
                redacted_block(data)
            }
        };
        self.blocks.push(block);
    }

    fn call(&mut self, tool: &'c ToolUse, pen: &mut Pen<'_>, at: Place) {
        let arguments = if tool.arguments.is_empty() { "{}" } else { &tool.arguments };
        let function = object! {"name": &tool.name, "arguments": arguments};
        let mut call = object! {"id": &tool.id, "type": "function", "function": function};
        if let Some(signature) = &tool.signature {
            match (write_signature(signature).filter(|_| pen.signatures), call.as_object_mut()) {
                (Some(extra), Some(call)) => call.set("extra_content", extra),
                _ => pen.lose_signature(at),
            }
        }
        put_cache(&mut call, tool.cache, pen.marks, pen.loss);
        self.calls.push(call);
    }

    /// A part with a `type` is content; `{"tool_call": ..}` a call; other keys are fields of their level.
    fn native(&mut self, raw: &'c Value, above: &mut Object<'c>) {
        let Some(object) = raw.as_object() else { return };
        if object.contains_key("type") {
            self.content.push(raw.into());
            return;
        }
        for (level, fields) in object {
            match (level.as_str(), fields.as_object()) {
                ("tool_call", Some(_)) => self.calls.push(fields.into()),
                ("message", Some(fields)) => self.fields.extend(fields),
                _ => above.set(level, fields),
            }
        }
    }

    fn finish(self) -> Object<'c> {
        let mut message = Object::of([("role", "assistant".into()), ("content", content(self.content).into())]);
        if let Some(refusal) = self.refusal {
            message.set("refusal", refusal);
        }
        if !self.thought.is_empty() {
            message.set("reasoning_content", self.thought);
        }
        if self.sealed || self.blocks.len() > 1 {
            message.set("thinking_blocks", self.blocks);
        }
        if !self.annotations.is_empty() {
            message.set("annotations", self.annotations);
        }
        if !self.calls.is_empty() {
            message.set("tool_calls", self.calls);
        }
        message.extend(self.fields);
        message
    }
}

/// A list of content parts as it is best understood: plain text as a string. `None` if there are none.
pub(super) fn content(mut parts: Vec<Json<'_>>) -> Option<Json<'_>> {
    if let [Json::Object(only)] = parts.as_mut_slice()
        && only.len() == 2
        && only.get("type").is_some_and(|kind| kind == "text")
    {
        return only.remove("text");
    }
    (!parts.is_empty()).then_some(Json::Array(parts))
}

/// One element of `thinking_blocks`.
pub(super) fn thinking_block<'c>(text: &'c str, signature: Option<&'c str>) -> Json<'c> {
    match signature {
        Some(signature) => object! {"type": "thinking", "thinking": text, "signature": signature},
        None => object! {"type": "thinking", "thinking": text},
    }
}

/// One element of `thinking_blocks` that only its maker can read.
pub(super) fn redacted_block(data: &str) -> Json<'_> {
    object! {"type": "redacted_thinking", "data": data}
}

/// Adds the mark of a part, unless the target does not understand marks.
pub(super) fn put_cache(owner: &mut Json<'_>, mark: Option<crate::call::CacheMark>, marks: bool, loss: &mut Loss) {
    let Some(mark) = mark else { return };
    if !marks {
        loss.note("cache_control", "the target has no cache marks");
    } else if let Some(owner) = owner.as_object_mut() {
        owner.set("cache_control", part::write_cache(mark));
    }
}
