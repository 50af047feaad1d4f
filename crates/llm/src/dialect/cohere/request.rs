//! Requests: <https://docs.cohere.com/reference/chat>

mod knobs;
mod messages;
mod tools;
mod turns;

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::{Extra, Output},
    dialect::{Dialect, Malformed, WriteFor, body::json, field::Field},
};

/// Fields with a canonical place.
const KNOWN: &[&str] = &[
    "model",
    "messages",
    "documents",
    "tools",
    "strict_tools",
    "tool_choice",
    "response_format",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "thinking",
    "stream",
];

/// Reads a request body.
///
/// # Errors
/// Names the field that is wrong.
pub fn read(body: &[u8]) -> Result<Call, Malformed> {
    let value = json("the body", body)?;
    let root = Field::root(&value);
    let model = root.need("model", "the name of a model")?;
    if model.text()?.is_empty() {
        return Err(model.wrong("the name of a model"));
    }
    let mut turns = messages::read(&root.need("messages", "a list of messages")?)?;
    messages::attach_documents(&root, &mut turns)?;
    let fields = root.object()?.others(KNOWN);
    Ok(Call {
        model: model.string()?,
        turns,
        tools: tools::read(&root)?,
        tool_choice: tools::read_choice(&root)?,
        parallel_tools: None,
        knobs: knobs::read(&root)?,
        output: read_output(&root)?,
        stream: root.get("stream").map_or(Ok(false), |stream| stream.boolean())?,
        include_usage: true,
        extra: Extra { dialect: Dialect::Cohere, fields },
    })
}

fn read_output(root: &Field<'_, '_>) -> Result<Output, Malformed> {
    let Some(format) = root.get("response_format") else { return Ok(Output::Text) };
    let kind = format.need("type", "text or json_object")?;
    match (kind.text()?, format.get("json_schema").or_else(|| format.get("schema"))) {
        ("text", _) => Ok(Output::Text),
        ("json_object", None) => Ok(Output::Json),
        ("json_object", Some(schema)) => {
            let schema = Value::Object(schema.object()?.to_map());
            Ok(Output::Schema { name: None, description: None, schema, strict: None })
        }
        _ => Err(kind.wrong("text or json_object")),
    }
}

/// Writes a request body.
///
/// # Errors
/// Content that must not be dropped and cannot be said is refused, by name.
pub fn write(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(call.model));
    let turns::Written { messages, documents } = turns::write(&call.turns, &mut loss)?;
    body.insert("messages".to_owned(), Value::Array(messages));
    if !documents.is_empty() {
        body.insert("documents".to_owned(), Value::Array(documents));
    }
    tools::write(call, &mut body, &mut loss);
    knobs::write(&call.knobs, target, &mut body, &mut loss);
    match &call.output {
        Output::Text => {}
        Output::Json => drop(body.insert("response_format".to_owned(), json!({"type": "json_object"}))),
        Output::Schema { schema, .. } => {
            let format = json!({"type": "json_object", "json_schema": schema});
            body.insert("response_format".to_owned(), format);
        }
    }
    for (name, value) in &call.extra.fields {
        if call.extra.dialect == Dialect::Cohere {
            body.insert(name.clone(), value.clone());
        } else {
            loss.note(format!("extra.{name}"), "cohere has no such field");
        }
    }
    if call.stream {
        body.insert("stream".to_owned(), json!(true));
    }
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}
