//! `additionalModelRequestFields`: what the makers of models call thinking and `top_k`.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html>

use serde_json::{Map, Value, json};

use super::super::family::Family;
use crate::{
    Call, Loss,
    call::Reasoning,
    dialect::{Dialect, Malformed, field::Field},
    json::Json,
};

const FIELD: &str = "additionalModelRequestFields";

/// What of the additional fields has a canonical place.
#[derive(Debug, Default)]
pub(super) struct More {
    pub top_k: Option<u64>,
    pub knobs: Reasoning,
}

/// Reads the additional fields. What has no canonical place stays in `rest`, where it was.
pub(super) fn read(root: &Field<'_, '_>, rest: &mut Map<String, Value>) -> Result<More, Malformed> {
    let Some(field) = root.get(FIELD) else { return Ok(More::default()) };
    let mut fields: Map<String, Value> = field.object()?.to_map();
    let mut more = More::default();
    if let Some(top_k) = field.get("top_k") {
        more.top_k = Some(top_k.whole(0, u64::MAX)?);
        fields.shift_remove("top_k");
    } else if let Some(top_k) = field.value.pointer("/inferenceConfig/topK").and_then(Json::as_u64) {
        more.top_k = Some(top_k);
        let inner = fields.get_mut("inferenceConfig").and_then(Value::as_object_mut);
        if inner.is_some_and(|inner| inner.shift_remove("topK").is_some() && inner.is_empty()) {
            fields.shift_remove("inferenceConfig");
        }
    }
    // `reasoning_config` is what Bedrock's own pages called it first.
    for name in ["thinking", "reasoning_config"] {
        if let Some(thinking) = field.get(name)
            && understood(thinking.value)
        {
            read_thinking(&thinking, &mut more.knobs)?;
            fields.shift_remove(name);
        }
    }
    if let Some(effort) = field.get("reasoning_effort") {
        more.knobs.effort = Some(effort.string()?);
        fields.shift_remove("reasoning_effort");
    }
    if !fields.is_empty() {
        rest.insert(FIELD.to_owned(), fields.into());
    }
    Ok(more)
}

/// Whether a `thinking` object says nothing that has no canonical place.
fn understood(thinking: &Json<'_>) -> bool {
    thinking
        .as_object()
        .is_some_and(|thinking| thinking.keys().all(|name| ["type", "budget_tokens", "display"].contains(&name)))
}

fn read_thinking(thinking: &Field<'_, '_>, reasoning: &mut Reasoning) -> Result<(), Malformed> {
    const RIGHT: &str = "\"enabled\", \"adaptive\" or \"disabled\"";
    let kind = thinking.need("type", RIGHT)?;
    match kind.text()? {
        "enabled" => {
            reasoning.enabled = Some(true);
            reasoning.budget_tokens =
                thinking.get("budget_tokens").map(|budget| budget.whole(1, u64::MAX)).transpose()?;
        }
        "adaptive" => reasoning.adaptive = true,
        "disabled" => reasoning.enabled = Some(false),
        _ => return Err(kind.wrong(RIGHT)),
    }
    reasoning.display = thinking.get("display").map(|display| display.string()).transpose()?;
    Ok(())
}

/// Writes the additional fields: the caller's own, `top_k` and thinking in the words of the model's maker.
pub(super) fn write(
    call: &Call,
    family: Family,
    top_k: Option<&Value>,
    thinking: Option<Value>,
    loss: &mut Loss,
) -> Option<Value> {
    let own = call.extra.fields.get(FIELD).filter(|_| call.extra.dialect == Dialect::Bedrock);
    let mut fields = own.and_then(Value::as_object).cloned().unwrap_or_default();
    match (top_k, family.top_k()) {
        (Some(top_k), Some([outer, inner])) => {
            let outer = fields.entry(*outer).or_insert_with(|| json!({}));
            if let Some(outer) = outer.as_object_mut() {
                outer.insert((*inner).to_owned(), top_k.clone());
            }
        }
        (Some(top_k), Some(names)) => fields.extend(names.iter().map(|name| ((*name).to_owned(), top_k.clone()))),
        (Some(_), None) => loss.note("knobs.top_k", "the model has no top_k"),
        (None, _) => {}
    }
    fields.extend(thinking.map(|thinking| ("thinking".to_owned(), thinking)));
    let told = family == Family::Anthropic || (family == Family::Other && call.extra.dialect == Dialect::Bedrock);
    if let (false, Some(reasoning)) = (told, &call.knobs.reasoning) {
        other_thinking(reasoning, family, &mut fields, loss);
    }
    (!fields.is_empty()).then(|| fields.into())
}

/// Thinking of models that are not Anthropic's.
///
/// <https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>,
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html>
fn other_thinking(reasoning: &Reasoning, family: Family, fields: &mut Map<String, Value>, loss: &mut Loss) {
    let off = reasoning.enabled == Some(false) || reasoning.effort.as_deref() == Some("none");
    let effort = match reasoning.effort.as_deref() {
        Some("minimal" | "low") => Some("low"),
        Some("high" | "xhigh" | "max") => Some("high"),
        Some("medium") => Some("medium"),
        _ if reasoning.enabled == Some(true) || reasoning.adaptive => Some("medium"),
        _ => None,
    };
    match (family, effort) {
        (Family::Nova, _) if off => {
            fields.insert("reasoningConfig".into(), json!({"type": "disabled"}));
        }
        (Family::Nova, Some(effort)) => {
            fields.insert("reasoningConfig".into(), json!({"type": "enabled", "maxReasoningEffort": effort}));
        }
        (Family::OpenAi, Some(effort)) if !off => {
            fields.insert("reasoning_effort".into(), effort.into());
        }
        _ if !off => loss.note("knobs.reasoning", "bedrock has no common way to tell this model to think"),
        _ => {}
    }
    if reasoning.budget_tokens.is_some() {
        loss.note("knobs.reasoning.budget_tokens", "the model takes no budget");
    }
}
