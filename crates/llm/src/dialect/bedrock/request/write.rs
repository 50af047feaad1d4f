use serde_json::{Map, Value, json};

use super::{super::family::Family, cache, knobs, more, tools, turns};
use crate::{
    Call, Loss,
    dialect::{Dialect, Malformed, WriteFor, anthropic, bedrock::block::Blocks},
    structured::Means,
};

/// Writes a question, and says what it could not carry. The model stands in the path, and is looked at for the words of its
/// maker alone.
///
/// # Errors
/// Content that Converse cannot say is refused by name, never dropped.
pub fn write(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let (body, loss) = body(call, target)?;
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}

/// The same as an object.
pub(in crate::dialect::bedrock) fn body(
    call: &Call,
    target: &WriteFor,
) -> Result<(Map<String, Value>, Loss), Malformed> {
    check(call)?;
    let native = call.extra.dialect == Dialect::Bedrock;
    let family = Family::of(&call.model);
    let mut blocks = Blocks {
        native,
        replayed: true,
        foreign_thinking: target.foreign_thinking,
        ignores_cache_marks: target.ignores_cache_marks,
        names: Vec::new(),
        loss: Loss::none(),
    };
    let mut conversation = turns::write(call, target.takes_system_turns, &mut blocks)?;
    let mut loss = blocks.loss;
    let (format, instruction) = knobs::write_output(call, &mut loss);
    conversation.system.extend(instruction);
    let words = words(call, target, family, &mut loss);
    let mut body = Map::new();
    let list = |list: Vec<Value>| (!list.is_empty()).then(|| list.into());
    put(&mut body, "system", list(std::mem::take(&mut conversation.system)));
    put(&mut body, "messages", list(conversation.messages()));
    let config = knobs::write(call, &words.sampling, &mut loss);
    put(&mut body, "inferenceConfig", (!config.is_empty()).then(|| config.into()));
    let offer = tools::Offer {
        family,
        thinks: words.thinks,
        ignores_cache_marks: target.ignores_cache_marks,
        refuses_strict: target.schema != Means::Native && !native,
    };
    put(&mut body, "toolConfig", tools::write(call, offer, &mut loss)?);
    let top_k = words.sampling.get("top_k");
    put(&mut body, "additionalModelRequestFields", more::write(call, family, top_k, words.thinking, &mut loss));
    let mut output = Map::new();
    put(&mut output, "textFormat", format);
    put(&mut output, "effort", words.effort.map(Value::from));
    put(&mut body, "outputConfig", (!output.is_empty()).then(|| output.into()));
    put(&mut body, "serviceTier", knobs::service_tier(call, &mut loss));
    extra(call, &mut body, &mut loss);
    cache::limit(&mut body, &mut loss);
    Ok((body, loss))
}

/// Sampling and thinking in the words of the model's maker.
#[derive(Debug, Default)]
struct Words {
    /// `temperature`, `top_p`, `top_k`.
    sampling: Map<String, Value>,
    /// Anthropic's `thinking` object.
    thinking: Option<Value>,
    /// `outputConfig.effort`.
    effort: Option<String>,
    /// The model thinks visibly: no forced tools.
    thinks: bool,
}

fn words(call: &Call, target: &WriteFor, family: Family, loss: &mut Loss) -> Words {
    /// What a budget is reckoned from if nobody says how long the answer may be.
    const USUAL_MAX_TOKENS: u64 = 4096;
    let native = call.extra.dialect == Dialect::Bedrock;
    // A client of Bedrock's speaks of thinking in Anthropic's words.
    if family != Family::Anthropic && !(native && family == Family::Other) {
        return Words { sampling: knobs::sampling(call, target, loss), ..Words::default() };
    }
    let max_tokens = call.knobs.max_tokens.or(target.max_output_tokens).unwrap_or(USUAL_MAX_TOKENS);
    let thought = anthropic::request::write_reasoning(call, target, max_tokens, loss);
    let sampling = if native {
        knobs::sampling(call, target, loss)
    } else {
        let sampling = anthropic::request::write_sampling(call, target, thought.thinks, loss);
        sampling.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_value()))).collect()
    };
    Words { sampling, thinking: thought.thinking, effort: thought.effort, thinks: thought.thinks }
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    object.extend(value.map(|value| (name.to_owned(), value)));
}

/// Refuses what would give the caller another answer than it reckons with.
fn check(call: &Call) -> Result<(), Malformed> {
    let refuse = |field: &str, message: String| Err(Malformed { field: Some(field.to_owned()), message });
    if let Some(choices) = call.knobs.choices.filter(|choices| *choices != 1) {
        return refuse("n", format!("n is {choices}, but Bedrock Converse gives one answer per call: send n = 1"));
    }
    let spoken = |modality: &Value| modality.as_str().is_some_and(|modality| modality.eq_ignore_ascii_case("audio"));
    let modalities = call.extra.fields.get("modalities").and_then(Value::as_array);
    if modalities.is_some_and(|list| list.iter().any(spoken)) {
        return refuse("modalities", "modalities asks for audio, but Bedrock Converse answers in text".to_owned());
    }
    Ok(())
}

/// Bedrock's own further fields go back where they were; another dialect's are lost, by name. The end user's name finds its
/// place in what invocation logs are searched by.
fn extra(call: &Call, body: &mut Map<String, Value>, loss: &mut Loss) {
    if let Some(user) = &call.knobs.user {
        // <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
        let allowed = |c: char| c.is_ascii_alphanumeric() || " :_@$#=/+,-.".contains(c);
        if user.len() <= 256 && user.chars().all(allowed) {
            body.insert("requestMetadata".into(), json!({"user": user}));
        } else {
            loss.note("knobs.user", "bedrock takes at most 256 letters, digits and  :_@$#=/+,-. in metadata");
        }
    }
    for (name, value) in &call.extra.fields {
        if call.extra.dialect == Dialect::Bedrock {
            if name != "additionalModelRequestFields" {
                body.insert(name.clone(), value.clone());
            }
            continue;
        }
        // `"store": false`, `"logprobs": null` and `"modalities": ["text"]` ask for nothing.
        let idle = value.is_null() || *value == json!(false) || *value == json!(["text"]);
        if !idle {
            loss.note(format!("extra.{name}"), "bedrock does not know the field");
        }
    }
}
