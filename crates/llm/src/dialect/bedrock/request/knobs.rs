//! Sampling and the form of the answer: `inferenceConfig`, `outputConfig`.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html>

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::{Knobs, Output},
    dialect::{
        Dialect, Malformed, WriteFor,
        anthropic::request::JSON_INSTRUCTION,
        field::Field,
        schema::{Subset, adapt},
    },
};

/// Reads `inferenceConfig`.
pub(super) fn read(root: &Field<'_, '_>, knobs: &mut Knobs) -> Result<(), Malformed> {
    let Some(config) = root.get("inferenceConfig") else { return Ok(()) };
    config.object()?;
    knobs.max_tokens = config.get("maxTokens").map(|field| field.whole(1, u64::MAX)).transpose()?;
    knobs.temperature = config.get("temperature").map(|field| field.number(0.0, 1.0)).transpose()?;
    knobs.top_p = config.get("topP").map(|field| field.number(0.0, 1.0)).transpose()?;
    if let Some(list) = config.get("stopSequences") {
        knobs.stop = list.items()?.map(|sequence| sequence.string()).collect::<Result<_, _>>()?;
    }
    Ok(())
}

/// Reads `outputConfig`: the form of the answer, and the effort of thinking.
pub(super) fn read_output(root: &Field<'_, '_>) -> Result<(Option<Output>, Option<String>), Malformed> {
    let Some(config) = root.get("outputConfig") else { return Ok((None, None)) };
    let effort = config.get("effort").map(|effort| effort.string()).transpose()?;
    let Some(format) = config.get("textFormat") else { return Ok((None, effort)) };
    let kind = format.need("type", "\"json_schema\"")?;
    if kind.text()? != "json_schema" {
        return Err(kind.wrong("\"json_schema\""));
    }
    let structure = format.need("structure", "an object with jsonSchema")?;
    let wrap = structure.need("jsonSchema", "an object with a schema")?;
    let written = wrap.need("schema", "a JSON Schema, as a string")?;
    let schema: Value =
        serde_json::from_str(written.text()?).map_err(|_| written.wrong("a JSON Schema, as a string"))?;
    let text = |name| wrap.get(name).map(|field| field.string()).transpose();
    let output = Output::Schema { name: text("name")?, description: text("description")?, schema, strict: None };
    Ok((Some(output), effort))
}

/// Writes `inferenceConfig`, and says what Converse does not have. `sampling` are `temperature` and `top_p` as far as the
/// model takes them.
pub(super) fn write(call: &Call, sampling: &Map<String, Value>, loss: &mut Loss) -> Map<String, Value> {
    let mut config = Map::new();
    config.extend(call.knobs.max_tokens.map(|most| ("maxTokens".to_owned(), most.into())));
    for (name, own) in [("temperature", "temperature"), ("top_p", "topP")] {
        config.extend(sampling.get(name).map(|value| (own.to_owned(), value.clone())));
    }
    let native = call.extra.dialect == Dialect::Bedrock;
    let fits = |sequence: &&String| native || !sequence.is_empty();
    let stop: Vec<&String> = call.knobs.stop.iter().filter(fits).collect();
    if stop.len() < call.knobs.stop.len() {
        loss.note("knobs.stop", "bedrock takes no empty stop sequence");
    }
    if !stop.is_empty() {
        config.insert("stopSequences".into(), json!(stop));
    }
    config
}

/// `temperature`, `top_p` and `top_k` for models that have no rules of their own for them.
pub(super) fn sampling(call: &Call, target: &WriteFor, loss: &mut Loss) -> Map<String, Value> {
    let Knobs { mut temperature, mut top_p, mut top_k, .. } = call.knobs;
    if target.refuses_sampling {
        let why = "the model takes no sampling parameters";
        for (set, field) in [
            (temperature.take().is_some(), "knobs.temperature"),
            (top_p.take().is_some(), "knobs.top_p"),
            (top_k.take().is_some(), "knobs.top_k"),
        ] {
            if set {
                loss.note(field, why);
            }
        }
    }
    if temperature.is_some_and(|value| value > 1.0) {
        temperature = Some(1.0);
        loss.note("knobs.temperature", "bedrock's highest temperature is 1");
    }
    unknown(&call.knobs, loss);
    let mut fields = Map::new();
    fields.extend(temperature.map(|value| ("temperature".to_owned(), value.into())));
    fields.extend(top_p.map(|value| ("top_p".to_owned(), value.into())));
    fields.extend(top_k.map(|value| ("top_k".to_owned(), value.into())));
    fields
}

fn unknown(knobs: &Knobs, loss: &mut Loss) {
    if knobs.seed.is_some() {
        loss.note("knobs.seed", "bedrock has no seed");
    }
    let penalties =
        [(knobs.frequency_penalty, "knobs.frequency_penalty"), (knobs.presence_penalty, "knobs.presence_penalty")];
    for (penalty, field) in penalties {
        if penalty.is_some_and(|penalty| penalty != 0.0) {
            loss.note(field, "bedrock has no penalties");
        }
    }
}

/// `outputConfig.textFormat` for an answer that follows a schema, and what is said in the system prompt where there is no
/// format for it: Bedrock has no JSON without a schema, and no schema that refers to itself.
pub(super) fn write_output(call: &Call, loss: &mut Loss) -> (Option<Value>, Option<Value>) {
    let (name, description, schema) = match &call.output {
        Output::Text => return (None, None),
        Output::Json => {
            loss.note("output.json", "bedrock knows no JSON without a schema: asked for in the system prompt");
            return (None, Some(json!({"text": JSON_INSTRUCTION})));
        }
        Output::Schema { name, description, schema, .. } => (name, description, schema),
    };
    let native = call.extra.dialect == Dialect::Bedrock;
    let adapted = if native { Ok(schema.clone()) } else { adapt(schema, Subset::Grammar, "output.schema", loss) };
    let Ok(adapted) = adapted else {
        loss.note("output.schema", "bedrock takes no schema that refers to itself: asked for in the system prompt");
        return (None, Some(json!({"text": format!("{JSON_INSTRUCTION} It must follow this JSON Schema: {schema}")})));
    };
    let mut wrap = Map::new();
    wrap.insert("schema".into(), adapted.to_string().into());
    wrap.extend(name.as_ref().map(|name| ("name".to_owned(), name.as_str().into())));
    wrap.extend(description.as_ref().map(|words| ("description".to_owned(), words.as_str().into())));
    (Some(json!({"type": "json_schema", "structure": {"jsonSchema": wrap}})), None)
}

/// `serviceTier`. Of OpenAI's names, `auto` is Bedrock's default behaviour.
pub(super) fn service_tier(call: &Call, loss: &mut Loss) -> Option<Value> {
    let tier = match call.knobs.service_tier.as_deref()? {
        tier @ ("default" | "priority" | "flex" | "reserved") => tier,
        tier if call.extra.dialect == Dialect::Bedrock => tier,
        "standard_only" => "default",
        "auto" => return None,
        _ => {
            loss.note("knobs.service_tier", "bedrock knows default, priority, flex and reserved");
            return None;
        }
    };
    Some(json!({"type": tier}))
}
