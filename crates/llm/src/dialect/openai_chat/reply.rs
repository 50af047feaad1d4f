//! Whole answers: <https://platform.openai.com/docs/api-reference/chat/object>

mod glance;

use serde_json::Value;

use super::{
    message::{self, Ids, Pen},
    stop, usage,
};
use crate::{
    Loss, Reply,
    call::{Part, Thinking},
    dialect::{Malformed, field::Field, place::Place},
    json::{Json, Object},
    reply::Choice,
    usage::Usage,
};

pub use glance::glance;

/// Reads a whole answer.
///
/// # Errors
/// The body is not an answer of this dialect, or an error with a good status.
pub fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let value = Json::read(body)
        .map_err(|error| Malformed { field: None, message: format!("the answer is not JSON: {error}") })?;
    let root = Field::root(&value);
    if let Some(error) = root.get("error") {
        let message = super::error::from_value(&error.value.to_value()).message;
        return Err(Malformed {
            field: Some("error".to_owned()),
            message: format!("the answer is an error: {message}"),
        });
    }
    let id = root.get("id").map(|id| id.string()).transpose()?.unwrap_or_default();
    let listed = root.need("choices", "a list of answers")?;
    let mut choices = listed.items()?.map(|choice| read_choice(&choice, &id)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = choices.first_mut() else { return Err(listed.wrong("a list of at least one answer")) };
    let known = ["id", "object", "created", "model", "choices", "usage", "service_tier"];
    first.parts.extend(message::others(&root, &known, "reply")?);
    Ok(Reply {
        id,
        model: root.get("model").map(|model| model.string()).transpose()?.unwrap_or_default(),
        created: root.get("created").and_then(|created| created.value.as_i64()),
        choices,
        usage: root.get("usage").map_or_else(Usage::default, |usage| read_usage(&usage.value.to_value())),
        service_tier: root.get("service_tier").map(|tier| tier.string()).transpose()?,
    })
}

fn read_choice(choice: &Field<'_, '_>, id: &str) -> Result<Choice, Malformed> {
    let mut parts = message::read(&choice.need("message", "the assistant's message")?, Ids::Made(id))?;
    // An empty string stands where there is no text; it is not a part of the answer.
    parts.retain(|part| !matches!(part, Part::Text(text) if text.text.is_empty() && text.notes.is_none()));
    parts.iter_mut().for_each(read_thinking_part);
    let called = parts.iter().any(is_call);
    let reason = choice.get("finish_reason").map(|reason| reason.string()).transpose()?;
    parts.extend(message::others(choice, &["index", "message", "finish_reason"], "choice")?);
    Ok(Choice { parts, stop: reason.map(|reason| stop::read(&reason, called)) })
}

/// Mistral's reasoning models think in a content part: `{"type":"thinking","thinking":[{"type":"text","text":..}]}`.
fn read_thinking_part(part: &mut Part) {
    let Part::Native { raw, .. } = part else { return };
    if raw.get("type").is_some_and(|kind| kind == "thinking") {
        let pieces = raw.get("thinking").and_then(Value::as_array).into_iter().flatten();
        let text = pieces.filter_map(|piece| piece.get("text")?.as_str()).collect();
        *part = Part::Thinking(Thinking::Text { text, signature: None });
    }
}

fn is_call(part: &Part) -> bool {
    match part {
        Part::ToolUse(_) => true,
        Part::Native { raw, .. } => raw.get("tool_call").is_some(),
        _ => false,
    }
}

/// The counts; what is no `usage` at all counts nothing.
pub(in crate::dialect) fn read_usage(value: &Value) -> Usage {
    usage::read(value)
}

/// Writes a whole answer. `created` is 0 where nobody said it: a codec reads no clock.
#[must_use]
pub fn write(reply: &Reply) -> (Vec<u8>, Loss) {
    let mut loss = Loss::none();
    let mut top = Object::default();
    let mut choices = Vec::with_capacity(reply.choices.len());
    for (index, choice) in reply.choices.iter().enumerate() {
        let place = Place { list: "choices", turn: index, part: 0, inner: None };
        let mut pen = Pen { marks: true, thinking: true, signatures: true, place, loss: &mut loss };
        choices.push(write_choice(choice, index, &mut pen, &mut top));
    }
    let mut body = Object::of([
        ("id", (&reply.id).into()),
        ("object", "chat.completion".into()),
        ("created", reply.created.unwrap_or(0).into()),
        ("model", (&reply.model).into()),
        ("choices", choices.into()),
        ("usage", usage::write(&reply.usage)),
    ]);
    if let Some(tier) = &reply.service_tier {
        body.set("service_tier", tier);
    }
    body.extend(top);
    (Json::from(body).to_bytes(), loss)
}

fn write_choice<'c>(choice: &'c Choice, index: usize, pen: &mut Pen<'_>, top: &mut Object<'c>) -> Json<'c> {
    let mut above = Object::default();
    if !choice.parts.iter().all(is_said) {
        let field = format!("choices[{index}].parts");
        pen.loss.note(field, "an answer of openai_chat holds text and tool calls only");
    }
    let said = choice.parts.iter().filter(|part| is_said(part));
    let mut message = message::write(said, pen, &mut above).unwrap_or_default();
    if !message.contains_key("refusal") {
        message.set("refusal", Json::Null);
    }
    let stop = choice.stop.as_ref().map(stop::write);
    let mut written =
        Object::of([("index", index.into()), ("message", message.into()), ("finish_reason", stop.into())]);
    for (level, fields) in above {
        match fields {
            Json::Object(fields) if level == "choice" => written.extend(fields),
            Json::Object(fields) => top.extend(fields),
            _ => {}
        }
    }
    written.into()
}

/// Whether an assistant's message can say it.
fn is_said(part: &Part) -> bool {
    match part {
        Part::Image(_) | Part::Audio(_) | Part::Document(_) | Part::Video(_) | Part::ToolResult(_) => false,
        Part::Text(_) | Part::Refusal(_) | Part::Thinking(_) | Part::ToolUse(_) | Part::Native { .. } => true,
    }
}
