//! Whether a tree has the shape of [`Raw`](super::raw::Raw): every unknown, missing, doubled or ill-typed setting at once.
//!
//! The judge is the published JSON Schema, so that what an editor underlines and what `tollgate check` says agree. What
//! does not fit is reported and left out; the rest is still checked.

use serde_json::{Map, Value as Json};

use super::{
    problem::{Fault, closest, list},
    report::{At, Report},
    tree::{Node, Value},
    variable::{BadVariable, Lookup, expand},
};

/// The schema of what no schema describes.
static ANYTHING: Json = Json::Bool(true);

/// Reads the tree by the schema.
pub(super) struct Shape<'a> {
    pub schema: &'a Json,
    pub lookup: Lookup<'a>,
    pub report: &'a mut Report,
}

impl<'a> Shape<'a> {
    /// The value as JSON that fits `schema`; `None` if it was left out.
    pub fn fit(&mut self, node: &Node, schema: &'a Json, path: &str) -> Option<Json> {
        self.report.note_place(path, node.at);
        let schema = self.resolve(schema, node);
        if let Some(names) = names(schema) {
            return self.name(node, &names, path);
        }
        if schema.as_bool() == Some(true) || schema.get("type").is_none() {
            return self.anything(node, path);
        }
        match kind(schema) {
            "object" => self.object(node, schema, path),
            "array" => self.array(node, schema, path),
            "string" => self.string(node, path).map(Json::String),
            "boolean" => self.scalar(node, path, "`true` or `false`", |text| match text {
                "true" => Some(Json::Bool(true)),
                "false" => Some(Json::Bool(false)),
                _ => None,
            }),
            "integer" => {
                let value =
                    self.scalar(node, path, "a whole number", |text| text.parse::<u64>().ok().map(Json::from))?;
                self.in_range(value, schema, path)
            }
            _ => self.scalar(node, path, "a number", |text| {
                let number = serde_json::Number::from_f64(text.parse().ok()?)?;
                Some(Json::Number(number))
            }),
        }
    }

    /// Follows references and chooses the branch of a choice that takes such a node.
    fn resolve(&self, schema: &'a Json, node: &Node) -> &'a Json {
        let mut schema = schema;
        loop {
            if let Some(name) = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.rsplit('/').next()) {
                match self.schema.get("$defs").and_then(|all| all.get(name)) {
                    Some(found) => schema = found,
                    None => return &ANYTHING,
                }
            } else if let Some(branches) = schema.get("anyOf").and_then(Json::as_array) {
                let mut real = branches.iter().filter(|branch| kind(branch) != "null");
                let first = real.next();
                let wants_map = matches!(node.value, Value::Map(_));
                let other = real.find(|branch| (branch.get("$ref").is_some() || kind(branch) == "object") == wants_map);
                let fits_first = first.is_some_and(|branch| branch.get("$ref").is_some() == wants_map);
                match (first, other) {
                    (Some(_), Some(other)) if !fits_first => schema = other,
                    (Some(first), _) => schema = first,
                    (None, _) => return &ANYTHING,
                }
            } else {
                return schema;
            }
        }
    }

    fn object(&mut self, node: &Node, schema: &'a Json, path: &str) -> Option<Json> {
        let none = Vec::new();
        let entries = match &node.value {
            Value::Map(entries) => entries,
            // `ollama:` alone is an account with nothing to say.
            Value::Null => &none,
            _ => return self.wrong(node, path, "a map"),
        };
        let known = schema.get("properties").and_then(Json::as_object);
        let any = schema.get("additionalProperties").filter(|any| any.as_bool() != Some(false));
        let any = any.or((schema.as_bool() == Some(true)).then_some(schema));
        let mut out = Map::new();
        for (key, value) in entries {
            let name = key.text.clone();
            let below = join(path, &name);
            self.report.note_key(&below, key.at);
            if matches!(key.value, Value::Null | Value::List(_) | Value::Map(_)) {
                self.report.error(Fault::BadName, At::Value(path), "a setting's name is a text", "put it in quotes");
            } else if out.contains_key(&name) {
                let fix = "keep one of them";
                self.report.error(Fault::Duplicate, At::Place(&below, key.at), format!("`{name}` stands twice"), fix);
            } else if let Some(property) = known.and_then(|known| known.get(&name)).or(any) {
                let is_map = known.is_none() && kind(self.resolve(property, value)) == "object";
                if matches!(value.value, Value::Null) && !is_map {
                    continue;
                }
                if let Some(value) = self.fit(value, property, &below) {
                    out.insert(name, value);
                }
            } else {
                let names: Vec<&str> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                self.unknown(&name, &names, path, key);
            }
        }
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let mut complete = true;
        for name in required.filter(|name| !out.contains_key(*name)) {
            complete = false;
            // A setting that is there and wrong has been reported already.
            if !entries.iter().any(|(key, value)| key.text == *name && !matches!(value.value, Value::Null)) {
                let fix = format!("add `{name}: ...`");
                self.report.error(Fault::MissingField, At::Value(path), format!("`{name}` is missing"), fix);
            }
        }
        complete.then_some(Json::Object(out))
    }

    fn unknown(&mut self, name: &str, names: &[&str], path: &str, key: &Node) {
        let fix = match closest(name, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("use one of {}", list(names.iter().copied())),
        };
        let place = if path.is_empty() { "at the top".to_owned() } else { format!("in `{path}`") };
        let message = format!("there is no setting `{name}` {place}");
        self.report.error(Fault::UnknownField, At::Place(&join(path, name), key.at), message, fix);
    }

    fn array(&mut self, node: &Node, schema: &'a Json, path: &str) -> Option<Json> {
        let Value::List(items) = &node.value else {
            return self.wrong(node, path, "a list");
        };
        let bound = |name| schema.get(name).and_then(Json::as_u64).and_then(|bound| usize::try_from(bound).ok());
        if items.len() < bound("minItems").unwrap_or_default() {
            self.report.error(Fault::MissingField, At::Value(path), "the list is empty", "name at least one");
            return None;
        }
        if let Some(most) = bound("maxItems").filter(|most| items.len() > *most) {
            let message = format!("the list has {} entries, more than {most}", items.len());
            self.report.error(Fault::OutOfRange, At::Value(path), message, format!("keep at most {most}"));
            return None;
        }
        let of = schema.get("items").unwrap_or(&ANYTHING);
        let fitting = items.iter().enumerate().map(|(at, item)| {
            // A list keeps its length, so that later problems name the right place.
            self.fit(item, of, &format!("{path}[{at}]")).unwrap_or(Json::Null)
        });
        Some(Json::Array(fitting.collect()))
    }

    /// One of a few names.
    fn name(&mut self, node: &Node, names: &[&str], path: &str) -> Option<Json> {
        let text = self.string(node, path)?;
        if names.contains(&text.as_str()) {
            return Some(Json::String(text));
        }
        let fix = match closest(&text, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("use one of {}", list(names.iter().copied())),
        };
        let message = format!("`{path}` is {}, not `{text}`", list(names.iter().copied()).replace(", ", " or "));
        self.report.error(Fault::UnknownValue, At::Value(path), message, fix);
        None
    }

    fn scalar(&mut self, node: &Node, path: &str, right: &str, read: impl Fn(&str) -> Option<Json>) -> Option<Json> {
        let text = match &node.value {
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            // A variable of the environment is always text; a quoted number is not a number.
            Value::Text if node.text.contains("${") => self.string(node, path)?,
            _ => return self.wrong(node, path, right),
        };
        match read(&text) {
            Some(value) => Some(value),
            None => self.wrong(node, path, right),
        }
    }

    fn in_range(&mut self, value: Json, schema: &Json, path: &str) -> Option<Json> {
        let number = value.as_u64()?;
        let bound = |name| schema.get(name).and_then(Json::as_f64);
        let (least, most) = (bound("minimum").unwrap_or(0.0), bound("maximum").unwrap_or(f64::from(u32::MAX)));
        #[expect(clippy::cast_precision_loss, reason = "bounds are small")]
        if (number as f64) < least || (number as f64) > most {
            let message = format!("`{path}` is {number}, which is not from {least} to {most}");
            self.report.error(
                Fault::OutOfRange,
                At::Value(path),
                message,
                format!("write a number from {least} to {most}"),
            );
            return None;
        }
        Some(value)
    }

    fn string(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.value {
            Value::Text => {}
            // What YAML takes for a number is meant as written: `x-version: 007`.
            Value::Number(_) | Value::Bool(_) => return Some(node.text.clone()),
            _ => {
                self.wrong(node, path, "a text");
                return None;
            }
        }
        match expand(&node.text, self.lookup) {
            Ok(expanded) => {
                if expanded.from_environment {
                    self.report.note_variable(path);
                }
                Some(expanded.text)
            }
            Err(BadVariable::Unset(name)) => {
                let fix = format!("set {name}, or write `${{{name}:-default}}`");
                let message = format!("the environment variable {name} is not set");
                self.report.error(Fault::BadVariable, At::Value(path), message, fix);
                None
            }
            Err(BadVariable::Malformed(text)) => {
                let fix = "write `${NAME}` or `${NAME:-default}`, and `$$` for a dollar sign";
                self.report.error(Fault::BadVariable, At::Value(path), format!("`{text}` is no variable"), fix);
                None
            }
        }
    }

    /// A value that no schema describes, as deep as it goes.
    fn anything(&mut self, node: &Node, path: &str) -> Option<Json> {
        match &node.value {
            Value::Null => Some(Json::Null),
            Value::Bool(value) => Some(Json::Bool(*value)),
            Value::Number(value) => Some(Json::Number(value.clone())),
            Value::Text => self.string(node, path).map(Json::String),
            Value::List(_) => self.array(node, &ANYTHING, path),
            Value::Map(_) => self.object(node, &ANYTHING, path),
        }
    }

    fn wrong(&mut self, node: &Node, path: &str, right: &str) -> Option<Json> {
        let place = if path.is_empty() { "the configuration".to_owned() } else { format!("`{path}`") };
        let message = format!("{place} must be {right}, not {}", node.kind());
        self.report.error(Fault::WrongType, At::Value(path), message, format!("write {right}"));
        None
    }
}

/// The path of a setting below another.
pub(super) fn join(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let name = if plain { name.to_owned() } else { format!("\"{name}\"") };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// The type of a schema, apart from `null`.
fn kind(schema: &Json) -> &str {
    match schema.get("type") {
        Some(Json::String(name)) => name,
        Some(Json::Array(names)) => {
            names.iter().filter_map(Json::as_str).find(|name| *name != "null").unwrap_or_default()
        }
        _ => "",
    }
}

/// The names that a schema allows, if it is a choice of names.
fn names(schema: &Json) -> Option<Vec<&str>> {
    let values = schema.get("enum").and_then(Json::as_array);
    let documented = schema.get("oneOf").and_then(Json::as_array);
    match (values, documented) {
        (Some(values), _) => Some(values.iter().filter_map(Json::as_str).collect()),
        (_, Some(variants)) => variants.iter().map(|variant| variant.get("const").and_then(Json::as_str)).collect(),
        _ => None,
    }
}
