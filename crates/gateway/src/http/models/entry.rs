//! A model as its callers see it: how much it takes, what it can, what it costs.

use govern::config::{shown::in_dollars, snapshot::Target};
use llm::{
    Dialect,
    catalog::{Ability, Mode, Model},
};
use serde_json::{Map, Value, json};

/// The entry of a model in the words of the caller's SDK, with what we know besides.
///
/// <https://platform.openai.com/docs/api-reference/models/object>, <https://platform.claude.com/docs/en/api/models-list>,
/// <https://ai.google.dev/api/models#Model>
pub(super) fn entry(dialect: Dialect, name: &str, target: Option<&Target>) -> Value {
    let owner = target.map_or("tollgate", |target| target.account.provider.id());
    let known = target.and_then(|target| target.known);
    let (context, output) =
        (known.and_then(|model| model.max_input_tokens), known.and_then(|model| model.max_output_tokens));
    let mut entry = match dialect {
        Dialect::Anthropic => json!({
            "type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active", "max_input_tokens": context, "max_tokens": output,
        }),
        Dialect::Gemini => json!({
            "name": format!("models/{name}"), "displayName": name, "description": format!("of {owner}"), "version": "1",
            "inputTokenLimit": context, "outputTokenLimit": output,
            "supportedGenerationMethods": methods(known),
            "thinking": known.is_some_and(|model| model.can(Ability::Reasoning)),
        }),
        _ => json!({
            "id": name, "object": "model", "created": 0, "owned_by": owner,
            "context_window": context, "max_output_tokens": output,
        }),
    };
    if let Some(fields) = entry.as_object_mut() {
        describe(fields, target, known);
    }
    entry
}

/// What no SDK has a name for.
fn describe(fields: &mut Map<String, Value>, target: Option<&Target>, known: Option<&Model>) {
    if let Some(model) = known {
        fields.insert("mode".into(), model.mode.as_str().into());
        let abilities: Vec<&str> = model.abilities().map(Ability::as_str).collect();
        fields.insert("abilities".into(), abilities.into());
        let more =
            [("deprecated", model.deprecated.map(Value::from)), ("dimensions", model.dimensions.map(Value::from))];
        fields.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    if let Some((target, price)) = target.and_then(|target| Some((target, target.price.as_deref()?))) {
        fields.insert("price".into(), in_dollars(price, &target.account.costs.terms));
    }
}

fn methods(known: Option<&Model>) -> &'static [&'static str] {
    match known.map(|model| model.mode) {
        Some(Mode::Embedding) => &["embedContent"],
        Some(Mode::Chat | Mode::Responses | Mode::Completion) | None => {
            &["generateContent", "streamGenerateContent", "countTokens"]
        }
        Some(_) => &[],
    }
}
