//! YAML as people write it: blocks, and quotes only where something would be misread.

use serde_json::{Map, Value};

/// The text of a configuration.
pub(super) fn write(config: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, value) in config {
        entry(&mut text, 0, name, value);
        text.push('\n');
    }
    text
}

fn entry(text: &mut String, depth: usize, name: &str, value: &Value) {
    text.push_str(&"  ".repeat(depth));
    text.push_str(&scalar(name));
    text.push(':');
    below(text, depth, value);
}

fn below(text: &mut String, depth: usize, value: &Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            fields.iter().for_each(|(name, value)| entry(text, depth + 1, name, value));
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            for item in items {
                text.push_str(&"  ".repeat(depth + 1));
                text.push_str("- ");
                text.push_str(&inline(item));
                text.push('\n');
            }
        }
        other => {
            text.push(' ');
            text.push_str(&inline(other));
            text.push('\n');
        }
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{}: {}", scalar(name), inline(value))).collect();
            if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
        }
        other => other.to_string(),
    }
}

/// A text, in quotes unless it is a plain word that nothing else could be meant by. JSON's quotes are YAML's.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain);
    let meant = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .iter()
        .any(|other| text.eq_ignore_ascii_case(other));
    if word && !meant { text.to_owned() } else { Value::from(text).to_string() }
}
