//! Whole answers: <https://platform.openai.com/docs/api-reference/responses/object>

mod glance;

use serde_json::{Map, Value, json};

use super::{
    Echo, error,
    item::{self, Items},
    thought,
    tools::Kinds,
    usage,
};
use crate::{
    Loss, Reply,
    call::Part,
    dialect::{Dialect, Malformed, field::Field},
    json::Json,
    reply::{Choice, Stop},
    usage::Usage,
};

pub use glance::glance;
pub(super) use glance::glance_last;

/// Reads a whole answer.
///
/// # Errors
/// The body is not an answer of this dialect, or one that failed.
pub fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let value = Json::read(body)
        .map_err(|error| Malformed { field: None, message: format!("the answer is not JSON: {error}") })?;
    let root = Field::root(&value);
    if let Some(error) = root.get("error") {
        let message = error::failure(&error.value.to_value()).message;
        return Err(Malformed {
            field: Some("error".to_owned()),
            message: format!("the answer is an error: {message}"),
        });
    }
    let mut parts = Vec::new();
    for item in root.need("output", "a list of items")?.items()? {
        item::read(&item, item.need("type", "the item's type")?.text()?, &mut parts)?;
    }
    let text = |name| root.get(name).map(|field| field.string()).transpose();
    let called = parts.iter().any(|part| matches!(part, Part::ToolUse(_)));
    let status = text("status")?;
    let reason = value.pointer("/incomplete_details/reason").and_then(Json::as_str);
    let stop = read_stop(status.as_deref().unwrap_or("completed"), reason, called);
    Ok(Reply {
        id: text("id")?.unwrap_or_default(),
        model: text("model")?.unwrap_or_default(),
        created: read_created(&value),
        choices: vec![Choice { parts, stop }],
        usage: usage::read(&value).unwrap_or_default(),
        service_tier: text("service_tier")?,
    })
}

/// `created_at`, which some servers write as a fraction.
pub(super) fn read_created(answer: &Json<'_>) -> Option<i64> {
    let created = answer.get("created_at")?;
    #[expect(clippy::cast_possible_truncation, reason = "such casts saturate")]
    created.as_i64().or_else(|| created.as_f64().map(|seconds| seconds as i64))
}

/// Why the model stopped; `None` if the answer goes on elsewhere, in the background.
pub(super) fn read_stop(status: &str, reason: Option<&str>, called: bool) -> Option<Stop> {
    Some(match (status, reason) {
        ("completed", _) if called => Stop::ToolUse,
        ("completed", _) => Stop::End,
        ("incomplete", Some("max_output_tokens")) => Stop::Length,
        ("incomplete", Some("content_filter")) => Stop::Filtered,
        ("incomplete", Some("pause_turn")) => Stop::Pause,
        ("incomplete", Some(other)) => Stop::Other(other.to_owned()),
        ("incomplete" | "in_progress" | "queued", _) => return None,
        (other, _) => Stop::Other(other.to_owned()),
    })
}

/// The `status` of an answer that stopped so, and why it is incomplete if it is.
pub(super) fn write_stop(stop: Option<&Stop>) -> (&'static str, Option<&str>) {
    match stop {
        Some(Stop::End | Stop::Sequence(_) | Stop::ToolUse) => ("completed", None),
        Some(Stop::Length | Stop::ContextWindow) => ("incomplete", Some("max_output_tokens")),
        Some(Stop::Filtered) => ("incomplete", Some("content_filter")),
        Some(Stop::Pause) => ("incomplete", Some("pause_turn")),
        Some(Stop::Other(reason)) => ("incomplete", Some(reason)),
        None => ("incomplete", None),
    }
}

/// Writes a whole answer that repeats nothing of its question.
#[must_use]
pub fn write(reply: &Reply) -> (Vec<u8>, Loss) {
    write_echoing(reply, &Echo::default())
}

/// Writes a whole answer.
#[must_use]
pub fn write_echoing(reply: &Reply, echo: &Echo) -> (Vec<u8>, Loss) {
    let mut loss = Loss::none();
    if reply.choices.len() > 1 {
        loss.note("choices", "openai_responses gives one answer");
    }
    let kinds = Kinds::of_raw(echo.fields.get("tools"));
    let head = Head {
        id: echo.name(&reply.id),
        model: reply.model.clone(),
        created: echo.created.or(reply.created).unwrap_or(0),
    };
    let first = reply.choices.first();
    let (status, reason) = write_stop(first.and_then(|choice| choice.stop.as_ref()));
    let items = first.map(|choice| write_parts(&choice.parts, &kinds, &mut loss)).unwrap_or_default();
    let output = items.into_iter().enumerate().map(|(at, said)| item::named(said, &head.id, at, status)).collect();
    let last = Last {
        status,
        reason,
        error: Value::Null,
        output,
        usage: Some(reply.usage),
        service_tier: reply.service_tier.as_deref(),
    };
    (head.answer(echo, last).to_string().into_bytes(), loss)
}

fn write_parts(parts: &[Part], kinds: &Kinds, loss: &mut Loss) -> Vec<Value> {
    let mut items = Items::new(kinds);
    for (at, part) in parts.iter().enumerate() {
        let path = format!("choices[0].parts[{at}]");
        match part {
            Part::Text(text) => {
                if text.notes.as_ref().is_some_and(|(dialect, _)| *dialect != Dialect::OpenAiResponses) {
                    loss.note(format!("{path}.notes"), "openai_responses has no such citations");
                }
                items.text(text);
            }
            Part::Refusal(words) => items.refusal(words),
            Part::ToolUse(tool) => {
                items.call(tool);
                if let Some(proof) = &tool.signature {
                    items.push(thought::item("", Some(&thought::seal(proof))));
                }
            }
            Part::Thinking(thinking) => items.push(thought::write(thinking)),
            Part::Native { dialect: Dialect::OpenAiResponses, raw } => items.native(raw),
            Part::Native { .. } => loss.note(path, "openai_responses has no such block"),
            Part::Image(_) | Part::Audio(_) | Part::Document(_) | Part::Video(_) | Part::ToolResult(_) => {
                loss.note(path, "an answer of openai_responses says text and calls tools");
            }
        }
    }
    items.finish()
}

/// What is known of an answer from its beginning.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub id: String,
    pub model: String,
    pub created: i64,
}

/// What is known of it at its end.
#[derive(Debug, Default)]
pub(super) struct Last<'a> {
    pub status: &'a str,
    pub reason: Option<&'a str>,
    pub error: Value,
    pub output: Vec<Value>,
    pub usage: Option<Usage>,
    pub service_tier: Option<&'a str>,
}

impl Head {
    /// The answer as an object.
    pub fn answer(&self, echo: &Echo, last: Last<'_>) -> Value {
        let mut answer = Map::new();
        let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
        put("id", json!(self.id));
        put("object", json!("response"));
        put("created_at", json!(self.created));
        put("status", json!(last.status));
        put("error", last.error);
        put("incomplete_details", last.reason.map_or(Value::Null, |reason| json!({"reason": reason})));
        put("model", json!(self.model));
        put("output", Value::Array(last.output));
        if let Some(tier) = last.service_tier {
            put("service_tier", json!(tier));
        }
        put("usage", last.usage.map_or(Value::Null, |usage| usage::write(&usage)));
        if let Some(usage) = last.usage.filter(|usage| usage.web_searches > 0) {
            put("tool_usage", json!({"web_search": {"num_requests": usage.web_searches}}));
        }
        echo.put(&mut answer);
        Value::Object(answer)
    }
}
