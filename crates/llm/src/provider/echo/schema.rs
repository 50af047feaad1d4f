//! A small value that satisfies a JSON schema: <https://json-schema.org/draft/2020-12/json-schema-validation>
//!
//! Good enough for the schemas that applications send to models; `pattern`, `not` and conditions are not solved.

use serde_json::{Map, Number, Value};

/// Deeper schemas than this are endless: a type that requires itself has no value at all.
const MOST_DEPTH: usize = 32;

/// The value. Only required properties are there; the first alternative is taken.
#[must_use]
pub fn instance(schema: &Value) -> Value {
    make(schema, schema, MOST_DEPTH)
}

fn make(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map_or(Value::Null, |target| make(target, root, depth));
    }
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(first) = schema.get(alternatives).and_then(|all| all.get(0)) {
            return make(first, root, depth);
        }
    }
    if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
        return all.iter().map(|part| make(part, root, depth)).fold(typed(schema, root, depth), merge);
    }
    typed(schema, root, depth)
}

fn typed(schema: &Value, root: &Value, depth: usize) -> Value {
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "null",
    };
    match kind {
        "object" => object(schema, root, depth),
        "array" => array(schema, root, depth),
        "string" => Value::String(string(schema)),
        "integer" => number(schema, true),
        "number" => number(schema, false),
        "boolean" => Value::Bool(true),
        _ => Value::Null,
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let fields = required.filter_map(Value::as_str).map(|name| {
        let field = schema.get("properties").and_then(|properties| properties.get(name)).unwrap_or(&Value::Null);
        (name.to_owned(), make(field, root, depth))
    });
    Value::Object(fields.collect())
}

fn array(schema: &Value, root: &Value, depth: usize) -> Value {
    /// A schema may ask for a billion items; an answer of the echo is small.
    const MOST_ITEMS: u64 = 64;
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(MOST_ITEMS);
    let prefix = |at| schema.get("prefixItems").and_then(|items| items.get(at));
    let items = (0..least as usize)
        .map(|at| prefix(at).or(schema.get("items")).map_or(Value::Null, |item| make(item, root, depth)));
    Value::Array(items.collect())
}

fn string(schema: &Value) -> String {
    const MOST_CHARS: u64 = 1024;
    let count = |name: &str| schema.get(name).and_then(Value::as_u64);
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2000-01-01T00:00:00Z",
        Some("date") => "2000-01-01",
        Some("time") => "00:00:00Z",
        Some("email") => "echo@example.com",
        Some("uri") => "https://example.com",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("hostname") => "example.com",
        _ => {
            let least = count("minLength").unwrap_or(4).clamp(4, MOST_CHARS);
            let most = count("maxLength").unwrap_or(u64::MAX);
            return "echo".chars().cycle().take(least.min(most) as usize).collect();
        }
    };
    text.to_owned()
}

/// The least number that is allowed and not negative, or the greatest if all are negative.
fn number(schema: &Value, whole: bool) -> Value {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let step = bound("multipleOf").filter(|step| *step > 0.0).unwrap_or(if whole { 1.0 } else { 0.5 });
    let least = bound("minimum").or(bound("exclusiveMinimum")).unwrap_or(0.0);
    let mut value = (least / step).ceil() * step;
    if bound("exclusiveMinimum").is_some_and(|bound| value <= bound) {
        value += step;
    }
    if bound("maximum").is_some_and(|most| value > most) || bound("exclusiveMaximum").is_some_and(|most| value >= most)
    {
        let most = bound("maximum").or(bound("exclusiveMaximum")).unwrap_or(value);
        value = (most / step).floor() * step;
        if bound("exclusiveMaximum").is_some_and(|bound| value >= bound) {
            value -= step;
        }
    }
    let number = if value.fract() == 0.0 { Some(Number::from(value as i64)) } else { Number::from_f64(value) };
    number.map_or(Value::Null, Value::Number)
}

/// Objects are united; of anything else the later one counts, unless it says nothing.
fn merge(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(first), Value::Object(second)) => {
            Value::Object(first.into_iter().chain(second).collect::<Map<_, _>>())
        }
        (first, Value::Null) => first,
        (_, second) => second,
    }
}
