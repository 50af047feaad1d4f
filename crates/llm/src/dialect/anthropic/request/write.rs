use super::{knobs, marks, messages, tools};
use serde_json::{Value, json};

use crate::{
    Call, Loss,
    dialect::{
        Dialect, Malformed, WriteFor,
        anthropic::block::{Blocks, string_or_blocks},
    },
    json::{Json, Object},
};

/// Writes a question, and says what it could not carry.
///
/// # Errors
/// Content that Anthropic Messages cannot say is refused by name, never dropped.
pub fn write(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let (body, loss) = body(call, target)?;
    Ok((Json::from(body).to_bytes(), loss))
}

/// What Anthropic, which insists on a limit, is told if neither caller nor catalogue knows one: every model takes it.
const FALLBACK_MAX_TOKENS: u64 = 4096;

pub(super) fn body<'c>(call: &'c Call, target: &WriteFor) -> Result<(Object<'c>, Loss), Malformed> {
    check(call)?;
    let native = call.extra.dialect == Dialect::Anthropic;
    let mut blocks = Blocks {
        native,
        replayed: true,
        foreign_thinking: target.foreign_thinking,
        ignores_cache_marks: target.ignores_cache_marks,
        loss: Loss::none(),
    };
    let mut conversation = messages::write(call, target.takes_system_turns, &mut blocks)?;
    let mut loss = blocks.loss;
    let (format, in_words) = knobs::write_format(call, &mut loss);
    conversation.system.extend(in_words.map(Json::from));
    let max_tokens = call.knobs.max_tokens.or(target.max_output_tokens).unwrap_or(FALLBACK_MAX_TOKENS);
    let thought = knobs::write_reasoning(call, target, max_tokens, &mut loss);

    let mut body = Object::of([("model", (&call.model).into()), ("max_tokens", max_tokens.into())]);
    put(&mut body, "system", string_or_blocks(conversation.system));
    body.set("messages", conversation.messages);
    let tools = tools::write(call, target.ignores_cache_marks, &mut loss)?;
    put(&mut body, "tools", (!tools.is_empty()).then_some(tools));
    put(&mut body, "tool_choice", tools::write_choice(call, thought.thinks, &mut loss));
    for (name, value) in knobs::write_sampling(call, target, thought.thinks, &mut loss) {
        put(&mut body, name, value);
    }
    put(&mut body, "stop_sequences", stop_sequences(call, native, &mut loss));
    put(&mut body, "thinking", thought.thinking);
    let mut output = Object::default();
    put(&mut output, "effort", thought.effort);
    put(&mut output, "format", format);
    put(&mut body, "output_config", (!output.is_empty()).then_some(output));
    put(&mut body, "metadata", call.knobs.user.as_ref().map(|user| [("user_id", user.into())]));
    put(&mut body, "service_tier", service_tier(call, native, &mut loss));
    put(&mut body, "stream", call.stream.then_some(true));
    extra(call, &mut body, &mut loss);
    marks::limit(&mut body, &mut loss);
    Ok((body, loss))
}

fn put<'c>(object: &mut Object<'c>, name: &'static str, value: Option<impl Into<Json<'c>>>) {
    if let Some(value) = value {
        object.set(name, value);
    }
}

/// Refuses what would give the caller another answer than it reckons with.
fn check(call: &Call) -> Result<(), Malformed> {
    let refuse = |field: &str, message: String| Err(Malformed { field: Some(field.to_owned()), message });
    if let Some(choices) = call.knobs.choices.filter(|choices| *choices != 1) {
        return refuse("n", format!("n is {choices}, but Anthropic Messages gives one answer per call: send n = 1"));
    }
    let spoken = |modality: &Value| modality.as_str() == Some("audio");
    let modalities = call.extra.fields.get("modalities").and_then(Value::as_array);
    if call.extra.dialect != Dialect::Anthropic && modalities.is_some_and(|list| list.iter().any(spoken)) {
        return refuse("modalities", "modalities asks for audio, but Anthropic Messages answers in text".to_owned());
    }
    Ok(())
}

fn stop_sequences<'c>(call: &'c Call, native: bool, loss: &mut Loss) -> Option<Json<'c>> {
    // Anthropic refuses sequences without a visible character ("\n\n"), which other dialects take.
    let fits = |sequence: &&String| native || !sequence.trim().is_empty();
    let sequences: Vec<Json<'c>> = call.knobs.stop.iter().filter(fits).map(Json::from).collect();
    if sequences.len() < call.knobs.stop.len() {
        loss.note("knobs.stop", "anthropic takes no stop sequence of blanks alone");
    }
    (!sequences.is_empty()).then(|| sequences.into())
}

fn service_tier<'c>(call: &'c Call, native: bool, loss: &mut Loss) -> Option<&'c str> {
    match call.knobs.service_tier.as_deref()? {
        tier if native => Some(tier),
        "auto" => Some("auto"),
        "default" => Some("standard_only"),
        _ => {
            loss.note("knobs.service_tier", "anthropic knows auto and standard_only");
            None
        }
    }
}

/// Anthropic's own further fields go back where they were; another dialect's are lost, by name.
fn extra<'c>(call: &'c Call, body: &mut Object<'c>, loss: &mut Loss) {
    for (name, value) in &call.extra.fields {
        if call.extra.dialect != Dialect::Anthropic {
            // `"store": false`, `"logprobs": null` and `"modalities": ["text"]` ask for nothing.
            let idle = value.is_null() || *value == json!(false) || *value == json!(["text"]);
            if !idle {
                loss.note(format!("extra.{name}"), "anthropic does not know the field");
            }
            continue;
        }
        match (body.get_mut(name).and_then(Json::as_object_mut), value) {
            (Some(object), Value::Object(rest)) => object.extend(rest),
            _ => {
                body.set(name, value);
            }
        }
    }
}
