//! Field names: Google takes each in `lowerCamelCase` and in `snake_case`, as every JSON form of a protocol buffer does
//! (<https://protobuf.dev/programming-guides/json/#field-names>).

use serde_json::{Map, Value};

use crate::dialect::Malformed;

/// Objects whose keys are the caller's own: data, or JSON Schema.
const FREE: &[&str] = &[
    "args",
    "response",
    "parametersJsonSchema",
    "responseJsonSchema",
    "labels",
    "partMetadata",
    "default",
    "example",
    "enum",
    "customMetadata",
];

/// Maps of the caller's own names to messages of Google's.
const MAPS: &[&str] = &["properties", "$defs", "defs"];

/// The body with every field's name in `lowerCamelCase`.
///
/// # Errors
/// A field is there under both of its names.
pub(super) fn normalise(body: Value) -> Result<Value, Malformed> {
    match body {
        Value::Object(fields) => {
            let mut named = Map::with_capacity(fields.len());
            for (name, value) in fields {
                let name = camel(name);
                let value = match name.as_str() {
                    free if FREE.contains(&free) => value,
                    map if MAPS.contains(&map) => normalise_values(value)?,
                    _ => normalise(value)?,
                };
                if named.contains_key(&name) {
                    let message = format!("{name} is there under both of its names: send it once");
                    return Err(Malformed { field: Some(name), message });
                }
                named.insert(name, value);
            }
            Ok(Value::Object(named))
        }
        Value::Array(items) => Ok(Value::Array(items.into_iter().map(normalise).collect::<Result<_, _>>()?)),
        plain => Ok(plain),
    }
}

fn normalise_values(map: Value) -> Result<Value, Malformed> {
    let Value::Object(entries) = map else { return Ok(map) };
    let entries = entries.into_iter().map(|(name, value)| Ok((name, normalise(value)?)));
    Ok(Value::Object(entries.collect::<Result<_, _>>()?))
}

fn camel(name: String) -> String {
    if !name.contains('_') {
        return name;
    }
    let mut camel = String::with_capacity(name.len());
    let mut raise = false;
    for character in name.chars() {
        match character {
            '_' => raise = true,
            other if raise => {
                raise = false;
                camel.push(other.to_ascii_uppercase());
            }
            other => camel.push(other),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_brought_to_one_form_and_data_is_left_alone() {
        let body = json!({
            "system_instruction": {"parts": [{"text": "a_b"}]},
            "contents": [{"parts": [{"function_call": {"name": "a_b", "args": {"some_key": {"in_it": 1}}}}]}],
            "tools": [{"function_declarations": [{"name": "f", "parameters": {
                "properties": {"first_name": {"type": "STRING", "min_length": "1"}}, "any_of": [],
            }}]}],
        });
        let named = json!({
            "systemInstruction": {"parts": [{"text": "a_b"}]},
            "contents": [{"parts": [{"functionCall": {"name": "a_b", "args": {"some_key": {"in_it": 1}}}}]}],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {
                "properties": {"first_name": {"type": "STRING", "minLength": "1"}}, "anyOf": [],
            }}]}],
        });
        assert_eq!(normalise(body).unwrap(), named);
        assert_eq!(normalise(named.clone()).unwrap(), named);
        let twice = normalise(json!({"toolConfig": {}, "tool_config": {}})).unwrap_err();
        assert_eq!(twice.field.as_deref(), Some("toolConfig"));
    }
}
