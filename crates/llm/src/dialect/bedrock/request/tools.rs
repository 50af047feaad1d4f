//! Tools: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html>
//!
//! Bedrock insists on `toolConfig` as soon as the history holds a tool call, and has no choice "none". Where no tool may be
//! called, none is offered; if the history needs one, it is one that says so.

use serde_json::{Map, Value, json};

use super::super::{block, family::Family};
use crate::{
    Call, Loss,
    call::{Function, Part, Tool, ToolChoice},
    dialect::{Dialect, Malformed, field::Field},
};

/// Reads `toolConfig`. A cache point marks the tool before it.
pub(super) fn read(root: &Field<'_, '_>) -> Result<(Vec<Tool>, Option<ToolChoice>), Malformed> {
    let Some(config) = root.get("toolConfig") else { return Ok((Vec::new(), None)) };
    let mut tools = Vec::new();
    for tool in config.need("tools", "an array of tools")?.items()? {
        match (block::cache_mark(&tool)?, tools.last_mut()) {
            (mark @ Some(_), Some(Tool::Function(Function { cache: cache @ None, .. }))) => *cache = mark,
            _ => tools.push(read_tool(&tool)?),
        }
    }
    Ok((tools, config.get("toolChoice").map(|choice| read_choice(&choice)).transpose()?))
}

fn read_tool(tool: &Field<'_, '_>) -> Result<Tool, Malformed> {
    let Some(spec) = tool.get("toolSpec") else {
        tool.object()?;
        return Ok(Tool::Native { dialect: Dialect::Bedrock, raw: tool.value.to_value() });
    };
    let schema = spec.need("inputSchema", "an object with a JSON Schema as json")?;
    let schema = schema.need("json", "a JSON Schema of type \"object\"")?;
    schema.object()?;
    Ok(Tool::Function(Function {
        name: spec.need("name", "the name of the tool")?.string()?,
        description: spec.get("description").map(|field| field.string()).transpose()?,
        parameters: Some(schema.value.to_value()),
        strict: spec.get("strict").map(|field| field.boolean()).transpose()?,
        cache: None,
        extra: None,
    }))
}

fn read_choice(choice: &Field<'_, '_>) -> Result<ToolChoice, Malformed> {
    if choice.get("auto").is_some() {
        Ok(ToolChoice::Auto)
    } else if choice.get("any").is_some() {
        Ok(ToolChoice::Required)
    } else if let Some(tool) = choice.get("tool") {
        Ok(ToolChoice::Named(tool.need("name", "the name of a tool")?.string()?))
    } else {
        Err(choice.wrong("an object with auto, any or tool"))
    }
}

/// How tools are to be offered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub family: Family,
    /// Forcing a tool is refused while the model thinks.
    pub thinks: bool,
    pub ignores_cache_marks: bool,
    /// Arguments cannot be guaranteed to follow their schema.
    pub refuses_strict: bool,
}

/// Writes `toolConfig`.
///
/// # Errors
/// A tool that only another dialect knows: without it the model could not do what the caller relies on.
pub(super) fn write(call: &Call, offer: Offer, loss: &mut Loss) -> Result<Option<Value>, Malformed> {
    if call.tools.is_empty() || call.tool_choice == Some(ToolChoice::None) {
        if matches!(call.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_))) {
            loss.note("tool_choice", "there are no tools to choose from");
        }
        return Ok(mentions_tools(call).then(|| json!({"tools": [nothing_to_call()]})));
    }
    let (choice, alone) = write_choice(call, offer, loss);
    let mut tools = Vec::with_capacity(call.tools.len());
    for (at, tool) in call.tools.iter().enumerate() {
        match tool {
            Tool::Function(function) if alone.is_some_and(|alone| function.name != alone) => {}
            Tool::Function(function) => write_function(function, at, offer, &mut tools, loss),
            Tool::Native { dialect: Dialect::Bedrock, raw } => tools.push(raw.clone()),
            Tool::Native { dialect, raw } => {
                let kind = raw.get("type").and_then(Value::as_str).unwrap_or("unnamed");
                let dialect = dialect.as_str();
                let message = format!(
                    "tools[{at}]: Bedrock Converse has no tool of the {dialect} type `{kind}`: send a function tool"
                );
                return Err(Malformed { field: Some(format!("tools[{at}]")), message });
            }
        }
    }
    if call.parallel_tools == Some(false) {
        loss.note("parallel_tools", "bedrock cannot forbid parallel calls");
    }
    let mut config = Map::new();
    config.insert("tools".into(), tools.into());
    config.extend(choice.map(|choice| ("toolChoice".to_owned(), choice)));
    Ok(Some(config.into()))
}

/// `toolChoice`, and the one tool that alone is offered where it cannot be forced by name.
fn write_choice<'c>(call: &'c Call, offer: Offer, loss: &mut Loss) -> (Option<Value>, Option<&'c str>) {
    let choice = match call.tool_choice.as_ref() {
        None | Some(ToolChoice::None) => return (None, None),
        Some(ToolChoice::Auto) => json!({"auto": {}}),
        Some(ToolChoice::Required | ToolChoice::Named(_)) if offer.thinks => {
            loss.note("tool_choice", "the model cannot be forced to call a tool while it thinks");
            json!({"auto": {}})
        }
        Some(ToolChoice::Required) => json!({"any": {}}),
        Some(ToolChoice::Named(name))
            if offer.family.takes_named_choice() || call.extra.dialect == Dialect::Bedrock =>
        {
            json!({"tool": {"name": name}})
        }
        Some(ToolChoice::Named(name)) => return (Some(json!({"any": {}})), Some(name)),
        Some(ToolChoice::Native { .. }) => {
            loss.note("tool_choice", "bedrock has no such choice");
            json!({"auto": {}})
        }
    };
    (Some(choice), None)
}

fn write_function(function: &Function, at: usize, offer: Offer, tools: &mut Vec<Value>, loss: &mut Loss) {
    let mut spec = Map::new();
    spec.insert("name".into(), function.name.as_str().into());
    // Bedrock refuses an empty description.
    if let Some(description) = function.description.as_deref().filter(|text| !text.is_empty()) {
        spec.insert("description".into(), description.into());
    }
    let mut schema = function.parameters.clone().unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    if let Some(fields) = schema.as_object_mut().filter(|fields| !fields.contains_key("type")) {
        fields.insert("type".into(), "object".into());
    }
    spec.insert("inputSchema".into(), json!({"json": schema}));
    match function.strict {
        Some(true) if offer.refuses_strict => {
            loss.note(format!("tools[{at}].strict"), "the model does not guarantee arguments");
        }
        Some(strict) if !offer.refuses_strict => {
            spec.insert("strict".into(), strict.into());
        }
        _ => {}
    }
    if function.extra.is_some() {
        loss.note(format!("tools[{at}].extra"), "bedrock does not know these fields of a tool");
    }
    tools.push(json!({"toolSpec": spec}));
    match function.cache {
        Some(_) if offer.ignores_cache_marks => loss.note("cache_marks", "the target takes no cache points"),
        Some(mark) => tools.push(block::cache_point(mark)),
        None => {}
    }
}

fn mentions_tools(call: &Call) -> bool {
    call.turns.iter().flat_map(|turn| &turn.parts).any(|part| matches!(part, Part::ToolUse(_) | Part::ToolResult(_)))
}

/// The tool that is offered where there is none, to a model whose history holds tool calls.
fn nothing_to_call() -> Value {
    json!({"toolSpec": {
        "name": "unavailable",
        "description": "No tool can be called any more. Answer in words.",
        "inputSchema": {"json": {"type": "object", "properties": {}}},
    }})
}
