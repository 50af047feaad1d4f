//! Tools: <https://docs.anthropic.com/en/api/messages#body-tools>

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::{Extra, Function, Tool, ToolChoice},
    dialect::{
        Dialect, Malformed,
        anthropic::block::{cache_control, cache_mark},
        field::Field,
    },
};

/// Reads `tools`. A tool with a `type` of its own (search, computer use) is Anthropic's alone.
pub(super) fn read(root: &Field<'_, '_>) -> Result<Vec<Tool>, Malformed> {
    let Some(tools) = root.get("tools") else { return Ok(Vec::new()) };
    tools.items()?.map(|tool| read_tool(&tool)).collect()
}

/// Reads `tool_choice` and its `disable_parallel_tool_use`.
pub(super) fn read_choice(root: &Field<'_, '_>) -> Result<(Option<ToolChoice>, Option<bool>), Malformed> {
    let Some(choice) = root.get("tool_choice") else { return Ok((None, None)) };
    let kind = choice.need("type", "\"auto\", \"any\", \"tool\" or \"none\"")?;
    let parallel = match choice.get("disable_parallel_tool_use") {
        Some(disable) => Some(!disable.boolean()?),
        None => None,
    };
    let choice = match kind.text()? {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(choice.need("name", "the name of a tool")?.string()?),
        _ => return Err(kind.wrong("\"auto\", \"any\", \"tool\" or \"none\"")),
    };
    Ok((Some(choice), parallel))
}

/// Writes `tools`.
///
/// # Errors
/// A tool that only another dialect knows: without it the model could not do what the caller relies on.
pub(super) fn write(call: &Call, ignores_cache_marks: bool, loss: &mut Loss) -> Result<Vec<Value>, Malformed> {
    let mut tools = Vec::with_capacity(call.tools.len());
    for (at, tool) in call.tools.iter().enumerate() {
        tools.push(match tool {
            Tool::Function(function) => write_function(function, at, ignores_cache_marks, loss),
            Tool::Native { dialect: Dialect::Anthropic, raw } => raw.clone(),
            Tool::Native { dialect, raw } => {
                let kind = raw.get("type").and_then(Value::as_str).unwrap_or("unnamed");
                let dialect = dialect.as_str();
                return Err(Malformed {
                    field: Some(format!("tools[{at}]")),
                    message: format!(
                        "tools[{at}]: Anthropic Messages has no tool of the {dialect} type `{kind}`: send a function tool"
                    ),
                });
            }
        });
    }
    Ok(tools)
}

/// Writes `tool_choice`; `None` leaves the default. `thinks`: forcing a tool is refused while the model thinks.
pub(super) fn write_choice(call: &Call, thinks: bool, loss: &mut Loss) -> Option<Value> {
    if call.tools.is_empty() {
        // Anthropic refuses a choice among no tools.
        if matches!(call.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_))) {
            loss.note("tool_choice", "there are no tools to choose from");
        }
        return None;
    }
    let mut choice = match &call.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_)) if thinks => {
            loss.note("tool_choice", "anthropic cannot force a tool while the model thinks");
            json!({"type": "auto"})
        }
        Some(ToolChoice::Auto) => json!({"type": "auto"}),
        Some(ToolChoice::None) => return Some(json!({"type": "none"})),
        Some(ToolChoice::Required) => json!({"type": "any"}),
        Some(ToolChoice::Named(name)) => json!({"type": "tool", "name": name}),
        Some(ToolChoice::Native { dialect: Dialect::Anthropic, raw }) => raw.clone(),
        Some(ToolChoice::Native { .. }) => {
            loss.note("tool_choice", "anthropic has no such choice");
            json!({"type": "auto"})
        }
        // Several tool calls are the default, so only the ban needs a choice to stand in.
        None if call.parallel_tools == Some(false) => json!({"type": "auto"}),
        None => return None,
    };
    if let (Some(parallel), Some(choice)) = (call.parallel_tools, choice.as_object_mut()) {
        choice.insert("disable_parallel_tool_use".into(), (!parallel).into());
    }
    Some(choice)
}

fn read_tool(tool: &Field<'_, '_>) -> Result<Tool, Malformed> {
    let kind = tool.get("type").map(|kind| kind.text()).transpose()?;
    if kind.is_some_and(|kind| kind != "custom") {
        return Ok(Tool::Native { dialect: Dialect::Anthropic, raw: tool.value.clone() });
    }
    let schema = tool.need("input_schema", "a JSON Schema of type \"object\"")?;
    schema.object()?;
    let mut rest: Map<String, Value> = tool.object()?.clone();
    let known = ["type", "name", "description", "input_schema", "strict", "cache_control"];
    rest.retain(|name, _| !known.contains(&name.as_str()));
    Ok(Tool::Function(Function {
        name: tool.need("name", "the name of the tool")?.string()?,
        description: tool.get("description").map(|field| field.string()).transpose()?,
        parameters: Some(schema.value.clone()),
        strict: tool.get("strict").map(|field| field.boolean()).transpose()?,
        cache: cache_mark(tool)?,
        extra: (!rest.is_empty()).then_some(Extra { dialect: Dialect::Anthropic, fields: rest }),
    }))
}

fn write_function(function: &Function, at: usize, ignores_cache_marks: bool, loss: &mut Loss) -> Value {
    let mut tool = Map::new();
    tool.insert("name".into(), function.name.as_str().into());
    if let Some(description) = &function.description {
        tool.insert("description".into(), description.as_str().into());
    }
    tool.insert("input_schema".into(), input_schema(function.parameters.as_ref()));
    if let Some(strict) = function.strict {
        tool.insert("strict".into(), strict.into());
    }
    match &function.extra {
        Some(Extra { dialect: Dialect::Anthropic, fields }) => tool.extend(fields.clone()),
        Some(_) => loss.note(format!("tools[{at}].extra"), "anthropic does not know these fields of a tool"),
        None => {}
    }
    match function.cache {
        Some(_) if ignores_cache_marks => loss.note("cache_marks", "the target takes no cache marks"),
        Some(mark) => {
            tool.insert("cache_control".into(), cache_control(mark));
        }
        None => {}
    }
    tool.into()
}

/// The schema as it is; Anthropic insists on `type`, which OpenAI clients may leave out.
fn input_schema(parameters: Option<&Value>) -> Value {
    let mut schema = parameters.cloned().unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    if let Some(fields) = schema.as_object_mut().filter(|fields| !fields.contains_key("type")) {
        fields.insert("type".into(), "object".into());
    }
    schema
}
