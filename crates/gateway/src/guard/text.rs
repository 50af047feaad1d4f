//! What is said in a call and in an answer: every text that a model reads or writes, wherever a dialect puts it.
//!
//! Parts that only one dialect knows are read by the shape of JSON: all strings but those that name things of the
//! protocol. What is left out here is passed on unread, so the list of these is short.

use llm::{
    Call, Reply,
    call::{Document, Function, Output, Part, Source, Thinking, Tool},
};
use serde_json::Value;

use super::{Blocked, CompiledGuard, escape::unescape};

/// Fields whose strings nobody says: names of the protocol, and bytes that no guard can read.
const UNSAID: &[&str] = &[
    "encrypted_content",
    "encrypted_index",
    "file_id",
    "finish_reason",
    "id",
    "media_type",
    "metadata",
    "model",
    "obfuscation",
    "object",
    "prompt_cache_key",
    "provider",
    "role",
    "service_tier",
    "signature",
    "stop_reason",
    "system_fingerprint",
    "tool_call_id",
    "tool_use_id",
    "type",
    "user",
];

/// Fields that hold JSON as text.
pub(super) const JSON_TEXT: &[&str] = &["arguments", "partial_json"];

/// The first guard that objects to what a call tells its model.
#[must_use]
pub fn objects(guards: &[CompiledGuard], call: &Call) -> Option<Blocked> {
    let look = Look(guards);
    let turns =
        || call.turns.iter().find_map(|turn| look.given(turn.name.as_ref()).or_else(|| look.parts(&turn.parts)));
    let tools = || call.tools.iter().find_map(|tool| look.tool(tool));
    let others = || call.extra.fields.iter().find_map(|(name, value)| look.field(name, value));
    turns().or_else(tools).or_else(|| look.output(&call.output)).or_else(others)
}

/// The first guard that objects to JSON of which nothing is known: all its strings are looked at, but those that name
/// things of the protocol.
#[must_use]
pub fn said_amiss(guards: &[CompiledGuard], value: &Value) -> Option<Blocked> {
    Look(guards).value(value)
}

/// The first guard that objects to an answer.
#[must_use]
pub fn refuses(guards: &[CompiledGuard], reply: &Reply) -> Option<Blocked> {
    reply.choices.iter().find_map(|choice| Look(guards).parts(&choice.parts))
}

/// A string in a value that only one dialect knows.
pub(super) struct Said<'v> {
    /// Where it stands: the same in every frame of a stream that goes on with it.
    pub path: &'v str,
    pub name: &'v str,
    pub text: &'v str,
}

/// Shows `each` every string that is said in `value`, until one is objected to.
pub(super) fn said(value: &Value, each: &mut dyn FnMut(Said<'_>) -> Option<Blocked>) -> Option<Blocked> {
    Walk { path: String::new(), each }.value("", value)
}

/// The first guard that objects to a whole text.
pub(super) fn look(guards: &[CompiledGuard], text: &str) -> Option<Blocked> {
    guards.iter().find_map(|compiled| {
        let found = compiled.guard.look(text)?;
        Some(Blocked { guard: compiled.name.clone(), kind: compiled.guard.name(), rule: found.rule })
    })
}

struct Look<'g>(&'g [CompiledGuard]);

impl Look<'_> {
    fn text(&self, text: &str) -> Option<Blocked> {
        look(self.0, text)
    }

    fn given(&self, text: Option<&String>) -> Option<Blocked> {
        self.text(text?)
    }

    fn parts(&self, parts: &[Part]) -> Option<Blocked> {
        parts.iter().find_map(|part| self.part(part))
    }

    fn part(&self, part: &Part) -> Option<Blocked> {
        match part {
            Part::Text(text) => {
                let notes = || text.notes.as_ref().and_then(|(_, notes)| self.value(notes));
                self.text(&text.text).or_else(notes)
            }
            Part::Refusal(text) | Part::Thinking(Thinking::Text { text, .. }) => self.text(text),
            Part::Document(document) => self.document(document),
            Part::ToolUse(tool) => self.text(&tool.name).or_else(|| self.text(&unescape(&tool.arguments))),
            Part::ToolResult(result) => self.parts(&result.parts),
            Part::Native { raw, .. } => self.value(raw),
            Part::Image(_) | Part::Audio(_) | Part::Video(_) | Part::Thinking(Thinking::Redacted { .. }) => None,
        }
    }

    fn document(&self, document: &Document) -> Option<Blocked> {
        let source = || match &document.source {
            Source::Text(text) => self.text(text),
            Source::Content(parts) => self.parts(parts),
            Source::Url(_) | Source::Base64 { .. } | Source::File(_) => None,
        };
        self.given(document.title.as_ref()).or_else(|| self.given(document.context.as_ref())).or_else(source)
    }

    fn tool(&self, tool: &Tool) -> Option<Blocked> {
        match tool {
            Tool::Native { raw, .. } => self.value(raw),
            Tool::Function(Function { name, description, parameters, extra, .. }) => {
                let further = || extra.as_ref()?.fields.iter().find_map(|(name, value)| self.field(name, value));
                self.text(name)
                    .or_else(|| self.given(description.as_ref()))
                    .or_else(|| self.schema(parameters.as_ref()?))
                    .or_else(further)
            }
        }
    }

    fn output(&self, output: &Output) -> Option<Blocked> {
        let Output::Schema { name, description, schema, .. } = output else { return None };
        self.given(name.as_ref()).or_else(|| self.given(description.as_ref())).or_else(|| self.schema(schema))
    }

    /// A JSON schema is prompt text as a whole, the names of its properties too.
    fn schema(&self, schema: &Value) -> Option<Blocked> {
        self.text(&unescape(&schema.to_string()))
    }

    fn field(&self, name: &str, value: &Value) -> Option<Blocked> {
        if UNSAID.contains(&name) { None } else { self.value(value) }
    }

    fn value(&self, value: &Value) -> Option<Blocked> {
        said(value, &mut |said| match JSON_TEXT.contains(&said.name) {
            true => self.text(&unescape(said.text)),
            false => self.text(said.text),
        })
    }
}

struct Walk<'e> {
    path: String,
    each: &'e mut dyn FnMut(Said<'_>) -> Option<Blocked>,
}

impl Walk<'_> {
    fn value(&mut self, name: &str, value: &Value) -> Option<Blocked> {
        match value {
            Value::String(text) if text.starts_with("data:") && text.contains(";base64,") => None,
            Value::String(text) => (self.each)(Said { path: &self.path, name, text }),
            // A tool's arguments: whatever their names, the model says all of it.
            Value::Object(_) if name == "input" => {
                (self.each)(Said { path: &self.path, name: "", text: &unescape(&value.to_string()) })
            }
            Value::Object(fields) => {
                // Base64 says nothing; a document's text stands under the same name.
                let is_text = fields.get("type").is_some_and(|kind| kind == "text");
                let said = |name: &str| !UNSAID.contains(&name) && (name != "data" || is_text);
                fields.iter().filter(|(name, _)| said(name)).find_map(|(name, value)| self.below(name, name, value))
            }
            Value::Array(items) => items.iter().enumerate().find_map(|(at, item)| {
                // An item of a stream says itself which one it goes on with.
                let at = item.get("index").and_then(Value::as_u64).unwrap_or(at as u64);
                self.below(&at.to_string(), name, item)
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }

    fn below(&mut self, step: &str, name: &str, value: &Value) -> Option<Blocked> {
        let above = self.path.len();
        self.path.push('/');
        self.path.push_str(step);
        let found = self.value(name, value);
        self.path.truncate(above);
        found
    }
}
