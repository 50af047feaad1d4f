//! Whole answers: <https://platform.openai.com/docs/api-reference/completions/object>

use serde_json::{Map, Value, json};

use crate::{
    Loss, Reply,
    call::{Part, Text},
    dialect::{
        Dialect, Malformed,
        body::json,
        field::Field,
        openai_chat::{error, reply::read_usage, stop, usage},
    },
    reply::Choice,
    usage::Usage,
};

pub use crate::dialect::openai_chat::reply::glance;

/// More answers than anybody asks for: prompts times choices.
const MOST_CHOICES: u64 = 4096;

/// Reads a whole answer.
///
/// # Errors
/// The body is not an answer of this dialect, or an error with a good status.
pub fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let value = json("the answer", body)?;
    let root = Field::root(&value);
    if let Some(stated) = root.get("error") {
        let message = format!("the answer is an error: {}", error::from_value(&stated.value.to_value()).message);
        return Err(Malformed { field: Some("error".to_owned()), message });
    }
    let listed = root.need("choices", "a list of answers")?;
    let mut choices =
        listed.items()?.enumerate().map(|(at, choice)| read_choice(&choice, at)).collect::<Result<Vec<_>, _>>()?;
    choices.sort_by_key(|(index, _)| *index);
    let mut choices: Vec<Choice> = choices.into_iter().map(|(_, choice)| choice).collect();
    let Some(first) = choices.first_mut() else { return Err(listed.wrong("a list of at least one answer")) };
    first.parts.extend(others(&root, &["id", "object", "created", "model", "choices", "usage"], "reply")?);
    let text = |name| root.get(name).map(|field| field.string()).transpose();
    Ok(Reply {
        id: text("id")?.unwrap_or_default(),
        model: text("model")?.unwrap_or_default(),
        created: root.get("created").and_then(|created| created.value.as_i64()),
        choices,
        usage: root.get("usage").map_or_else(Usage::default, |usage| read_usage(&usage.value.to_value())),
        service_tier: None,
    })
}

fn read_choice(choice: &Field<'_, '_>, at: usize) -> Result<(u64, Choice), Malformed> {
    let index = choice.get("index").map(|index| index.whole(0, MOST_CHOICES)).transpose()?.unwrap_or(at as u64);
    let text = choice.get("text").map(|text| text.string()).transpose()?.unwrap_or_default();
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(Part::Text(Text { text, ..Text::default() }));
    }
    parts.extend(others(choice, &["index", "text", "finish_reason"], "choice")?);
    let reason = choice.get("finish_reason").map(|reason| reason.string()).transpose()?;
    Ok((index, Choice { parts, stop: reason.map(|reason| stop::read(&reason, false)) }))
}

/// Fields without a canonical place, under the name of their level.
fn others(owner: &Field<'_, '_>, known: &[&str], level: &str) -> Result<Option<Part>, Malformed> {
    let fields = owner.object()?.others(known);
    let raw = || json!({level: fields});
    Ok((!fields.is_empty()).then(|| Part::Native { dialect: Dialect::OpenAiCompletions, raw: raw() }))
}

/// Writes a whole answer. `created` is 0 where nobody said it: a codec reads no clock.
#[must_use]
pub fn write(reply: &Reply) -> (Vec<u8>, Loss) {
    let mut loss = Loss::none();
    let mut top = Map::new();
    let choices: Vec<Value> = reply
        .choices
        .iter()
        .enumerate()
        .map(|(index, choice)| write_choice(choice, index, &mut top, &mut loss))
        .collect();
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(reply.id));
    body.insert("object".to_owned(), json!("text_completion"));
    body.insert("created".to_owned(), json!(reply.created.unwrap_or(0)));
    body.insert("model".to_owned(), json!(reply.model));
    body.insert("choices".to_owned(), Value::Array(choices));
    body.insert("usage".to_owned(), usage::write(&reply.usage).to_value());
    body.extend(top);
    if reply.service_tier.is_some() {
        loss.note("service_tier", "openai_completions does not say it");
    }
    (Value::Object(body).to_string().into_bytes(), loss)
}

fn write_choice(choice: &Choice, index: usize, top: &mut Map<String, Value>, loss: &mut Loss) -> Value {
    let mut text = String::new();
    let mut written = Map::new();
    written.insert("index".to_owned(), json!(index));
    for (at, part) in choice.parts.iter().enumerate() {
        match part {
            Part::Text(part) => {
                if part.notes.is_some() {
                    loss.note(format!("choices[{index}].parts[{at}].notes"), "openai_completions has no citations");
                }
                text.push_str(&part.text);
            }
            Part::Refusal(words) => text.push_str(words),
            Part::Native { dialect: Dialect::OpenAiCompletions, raw } => {
                let level = |name: &str| raw.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
                written.extend(level("choice"));
                top.extend(level("reply"));
            }
            _ => loss.note(format!("choices[{index}].parts[{at}]"), "an answer of openai_completions is text"),
        }
    }
    written.insert("text".to_owned(), json!(text));
    written.entry("logprobs").or_insert(Value::Null);
    written.insert("finish_reason".to_owned(), json!(choice.stop.as_ref().map(stop::write)));
    Value::Object(written)
}
