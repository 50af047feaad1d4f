//! Tools and the choice among them, both ways.

use super::super::{message::put_cache, part};
use crate::{
    Call, Loss,
    call::{Extra, Function, Tool, ToolChoice},
    dialect::{Dialect, Malformed, WriteFor, field::Field},
    json::{Json, Object, object},
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
        return Ok(Tool::Native { dialect: Dialect::OpenAiChat, raw: tool.value.to_value() });
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
    let mut fields = function.object()?.others(&inner);
    fields.extend(tool.object()?.others(&outer).into_iter().map(|(key, value)| (format!("{OUTER}{key}"), value)));
    Ok(Tool::Function(Function {
        name: name.string()?,
        description: function.get("description").map(|text| text.string()).transpose()?,
        parameters: function.get("parameters").map(|parameters| parameters.value.to_value()),
        strict: function.get("strict").map(|strict| strict.boolean()).transpose()?,
        cache,
        extra: (!fields.is_empty()).then_some(Extra { dialect: Dialect::OpenAiChat, fields }),
    }))
}

pub(super) fn read_choice(root: &Field<'_, '_>) -> Result<Option<ToolChoice>, Malformed> {
    const RIGHT: &str = "none, auto, required, or an object that names a tool";
    let Some(choice) = root.get("tool_choice") else { return Ok(None) };
    let read = match choice.value {
        Json::String(word) => match &**word {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            // `any` is Mistral's word.
            "required" | "any" => ToolChoice::Required,
            _ => return Err(choice.wrong(RIGHT)),
        },
        Json::Object(_) if choice.need("type", "\"function\"")?.text()? == "function" => {
            let function = choice.need("function", "an object with the function's name")?;
            ToolChoice::Named(function.need("name", "the function's name")?.string()?)
        }
        Json::Object(_) => ToolChoice::Native { dialect: Dialect::OpenAiChat, raw: choice.value.to_value() },
        _ => return Err(choice.wrong(RIGHT)),
    };
    Ok(Some(read))
}

/// Writes `tools`, `tool_choice` and `parallel_tool_calls`; the latter two only next to tools, as OpenAI demands.
pub(super) fn write<'c>(call: &'c Call, target: &WriteFor, body: &mut Object<'c>, loss: &mut Loss) {
    let mut tools = Vec::new();
    for (at, tool) in call.tools.iter().enumerate() {
        match tool {
            Tool::Function(function) => tools.push(write_function(function, at, target, loss)),
            Tool::Native { dialect: Dialect::OpenAiChat, raw } => tools.push(raw.into()),
            Tool::Native { .. } => loss.note(format!("tools[{at}]"), "openai_chat has no such tool"),
        }
    }
    if tools.is_empty() {
        if !call.tools.is_empty() && call.tool_choice.is_some() {
            loss.note("tool_choice", "no tool is left to choose");
        }
        return;
    }
    body.set("tools", tools);
    let choice: Option<Json<'c>> = match &call.tool_choice {
        None => None,
        Some(ToolChoice::Auto) => Some("auto".into()),
        Some(ToolChoice::None) => Some("none".into()),
        Some(ToolChoice::Required) => Some("required".into()),
        Some(ToolChoice::Named(name)) => Some(object! {"type": "function", "function": object! {"name": name}}),
        Some(ToolChoice::Native { dialect: Dialect::OpenAiChat, raw }) => Some(raw.into()),
        Some(ToolChoice::Native { .. }) => {
            loss.note("tool_choice", "openai_chat has no such choice");
            None
        }
    };
    if let Some(choice) = choice {
        body.set("tool_choice", choice);
    }
    if let Some(parallel) = call.parallel_tools {
        body.set("parallel_tool_calls", parallel);
    }
}

fn write_function<'c>(function: &'c Function, at: usize, target: &WriteFor, loss: &mut Loss) -> Json<'c> {
    let mut inner = Object::of([("name", (&function.name).into())]);
    let mut outer = Object::default();
    if let Some(description) = &function.description {
        inner.set("description", description);
    }
    if let Some(parameters) = &function.parameters {
        inner.set("parameters", parameters);
    }
    if let Some(strict) = function.strict {
        inner.set("strict", strict);
    }
    if let Some(extra) = &function.extra {
        for (key, value) in &extra.fields {
            match key.strip_prefix(OUTER) {
                _ if extra.dialect != Dialect::OpenAiChat => {
                    loss.note(format!("tools[{at}].{key}"), "openai_chat has no such field");
                }
                Some(key) => outer.set(key, value),
                None => inner.set(key, value),
            }
        }
    }
    let mut tool = object! {"type": "function", "function": inner};
    if let Some(tool) = tool.as_object_mut() {
        tool.extend(outer);
    }
    put_cache(&mut tool, function.cache, !target.ignores_cache_marks, loss);
    tool
}
