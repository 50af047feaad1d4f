//! Sampling and length parameters, both ways.

use crate::{
    Loss,
    call::{Knobs, Reasoning},
    dialect::{Malformed, WriteFor, field::Field},
    json::{Json, Object},
};

/// Above every model's output, below every overflow.
const MOST_TOKENS: u64 = 1 << 32;
/// OpenAI's own bound.
const MOST_CHOICES: u64 = 128;

pub(in crate::dialect) fn read(root: &Field<'_, '_>) -> Result<Knobs, Malformed> {
    let number = |name, least, most| root.get(name).map(|field| field.number(least, most)).transpose();
    let text = |name| root.get(name).map(|field| field.string()).transpose();
    let effort = text("reasoning_effort")?;
    // `logprobs`, `logit_bias` and the like stay in `extra`; a `seed` beyond i64 is nobody's.
    let seed =
        root.get("seed").map(|seed| seed.value.as_i64().ok_or_else(|| seed.wrong("a whole number"))).transpose()?;
    let choices = root.get("n").map(|n| n.whole(1, MOST_CHOICES)).transpose()?;
    Ok(Knobs {
        max_tokens: read_max_tokens(root)?,
        temperature: number("temperature", 0.0, 2.0)?,
        top_p: number("top_p", 0.0, 1.0)?,
        // Vendors' own `top_k` stays in `extra`: OpenAI refuses it, so that writing it must not be a matter of course.
        top_k: None,
        stop: read_stop(root)?,
        choices: choices.and_then(|n| u32::try_from(n).ok()),
        seed,
        frequency_penalty: number("frequency_penalty", -2.0, 2.0)?,
        presence_penalty: number("presence_penalty", -2.0, 2.0)?,
        reasoning: effort.map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }),
        service_tier: text("service_tier")?,
        // The newer name for the same. Written as `user`, which every server knows.
        user: text("user")?.or(text("safety_identifier")?),
    })
}

fn read_max_tokens(root: &Field<'_, '_>) -> Result<Option<u64>, Malformed> {
    let read = |name| root.get(name).map(|field| field.whole(1, MOST_TOKENS)).transpose();
    match (read("max_completion_tokens")?, read("max_tokens")?) {
        (Some(new), Some(old)) if new != old => Err(Malformed {
            field: Some("max_tokens".to_owned()),
            message: format!("max_tokens ({old}) contradicts max_completion_tokens ({new}): send only the latter"),
        }),
        (new, old) => Ok(new.or(old)),
    }
}

fn read_stop(root: &Field<'_, '_>) -> Result<Vec<String>, Malformed> {
    let Some(stop) = root.get("stop") else { return Ok(Vec::new()) };
    match stop.value {
        Json::String(text) => Ok(vec![text.clone().into_owned()]),
        Json::Array(_) => stop.items()?.map(|text| text.string()).collect(),
        _ => Err(stop.wrong("a string or a list of strings")),
    }
}

pub(in crate::dialect) fn write<'c>(knobs: &'c Knobs, target: &WriteFor, body: &mut Object<'c>, loss: &mut Loss) {
    let mut put = |name: &'static str, value: Option<Json<'c>>| {
        if let Some(value) = value {
            body.set(name, value);
        }
    };
    let limit = if target.wants_max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    put(limit, knobs.max_tokens.map(Json::from));
    let sampling = [
        ("temperature", knobs.temperature),
        ("top_p", knobs.top_p),
        ("frequency_penalty", knobs.frequency_penalty),
        ("presence_penalty", knobs.presence_penalty),
    ];
    for (name, value) in sampling {
        match value {
            Some(_) if target.refuses_sampling => {
                loss.note(format!("knobs.{name}"), "the model refuses sampling parameters")
            }
            value => put(name, value.map(Json::from)),
        }
    }
    if knobs.top_k.is_some() {
        loss.note("knobs.top_k", "openai_chat has no top_k");
    }
    put(
        "stop",
        match knobs.stop.as_slice() {
            [] => None,
            [only] => Some(only.into()),
            several => Some(Json::Array(several.iter().map(Json::from).collect())),
        },
    );
    put("n", knobs.choices.map(Json::from));
    put("seed", knobs.seed.map(Json::from));
    put("reasoning_effort", write_effort(knobs.reasoning.as_ref(), target, loss).map(Json::from));
    // Anthropic's word for "no better tier than the one paid for".
    let tier = knobs.service_tier.as_deref().map(|tier| if tier == "standard_only" { "default" } else { tier });
    put("service_tier", tier.map(Json::from));
    put("user", knobs.user.as_deref().map(Json::from));
}

/// The effort that comes nearest. A budget of at most 2,048 tokens is `low`, of at most 8,192 `medium`, of more `high`;
/// thinking switched on without a budget is `medium`; adaptive thinking is what these models do unasked.
pub(in crate::dialect) fn write_effort(
    reasoning: Option<&Reasoning>,
    target: &WriteFor,
    loss: &mut Loss,
) -> Option<String> {
    let reasoning = reasoning?;
    if target.refuses_reasoning {
        if reasoning.enabled != Some(false) && reasoning.effort.as_deref() != Some("none") {
            loss.note("knobs.reasoning", "the model does not reason");
        }
        return None;
    }
    if reasoning.display.is_some() {
        loss.note("knobs.reasoning.display", "openai_chat has no such choice");
    }
    if let Some(effort) = &reasoning.effort {
        return Some(effort.clone());
    }
    if reasoning.enabled == Some(false) {
        return Some("none".to_owned());
    }
    if let Some(budget) = reasoning.budget_tokens {
        loss.note("knobs.reasoning.budget_tokens", "said as reasoning_effort");
        let effort = match budget {
            0..=2048 => "low",
            2049..=8192 => "medium",
            _ => "high",
        };
        return Some(effort.to_owned());
    }
    (reasoning.enabled == Some(true) && !reasoning.adaptive).then(|| "medium".to_owned())
}
