//! Requests: <https://platform.openai.com/docs/api-reference/responses/create>
//!
//! Reading is strict in types and lenient in what it does not know: unknown top-level fields come back when the same
//! dialect writes the call.

mod history;
mod knobs;
mod turns;

use serde_json::{Map, Value, json};

use super::tools::{self, full_name};
use crate::{
    Call, Loss,
    call::{Extra, Role, Text, Tool, ToolChoice, Turn},
    dialect::{Dialect, Malformed, WriteFor, field::Field},
    json::Json,
};

/// Fields with a canonical place. Of `reasoning` and `text` only some have one.
const KNOWN: &[&str] = &[
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_output_tokens",
    "temperature",
    "top_p",
    "reasoning",
    "service_tier",
    "user",
    "text",
    "stream",
];

/// Reads a request body.
///
/// # Errors
/// Names the field that is wrong.
pub fn read(body: &[u8]) -> Result<Call, Malformed> {
    let value = Json::read(body)
        .map_err(|error| Malformed { field: None, message: format!("the body is not JSON: {error}") })?;
    let root = Field::root(&value);
    let model = root.need("model", "the name of a model")?;
    if model.text()?.is_empty() {
        return Err(model.wrong("the name of a model"));
    }
    let mut extra = root.object()?.to_map();
    let known = |name: &str| KNOWN.contains(&name) || (name == "safety_identifier" && root.get("user").is_none());
    extra.retain(|name, value| !known(name) && !value.is_null());
    Ok(Call {
        model: model.string()?,
        turns: read_turns(&root)?,
        tools: root.get("tools").map_or(Ok(Vec::new()), |list| tools::read(&list))?,
        tool_choice: read_choice(&root)?,
        parallel_tools: root.get("parallel_tool_calls").map(|parallel| parallel.boolean()).transpose()?,
        knobs: knobs::read(&root, &mut extra)?,
        output: knobs::read_output(&root, &mut extra)?,
        stream: root.get("stream").map_or(Ok(false), |stream| stream.boolean())?,
        include_usage: true,
        extra: Extra { dialect: Dialect::OpenAiResponses, fields: extra },
    })
}

/// The instructions, as the first turn, and the items.
fn read_turns(root: &Field<'_, '_>) -> Result<Vec<Turn>, Malformed> {
    let mut turns = Vec::new();
    if let Some(instructions) = root.get("instructions") {
        let text = instructions.string()?;
        if !text.is_empty() {
            turns.push(Turn {
                role: Role::System,
                parts: vec![crate::call::Part::Text(Text { text, ..Text::default() })],
                name: None,
            });
        }
    }
    // What is said may stand elsewhere: in an answer before, in a conversation, in a template.
    let elsewhere = ["previous_response_id", "conversation", "prompt"].iter().any(|name| root.get(name).is_some());
    match root.get("input") {
        Some(input) => turns.extend(history::read(&input)?),
        None if elsewhere || !turns.is_empty() => {}
        None => drop(root.need("input", "a string or a list of items")?),
    }
    if turns.is_empty() && !elsewhere {
        return Err(root
            .need("input", "a string or a list of items")?
            .wrong("a string or a list of at least one item"));
    }
    Ok(turns)
}

fn read_choice(root: &Field<'_, '_>) -> Result<Option<ToolChoice>, Malformed> {
    const RIGHT: &str = "none, auto, required, or an object that names a tool";
    let Some(choice) = root.get("tool_choice") else { return Ok(None) };
    let read = match choice.value {
        Json::String(word) => match &**word {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => return Err(choice.wrong(RIGHT)),
        },
        Json::Object(_) => match choice.need("type", "\"function\"")?.text()? {
            "function" | "custom" => {
                let namespace = choice.get("namespace").map(|namespace| namespace.text()).transpose()?;
                ToolChoice::Named(full_name(namespace, choice.need("name", "the tool's name")?.text()?))
            }
            _ => ToolChoice::Native { dialect: Dialect::OpenAiResponses, raw: choice.value.to_value() },
        },
        _ => return Err(choice.wrong(RIGHT)),
    };
    Ok(Some(read))
}

/// Writes a request body. A call that came in another dialect is not stored at OpenAI, and what the model thought comes
/// back sealed, so that the client can bring it again.
///
/// # Errors
/// Content that must not be dropped and cannot be said is refused, by name.
pub fn write(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    let native = call.extra.dialect == Dialect::OpenAiResponses;
    if let Some(choices) = call.knobs.choices.filter(|choices| *choices != 1) {
        let message = format!("n is {choices}, but OpenAI Responses gives one answer per call: send n = 1");
        return Err(Malformed { field: Some("n".to_owned()), message });
    }
    let kinds = tools::Kinds::of(&call.tools);
    let said = turns::write(call, target, &kinds, &mut loss)?;
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(call.model));
    body.extend(said.instructions.map(|text| ("instructions".to_owned(), json!(text))));
    body.insert("input".to_owned(), Value::Array(said.input));
    write_tools(call, &kinds, &mut body, &mut loss);
    knobs::write(call, target, &mut body, &mut loss);
    write_extra(call, &mut body, &mut loss);
    if call.stream {
        body.insert("stream".to_owned(), json!(true));
    }
    if !native {
        body.entry("store").or_insert(json!(false));
        if !target.refuses_reasoning {
            body.insert("include".to_owned(), json!(["reasoning.encrypted_content"]));
        }
    }
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}

fn write_tools(call: &Call, kinds: &tools::Kinds, body: &mut Map<String, Value>, loss: &mut Loss) {
    let native = call.extra.dialect == Dialect::OpenAiResponses;
    let written = tools::write(&call.tools, native, loss);
    if written.is_empty() && !native {
        if !call.tools.is_empty() && call.tool_choice.is_some() {
            loss.note("tool_choice", "no tool is left to choose");
        }
        return;
    }
    if !written.is_empty() {
        body.insert("tools".to_owned(), Value::Array(written));
    }
    let choice = match &call.tool_choice {
        None => None,
        Some(ToolChoice::Auto) => Some(json!("auto")),
        Some(ToolChoice::None) => Some(json!("none")),
        Some(ToolChoice::Required) => Some(json!("required")),
        Some(ToolChoice::Named(name)) => {
            let kind = kinds.find(name);
            let mut choice = json!({"type": if kind.custom { "custom" } else { "function" }, "name": kind.name});
            if let (Some(namespace), Some(choice)) = (kind.namespace, choice.as_object_mut()) {
                choice.insert("namespace".to_owned(), json!(namespace));
            }
            Some(choice)
        }
        Some(ToolChoice::Native { dialect: Dialect::OpenAiResponses, raw }) => Some(raw.clone()),
        Some(ToolChoice::Native { .. }) => {
            loss.note("tool_choice", "openai_responses has no such choice");
            None
        }
    };
    body.extend(choice.map(|choice| ("tool_choice".to_owned(), choice)));
    body.extend(call.parallel_tools.map(|parallel| ("parallel_tool_calls".to_owned(), json!(parallel))));
}

/// Fields that Chat Completions has under the same name and with the same meaning.
const SHARED: &[&str] = &[
    "metadata",
    "store",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "safety_identifier",
    "moderation",
];

fn write_extra(call: &Call, body: &mut Map<String, Value>, loss: &mut Loss) {
    for (name, value) in &call.extra.fields {
        match call.extra.dialect {
            Dialect::OpenAiResponses => match (body.get_mut(name).and_then(Value::as_object_mut), value) {
                (Some(object), Value::Object(rest)) => object.extend(rest.clone()),
                _ => drop(body.insert(name.clone(), value.clone())),
            },
            Dialect::OpenAiChat if SHARED.contains(&name.as_str()) => drop(body.insert(name.clone(), value.clone())),
            Dialect::OpenAiChat if name == "verbosity" => {
                let text = body.entry("text").or_insert_with(|| json!({}));
                text.as_object_mut().map(|text| text.insert(name.clone(), value.clone()));
            }
            _ => {
                // `"logprobs": false` and `"modalities": ["text"]` ask for nothing.
                if !value.is_null() && *value != json!(false) && *value != json!(["text"]) {
                    loss.note(format!("extra.{name}"), "openai_responses has no such field");
                }
            }
        }
    }
}

/// Takes out of a call, for a provider without this API, what the gateway itself answers for and what asks for nothing.
/// A search of the web that OpenAI would make is a loss: coding assistants offer it with every call.
///
/// # Errors
/// What only OpenAI's own servers can do, and the answer would be another without: by name.
pub fn bridge(call: &mut Call) -> Result<Loss, Malformed> {
    let mut loss = Loss::none();
    if call.extra.dialect != Dialect::OpenAiResponses {
        return Ok(loss);
    }
    let mut at = 0;
    call.tools.retain(|tool| {
        at += 1;
        let searches = matches!(tool, Tool::Native { raw, .. } if is_web_search(raw));
        if searches {
            loss.note(format!("tools[{}]", at - 1), "the web is searched by OpenAI's own servers alone");
        }
        !searches
    });
    if matches!(&call.tool_choice, Some(ToolChoice::Native { raw, .. }) if is_web_search(raw)) {
        call.tool_choice = None;
    }
    let fields = &mut call.extra.fields;
    for (name, right) in [
        ("background", "leave it out: the answer comes with the response, or as a stream"),
        ("conversation", "send previous_response_id, or the whole conversation as input"),
        ("prompt", "send its text as instructions and input"),
    ] {
        if fields.remove(name).is_some_and(|value| value != json!(false)) {
            let message = format!("{name} needs a model that OpenAI itself serves: {right}");
            return Err(Malformed { field: Some(name.to_owned()), message });
        }
    }
    let idle: &[(&str, &[Value])] =
        &[("truncation", &[json!("disabled")]), ("top_logprobs", &[json!(0)]), ("tool_choice", &[json!("auto")])];
    fields.retain(|name, value| match name.as_str() {
        // Kept and answered by the gateway; or spoken to OpenAI's own servers about its own clients.
        "store" | "previous_response_id" | "metadata" | "client_metadata" | "stream_options" => false,
        "include" => {
            if let Some(list) = value.as_array_mut() {
                // Thought comes sealed anyway; the others are about tools that are not there.
                list.retain(|item| item == "message.output_text.logprobs");
            }
            value.as_array().is_none_or(|list| !list.is_empty())
        }
        name => !idle.iter().any(|(idle, values)| *idle == name && values.contains(value)),
    });
    Ok(loss)
}

/// `web_search`, `web_search_preview` and their dated names.
fn is_web_search(raw: &Value) -> bool {
    raw.get("type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("web_search"))
}
