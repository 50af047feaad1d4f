//! Sampling and length parameters, both ways.

use serde_json::{Map, Value, json};

use crate::{
    Loss,
    call::{Knobs, Reasoning},
    dialect::{Malformed, WriteFor, field::Field},
};

/// Cohere's bounds: <https://docs.cohere.com/reference/chat#request.body.p>
const P: (f64, f64) = (0.01, 0.99);
const MOST_K: u64 = 500;
const MOST_STOPS: usize = 5;
const MOST_TOKENS: u64 = 1 << 32;

pub(super) fn read(root: &Field<'_, '_>) -> Result<Knobs, Malformed> {
    let number = |name, least, most| root.get(name).map(|field| field.number(least, most)).transpose();
    let whole = |name, least, most| root.get(name).map(|field| field.whole(least, most)).transpose();
    let stops = root.get("stop_sequences");
    let stops = stops.as_ref().map(Field::items).transpose()?.into_iter().flatten();
    let seed = root.get("seed").map(|seed| seed.value.as_i64().ok_or_else(|| seed.wrong("a whole number")));
    Ok(Knobs {
        max_tokens: whole("max_tokens", 1, MOST_TOKENS)?,
        temperature: number("temperature", 0.0, 5.0)?,
        top_p: number("p", 0.0, 1.0)?,
        // 0 switches it off, as leaving it out does.
        top_k: whole("k", 0, MOST_K)?.filter(|k| *k > 0),
        stop: stops.map(|stop| stop.string()).collect::<Result<_, _>>()?,
        seed: seed.transpose()?,
        frequency_penalty: number("frequency_penalty", 0.0, 1.0)?,
        presence_penalty: number("presence_penalty", 0.0, 1.0)?,
        reasoning: root.get("thinking").map(|thinking| read_thinking(&thinking)).transpose()?,
        ..Knobs::default()
    })
}

fn read_thinking(thinking: &Field<'_, '_>) -> Result<Reasoning, Malformed> {
    let kind = thinking.need("type", "enabled or disabled")?;
    let enabled = match kind.text()? {
        "enabled" => true,
        "disabled" => false,
        _ => return Err(kind.wrong("enabled or disabled")),
    };
    let budget_tokens = thinking.get("token_budget").map(|budget| budget.whole(1, MOST_TOKENS)).transpose()?;
    Ok(Reasoning { enabled: Some(enabled), budget_tokens, ..Reasoning::default() })
}

pub(super) fn write(knobs: &Knobs, target: &WriteFor, body: &mut Map<String, Value>, loss: &mut Loss) {
    let mut put = |name: &str, value: Option<Value>| body.extend(value.map(|value| (name.to_owned(), value)));
    put("max_tokens", knobs.max_tokens.map(Value::from));
    put("temperature", knobs.temperature.map(Value::from));
    put("p", knobs.top_p.map(|p| json!(p.clamp(P.0, P.1))));
    put("k", knobs.top_k.map(|k| json!(k.min(MOST_K))));
    put("seed", knobs.seed.map(Value::from));
    let penalties = [("frequency_penalty", knobs.frequency_penalty), ("presence_penalty", knobs.presence_penalty)];
    for (name, value) in penalties {
        if value.is_some_and(|value| !(0.0..=1.0).contains(&value)) {
            loss.note(format!("knobs.{name}"), "cohere's is from 0 to 1");
        }
        put(name, value.map(|value| json!(value.clamp(0.0, 1.0))));
    }
    if let Some(stops) = knobs.stop.get(..knobs.stop.len().min(MOST_STOPS)).filter(|stops| !stops.is_empty()) {
        put("stop_sequences", Some(json!(stops)));
    }
    put("thinking", knobs.reasoning.as_ref().and_then(|reasoning| write_thinking(reasoning, target, loss)));
    let lost = [
        (knobs.stop.len() > MOST_STOPS, "knobs.stop", "cohere takes five"),
        (knobs.choices.is_some_and(|choices| choices > 1), "knobs.choices", "cohere gives one answer"),
        (knobs.service_tier.is_some(), "knobs.service_tier", "cohere has no tiers"),
        (knobs.user.is_some(), "knobs.user", "cohere does not ask for whom"),
    ];
    for (said, field, why) in lost {
        if said {
            loss.note(field, why);
        }
    }
}

/// On, off, and a budget; an effort is on, but for `none`.
fn write_thinking(reasoning: &Reasoning, target: &WriteFor, loss: &mut Loss) -> Option<Value> {
    let off = reasoning.enabled == Some(false) || reasoning.effort.as_deref() == Some("none");
    if target.refuses_reasoning {
        if !off {
            loss.note("knobs.reasoning", "the model does not reason");
        }
        return None;
    }
    if off {
        return Some(json!({"type": "disabled"}));
    }
    if reasoning.effort.is_some() || reasoning.display.is_some() {
        loss.note("knobs.reasoning", "cohere knows on, off and a budget");
    }
    Some(match reasoning.budget_tokens {
        Some(budget) => json!({"type": "enabled", "token_budget": budget}),
        None => json!({"type": "enabled"}),
    })
}
