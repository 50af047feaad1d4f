//! What the assistant says, as items, both ways: in an answer, and as history in a request.

use serde_json::{Map, Value, json};

use super::{
    echo::plain,
    part, thought,
    tools::{Kinds, arguments_of, full_name},
};
use crate::{
    call::{Part, Text, ToolUse},
    dialect::{Dialect, Malformed, field::Field},
    json::Json,
};

/// Appends what an item of this type says.
pub(super) fn read(item: &Field<'_, '_>, kind: &str, parts: &mut Vec<Part>) -> Result<(), Malformed> {
    match kind {
        "message" => {
            if let Some(phase) = item.get("phase") {
                parts.push(native(json!({"message": {"phase": phase.text()?}})));
            }
            parts.extend(part::read_content(&item.need("content", "a string or a list of content parts")?)?);
        }
        "reasoning" => {
            if let Some(thinking) = thought::read(item)? {
                thought::push(parts, thinking);
            }
        }
        "function_call" | "custom_tool_call" if is_direct(item.value) => {
            parts.push(Part::ToolUse(read_call(item, kind == "custom_tool_call")?));
        }
        _ => parts.push(native(item.value.to_value())),
    }
    Ok(())
}

fn read_call(item: &Field<'_, '_>, custom: bool) -> Result<ToolUse, Malformed> {
    let id = item.need("call_id", "the call's id")?.string()?;
    let namespace = item.get("namespace").map(|namespace| namespace.text()).transpose()?;
    let name = full_name(namespace, item.need("name", "the tool's name")?.text()?);
    let arguments = if custom {
        arguments_of(item.need("input", "a string")?.text()?)
    } else {
        let arguments = item.get("arguments").map_or(Ok(String::new()), |arguments| arguments.string())?;
        if arguments.is_empty() { "{}".to_owned() } else { arguments }
    };
    Ok(ToolUse { id, name, arguments, signature: None, cache: None })
}

/// A call that a program of OpenAI's makes, not the model, is nobody else's.
pub(super) fn is_direct(item: &Json<'_>) -> bool {
    item.pointer("/caller/type").and_then(Json::as_str).is_none_or(|caller| caller == "direct")
}

fn native(raw: Value) -> Part {
    Part::Native { dialect: Dialect::OpenAiResponses, raw }
}

/// Items of the assistant as they are written: texts in a row are one message.
pub(super) struct Items<'a> {
    pub kinds: &'a Kinds,
    items: Vec<Value>,
    content: Vec<Value>,
    phase: Option<Value>,
}

impl<'a> Items<'a> {
    pub fn new(kinds: &'a Kinds) -> Self {
        Self { kinds, items: Vec::new(), content: Vec::new(), phase: None }
    }

    pub fn text(&mut self, text: &Text) {
        let beside = match &text.notes {
            Some((Dialect::OpenAiResponses, beside)) => Some(beside),
            _ => None,
        };
        self.content.push(part::output_text(&text.text, beside));
    }

    /// A text of the history: content of the assistant is a string, unless something stands beside it.
    pub fn replayed(&mut self, text: &Text) {
        if matches!(text.notes, Some((Dialect::OpenAiResponses, _))) {
            return self.text(text);
        }
        let phase = if self.content.is_empty() { self.phase.take() } else { None };
        self.end_message();
        self.items.push(message(json!(text.text), phase.as_ref()));
    }

    pub fn refusal(&mut self, words: &str) {
        self.content.push(part::refusal(words));
    }

    pub fn call(&mut self, tool: &ToolUse) {
        self.push(self.kinds.call(tool));
    }

    /// An item as it was read, or what only a message of this dialect has.
    pub fn native(&mut self, raw: &Value) {
        match raw.pointer("/message/phase") {
            Some(phase) => {
                self.end_message();
                self.phase = Some(phase.clone());
            }
            None => self.push(raw.clone()),
        }
    }

    pub fn push(&mut self, item: Value) {
        self.end_message();
        self.items.push(item);
    }

    pub fn finish(mut self) -> Vec<Value> {
        self.end_message();
        self.items
    }

    fn end_message(&mut self) {
        let phase = self.phase.take();
        if self.content.is_empty() {
            // A phase without a message labels nothing.
            return;
        }
        let content = Value::Array(std::mem::take(&mut self.content));
        self.items.push(message(content, phase.as_ref()));
    }
}

/// The message of the assistant with this content, without id and status.
pub(super) fn message(content: Value, phase: Option<&Value>) -> Value {
    let mut message = json!({"type": "message", "role": "assistant", "content": content});
    if let (Some(phase), Some(message)) = (phase, message.as_object_mut()) {
        message.insert("phase".to_owned(), phase.clone());
    }
    message
}

/// The id of item `at` of an answer: always the same, wherever the item is mentioned.
pub(super) fn id(kind: &str, answer: &str, at: usize) -> String {
    let prefix = match kind {
        "message" => "msg",
        "reasoning" => "rs",
        "custom_tool_call" => "ctc",
        "function_call" => "fc",
        _ => "item",
    };
    format!("{prefix}_{}_{at}", plain(answer.strip_prefix("resp_").unwrap_or(answer)))
}

/// The item with an id and a status in front. What it brings along stays.
pub(super) fn named(item: Value, answer: &str, at: usize, status: &str) -> Value {
    let Value::Object(fields) = item else { return item };
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut named = Map::new();
    named.insert("id".to_owned(), json!(id(kind, answer, at)));
    named.insert("type".to_owned(), json!(kind));
    // Reasoning has a status only where it is stored.
    if kind != "reasoning" {
        named.insert("status".to_owned(), json!(status));
    }
    named.extend(fields);
    Value::Object(named)
}
