//! `thinkingConfig`: <https://ai.google.dev/gemini-api/docs/thinking>
//!
//! Models from Gemini 3 on take a level, those of 2.5 a budget. The two are matched as Google matches them for clients of
//! OpenAI: <https://ai.google.dev/gemini-api/docs/openai#thinking>

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::Reasoning,
    dialect::{Dialect, Malformed, WriteFor, field::Field, gemini::family::Family},
};

/// Reads it from `generationConfig`, and takes what it reads out of `rest`.
pub(super) fn read(config: &Field<'_, '_>, rest: &mut Map<String, Value>) -> Result<Option<Reasoning>, Malformed> {
    let Some(thinking) = config.get("thinkingConfig") else { return Ok(None) };
    let mut reasoning = Reasoning::default();
    if let Some(shown) = thinking.get("includeThoughts") {
        reasoning.display = Some(if shown.boolean()? { "summarized" } else { "omitted" }.to_owned());
    }
    if let Some(budget) = thinking.get("thinkingBudget") {
        match budget.value.as_i64() {
            Some(-1) => reasoning.adaptive = true,
            Some(0) => reasoning.enabled = Some(false),
            _ => {
                reasoning.enabled = Some(true);
                reasoning.budget_tokens = Some(budget.whole(1, u64::MAX)?);
            }
        }
    }
    if let Some(level) = thinking.get("thinkingLevel") {
        reasoning.effort = Some(level.text()?.to_ascii_lowercase()).filter(|level| !level.ends_with("unspecified"));
    }
    let mut further = thinking.object()?.to_map();
    further.retain(|name, _| !["includeThoughts", "thinkingBudget", "thinkingLevel"].contains(&name.as_str()));
    rest.shift_remove("thinkingConfig");
    if !further.is_empty() {
        rest.insert("thinkingConfig".to_owned(), further.into());
    }
    Ok(Some(reasoning))
}

/// Writes it.
pub(super) fn write(call: &Call, target: &WriteFor, loss: &mut Loss) -> Option<Value> {
    let asked = call.knobs.reasoning.as_ref()?;
    let family = Family::of(&call.model);
    let native = call.extra.dialect == Dialect::Gemini;
    let off = asked.enabled == Some(false) || asked.effort.as_deref() == Some("none");
    if !native && (target.refuses_reasoning || !family.thinks()) {
        if !off {
            loss.note("knobs.reasoning", "the model does not think");
        }
        return None;
    }
    let mut config = Map::new();
    let shown = match asked.display.as_deref() {
        Some(display) => Some(display != "omitted"),
        // Who asks for thought in another dialect is shown it.
        None => (!native && !off).then_some(true),
    };
    config.extend(shown.map(|shown| ("includeThoughts".to_owned(), shown.into())));
    if native {
        as_asked(asked, &mut config);
    } else if family.thinks_by_level() {
        config.extend(level(asked, off, family, loss).map(|level| ("thinkingLevel".to_owned(), level.into())));
    } else {
        config.extend(budget(asked, off, family, loss).map(|budget| ("thinkingBudget".to_owned(), budget.into())));
    }
    Some(config.into())
}

fn as_asked(asked: &Reasoning, config: &mut Map<String, Value>) {
    let budget = match (asked.enabled, asked.budget_tokens) {
        (Some(false), _) => Some(json!(0)),
        (_, Some(budget)) => Some(json!(budget)),
        _ => asked.adaptive.then(|| json!(-1)),
    };
    config.extend(budget.map(|budget| ("thinkingBudget".to_owned(), budget)));
    let level = asked.effort.as_ref().map(|effort| effort.to_ascii_uppercase());
    config.extend(level.map(|level| ("thinkingLevel".to_owned(), level.into())));
}

/// The level that comes nearest; `None` leaves it to the model.
fn level(asked: &Reasoning, off: bool, family: Family, loss: &mut Loss) -> Option<&'static str> {
    if off {
        loss.note("knobs.reasoning", "the model always thinks");
        return Some(least(family));
    }
    if asked.effort.is_none() && asked.budget_tokens.is_some() {
        loss.note("knobs.reasoning.budget_tokens", "said as thinkingLevel");
    }
    match (asked.effort.as_deref(), asked.budget_tokens) {
        (Some("minimal"), _) => Some(least(family)),
        (Some("low"), _) | (None, Some(..=2048)) => Some("LOW"),
        (Some("medium"), _) | (None, Some(..=8192)) => Some("MEDIUM"),
        (Some("high"), _) | (None, Some(_)) => Some("HIGH"),
        (Some("xhigh" | "max"), _) => {
            loss.note("knobs.reasoning.effort", "gemini's highest level is high");
            Some("HIGH")
        }
        (Some(_), _) => {
            loss.note("knobs.reasoning.effort", "gemini does not know this effort");
            None
        }
        (None, None) => None,
    }
}

fn least(family: Family) -> &'static str {
    if family.pro { "LOW" } else { "MINIMAL" }
}

/// The budget that comes nearest; -1 leaves it to the model.
fn budget(asked: &Reasoning, off: bool, family: Family, loss: &mut Loss) -> Option<i64> {
    let (least, most) = if family.pro { (128, 32_768) } else { (0, 24_576) };
    if off {
        if family.pro {
            loss.note("knobs.reasoning", "the model always thinks");
        }
        return Some(least);
    }
    let wanted = match (asked.budget_tokens, asked.effort.as_deref()) {
        (Some(budget), _) => i64::try_from(budget).unwrap_or(i64::MAX),
        (None, Some("minimal" | "low")) => 1024,
        (None, Some("medium")) => 8192,
        (None, Some("high")) => 24_576,
        (None, Some("xhigh" | "max")) => most,
        (None, Some(_)) => {
            loss.note("knobs.reasoning.effort", "gemini does not know this effort");
            return None;
        }
        (None, None) => return (asked.adaptive || asked.enabled == Some(true)).then_some(-1),
    };
    Some(wanted.clamp(least, most))
}
