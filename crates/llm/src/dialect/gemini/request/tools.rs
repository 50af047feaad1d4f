//! Tools: <https://ai.google.dev/api/caching#Tool>, <https://ai.google.dev/api/caching#ToolConfig>

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::{Extra, Function, Tool, ToolChoice},
    dialect::{Dialect, Malformed, field::Field, gemini::schema},
};

/// Reads `tools`. Everything but functions (search, code, maps) is Google's alone.
pub(super) fn read(root: &Field<'_, '_>) -> Result<Vec<Tool>, Malformed> {
    let Some(tools) = root.get("tools") else { return Ok(Vec::new()) };
    let mut read = Vec::new();
    for tool in tools.items()? {
        if let Some(functions) = tool.get("functionDeclarations") {
            for function in functions.items()? {
                read.push(Tool::Function(read_function(&function)?));
            }
        }
        for (name, value) in tool.object()?.iter().filter(|(name, _)| *name != "functionDeclarations") {
            read.push(Tool::Native { dialect: Dialect::Gemini, raw: json!({name: value.to_value()}) });
        }
    }
    Ok(read)
}

/// A schema of Google's own kind stays among the further fields, too, and goes back as it was.
fn read_function(function: &Field<'_, '_>) -> Result<Function, Malformed> {
    let mut rest = function.object()?.to_map();
    rest.retain(|name, _| !["name", "description", "parametersJsonSchema"].contains(&name.as_str()));
    let parameters = match (function.get("parametersJsonSchema"), function.get("parameters")) {
        (Some(given), _) => Some(given.value.to_value()),
        (None, Some(given)) => {
            given.object()?;
            Some(schema::to_json_schema(&given.value.to_value()))
        }
        (None, None) => None,
    };
    Ok(Function {
        name: function.need("name", "the name of the function")?.string()?,
        description: function.get("description").map(|field| field.string()).transpose()?,
        parameters,
        strict: None,
        cache: None,
        extra: (!rest.is_empty()).then_some(Extra { dialect: Dialect::Gemini, fields: rest }),
    })
}

/// Reads `toolConfig`. What of it has no canonical place goes to `rest`.
pub(super) fn read_choice(
    root: &Field<'_, '_>,
    rest: &mut Map<String, Value>,
) -> Result<Option<ToolChoice>, Malformed> {
    let Some(config) = root.get("toolConfig") else { return Ok(None) };
    let mut further = config.object()?.to_map();
    further.shift_remove("functionCallingConfig");
    if !further.is_empty() {
        rest.insert("toolConfig".to_owned(), further.into());
    }
    let Some(calling) = config.get("functionCallingConfig") else { return Ok(None) };
    let mode = calling.get("mode").map(|mode| mode.text()).transpose()?.unwrap_or("AUTO");
    let allowed: Vec<String> = match calling.get("allowedFunctionNames") {
        Some(names) => names.items()?.map(|name| name.string()).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let known = calling.object()?.keys().all(|name| ["mode", "allowedFunctionNames"].contains(&name));
    Ok(Some(match (mode.to_ascii_uppercase().as_str(), allowed.as_slice()) {
        ("AUTO", []) if known => ToolChoice::Auto,
        ("NONE", []) if known => ToolChoice::None,
        ("ANY", []) if known => ToolChoice::Required,
        ("ANY", [only]) if known => ToolChoice::Named(only.clone()),
        ("MODE_UNSPECIFIED", []) if known => return Ok(None),
        _ => ToolChoice::Native { dialect: Dialect::Gemini, raw: calling.value.to_value() },
    }))
}

/// Writes `tools`: all functions in one, then what is Google's.
///
/// # Errors
/// A tool that only another dialect knows: without it the model could not do what the caller relies on.
pub(super) fn write(call: &Call, loss: &mut Loss) -> Result<Option<Value>, Malformed> {
    let mut functions = Vec::new();
    let mut natives = Vec::new();
    for (at, tool) in call.tools.iter().enumerate() {
        match tool {
            Tool::Function(function) => functions.push(write_function(function, at, loss)),
            Tool::Native { dialect: Dialect::Gemini, raw } => natives.push(raw.clone()),
            Tool::Native { dialect, raw } => {
                let kind = raw.get("type").and_then(Value::as_str).unwrap_or("unnamed");
                let dialect = dialect.as_str();
                let message =
                    format!("tools[{at}]: Gemini has no tool of the {dialect} type `{kind}`: send a function tool");
                return Err(Malformed { field: Some(format!("tools[{at}]")), message });
            }
        }
    }
    let functions = (!functions.is_empty()).then(|| json!({"functionDeclarations": functions}));
    let tools: Vec<Value> = functions.into_iter().chain(natives).collect();
    Ok((!tools.is_empty()).then(|| tools.into()))
}

fn write_function(function: &Function, at: usize, loss: &mut Loss) -> Value {
    let mut declared = Map::new();
    declared.insert("name".into(), function.name.as_str().into());
    declared.extend(function.description.as_ref().map(|text| ("description".to_owned(), text.as_str().into())));
    let own = match &function.extra {
        Some(Extra { dialect: Dialect::Gemini, fields }) => Some(fields),
        Some(_) => {
            loss.note(format!("tools[{at}].extra"), "gemini does not know these fields of a tool");
            None
        }
        None => None,
    };
    if !own.is_some_and(|fields| fields.contains_key("parameters")) {
        // Of all fields this one takes a JSON Schema as it is, references and closed objects too.
        declared.extend(function.parameters.as_ref().map(|schema| ("parametersJsonSchema".to_owned(), typed(schema))));
    }
    declared.extend(own.cloned().unwrap_or_default());
    if function.strict == Some(true) {
        loss.note(format!("tools[{at}].strict"), "gemini has no strict functions");
    }
    if function.cache.is_some() {
        loss.note("cache_marks", "gemini caches by itself");
    }
    declared.into()
}

/// Gemini insists on `type`, which OpenAI's clients may leave out.
fn typed(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(fields) = schema.as_object_mut().filter(|fields| !fields.contains_key("type")) {
        fields.insert("type".into(), "object".into());
    }
    schema
}

/// Writes `functionCallingConfig`; `None` leaves the default.
pub(super) fn write_choice(call: &Call, loss: &mut Loss) -> Option<Value> {
    if call.parallel_tools == Some(false) {
        loss.note("parallel_tools", "gemini calls as many functions at a time as it likes");
    }
    let choice = call.tool_choice.as_ref()?;
    if call.tools.is_empty() {
        if matches!(choice, ToolChoice::Required | ToolChoice::Named(_)) {
            loss.note("tool_choice", "there are no tools to choose from");
        }
        return None;
    }
    Some(match choice {
        ToolChoice::Auto => json!({"mode": "AUTO"}),
        ToolChoice::None => json!({"mode": "NONE"}),
        ToolChoice::Required => json!({"mode": "ANY"}),
        ToolChoice::Named(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
        ToolChoice::Native { dialect: Dialect::Gemini, raw } => raw.clone(),
        ToolChoice::Native { .. } => {
            loss.note("tool_choice", "gemini has no such choice");
            json!({"mode": "AUTO"})
        }
    })
}
