//! Sampling, length, reasoning and the form of the answer, both ways.

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::{Knobs, Output, Reasoning},
    dialect::{Dialect, Malformed, WriteFor, field::Field, openai_chat::request::write_effort},
};

/// Above every model's output, below every overflow.
const MOST_TOKENS: u64 = 1 << 32;
/// OpenAI refuses less.
const LEAST_TOKENS: u64 = 16;

pub(super) fn read(root: &Field<'_, '_>, extra: &mut Map<String, Value>) -> Result<Knobs, Malformed> {
    let number = |name, least, most| root.get(name).map(|field| field.number(least, most)).transpose();
    let text = |name| root.get(name).map(|field| field.string()).transpose();
    Ok(Knobs {
        max_tokens: root.get("max_output_tokens").map(|field| field.whole(1, MOST_TOKENS)).transpose()?,
        temperature: number("temperature", 0.0, 2.0)?,
        top_p: number("top_p", 0.0, 1.0)?,
        reasoning: read_reasoning(root, extra)?,
        service_tier: text("service_tier")?,
        // The newer name for the same. Written as `user`, which every server knows.
        user: text("user")?.or(text("safety_identifier")?),
        ..Knobs::default()
    })
}

/// A summary that was asked for is thought that is to be shown; how detailed only this dialect knows.
fn read_reasoning(root: &Field<'_, '_>, extra: &mut Map<String, Value>) -> Result<Option<Reasoning>, Malformed> {
    let Some(reasoning) = root.get("reasoning") else { return Ok(None) };
    keep_rest(&reasoning, "reasoning", &["effort"], extra)?;
    let effort = reasoning.get("effort").map(|effort| effort.string()).transpose()?;
    let shown = reasoning.get("summary").or_else(|| reasoning.get("generate_summary")).is_some();
    let display = shown.then(|| "summarized".to_owned());
    Ok((effort.is_some() || shown).then(|| Reasoning { effort, display, ..Reasoning::default() }))
}

pub(super) fn read_output(root: &Field<'_, '_>, extra: &mut Map<String, Value>) -> Result<Output, Malformed> {
    let Some(text) = root.get("text") else { return Ok(Output::Text) };
    keep_rest(&text, "text", &["format"], extra)?;
    let Some(format) = text.get("format") else { return Ok(Output::Text) };
    let kind = format.need("type", "text, json_object or json_schema")?;
    match kind.text()? {
        "text" => Ok(Output::Text),
        "json_object" => Ok(Output::Json),
        "json_schema" => {
            let schema = format.need("schema", "a JSON Schema")?;
            schema.object()?;
            let text = |name| format.get(name).map(|field| field.string()).transpose();
            let strict = format.get("strict").map(|strict| strict.boolean()).transpose()?;
            let (name, description) = (text("name")?, text("description")?);
            Ok(Output::Schema { name, description, schema: schema.value.to_value(), strict })
        }
        _ => Err(kind.wrong("text, json_object or json_schema")),
    }
}

/// Keeps the fields of an object that have no canonical place.
fn keep_rest(
    object: &Field<'_, '_>,
    name: &str,
    known: &[&str],
    extra: &mut Map<String, Value>,
) -> Result<(), Malformed> {
    let mut rest = object.object()?.to_map();
    rest.retain(|key, value| !known.contains(&key.as_str()) && !value.is_null());
    if !rest.is_empty() {
        extra.insert(name.to_owned(), Value::Object(rest));
    }
    Ok(())
}

pub(super) fn write(call: &Call, target: &WriteFor, body: &mut Map<String, Value>, loss: &mut Loss) {
    let native = call.extra.dialect == Dialect::OpenAiResponses;
    let knobs = &call.knobs;
    let mut put = |name: &str, value: Option<Value>| body.extend(value.map(|value| (name.to_owned(), value)));
    let mut max_tokens = knobs.max_tokens;
    if let Some(few) = max_tokens.as_mut().filter(|tokens| !native && **tokens < LEAST_TOKENS) {
        loss.note("knobs.max_tokens", "OpenAI's least limit is 16");
        *few = LEAST_TOKENS;
    }
    put("max_output_tokens", max_tokens.map(Value::from));
    for (name, value) in [("temperature", knobs.temperature), ("top_p", knobs.top_p)] {
        match value {
            Some(_) if target.refuses_sampling => {
                loss.note(format!("knobs.{name}"), "the model refuses sampling parameters");
            }
            value => put(name, value.map(Value::from)),
        }
    }
    put("reasoning", write_reasoning(call, target, loss));
    let tier = knobs.service_tier.as_deref().map(|tier| if tier == "standard_only" { "default" } else { tier });
    put("service_tier", tier.map(Value::from));
    put("user", knobs.user.as_deref().map(Value::from));
    put("text", write_format(&call.output).map(|format| json!({"format": format})));
    lose_others(knobs, loss);
}

/// What the dialect has no field for.
fn lose_others(knobs: &Knobs, loss: &mut Loss) {
    let set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    for (sent, field) in [
        (knobs.top_k.is_some(), "knobs.top_k"),
        (!knobs.stop.is_empty(), "knobs.stop"),
        (knobs.seed.is_some(), "knobs.seed"),
        (set(knobs.frequency_penalty), "knobs.frequency_penalty"),
        (set(knobs.presence_penalty), "knobs.presence_penalty"),
    ] {
        if sent {
            loss.note(field, "openai_responses has no such field");
        }
    }
}

/// Effort as Chat Completions writes it; a summary for a caller that is shown what the model thinks.
fn write_reasoning(call: &Call, target: &WriteFor, loss: &mut Loss) -> Option<Value> {
    let reasoning = call.knobs.reasoning.as_ref()?;
    let display = reasoning.display.as_deref();
    let silent = Reasoning { display: None, ..reasoning.clone() };
    let mut written = Map::new();
    written.extend(write_effort(Some(&silent), target, loss).map(|effort| ("effort".to_owned(), json!(effort))));
    let shown = display == Some("summarized") || (reasoning.enabled == Some(true) && display.is_none());
    if call.extra.dialect != Dialect::OpenAiResponses && shown && !target.refuses_reasoning {
        written.insert("summary".to_owned(), json!("auto"));
    }
    (!written.is_empty()).then_some(Value::Object(written))
}

fn write_format(output: &Output) -> Option<Value> {
    match output {
        Output::Text => None,
        Output::Json => Some(json!({"type": "json_object"})),
        Output::Schema { name, description, schema, strict } => {
            // OpenAI insists on a name, and takes a `strict` that is not sent for `true` here, unlike elsewhere.
            let mut format = json!({"type": "json_schema", "name": name.as_deref().unwrap_or("answer")});
            if let Some(format) = format.as_object_mut() {
                format.extend(description.as_ref().map(|text| ("description".to_owned(), json!(text))));
                format.insert("schema".to_owned(), schema.clone());
                format.extend(strict.map(|strict| ("strict".to_owned(), json!(strict))));
            }
            Some(format)
        }
    }
}
