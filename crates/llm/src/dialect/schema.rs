//! JSON Schema, brought into what a target takes. What cannot be said is a loss, by keyword; a constraint that is lost
//! is still told to the model in words, in the description.

use serde_json::{Map, Value, json};

use crate::Loss;

/// What a target takes of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subset {
    /// Nearly all of it; what it does not know it ignores: Gemini's `responseJsonSchema`.
    /// <https://ai.google.dev/api/generate-content#FIELDS.response_json_schema>
    Lenient,
    /// What a grammar is made from, where every keyword beyond is an error: Anthropic's and Bedrock's structured
    /// outputs. <https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html>
    Grammar,
}

/// The schema refers to itself, which a [`Subset::Grammar`] cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recursive;

/// Adapts a schema. `at` is its path in the call, for the loss.
///
/// # Errors
/// [`Recursive`]
pub(crate) fn adapt(schema: &Value, subset: Subset, at: &str, loss: &mut Loss) -> Result<Value, Recursive> {
    if subset == Subset::Grammar && is_recursive(schema) {
        return Err(Recursive);
    }
    Ok(Adapter { subset, at, loss }.adapt(schema))
}

/// Whether some definition leads back to itself.
pub(crate) fn is_recursive(schema: &Value) -> bool {
    fn visit<'s>(value: &'s Value, root: &'s Value, open: &mut Vec<&'s str>, done: &mut Vec<&'s str>) -> bool {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    if open.contains(&reference.as_str()) {
                        return true;
                    }
                    let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
                    if let Some(target) = target.filter(|_| !done.contains(&reference.as_str())) {
                        open.push(reference);
                        if visit(target, root, open, done) {
                            return true;
                        }
                        open.pop();
                        done.push(reference);
                    }
                }
                let inner = fields
                    .iter()
                    .filter(|(name, _)| !matches!(name.as_str(), "$defs" | "definitions" | "enum" | "const"));
                inner.map(|(_, value)| value).any(|value| visit(value, root, open, done))
            }
            Value::Array(items) => items.iter().any(|item| visit(item, root, open, done)),
            _ => false,
        }
    }
    visit(schema, schema, &mut vec!["#"], &mut Vec::new())
}

struct Adapter<'a> {
    subset: Subset,
    at: &'a str,
    loss: &'a mut Loss,
}

/// What constrains a value and has no place in a grammar.
const CONSTRAINTS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "patternProperties",
    "contains",
    "prefixItems",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
];

const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// What a grammar takes as it is.
const KEPT: &[&str] = &["type", "title", "description", "enum", "const", "default", "required", "$ref"];

impl Adapter<'_> {
    fn adapt(&mut self, schema: &Value) -> Value {
        let Value::Object(fields) = schema else { return schema.clone() };
        let merged = only_branch(fields);
        let fields = merged.as_ref().unwrap_or(fields);
        let mut out = Map::with_capacity(fields.len());
        let mut told = Vec::new();
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("properties" | "$defs" | "definitions", Value::Object(map)) => {
                    let map = map.iter().map(|(name, schema)| (name.clone(), self.adapt(schema))).collect();
                    out.insert(name.replace("definitions", "$defs"), Value::Object(map));
                }
                ("$ref", Value::String(target)) => {
                    out.insert(name.clone(), json!(target.replace("#/definitions/", "#/$defs/")));
                }
                ("anyOf" | "allOf" | "oneOf", Value::Array(branches)) => {
                    let branches = branches.iter().map(|branch| self.adapt(branch)).collect();
                    let grammar = self.subset == Subset::Grammar;
                    let name = if grammar && name == "oneOf" { "anyOf" } else { name };
                    out.insert(name.to_owned(), Value::Array(branches));
                }
                ("items", _) => drop(out.insert(name.clone(), self.adapt(value))),
                _ if self.subset == Subset::Lenient => self.lenient(name, value, &mut out),
                _ => self.grammar(name, value, &mut out, &mut told),
            }
        }
        self.finish(out, &told)
    }

    fn lenient(&mut self, name: &str, value: &Value, out: &mut Map<String, Value>) {
        match name {
            "const" => drop(out.insert("enum".to_owned(), json!([value]))),
            "additionalProperties" => drop(out.insert(name.to_owned(), self.adapt(value))),
            _ => drop(out.insert(name.to_owned(), value.clone())),
        }
    }

    fn grammar(&mut self, name: &str, value: &Value, out: &mut Map<String, Value>, told: &mut Vec<String>) {
        match name {
            kept if KEPT.contains(&kept) => drop(out.insert(name.to_owned(), value.clone())),
            "format" if value.as_str().is_some_and(|format| FORMATS.contains(&format)) => {
                out.insert(name.to_owned(), value.clone());
            }
            "minItems" if value.as_u64().is_some_and(|least| least <= 1) => {
                out.insert(name.to_owned(), value.clone());
            }
            "additionalProperties" if *value == json!(false) => {}
            "additionalProperties" => self.lose(name),
            constraint if CONSTRAINTS.contains(&constraint) => {
                self.lose(name);
                told.push(format!("{name}: {value}"));
            }
            // `$schema`, `$id`, `examples`, `readOnly` and whatever else says nothing of the value.
            _ => {}
        }
    }

    fn finish(&mut self, mut out: Map<String, Value>, told: &[String]) -> Value {
        if self.subset == Subset::Lenient {
            // Beside a reference nothing else may stand.
            if out.contains_key("$ref") {
                out.retain(|name, _| name.starts_with('$'));
            }
            return Value::Object(out);
        }
        let is_object = match out.get("type") {
            Some(Value::String(kind)) => kind == "object",
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
            _ => out.contains_key("properties"),
        };
        if is_object {
            out.insert("additionalProperties".to_owned(), json!(false));
        }
        if !told.is_empty() {
            let told = format!("{{{}}}", told.join(", "));
            let described = match out.get("description").and_then(Value::as_str) {
                Some(description) => format!("{description}\n\n{told}"),
                None => told,
            };
            out.insert("description".to_owned(), json!(described));
        }
        Value::Object(out)
    }

    fn lose(&mut self, keyword: &str) {
        self.loss.note(format!("{}.{keyword}", self.at), "the target's schemas have no such keyword");
    }
}

/// `allOf` with a single branch, as pydantic writes a reference with a description, is that branch.
fn only_branch(fields: &Map<String, Value>) -> Option<Map<String, Value>> {
    let branches = fields.get("allOf")?.as_array()?;
    let [Value::Object(only)] = branches.as_slice() else { return None };
    let mut merged = only.clone();
    merged
        .extend(fields.iter().filter(|(name, _)| *name != "allOf").map(|(name, value)| (name.clone(), value.clone())));
    Some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(schema: &Value, subset: Subset) -> (Value, String) {
        let mut loss = Loss::none();
        let schema = adapt(schema, subset, "output.schema", &mut loss).unwrap();
        (schema, loss.to_string())
    }

    #[test]
    fn case_051_a_schema_is_brought_into_what_gemini_takes() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "kind": {"const": "tree"},
                "size": {"type": "integer", "enum": [1, 2]},
                "root": {"allOf": [{"$ref": "#/definitions/Node"}], "description": "where it begins"},
                "either": {"anyOf": [{"type": "string"}, {"type": ["integer", "null"]}]},
            },
            "required": ["kind"],
            "additionalProperties": false,
            "definitions": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/definitions/Node"}}}},
        });
        let expected = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "kind": {"enum": ["tree"]},
                "size": {"type": "integer", "enum": [1, 2]},
                "root": {"$ref": "#/$defs/Node"},
                "either": {"anyOf": [{"type": "string"}, {"type": ["integer", "null"]}]},
            },
            "required": ["kind"],
            "additionalProperties": false,
            "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
        });
        assert_eq!(adapted(&schema, Subset::Lenient), (expected, String::new()));
        assert_eq!(adapt(&schema, Subset::Grammar, "", &mut Loss::none()), Err(Recursive));
    }

    #[test]
    fn a_grammar_gets_what_it_knows_and_the_model_the_rest_in_words() {
        let schema = json!({
            "type": "object",
            "properties": {
                "age": {"type": "integer", "minimum": 0, "description": "in years"},
                "when": {"type": "string", "format": "date"},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 9}, "minItems": 1},
                "any": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/Leaf"}]},
                "again": {"$ref": "#/$defs/Leaf"},
            },
            "$defs": {"Leaf": {"type": "object", "properties": {}, "examples": [{}]}},
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "age": {"type": "integer", "description": "in years\n\n{minimum: 0}"},
                "when": {"type": "string", "format": "date"},
                "tags": {"type": "array", "items": {"type": "string", "description": "{maxLength: 9}"}, "minItems": 1},
                "any": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Leaf"}]},
                "again": {"$ref": "#/$defs/Leaf"},
            },
            "$defs": {"Leaf": {"type": "object", "properties": {}, "additionalProperties": false}},
            "additionalProperties": false,
        });
        let (schema, loss) = adapted(&schema, Subset::Grammar);
        assert_eq!(schema, expected);
        assert_eq!(loss, "output.schema.minimum,output.schema.maxLength");
    }

    #[test]
    fn a_schema_that_leads_back_to_itself_is_recursive() {
        assert!(is_recursive(&json!({"properties": {"a": {"$ref": "#"}}})));
        let mutual = json!({"$ref": "#/$defs/a", "$defs": {
            "a": {"items": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}},
        }});
        assert!(is_recursive(&mutual));
        assert!(!is_recursive(&json!({"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {}}})));
    }
}
