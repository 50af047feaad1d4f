//! Tools and the choice among them, both ways.

use serde_json::{Map, Value, json};

use super::super::{message::put_cache, part};
use crate::{
    Call, Loss,
    call::{Extra, Function, Tool, ToolChoice},
    dialect::{Dialect, Malformed, WriteFor, field::Field},
};

/// Marks an unknown field of the tool, as against one of its `function`, in [`Function::extra`].
const OUTER: &str = "tool.";

pub(super) fn read(root: &Field<'_, '_>) -> Result<Vec<Tool>, Malformed> {
    let Some(tools) = root.get("tools") else { return Ok(Vec::new()) };
    tools.items()?.map(|tool| read_one(&tool)).collect()
}

fn read_one(tool: &Field<'_, '_>) -> Result<Tool, Malformed> {
    let kind = tool.need("type", "\"function\"")?.text()?;
    if kind != "function" {
        return Ok(Tool::Native { dialect: Dialect::OpenAiChat, raw: tool.value.clone() });
    }
    let function = tool.need("function", "an object with name, description and parameters")?;
    let name = function.need("name", "the function's name")?;
    if name.text()?.is_empty() {
        return Err(name.wrong("the function's name"));
    }
    if let Some(parameters) = function.get("parameters") {
        parameters.object()?;
    }
    let cache = part::read_cache(tool)?.or(part::read_cache(&function)?);
    let inner = ["name", "description", "parameters", "strict", "cache_control"];
    let outer = ["type", "function", "cache_control"];
    let mut fields = Map::new();
    for (key, value) in
        function.object()?.iter().filter(|(key, value)| !inner.contains(&key.as_str()) && !value.is_null())
    {
        fields.insert(key.clone(), value.clone());
    }
    for (key, value) in tool.object()?.iter().filter(|(key, value)| !outer.contains(&key.as_str()) && !value.is_null())
    {
        fields.insert(format!("{OUTER}{key}"), value.clone());
    }
    Ok(Tool::Function(Function {
        name: name.string()?,
        description: function.get("description").map(|text| text.string()).transpose()?,
        parameters: function.get("parameters").map(|parameters| parameters.value.clone()),
        strict: function.get("strict").map(|strict| strict.boolean()).transpose()?,
        cache,
        extra: (!fields.is_empty()).then_some(Extra { dialect: Dialect::OpenAiChat, fields }),
    }))
}

pub(super) fn read_choice(root: &Field<'_, '_>) -> Result<Option<ToolChoice>, Malformed> {
    const RIGHT: &str = "none, auto, required, or an object that names a tool";
    let Some(choice) = root.get("tool_choice") else { return Ok(None) };
    let read = match choice.value {
        Value::String(word) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            // `any` is Mistral's word.
            "required" | "any" => ToolChoice::Required,
            _ => return Err(choice.wrong(RIGHT)),
        },
        Value::Object(_) if choice.need("type", "\"function\"")?.text()? == "function" => {
            let function = choice.need("function", "an object with the function's name")?;
            ToolChoice::Named(function.need("name", "the function's name")?.string()?)
        }
        Value::Object(_) => ToolChoice::Native { dialect: Dialect::OpenAiChat, raw: choice.value.clone() },
        _ => return Err(choice.wrong(RIGHT)),
    };
    Ok(Some(read))
}

/// Writes `tools`, `tool_choice` and `parallel_tool_calls`; the latter two only next to tools, as OpenAI demands.
pub(super) fn write(call: &Call, target: &WriteFor, body: &mut Map<String, Value>, loss: &mut Loss) {
    let mut tools = Vec::new();
    for (at, tool) in call.tools.iter().enumerate() {
        match tool {
            Tool::Function(function) => tools.push(write_function(function, at, target, loss)),
            Tool::Native { dialect: Dialect::OpenAiChat, raw } => tools.push(raw.clone()),
            Tool::Native { .. } => loss.note(format!("tools[{at}]"), "openai_chat has no such tool"),
        }
    }
    if tools.is_empty() {
        if !call.tools.is_empty() && call.tool_choice.is_some() {
            loss.note("tool_choice", "no tool is left to choose");
        }
        return;
    }
    body.insert("tools".to_owned(), Value::Array(tools));
    let choice = match &call.tool_choice {
        None => None,
        Some(ToolChoice::Auto) => Some(json!("auto")),
        Some(ToolChoice::None) => Some(json!("none")),
        Some(ToolChoice::Required) => Some(json!("required")),
        Some(ToolChoice::Named(name)) => Some(json!({"type": "function", "function": {"name": name}})),
        Some(ToolChoice::Native { dialect: Dialect::OpenAiChat, raw }) => Some(raw.clone()),
        Some(ToolChoice::Native { .. }) => {
            loss.note("tool_choice", "openai_chat has no such choice");
            None
        }
    };
    if let Some(choice) = choice {
        body.insert("tool_choice".to_owned(), choice);
    }
    if let Some(parallel) = call.parallel_tools {
        body.insert("parallel_tool_calls".to_owned(), json!(parallel));
    }
}

fn write_function(function: &Function, at: usize, target: &WriteFor, loss: &mut Loss) -> Value {
    let mut inner = Map::new();
    let mut outer = Map::new();
    inner.insert("name".to_owned(), json!(function.name));
    if let Some(description) = &function.description {
        inner.insert("description".to_owned(), json!(description));
    }
    if let Some(parameters) = &function.parameters {
        inner.insert("parameters".to_owned(), parameters.clone());
    }
    if let Some(strict) = function.strict {
        inner.insert("strict".to_owned(), json!(strict));
    }
    if let Some(extra) = &function.extra {
        for (key, value) in &extra.fields {
            match key.strip_prefix(OUTER) {
                _ if extra.dialect != Dialect::OpenAiChat => {
                    loss.note(format!("tools[{at}].{key}"), "openai_chat has no such field");
                }
                Some(key) => {
                    outer.insert(key.to_owned(), value.clone());
                }
                None => {
                    inner.insert(key.clone(), value.clone());
                }
            }
        }
    }
    let mut tool = json!({"type": "function", "function": inner});
    if let Some(tool) = tool.as_object_mut() {
        tool.extend(outer);
    }
    put_cache(&mut tool, function.cache, !target.ignores_cache_marks, loss);
    tool
}
