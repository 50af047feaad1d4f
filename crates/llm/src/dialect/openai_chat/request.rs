//! Requests: <https://platform.openai.com/docs/api-reference/chat/create>
//!
//! Reading is strict in types and lenient in what it does not know: unknown top-level fields come back when the same
//! dialect writes the call. `functions` and `function_call`, which `tools` replaced in 2023, are refused at the top
//! level, because their callers expect an answer in the old form, too; in the history they are understood.

pub(in crate::dialect) mod knobs;
mod messages;
mod tools;
mod turns;

use serde_json::{Map, Value};

use crate::{
    Call, Loss,
    call::{Extra, Output},
    dialect::{Dialect, Malformed, WriteFor, field::Field},
    json::{Json, Object, object},
};

pub(in crate::dialect) use knobs::write_effort;
pub(in crate::dialect) use turns::{TOOL_FAILED, attach};

/// Fields with a canonical place.
const KNOWN: &[&str] = &[
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stop",
    "n",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "service_tier",
    "user",
    "stream",
    "stream_options",
    "response_format",
];

/// Reads a request body.
///
/// # Errors
/// Names the field that is wrong.
pub fn read(body: &[u8]) -> Result<Call, Malformed> {
    let value = Json::read(body)
        .map_err(|error| Malformed { field: None, message: format!("the body is not JSON: {error}") })?;
    let root = Field::root(&value);
    for old in ["functions", "function_call"] {
        if let Some(field) = root.get(old) {
            let message = format!("{old} is not supported: send tools and tool_choice");
            return Err(Malformed { field: Some(field.to_string()), message });
        }
    }
    let model = root.need("model", "the name of a model")?;
    if model.text()?.is_empty() {
        return Err(model.wrong("the name of a model"));
    }
    let mut extra = Map::new();
    let options = read_stream_options(&root, &mut extra)?;
    let output = read_output(&root, &mut extra)?;
    let knobs = knobs::read(&root)?;
    let known = |name: &str| KNOWN.contains(&name) || (name == "safety_identifier" && root.get("user").is_none());
    for (name, value) in root.object()?.iter().filter(|(name, value)| !known(name) && !value.is_null()) {
        extra.insert(name.to_owned(), value.to_value());
    }
    Ok(Call {
        model: model.string()?,
        turns: messages::read(&root.need("messages", "a list of messages")?)?,
        tools: tools::read(&root)?,
        tool_choice: tools::read_choice(&root)?,
        parallel_tools: root.get("parallel_tool_calls").map(|parallel| parallel.boolean()).transpose()?,
        knobs,
        output,
        stream: root.get("stream").map_or(Ok(false), |stream| stream.boolean())?,
        include_usage: options,
        extra: Extra { dialect: Dialect::OpenAiChat, fields: extra },
    })
}

/// Writes a request body. A stream always asks for usage, unless the target does not know how to be asked.
///
/// # Errors
/// Content that must not be dropped and cannot be said is refused, by name.
pub fn write(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    let messages = turns::write(&call.turns, target, &mut loss)?;
    let mut body = Object::of([("model", (&call.model).into()), ("messages", messages.into())]);
    tools::write(call, target, &mut body, &mut loss);
    knobs::write(&call.knobs, target, &mut body, &mut loss);
    if let Some(format) = write_output(&call.output) {
        body.set("response_format", format);
    }
    let foreign = call.extra.dialect != Dialect::OpenAiChat;
    for (name, value) in &call.extra.fields {
        if foreign {
            loss.note(format!("extra.{name}"), "openai_chat has no such field");
        } else if name != "stream_options" {
            body.set(name, value);
        }
    }
    if call.stream {
        body.set("stream", true);
        if !target.refuses_stream_options {
            let kept = call.extra.fields.get("stream_options").filter(|_| !foreign).and_then(Value::as_object);
            let mut options = kept.map(Object::from).unwrap_or_default();
            options.set("include_usage", true);
            body.set("stream_options", options);
        }
    }
    Ok((Json::from(body).to_bytes(), loss))
}

/// Whether a usage chunk is wanted; further options (`include_obfuscation`) are kept as they are.
pub(in crate::dialect) fn read_stream_options(
    root: &Field<'_, '_>,
    extra: &mut Map<String, Value>,
) -> Result<bool, Malformed> {
    let Some(options) = root.get("stream_options") else { return Ok(false) };
    let mut others = options.object()?.to_map();
    others.retain(|name, value| name != "include_usage" && !value.is_null());
    if !others.is_empty() {
        extra.insert("stream_options".to_owned(), Value::Object(others));
    }
    options.get("include_usage").map_or(Ok(false), |wanted| wanted.boolean())
}

fn read_output(root: &Field<'_, '_>, extra: &mut Map<String, Value>) -> Result<Output, Malformed> {
    let Some(format) = root.get("response_format") else { return Ok(Output::Text) };
    match format.need("type", "text, json_object or json_schema")?.text()? {
        "text" => Ok(Output::Text),
        "json_object" => Ok(Output::Json),
        "json_schema" => {
            let wrap = format.need("json_schema", "an object with name and schema")?;
            let schema = wrap.need("schema", "a JSON Schema")?;
            schema.object()?;
            let text = |name| wrap.get(name).map(|field| field.string()).transpose();
            let strict = wrap.get("strict").map(|strict| strict.boolean()).transpose()?;
            let (name, description) = (text("name")?, text("description")?);
            Ok(Output::Schema { name, description, schema: schema.value.to_value(), strict })
        }
        // Forms that single vendors add (`structural_tag`, `grammar`).
        _ => {
            extra.insert("response_format".to_owned(), format.value.to_value());
            Ok(Output::Text)
        }
    }
}

fn write_output(output: &Output) -> Option<Json<'_>> {
    match output {
        Output::Text => None,
        Output::Json => Some(object! {"type": "json_object"}),
        Output::Schema { name, description, schema, strict } => {
            // OpenAI insists on a name.
            let mut wrap = Object::of([("name", name.as_deref().unwrap_or("answer").into())]);
            if let Some(description) = description {
                wrap.set("description", description);
            }
            wrap.set("schema", schema);
            if let Some(strict) = strict {
                wrap.set("strict", *strict);
            }
            Some(object! {"type": "json_schema", "json_schema": wrap})
        }
    }
}
