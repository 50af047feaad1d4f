//! Sampling and length parameters: <https://ai.google.dev/api/generate-content#v1beta.GenerationConfig>

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::Knobs,
    dialect::{Dialect, Malformed, WriteFor, field::Field},
};

/// Gemini's own bound.
const MOST_STOPS: usize = 5;

/// Reads them from `generationConfig`, and takes what it reads out of `rest`.
pub(super) fn read(config: &Field<'_, '_>, rest: &mut Map<String, Value>) -> Result<Knobs, Malformed> {
    let number = |name, least, most| config.get(name).map(|field| field.number(least, most)).transpose();
    let whole = |name, most| config.get(name).map(|field| field.whole(0, most)).transpose();
    let stop = match config.get("stopSequences") {
        Some(list) => list.items()?.map(|sequence| sequence.string()).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let seed =
        config.get("seed").map(|seed| seed.value.as_i64().ok_or_else(|| seed.wrong("a whole number"))).transpose()?;
    let choices = whole("candidateCount", 128)?;
    let knobs = Knobs {
        max_tokens: whole("maxOutputTokens", u64::MAX)?,
        temperature: number("temperature", 0.0, 2.0)?,
        top_p: number("topP", 0.0, 1.0)?,
        top_k: whole("topK", u64::MAX)?,
        stop,
        choices: choices.and_then(|choices| u32::try_from(choices).ok()),
        seed,
        frequency_penalty: number("frequencyPenalty", -2.0, 2.0)?,
        presence_penalty: number("presencePenalty", -2.0, 2.0)?,
        ..Knobs::default()
    };
    const READ: &[&str] = &[
        "maxOutputTokens",
        "temperature",
        "topP",
        "topK",
        "stopSequences",
        "candidateCount",
        "seed",
        "frequencyPenalty",
        "presencePenalty",
    ];
    rest.retain(|name, _| !READ.contains(&name.as_str()));
    Ok(knobs)
}

/// The tier in canonical words; `SERVICE_TIER_FLEX` is what it was called at first.
pub(super) fn read_tier(tier: &str) -> String {
    let tier = tier.strip_prefix("SERVICE_TIER_").unwrap_or(tier).to_ascii_lowercase();
    if tier == "standard" { "default".to_owned() } else { tier }
}

/// The tier in Google's words.
pub(super) fn write_tier(knobs: &Knobs, loss: &mut Loss) -> Option<Value> {
    match knobs.service_tier.as_deref()? {
        "default" | "standard_only" => Some("standard".into()),
        tier @ ("flex" | "priority") => Some(tier.into()),
        "auto" | "unspecified" => None,
        _ => {
            loss.note("knobs.service_tier", "gemini knows standard, flex and priority");
            None
        }
    }
}

/// Writes them into `generationConfig`.
pub(super) fn write(call: &Call, target: &WriteFor, config: &mut Map<String, Value>, loss: &mut Loss) {
    let knobs = &call.knobs;
    let native = call.extra.dialect == Dialect::Gemini;
    let mut put = |name: &str, value: Option<Value>| config.extend(value.map(|value| (name.to_owned(), value)));
    put("maxOutputTokens", knobs.max_tokens.map(Value::from));
    // Clients of other dialects send penalties of 0, which some models refuse to be told.
    let penalty = |value: Option<f64>| value.filter(|value| native || *value != 0.0);
    let sampling: [(_, _, Option<Value>); 5] = [
        ("temperature", "temperature", knobs.temperature.map(Value::from)),
        ("topP", "top_p", knobs.top_p.map(Value::from)),
        ("topK", "top_k", knobs.top_k.map(Value::from)),
        ("frequencyPenalty", "frequency_penalty", penalty(knobs.frequency_penalty).map(Value::from)),
        ("presencePenalty", "presence_penalty", penalty(knobs.presence_penalty).map(Value::from)),
    ];
    for (name, field, value) in sampling {
        if value.is_some() && target.refuses_sampling {
            loss.note(format!("knobs.{field}"), "the model takes no sampling parameters");
        } else {
            put(name, value);
        }
    }
    let stops = knobs.stop.get(..if native { knobs.stop.len() } else { MOST_STOPS }).unwrap_or(&knobs.stop);
    if stops.len() < knobs.stop.len() {
        loss.note("knobs.stop", "gemini takes five stop sequences");
    }
    put("stopSequences", (!stops.is_empty()).then(|| json!(stops)));
    put("candidateCount", knobs.choices.filter(|choices| native || *choices != 1).map(Value::from));
    let seed = knobs.seed.filter(|seed| i32::try_from(*seed).is_ok());
    if seed.is_none() && knobs.seed.is_some() {
        loss.note("knobs.seed", "gemini's seed has 32 bits");
    }
    put("seed", seed.map(Value::from));
    if knobs.user.is_some() {
        loss.note("knobs.user", "gemini is not told of end users");
    }
}
