use serde_json::{Map, Value, json};

use super::{contents, knobs, output, thinking, tools};
use crate::{
    Call, Loss,
    dialect::{Dialect, Malformed, WriteFor, gemini::part::Scribe},
};

/// Writes a question, and says what it could not carry. Model and streaming stand in the path.
///
/// # Errors
/// Content that Gemini cannot say is refused by name, never dropped.
pub fn write(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let (body, loss) = body(call, target)?;
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}

pub(in super::super) fn body(call: &Call, target: &WriteFor) -> Result<(Map<String, Value>, Loss), Malformed> {
    check(call)?;
    let mut scribe = Scribe::new(call, target.foreign_thinking);
    let mut conversation = contents::write(call, &mut scribe)?;
    let mut loss = scribe.loss;
    let mut config = Map::new();
    knobs::write(call, target, &mut config, &mut loss);
    let in_words = output::write(call, &mut config, &mut loss);
    conversation.system.extend(in_words.map(|words| json!({"text": words})));
    put(&mut config, "thinkingConfig", thinking::write(call, target, &mut loss));

    let mut body = Map::new();
    body.insert("contents".into(), conversation.contents.into());
    let system = (!conversation.system.is_empty()).then(|| json!({"parts": conversation.system}));
    put(&mut body, "systemInstruction", system);
    put(&mut body, "tools", tools::write(call, &mut loss)?);
    let choice = tools::write_choice(call, &mut loss);
    put(&mut body, "toolConfig", choice.map(|choice| json!({"functionCallingConfig": choice})));
    put(&mut body, "generationConfig", (!config.is_empty()).then(|| config.into()));
    put(&mut body, "serviceTier", knobs::write_tier(&call.knobs, &mut loss));
    extra(call, &mut body, &mut loss);
    Ok((body, loss))
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    object.extend(value.map(|value| (name.to_owned(), value)));
}

/// Refuses what would give the caller another answer than it reckons with.
fn check(call: &Call) -> Result<(), Malformed> {
    let spoken = |modality: &Value| modality.as_str() == Some("audio");
    let modalities = call.extra.fields.get("modalities").and_then(Value::as_array);
    if call.extra.dialect != Dialect::Gemini && modalities.is_some_and(|list| list.iter().any(spoken)) {
        let message = "modalities asks for audio, but Gemini's chat models answer in text".to_owned();
        return Err(Malformed { field: Some("modalities".to_owned()), message });
    }
    Ok(())
}

/// Google's own further fields go back where they were; another dialect's are lost, by name.
fn extra(call: &Call, body: &mut Map<String, Value>, loss: &mut Loss) {
    for (name, value) in &call.extra.fields {
        if call.extra.dialect != Dialect::Gemini {
            // `"store": false`, `"logprobs": null` and `"modalities": ["text"]` ask for nothing.
            let idle = value.is_null() || *value == json!(false) || *value == json!(["text"]);
            if !idle {
                loss.note(format!("extra.{name}"), "gemini does not know the field");
            }
            continue;
        }
        merge(body, name, value);
    }
}

fn merge(object: &mut Map<String, Value>, name: &str, value: &Value) {
    match (object.get_mut(name).and_then(Value::as_object_mut), value) {
        (Some(object), Value::Object(rest)) => rest.iter().for_each(|(name, value)| merge(object, name, value)),
        _ => {
            object.insert(name.to_owned(), value.clone());
        }
    }
}
