//! Tools: <https://docs.anthropic.com/en/api/messages#body-tools>

use serde_json::{Map, Value};

use crate::{
    Call, Loss,
    call::{Extra, Function, Tool, ToolChoice},
    dialect::{
        Dialect, Malformed,
        anthropic::block::{cache_control, cache_mark},
        field::Field,
    },
    json::{Json, Object, object},
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
pub(super) fn write<'c>(
    call: &'c Call,
    ignores_cache_marks: bool,
    loss: &mut Loss,
) -> Result<Vec<Json<'c>>, Malformed> {
    let mut tools = Vec::with_capacity(call.tools.len());
    for (at, tool) in call.tools.iter().enumerate() {
        tools.push(match tool {
            Tool::Function(function) => write_function(function, at, ignores_cache_marks, loss),
            Tool::Native { dialect: Dialect::Anthropic, raw } => raw.into(),
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
pub(super) fn write_choice<'c>(call: &'c Call, thinks: bool, loss: &mut Loss) -> Option<Json<'c>> {
    if call.tools.is_empty() {
        // Anthropic refuses a choice among no tools.
        if matches!(call.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_))) {
            loss.note("tool_choice", "there are no tools to choose from");
        }
        return None;
    }
    let kind = |kind: &'static str| object! {"type": kind};
    let mut choice = match &call.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_)) if thinks => {
            loss.note("tool_choice", "anthropic cannot force a tool while the model thinks");
            kind("auto")
        }
        Some(ToolChoice::Auto) => kind("auto"),
        Some(ToolChoice::None) => return Some(kind("none")),
        Some(ToolChoice::Required) => kind("any"),
        Some(ToolChoice::Named(name)) => object! {"type": "tool", "name": name},
        Some(ToolChoice::Native { dialect: Dialect::Anthropic, raw }) => raw.into(),
        Some(ToolChoice::Native { .. }) => {
            loss.note("tool_choice", "anthropic has no such choice");
            kind("auto")
        }
        // Several tool calls are the default, so only the ban needs a choice to stand in.
        None if call.parallel_tools == Some(false) => kind("auto"),
        None => return None,
    };
    if let (Some(parallel), Some(choice)) = (call.parallel_tools, choice.as_object_mut()) {
        choice.set("disable_parallel_tool_use", !parallel);
    }
    Some(choice)
}

fn read_tool(tool: &Field<'_, '_>) -> Result<Tool, Malformed> {
    let kind = tool.get("type").map(|kind| kind.text()).transpose()?;
    if kind.is_some_and(|kind| kind != "custom") {
        return Ok(Tool::Native { dialect: Dialect::Anthropic, raw: tool.value.to_value() });
    }
    let schema = tool.need("input_schema", "a JSON Schema of type \"object\"")?;
    schema.object()?;
    let mut rest: Map<String, Value> = tool.object()?.to_map();
    let known = ["type", "name", "description", "input_schema", "strict", "cache_control"];
    rest.retain(|name, _| !known.contains(&name.as_str()));
    Ok(Tool::Function(Function {
        name: tool.need("name", "the name of the tool")?.string()?,
        description: tool.get("description").map(|field| field.string()).transpose()?,
        parameters: Some(schema.value.to_value()),
        strict: tool.get("strict").map(|field| field.boolean()).transpose()?,
        cache: cache_mark(tool)?,
        extra: (!rest.is_empty()).then_some(Extra { dialect: Dialect::Anthropic, fields: rest }),
    }))
}

fn write_function<'c>(function: &'c Function, at: usize, ignores_cache_marks: bool, loss: &mut Loss) -> Json<'c> {
    let mut tool = Object::default();
    tool.set("name", &function.name);
    if let Some(description) = &function.description {
        tool.set("description", description);
    }
    tool.set("input_schema", input_schema(function.parameters.as_ref()));
    if let Some(strict) = function.strict {
        tool.set("strict", strict);
    }
    match &function.extra {
        Some(Extra { dialect: Dialect::Anthropic, fields }) => tool.extend(fields),
        Some(_) => loss.note(format!("tools[{at}].extra"), "anthropic does not know these fields of a tool"),
        None => {}
    }
    match function.cache {
        Some(_) if ignores_cache_marks => loss.note("cache_marks", "the target takes no cache marks"),
        Some(mark) => {
            tool.set("cache_control", cache_control(mark));
        }
        None => {}
    }
    tool.into()
}

/// The schema as it is; Anthropic insists on `type`, which OpenAI clients may leave out.
fn input_schema(parameters: Option<&Value>) -> Json<'_> {
    let Some(parameters) = parameters else {
        return object! {"type": "object", "properties": object! {}};
    };
    let mut schema = Json::from(parameters);
    if let Some(fields) = schema.as_object_mut().filter(|fields| !fields.contains_key("type")) {
        fields.set("type", "object");
    }
    schema
}
