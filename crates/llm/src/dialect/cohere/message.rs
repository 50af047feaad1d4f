//! The assistant's message, both ways: in the history and in answers.

use serde_json::{Map, Value, json};

use crate::{
    Loss,
    call::{Part, Text, Thinking, ToolUse},
    dialect::{Dialect, Malformed, field::Field},
    json::Json,
};

/// Fields that are understood.
const KNOWN: &[&str] = &["role", "content", "tool_plan", "tool_calls", "citations"];

/// The parts of an assistant's message: thought, text, calls.
pub(super) fn read(message: &Field<'_, '_>) -> Result<Vec<Part>, Malformed> {
    let mut parts = Vec::new();
    if let Some(plan) = message.get("tool_plan").map(|plan| plan.string()).transpose()?.filter(|plan| !plan.is_empty())
    {
        parts.push(Part::Thinking(Thinking::Text { text: plan, signature: None }));
    }
    if let Some(content) = message.get("content") {
        match content.value {
            Json::String(text) if text.is_empty() => {}
            Json::String(text) => parts.push(Part::Text(Text { text: text.clone().into_owned(), ..Text::default() })),
            _ => {
                for item in content.items()? {
                    parts.push(read_item(&item)?);
                }
            }
        }
    }
    if let Some(citations) = message.get("citations").filter(|list| list.value.as_array().is_none_or(|l| !l.is_empty()))
    {
        let note = (Dialect::Cohere, citations.value.to_value());
        let text = parts.iter_mut().rev().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
        match text {
            Some(text) => text.notes = Some(note),
            None => parts.push(native(json!({"message": {"citations": note.1}}))),
        }
    }
    for call in message.get("tool_calls").as_ref().map(Field::items).transpose()?.into_iter().flatten() {
        parts.push(Part::ToolUse(read_call(&call)?));
    }
    let others = message.object()?.others(KNOWN);
    if !others.is_empty() {
        parts.push(native(json!({"message": others})));
    }
    Ok(parts)
}

fn native(raw: Value) -> Part {
    Part::Native { dialect: Dialect::Cohere, raw }
}

fn read_item(item: &Field<'_, '_>) -> Result<Part, Malformed> {
    let kind = item.need("type", "text or thinking")?;
    match kind.text()? {
        "text" => Ok(Part::Text(Text { text: item.need("text", "a string")?.string()?, ..Text::default() })),
        "thinking" => {
            let text = item.need("thinking", "a string")?.string()?;
            Ok(Part::Thinking(Thinking::Text { text, signature: None }))
        }
        _ => Err(kind.wrong("text or thinking")),
    }
}

fn read_call(call: &Field<'_, '_>) -> Result<ToolUse, Malformed> {
    let function = call.need("function", "an object with name and arguments")?;
    let arguments = function.get("arguments").map(|arguments| arguments.string()).transpose()?;
    Ok(ToolUse {
        id: call.need("id", "the call's id")?.string()?,
        name: function.need("name", "the function's name")?.string()?,
        arguments: arguments.filter(|text| !text.is_empty()).unwrap_or_else(|| "{}".to_owned()),
        cache: None,
        signature: None,
    })
}

/// Writes the parts of an assistant's turn. `path` is theirs in the canonical form.
///
/// # Errors
/// A part that an assistant's message cannot hold and that must not be dropped.
pub(super) fn write(parts: &[Part], path: &str, loss: &mut Loss) -> Result<Map<String, Value>, Malformed> {
    let calls_tools = parts.iter().any(|part| matches!(part, Part::ToolUse(_)));
    let mut draft = Draft::default();
    for (at, part) in parts.iter().enumerate() {
        let path = format!("{path}.parts[{at}]");
        match part {
            Part::Text(text) => draft.text(text, &path, loss),
            Part::Refusal(words) => draft.content.push(json!({"type": "text", "text": words})),
            Part::Thinking(Thinking::Text { text, signature }) => {
                if signature.is_some() {
                    loss.note(format!("{path}.signature"), "cohere has no signatures");
                }
                if calls_tools {
                    draft.plan.push_str(text);
                } else {
                    draft.content.push(json!({"type": "thinking", "thinking": text}));
                }
            }
            Part::Thinking(Thinking::Redacted { .. }) => loss.note(path, "only its maker can read this thought"),
            Part::ToolUse(tool) => draft.call(tool, &path, loss),
            Part::Native { dialect: Dialect::Cohere, raw } => {
                draft.fields.extend(raw.get("message").and_then(Value::as_object).cloned().unwrap_or_default());
            }
            Part::Native { .. } => loss.note(path, "cohere has no such block"),
            Part::Image(_) | Part::Audio(_) | Part::Video(_) | Part::Document(_) | Part::ToolResult(_) => {
                let message = format!("{path}: an assistant's message of cohere can only hold text and tool calls");
                return Err(Malformed { field: Some(path), message });
            }
        }
    }
    Ok(draft.finish())
}

#[derive(Default)]
struct Draft {
    plan: String,
    content: Vec<Value>,
    citations: Vec<Value>,
    calls: Vec<Value>,
    fields: Map<String, Value>,
}

impl Draft {
    fn text(&mut self, text: &Text, path: &str, loss: &mut Loss) {
        if text.cache.is_some() {
            loss.note("cache_control", "the target has no cache marks");
        }
        match &text.notes {
            Some((Dialect::Cohere, Value::Array(citations))) => self.citations.extend(citations.iter().cloned()),
            Some(_) => loss.note(format!("{path}.notes"), "cohere has no such citations"),
            None => {}
        }
        if !text.text.is_empty() {
            self.content.push(json!({"type": "text", "text": text.text}));
        }
    }

    fn call(&mut self, tool: &ToolUse, path: &str, loss: &mut Loss) {
        if tool.cache.is_some() {
            loss.note("cache_control", "the target has no cache marks");
        }
        if tool.signature.is_some() {
            loss.note(format!("{path}.signature"), "cohere has no signatures");
        }
        let arguments = if tool.arguments.is_empty() { "{}" } else { &tool.arguments };
        let function = json!({"name": tool.name, "arguments": arguments});
        self.calls.push(json!({"id": tool.id, "type": "function", "function": function}));
    }

    fn finish(self) -> Map<String, Value> {
        let mut message = Map::new();
        message.insert("role".to_owned(), json!("assistant"));
        let lists = [("content", self.content), ("tool_calls", self.calls), ("citations", self.citations)];
        if !self.plan.is_empty() {
            message.insert("tool_plan".to_owned(), json!(self.plan));
        }
        for (name, list) in lists {
            if !list.is_empty() {
                message.insert(name.to_owned(), Value::Array(list));
            }
        }
        message.extend(self.fields);
        message
    }
}
