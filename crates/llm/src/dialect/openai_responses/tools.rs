//! Tools, both ways, and what kind of call each of them gets.
//!
//! A custom tool takes free text. To other dialects it is a function with one field, `input`; its definition stays in
//! [`Function::extra`]. A tool in a namespace has the namespace in front of its name.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::{
    Loss,
    call::{Extra, Function, Tool, ToolUse},
    dialect::{Dialect, Malformed, field::Field},
    json::Json,
};

/// Keys of [`Function::extra`] with a meaning here: the definition of a custom tool, the namespace that holds a tool,
/// and the tool's definition in there.
const CUSTOM: &str = "custom";
const NAMESPACE: &str = "namespace";
const WITHIN: &str = "within";

/// The fields of a function that have a canonical place.
const KNOWN: &[&str] = &["type", "name", "description", "parameters", "strict"];

pub(super) fn read(tools: &Field<'_, '_>) -> Result<Vec<Tool>, Malformed> {
    let mut read = Vec::new();
    for tool in tools.items()? {
        match tool.need("type", "\"function\"")?.text()? {
            "function" => read.push(Tool::Function(read_function(&tool)?)),
            "custom" => read.push(Tool::Function(read_custom(&tool)?)),
            "namespace" => read_namespace(&tool, &mut read)?,
            _ => read.push(Tool::Native { dialect: Dialect::OpenAiResponses, raw: tool.value.to_value() }),
        }
    }
    Ok(read)
}

fn read_function(tool: &Field<'_, '_>) -> Result<Function, Malformed> {
    if let Some(parameters) = tool.get("parameters") {
        parameters.object()?;
    }
    let mut fields: Map<String, Value> = tool.object()?.to_map();
    // The keys of this file's own making are not the caller's to set.
    let ours = [CUSTOM, NAMESPACE, WITHIN];
    fields.retain(|key, value| !KNOWN.contains(&key.as_str()) && !ours.contains(&key.as_str()) && !value.is_null());
    Ok(Function {
        name: read_name(tool)?,
        description: tool.get("description").map(|text| text.string()).transpose()?,
        parameters: tool.get("parameters").map(|parameters| parameters.value.to_value()),
        strict: tool.get("strict").map(|strict| strict.boolean()).transpose()?,
        cache: None,
        extra: own(fields),
    })
}

fn read_name(tool: &Field<'_, '_>) -> Result<String, Malformed> {
    let name = tool.need("name", "the tool's name")?;
    if name.text()?.is_empty() { Err(name.wrong("the tool's name")) } else { name.string() }
}

/// The grammar is told in the description, for models that are not held to it.
fn read_custom(tool: &Field<'_, '_>) -> Result<Function, Malformed> {
    let mut description = tool.get("description").map_or(Ok(String::new()), |text| text.string())?;
    let grammar = tool.get("format").and_then(|format| {
        let said = |name: &str| format.value.get(name)?.as_str();
        Some((said("syntax")?.to_owned(), said("definition")?.to_owned()))
    });
    if let Some((syntax, definition)) = grammar {
        description.push_str(&format!("\n\n`input` must follow this {syntax} grammar:\n{definition}"));
    }
    let input = json!({"type": "string", "description": "The whole input of the tool, as plain text."});
    Ok(Function {
        name: read_name(tool)?,
        description: Some(description).filter(|text| !text.is_empty()),
        parameters: Some(json!({"type": "object", "properties": {"input": input}, "required": ["input"]})),
        strict: None,
        cache: None,
        extra: own(Map::from_iter([(CUSTOM.to_owned(), tool.value.to_value())])),
    })
}

fn read_namespace(outer: &Field<'_, '_>, tools: &mut Vec<Tool>) -> Result<(), Malformed> {
    let name = read_name(outer)?;
    let mut namespace = outer.object()?.to_map();
    namespace.remove("tools");
    for tool in outer.need("tools", "the tools of the namespace")?.items()? {
        let kind = tool.need("type", "\"function\" or \"custom\"")?;
        let inner = match kind.text()? {
            "function" => read_function(&tool)?,
            "custom" => read_custom(&tool)?,
            _ => return Err(kind.wrong("\"function\" or \"custom\"")),
        };
        let mut fields = Map::new();
        fields.insert(NAMESPACE.to_owned(), Value::Object(namespace.clone()));
        fields.insert(WITHIN.to_owned(), tool.value.to_value());
        tools.push(Tool::Function(Function { name: full_name(Some(&name), &inner.name), extra: own(fields), ..inner }));
    }
    Ok(())
}

/// A tool's name with its namespace in front, in characters that every provider takes.
pub(super) fn full_name(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        None | Some("") => name.to_owned(),
        Some(space) if space.ends_with("__") => format!("{space}{name}"),
        Some(space) => format!("{space}__{name}"),
    }
}

fn own(fields: Map<String, Value>) -> Option<Extra> {
    (!fields.is_empty()).then_some(Extra { dialect: Dialect::OpenAiResponses, fields })
}

/// `native`: the tools came in this dialect.
pub(super) fn write(tools: &[Tool], native: bool, loss: &mut Loss) -> Vec<Value> {
    let mut written: Vec<Value> = Vec::new();
    for (at, tool) in tools.iter().enumerate() {
        match tool {
            Tool::Function(function) => write_function(function, (at, native), &mut written, loss),
            Tool::Native { dialect: Dialect::OpenAiResponses, raw } => written.push(raw.clone()),
            Tool::Native { .. } => loss.note(format!("tools[{at}]"), "openai_responses has no such tool"),
        }
    }
    written
}

fn write_function(function: &Function, (at, native): (usize, bool), written: &mut Vec<Value>, loss: &mut Loss) {
    if function.cache.is_some() {
        loss.note("cache_control", "openai_responses has no cache marks on tools");
    }
    let mut rest = Map::new();
    match &function.extra {
        Some(Extra { dialect: Dialect::OpenAiResponses, fields }) => {
            if let Some(raw) = fields.get(CUSTOM) {
                return written.push(raw.clone());
            }
            if let (Some(namespace), Some(tool)) = (fields.get(NAMESPACE), fields.get(WITHIN)) {
                return write_within(namespace, tool, written);
            }
            rest.extend(fields.clone());
        }
        Some(_) => loss.note(format!("tools[{at}].extra"), "openai_responses does not know these fields of a tool"),
        None => {}
    }
    // OpenAI insists on `parameters`, and takes a `strict` that is not sent for `true`, which changes the schema.
    let nothing = || (!native).then(|| json!({"type": "object", "properties": {}}));
    let parameters = function.parameters.clone().or_else(nothing);
    let strict = function.strict.or((!native).then_some(false));
    let mut tool = Map::from_iter([("type".to_owned(), json!("function")), ("name".to_owned(), json!(function.name))]);
    if let Some(description) = &function.description {
        tool.insert("description".to_owned(), json!(description));
    }
    tool.extend(parameters.map(|parameters| ("parameters".to_owned(), parameters)));
    tool.extend(strict.map(|strict| ("strict".to_owned(), json!(strict))));
    tool.extend(rest);
    written.push(Value::Object(tool));
}

/// Tools of one namespace in a row stand in it together.
fn write_within(namespace: &Value, tool: &Value, written: &mut Vec<Value>) {
    if let Some(last) = written.last_mut().and_then(Value::as_object_mut) {
        let same = last.get("type") == Some(&json!("namespace"))
            && namespace.as_object().is_some_and(|outer| {
                last.len() == outer.len() + 1 && outer.iter().all(|(key, value)| last.get(key) == Some(value))
            });
        if let (true, Some(tools)) = (same, last.get_mut("tools").and_then(Value::as_array_mut)) {
            return tools.push(tool.clone());
        }
    }
    let mut outer = namespace.clone();
    if let Some(outer) = outer.as_object_mut() {
        outer.insert("tools".to_owned(), json!([tool]));
    }
    written.push(outer);
}

/// What kind of call each tool gets, by its full name. A tool that is not among them is a function.
#[derive(Debug, Clone, Default)]
pub(super) struct Kinds(HashMap<String, Kind>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub custom: bool,
    pub namespace: Option<String>,
    /// The name without the namespace.
    pub name: String,
}

impl Kinds {
    pub fn of(tools: &[Tool]) -> Self {
        let mut kinds = HashMap::new();
        for tool in tools {
            let Tool::Function(Function { name, extra: Some(extra), .. }) = tool else { continue };
            if extra.dialect != Dialect::OpenAiResponses {
                continue;
            }
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            let field = |key: &str| extra.fields.get(key);
            let within = field(WITHIN);
            let custom = field(CUSTOM).is_some() || within.and_then(|tool| tool.get("type")) == Some(&json!("custom"));
            let namespace = text(field(NAMESPACE).and_then(|outer| outer.get("name")));
            if custom || namespace.is_some() {
                let own = text(within.and_then(|tool| tool.get("name"))).unwrap_or_else(|| name.clone());
                kinds.insert(name.clone(), Kind { custom, namespace, name: own });
            }
        }
        Self(kinds)
    }

    /// The kinds of tools as they were sent; those that cannot be read have none.
    pub fn of_raw(tools: Option<&Value>) -> Self {
        let Some(tools) = tools else { return Self::default() };
        let tools = Json::from(tools);
        read(&Field::root(&tools)).map_or_else(|_| Self::default(), |tools| Self::of(&tools))
    }

    pub fn find(&self, full_name: &str) -> Kind {
        let plain = || Kind { custom: false, namespace: None, name: full_name.to_owned() };
        self.0.get(full_name).cloned().unwrap_or_else(plain)
    }

    /// The item that says a call, without an id and a status.
    pub fn call(&self, tool: &ToolUse) -> Value {
        let kind = self.find(&tool.name);
        kind.item(&tool.id, &tool.arguments)
    }
}

impl Kind {
    /// The item that says a call of this tool, without an id and a status.
    pub fn item(&self, call_id: &str, arguments: &str) -> Value {
        let mut item = if self.custom {
            json!({"type": "custom_tool_call", "call_id": call_id, "name": self.name, "input": input_of(arguments)})
        } else {
            let arguments = if arguments.is_empty() { "{}" } else { arguments };
            json!({"type": "function_call", "call_id": call_id, "name": self.name, "arguments": arguments})
        };
        if let (Some(namespace), Some(item)) = (&self.namespace, item.as_object_mut()) {
            item.insert("namespace".to_owned(), json!(namespace));
        }
        item
    }
}

/// The arguments that stand for the free text of a custom tool.
pub(super) fn arguments_of(input: &str) -> String {
    json!({"input": input}).to_string()
}

/// The free text in the arguments of a custom tool; a model that did not keep to the form has said it all the same.
pub(super) fn input_of(arguments: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(arguments).ok();
    match parsed.as_ref().and_then(|parsed| parsed.get("input")) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => arguments.to_owned(),
    }
}
