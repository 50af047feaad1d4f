//! Whole answers: <https://docs.cohere.com/reference/chat#response>

mod glance;

use serde_json::{Map, Value, json};

use super::{message, stop, usage};
use crate::{
    Loss, Reply,
    call::Part,
    dialect::{Dialect, Malformed, body::json, field::Field},
    reply::Choice,
};

pub use glance::glance;

/// Reads a whole answer.
///
/// # Errors
/// The body is not an answer of this dialect, or one that reports a failure.
pub fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let value = json("the answer", body)?;
    let root = Field::root(&value);
    let mut parts = message::read(&root.need("message", "the assistant's message")?)?;
    let called = parts.iter().any(|part| matches!(part, Part::ToolUse(_)));
    let reason = root.get("finish_reason").map(|reason| reason.string()).transpose()?;
    if let Some(failure) = reason.as_deref().and_then(|reason| stop::failure(reason, None)) {
        return Err(Malformed { field: Some("finish_reason".to_owned()), message: failure.message });
    }
    let known = ["id", "message", "finish_reason", "usage", "model"];
    let others = root.object()?.others(&known);
    if !others.is_empty() {
        parts.push(Part::Native { dialect: Dialect::Cohere, raw: json!({"reply": others}) });
    }
    let text = |name| root.get(name).map(|field| field.string()).transpose();
    Ok(Reply {
        id: text("id")?.unwrap_or_default(),
        model: text("model")?.unwrap_or_default(),
        created: None,
        choices: vec![Choice { parts, stop: reason.map(|reason| stop::read(&reason, called)) }],
        usage: root.get("usage").and_then(|counts| usage::read(counts.value)).unwrap_or_default(),
        service_tier: None,
    })
}

/// Writes a whole answer; of several choices the first.
#[must_use]
pub fn write(reply: &Reply) -> (Vec<u8>, Loss) {
    let mut loss = Loss::none();
    let none = Choice::default();
    let choice = reply.choices.first().unwrap_or(&none);
    if reply.choices.len() > 1 {
        loss.note("choices", "cohere gives one answer");
    }
    if reply.service_tier.is_some() {
        loss.note("service_tier", "cohere has no tiers");
    }
    let (sayable, strange): (Vec<Part>, Vec<Part>) = choice.parts.iter().cloned().partition(|part| {
        !matches!(part, Part::Image(_) | Part::Audio(_) | Part::Video(_) | Part::Document(_) | Part::ToolResult(_))
    });
    if !strange.is_empty() {
        loss.note("choices[0].parts", "an answer of cohere holds text and tool calls only");
    }
    let message = message::write(&sayable, "choices[0]", &mut loss).unwrap_or_default();
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(reply.id));
    body.insert("finish_reason".to_owned(), json!(choice.stop.as_ref().map(stop::write)));
    body.insert("message".to_owned(), Value::Object(message));
    body.insert("usage".to_owned(), usage::write(&reply.usage));
    for part in &sayable {
        if let Part::Native { dialect: Dialect::Cohere, raw } = part {
            body.extend(raw.get("reply").and_then(Value::as_object).cloned().unwrap_or_default());
        }
    }
    (Value::Object(body).to_string().into_bytes(), loss)
}
