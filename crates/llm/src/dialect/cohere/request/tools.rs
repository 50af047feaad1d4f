//! Tools and the choice among them, both ways.

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::{Function, Tool, ToolChoice},
    dialect::{Dialect, Malformed, field::Field},
};

pub(super) fn read(root: &Field<'_, '_>) -> Result<Vec<Tool>, Malformed> {
    let strict = root.get("strict_tools").map(|strict| strict.boolean()).transpose()?;
    let Some(tools) = root.get("tools") else { return Ok(Vec::new()) };
    tools.items()?.map(|tool| read_one(&tool, strict)).collect()
}

fn read_one(tool: &Field<'_, '_>, strict: Option<bool>) -> Result<Tool, Malformed> {
    if tool.need("type", "\"function\"")?.text()? != "function" {
        return Ok(Tool::Native { dialect: Dialect::Cohere, raw: tool.value.to_value() });
    }
    let function = tool.need("function", "an object with name, description and parameters")?;
    if let Some(parameters) = function.get("parameters") {
        parameters.object()?;
    }
    Ok(Tool::Function(Function {
        name: function.need("name", "the function's name")?.string()?,
        description: function.get("description").map(|text| text.string()).transpose()?,
        parameters: function.get("parameters").map(|parameters| parameters.value.to_value()),
        strict,
        cache: None,
        extra: None,
    }))
}

pub(super) fn read_choice(root: &Field<'_, '_>) -> Result<Option<ToolChoice>, Malformed> {
    let Some(choice) = root.get("tool_choice") else { return Ok(None) };
    match choice.text()? {
        "REQUIRED" => Ok(Some(ToolChoice::Required)),
        "NONE" => Ok(Some(ToolChoice::None)),
        _ => Err(choice.wrong("REQUIRED or NONE")),
    }
}

/// Writes `tools`, `strict_tools` and `tool_choice`. To force one tool, it is the only one that is shown.
pub(super) fn write(call: &Call, body: &mut Map<String, Value>, loss: &mut Loss) {
    let mut tools = Vec::new();
    let mut strict = Vec::new();
    for (at, tool) in call.tools.iter().enumerate() {
        match (tool, &call.tool_choice) {
            (Tool::Function(function), Some(ToolChoice::Named(name))) if *name != function.name => {}
            (Tool::Function(function), _) => {
                strict.extend(function.strict);
                tools.push(write_one(function, at, loss));
            }
            (Tool::Native { dialect: Dialect::Cohere, raw }, _) => tools.push(raw.clone()),
            (Tool::Native { .. }, _) => loss.note(format!("tools[{at}]"), "cohere has no such tool"),
        }
    }
    if tools.is_empty() {
        if !call.tools.is_empty() && call.tool_choice.is_some() {
            loss.note("tool_choice", "no tool is left to choose");
        }
        return;
    }
    body.insert("tools".to_owned(), Value::Array(tools));
    if strict.contains(&true) {
        if strict.contains(&false) {
            loss.note("tools.strict", "cohere's tools are strict together");
        }
        body.insert("strict_tools".to_owned(), json!(true));
    }
    match &call.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => drop(body.insert("tool_choice".to_owned(), json!("NONE"))),
        Some(ToolChoice::Required | ToolChoice::Named(_)) => {
            body.insert("tool_choice".to_owned(), json!("REQUIRED"));
        }
        Some(ToolChoice::Native { .. }) => loss.note("tool_choice", "cohere has no such choice"),
    }
    if call.parallel_tools == Some(false) {
        loss.note("parallel_tools", "cohere has no such choice");
    }
}

fn write_one(function: &Function, at: usize, loss: &mut Loss) -> Value {
    if function.cache.is_some() {
        loss.note("cache_control", "the target has no cache marks");
    }
    for name in function.extra.iter().flat_map(|extra| extra.fields.keys()) {
        loss.note(format!("tools[{at}].{name}"), "cohere has no such field");
    }
    let mut inner = Map::new();
    inner.insert("name".to_owned(), json!(function.name));
    inner.extend(function.description.as_ref().map(|text| ("description".to_owned(), json!(text))));
    // Cohere insists on a schema.
    let parameters = function.parameters.clone().unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    inner.insert("parameters".to_owned(), parameters);
    json!({"type": "function", "function": inner})
}
