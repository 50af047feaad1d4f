//! Google's own schemas, as JSON Schema.
//!
//! `parameters` and `responseSchema` are a subset of OpenAPI 3.0: types in capitals, `nullable`, whole numbers as text.
//! <https://ai.google.dev/api/caching#Schema>

use serde_json::{Map, Value, json};

/// The JSON Schema that says the same.
pub(super) fn to_json_schema(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut out = Map::with_capacity(fields.len());
    let nullable = fields.get("nullable") == Some(&Value::Bool(true));
    for (name, value) in fields {
        let (name, value) = match (name.as_str(), value) {
            ("nullable" | "propertyOrdering", _) => continue,
            ("type", Value::String(kind)) => match json_type(kind, nullable) {
                Some(kind) => ("type", kind),
                None => continue,
            },
            ("format", Value::String(format)) if format == "enum" => continue,
            ("enum", Value::Array(values)) => ("enum", choices(values, nullable, fields)),
            ("example", value) => ("examples", json!([value])),
            ("ref", value) => ("$ref", value.clone()),
            ("defs", Value::Object(map)) => ("$defs", each(map)),
            ("properties" | "$defs", Value::Object(map)) => (name.as_str(), each(map)),
            ("anyOf", Value::Array(branches)) => ("anyOf", any_of(branches, nullable && !fields.contains_key("type"))),
            ("items" | "additionalProperties", value) => (name.as_str(), to_json_schema(value)),
            (
                name @ ("minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties"),
                value,
            ) => (name, whole(value)),
            (name, value) => (name, value.clone()),
        };
        out.insert(name.to_owned(), value);
    }
    Value::Object(out)
}

fn each(map: &Map<String, Value>) -> Value {
    Value::Object(map.iter().map(|(name, schema)| (name.clone(), to_json_schema(schema))).collect())
}

fn any_of(branches: &[Value], nullable: bool) -> Value {
    let mut branches: Vec<Value> = branches.iter().map(to_json_schema).collect();
    if nullable {
        branches.push(json!({"type": "null"}));
    }
    Value::Array(branches)
}

fn json_type(kind: &str, nullable: bool) -> Option<Value> {
    let kind = kind.to_ascii_lowercase();
    match kind.as_str() {
        "type_unspecified" => None,
        _ if nullable => Some(json!([kind, "null"])),
        _ => Some(json!(kind)),
    }
}

/// Google writes the choices of every type as text.
fn choices(values: &[Value], nullable: bool, schema: &Map<String, Value>) -> Value {
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let typed = |value: &Value| match (kind.as_str(), value.as_str()) {
        ("integer" | "number", Some(text)) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        _ => value.clone(),
    };
    let mut values: Vec<Value> = values.iter().map(typed).collect();
    if nullable && !values.contains(&Value::Null) {
        values.push(Value::Null);
    }
    Value::Array(values)
}

fn whole(value: &Value) -> Value {
    value.as_str().and_then(|text| text.parse::<u64>().ok()).map_or_else(|| value.clone(), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_openapi_schema_becomes_a_json_schema() {
        let schema = json!({
            "type": "OBJECT",
            "properties": {
                "name": {"type": "STRING", "nullable": true, "minLength": "1"},
                "size": {"type": "INTEGER", "enum": ["1", "2"], "format": "enum"},
                "tags": {"type": "ARRAY", "items": {"type": "STRING"}, "maxItems": "3"},
                "either": {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": true},
            },
            "required": ["name"],
            "propertyOrdering": ["name", "size"],
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "name": {"type": ["string", "null"], "minLength": 1},
                "size": {"type": "integer", "enum": [1, 2]},
                "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
                "either": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
            },
            "required": ["name"],
        });
        assert_eq!(to_json_schema(&schema), expected);
        assert_eq!(to_json_schema(&expected), expected);
    }
}
