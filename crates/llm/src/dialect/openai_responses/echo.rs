//! What an answer repeats of its question, and what it is called.

use serde_json::{Map, Value, json};

/// The fields of an answer that do not come from the model. A codec knows neither the question nor the time, so whoever
/// writes an answer says them; the default is an answer that repeats nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Echo {
    /// The answer's id, `resp_..`; made from the provider's own if there is none.
    pub id: Option<String>,
    /// When the answer began, in seconds since 1970.
    pub created: Option<i64>,
    /// Fields of the question, as they were sent.
    pub fields: Map<String, Value>,
}

/// The fields that an answer repeats, and what stands there if the question does not say.
/// <https://platform.openai.com/docs/api-reference/responses/object>
const REPEATED: &[(&str, &str)] = &[
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", "{\"effort\":null,\"summary\":null}"),
    ("safety_identifier", "null"),
    ("store", "true"),
    ("temperature", "1.0"),
    ("text", "{\"format\":{\"type\":\"text\"}}"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
];

impl Echo {
    /// The echo of a question of this dialect.
    #[must_use]
    pub fn of(mut fields: Map<String, Value>) -> Self {
        fields.retain(|name, value| !value.is_null() && REPEATED.iter().any(|(repeated, _)| repeated == name));
        Self { id: None, created: None, fields }
    }

    /// The id of the answer; `native` is the provider's.
    pub(super) fn name(&self, native: &str) -> String {
        match &self.id {
            Some(id) => id.clone(),
            None if native.starts_with("resp_") => native.to_owned(),
            None => format!("resp_{}", plain(native)),
        }
    }

    /// Adds what is repeated to an answer.
    pub(super) fn put(&self, answer: &mut Map<String, Value>) {
        for (name, absent) in REPEATED {
            let value = self.fields.get(*name).cloned();
            let value = value.unwrap_or_else(|| serde_json::from_str(absent).unwrap_or(Value::Null));
            answer.entry(*name).or_insert(value);
        }
        // A format that was not asked for is the default one, also next to other wishes.
        if let Some(Value::Object(text)) = answer.get_mut("text") {
            text.entry("format").or_insert_with(|| json!({"type": "text"}));
        }
    }
}

/// The characters of an id that ids may hold.
pub(super) fn plain(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect()
}
