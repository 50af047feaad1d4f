//! A YAML text as a tree in which every value knows its place.
//!
//! Reading goes through a tree, not straight into [`super::raw::Raw`], because a derived reader stops at the first
//! problem. `${NAME}` is hidden from the YAML reader, whose inline maps (`{ api_key: ${NAME} }`) would end at its brace.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::{Location, Spanned};

use super::problem::Place;

/// Stand for the braces of `${NAME}` while YAML is read. Private-use characters: one column each, as the braces.
const OPEN: char = '\u{E0F1}';
const CLOSE: char = '\u{E0F2}';

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    pub at: Place,
    pub value: Value,
    /// The scalar as written, without its quotes; empty for lists and maps.
    pub text: String,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// What it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Why a text is no tree.
#[derive(Debug)]
pub struct NoTree {
    pub message: String,
    pub at: Option<Place>,
}

/// Reads one YAML document.
///
/// # Errors
/// It is not YAML, or larger than any configuration.
pub fn read(text: &str) -> Result<Node, NoTree> {
    let marked = hide_variables(text);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_documents: 1, max_depth: 64, max_nodes: 1_000_000, max_aliases: 1_000 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        emit_comments: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Plain>>(&marked, options) {
        Ok(root) => Ok(node(&marked, root)),
        Err(error) => {
            let at = error.location().map(place).filter(|place| place.line > 0);
            let message = error.without_snippet().to_string();
            // The place is said by whoever shows the message.
            let message = message.split(" at line ").next().unwrap_or_default();
            Err(NoTree { message: show_variables(message), at })
        }
    }
}

fn node(source: &str, spanned: Spanned<Plain>) -> Node {
    let written = || {
        let span = spanned.defined.span();
        let start = usize::try_from(span.byte_offset().unwrap_or_default()).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(span.byte_len().unwrap_or_default()).unwrap_or(usize::MAX));
        show_variables(source.get(start..end).unwrap_or_default())
    };
    let (value, text) = match spanned.value {
        Plain::Null => (Value::Null, String::new()),
        Plain::Bool(value) => (Value::Bool(value), written()),
        Plain::Number(value) => (Value::Number(value), written()),
        Plain::Text(text) => (Value::Text, show_variables(&text)),
        Plain::List(items) => (Value::List(items.into_iter().map(|item| node(source, item)).collect()), String::new()),
        Plain::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| (node(source, key), node(source, value)));
            (Value::Map(entries.collect()), String::new())
        }
    };
    Node { at: place(spanned.referenced), value, text }
}

fn place(location: Location) -> Place {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let width = usize::try_from(location.span().len()).unwrap_or(usize::MAX);
    Place { line: number(location.line()), column: number(location.column()), width: width.max(1) }
}

/// Replaces the braces of every `${...}` that closes on its line.
fn hide_variables(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        marked.push_str(before);
        let inner = from.get(2..).unwrap_or_default();
        match inner.find(['}', '\n', '{']) {
            Some(end) if inner.as_bytes().get(end) == Some(&b'}') => {
                let (name, after) = inner.split_at(end);
                marked.extend(['$', OPEN]);
                marked.push_str(name);
                marked.push(CLOSE);
                rest = after.get(1..).unwrap_or_default();
            }
            _ => {
                marked.push_str("${");
                rest = inner;
            }
        }
    }
    marked.push_str(rest);
    marked
}

fn show_variables(text: &str) -> String {
    text.replace(OPEN, "{").replace(CLOSE, "}")
}

/// What the YAML reader gives.
enum Plain {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<Plain>>),
    Map(Vec<(Spanned<Plain>, Spanned<Plain>)>),
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_none<E>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Plain, D::Error> {
        Plain::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
        Ok(Plain::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
        Ok(Plain::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
        Ok(Plain::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
        Ok(Number::from_f64(value).map_or_else(|| Plain::Text(value.to_string()), Plain::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Plain, E> {
        Ok(Plain::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Plain, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Plain::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Plain, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Plain::Map(entries))
    }
}
