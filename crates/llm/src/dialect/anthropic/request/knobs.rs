//! Sampling, thinking and the form of the answer.
//!
//! Effort of other dialects becomes adaptive thinking with `output_config.effort`; for models that think by budget, a
//! budget. Thinking excludes forced tools and most sampling parameters; what gives way is a loss.
//! <https://docs.anthropic.com/en/docs/build-with-claude/adaptive-thinking>

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::{Knobs, Output, Reasoning, ToolChoice},
    dialect::{
        Dialect, Malformed, WriteFor,
        field::Field,
        schema::{Recursive, Subset, adapt},
    },
    json::Json,
};

/// Reads `thinking` and `output_config.effort`. What of them has no canonical place goes to `rest`.
pub(super) fn read_reasoning(
    root: &Field<'_, '_>,
    rest: &mut Map<String, Value>,
) -> Result<Option<Reasoning>, Malformed> {
    let mut reasoning = Reasoning::default();
    if let Some(thinking) = root.get("thinking") {
        keep_rest(&thinking, "thinking", &["type", "budget_tokens", "display"], rest)?;
        let kind = thinking.need("type", "\"enabled\", \"adaptive\" or \"disabled\"")?;
        match kind.text()? {
            "enabled" => {
                let budget = thinking.need("budget_tokens", "a whole number of at least 1024")?;
                reasoning.enabled = Some(true);
                reasoning.budget_tokens = Some(budget.whole(1, u64::MAX)?);
            }
            "adaptive" => reasoning.adaptive = true,
            "disabled" => reasoning.enabled = Some(false),
            _ => return Err(kind.wrong("\"enabled\", \"adaptive\" or \"disabled\"")),
        }
        reasoning.display = thinking.get("display").map(|display| display.string()).transpose()?;
    }
    if let Some(config) = root.get("output_config") {
        keep_rest(&config, "output_config", &["effort", "format"], rest)?;
        reasoning.effort = config.get("effort").map(|effort| effort.string()).transpose()?;
    }
    Ok((reasoning != Reasoning::default()).then_some(reasoning))
}

/// Reads `output_config.format`, or `output_format` as it was called before.
pub(super) fn read_output(root: &Field<'_, '_>) -> Result<Output, Malformed> {
    let read = |format: Field<'_, '_>| {
        let kind = format.need("type", "\"json_schema\"")?;
        if kind.text()? != "json_schema" {
            return Err(kind.wrong("\"json_schema\""));
        }
        let schema = format.need("schema", "a JSON Schema")?.value.to_value();
        Ok(Output::Schema { name: None, description: None, schema, strict: None })
    };
    if let Some(config) = root.get("output_config")
        && let Some(format) = config.get("format")
    {
        return read(format);
    }
    root.get("output_format").map_or(Ok(Output::Text), read)
}

/// Keeps the fields of an object that have no canonical place under the object's name.
pub(super) fn keep_rest(
    object: &Field<'_, '_>,
    name: &str,
    known: &[&str],
    rest: &mut Map<String, Value>,
) -> Result<(), Malformed> {
    let mut fields = object.object()?.to_map();
    fields.retain(|name, _| !known.contains(&name.as_str()));
    if !fields.is_empty() {
        rest.insert(name.to_owned(), fields.into());
    }
    Ok(())
}

/// How the model is asked to think.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Thought {
    /// The `thinking` object.
    pub thinking: Option<Value>,
    /// `output_config.effort`.
    pub effort: Option<String>,
    /// The model thinks visibly: no forced tools, hardly any sampling.
    pub thinks: bool,
}

/// Writes the reasoning knobs.
pub(in crate::dialect) fn write_reasoning(call: &Call, target: &WriteFor, max_tokens: u64, loss: &mut Loss) -> Thought {
    let Some(asked) = &call.knobs.reasoning else { return Thought::default() };
    // Bedrock's clients speak of thinking in Anthropic's words.
    let native = matches!(call.extra.dialect, Dialect::Anthropic | Dialect::Bedrock);
    if target.refuses_reasoning {
        if asked.enabled != Some(false) && asked.effort.as_deref() != Some("none") {
            loss.note("knobs.reasoning", "the model does not think");
        }
        return Thought::default();
    }
    let effort =
        asked.effort.as_deref().and_then(|effort| if native { Some(effort) } else { known_effort(effort, loss) });
    let forced = matches!(call.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
    let off = asked.enabled == Some(false) || (!native && asked.effort.as_deref() == Some("none"));
    let implied = !native && !off && (asked.enabled == Some(true) || effort.is_some());
    let mut thinking = match asked.budget_tokens {
        _ if off && target.thinks_always => {
            loss.note("knobs.reasoning", "the model always thinks");
            None
        }
        _ if off => Some(json!({"type": "disabled"})),
        Some(budget) => Some(json!({"type": "enabled", "budget_tokens": budget})),
        None if implied && forced && !asked.adaptive => {
            loss.note("knobs.reasoning", "anthropic cannot think when a tool is forced");
            None
        }
        None if !asked.adaptive && !implied => None,
        None if target.thinks_by_budget => by_budget(effort, max_tokens, loss),
        None => Some(json!({"type": "adaptive"})),
    };
    let thinks = !off && thinking.is_some();
    if let (true, Some(display), Some(fields)) =
        (thinks, &asked.display, thinking.as_mut().and_then(Value::as_object_mut))
    {
        fields.insert("display".into(), display.as_str().into());
    }
    if target.thinks_by_budget && effort.is_some() && (!thinks || asked.budget_tokens.is_some()) {
        loss.note("knobs.reasoning.effort", "the model takes a budget in place of an effort");
    }
    Thought { thinking, effort: effort.filter(|_| !target.thinks_by_budget).map(str::to_owned), thinks }
}

/// Asks for JSON where no field does.
pub(in crate::dialect) const JSON_INSTRUCTION: &str =
    "Answer with one valid JSON object and nothing else: no code fence, no comment.";

/// `output_config.format` for an answer that follows a schema, and what is said in the system prompt where there is no
/// format for it: Anthropic has no JSON without a schema, and no schema that refers to itself. The schema's name steers
/// nothing and is not missed.
pub(super) fn write_format(call: &Call, loss: &mut Loss) -> (Option<Value>, Option<Value>) {
    let (description, schema) = match &call.output {
        Output::Text => return (None, None),
        Output::Json => {
            loss.note("output.json", "anthropic knows no JSON without a schema: asked for in the system prompt");
            return (None, Some(json!({"type": "text", "text": JSON_INSTRUCTION})));
        }
        Output::Schema { description, schema, .. } => (description, schema),
    };
    if description.is_some() {
        loss.note("output.description", "anthropic has no description of a schema but its own");
    }
    let native = call.extra.dialect == Dialect::Anthropic;
    let adapted = if native { Ok(schema.clone()) } else { adapt(schema, Subset::Grammar, "output.schema", loss) };
    match adapted {
        Ok(schema) => (Some(json!({"type": "json_schema", "schema": schema})), None),
        Err(Recursive) => {
            loss.note(
                "output.schema",
                "anthropic takes no schema that refers to itself: asked for in the system prompt",
            );
            let text = format!("{JSON_INSTRUCTION} It must follow this JSON Schema: {schema}");
            (None, Some(json!({"type": "text", "text": text})))
        }
    }
}

/// Writes the sampling parameters and says which ones Anthropic does not have.
pub(in crate::dialect) fn write_sampling(
    call: &Call,
    target: &WriteFor,
    thinks: bool,
    loss: &mut Loss,
) -> [(&'static str, Option<Json<'static>>); 3] {
    let Knobs { mut temperature, mut top_p, mut top_k, .. } = call.knobs;
    let refused = |set: bool, field: &'static str, why: &'static str, loss: &mut Loss| {
        if set {
            loss.note(field, why);
        }
    };
    if target.refuses_sampling {
        let why = "the model takes no sampling parameters";
        refused(temperature.take().is_some(), "knobs.temperature", why, loss);
        refused(top_p.take().is_some(), "knobs.top_p", why, loss);
        refused(top_k.take().is_some(), "knobs.top_k", why, loss);
    } else if thinks {
        let why = "anthropic does not take it while the model thinks";
        refused(temperature.take_if(|value| *value != 1.0).is_some(), "knobs.temperature", why, loss);
        refused(top_p.take_if(|value| *value < 0.95).is_some(), "knobs.top_p", why, loss);
        refused(top_k.take().is_some(), "knobs.top_k", why, loss);
    }
    if call.extra.dialect != Dialect::Anthropic {
        if temperature.is_some_and(|value| value > 1.0) {
            temperature = Some(1.0);
            loss.note("knobs.temperature", "anthropic's highest temperature is 1");
        }
        // Anthropic's newer models refuse the two together. At 1, either says nothing.
        if temperature.is_some() && top_p.is_some() && top_p.take_if(|value| *value == 1.0).is_none() {
            let idle = temperature.take_if(|value| *value == 1.0).is_some();
            refused(
                !idle && top_p.take().is_some(),
                "knobs.top_p",
                "anthropic takes it or temperature, not both",
                loss,
            );
        }
    }
    let knobs = &call.knobs;
    refused(knobs.seed.is_some(), "knobs.seed", "anthropic has no seed", loss);
    let set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    refused(set(knobs.frequency_penalty), "knobs.frequency_penalty", "anthropic has no penalties", loss);
    refused(set(knobs.presence_penalty), "knobs.presence_penalty", "anthropic has no penalties", loss);
    [("temperature", temperature.map(Json::from)), ("top_p", top_p.map(Json::from)), ("top_k", top_k.map(Json::from))]
}

/// Another dialect's effort in Anthropic's words.
fn known_effort<'a>(effort: &'a str, loss: &mut Loss) -> Option<&'a str> {
    match effort {
        "low" | "medium" | "high" | "xhigh" | "max" => Some(effort),
        "none" => None,
        "minimal" => {
            loss.note("knobs.reasoning.effort", "anthropic's least effort is low");
            Some("low")
        }
        _ => {
            loss.note("knobs.reasoning.effort", "anthropic does not know this effort");
            None
        }
    }
}

/// A budget that leaves at least half of the answer to be spoken.
fn by_budget(effort: Option<&str>, max_tokens: u64, loss: &mut Loss) -> Option<Value> {
    /// Anthropic refuses less.
    const LEAST: u64 = 1024;
    let wanted = match effort {
        Some("low") => 2048,
        Some("high") => 16_384,
        Some("xhigh") => 24_576,
        Some("max") => 32_000,
        _ => 8192,
    };
    let budget = wanted.min(max_tokens / 2);
    if budget < LEAST {
        loss.note("knobs.reasoning", "max_tokens leaves no room to think");
        return None;
    }
    Some(json!({"type": "enabled", "budget_tokens": budget}))
}
