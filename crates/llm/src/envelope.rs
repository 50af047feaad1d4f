//! Request bodies that are governed without being decoded.
//!
//! Same dialect on both sides and nobody rewrites: then the bytes that the client sent are the bytes that the provider
//! gets, but for a few spliced values. The order of keys in a tool schema is prompt text; decoding and encoding again
//! would break prompt caches and lose fields that this version does not know. So an [`Envelope`] knows only where the
//! top-level values lie.
//!
//! An escaped key (`"mod\u0065l"`) is the key that it spells, and no top-level key may stand twice: what is checked is
//! what the provider reads.

pub(crate) mod scan;

use std::{collections::BTreeMap, ops::Range};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;

use crate::dialect::Malformed;
use scan::Scan;

/// A request body and the places of its top-level values.
#[derive(Debug, Clone)]
pub struct Envelope {
    body: Bytes,
    fields: Vec<Field>,
    model: String,
}

/// Where a member stands in the body.
#[derive(Debug, Clone)]
struct Field {
    /// Between the quotes.
    key: Range<usize>,
    /// What the key spells, if it holds escapes.
    spelt: Option<Box<str>>,
    value: Range<usize>,
}

/// More top-level keys than any API has: a body beyond it is an attack on the linear search.
const MOST_FIELDS: usize = 128;

impl Envelope {
    /// Finds the top-level values of a JSON object. `model`: as the path says it, if it does.
    ///
    /// # Errors
    /// The body is not a JSON object, nests too deeply, has a key twice, or nobody says a `model` that is a non-empty
    /// string. A body that names another model than the path is refused as well: nobody could tell which one is meant.
    pub fn open(body: Bytes, model: Option<String>) -> Result<Self, Unreadable> {
        let fields = fields(&body, 0..body.len())?;
        let mut envelope = Self { body, fields, model: String::new() };
        if let Some(model) = model {
            let also: Option<String> = envelope.get("model", "a string")?;
            let same = |also: &str| also.strip_prefix("models/").unwrap_or(also) == model;
            if also.as_deref().is_some_and(|also| !same(also)) {
                return Err(Unreadable::at("model", "`model` names another model than the path: leave it out".into()));
            }
            envelope.model = model;
            return Ok(envelope);
        }
        let Some(raw) = envelope.raw("model") else {
            return Err(Unreadable::at("model", "`model` is missing: name the model to call".into()));
        };
        envelope.model = match scan::unquoted(raw) {
            Some(model) if !model.is_empty() => model.into_owned(),
            _ => return Err(Unreadable::at("model", "`model` must be a non-empty string".into())),
        };
        Ok(envelope)
    }

    /// The model that the caller asks for.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The body as it was sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The JSON text of a top-level value.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        self.body.get(self.span(name)?)
    }

    /// A top-level value as `T`; `Ok(None)` if it is missing or `null`.
    ///
    /// # Errors
    /// The value is of another type: the error says that it must be `expected`.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, name: &'static str, expected: &str) -> Result<Option<T>, Unreadable> {
        match self.raw(name) {
            None | Some(b"null") => Ok(None),
            Some(raw) => serde_json::from_slice(raw)
                .map(Some)
                .map_err(|_| Unreadable::at(name, format!("`{name}` must be {expected}"))),
        }
    }

    /// Whether a streamed answer is asked for.
    ///
    /// # Errors
    /// `stream` is not a boolean.
    pub fn stream(&self) -> Result<bool, Unreadable> {
        Ok(self.get("stream", "true or false")?.unwrap_or(false))
    }

    /// The bound that the body sets to the tokens of an answer, in any dialect's words; `None` if it sets none, or none that
    /// can be read.
    #[must_use]
    pub fn most_output(&self) -> Option<u64> {
        const FLAT: [&str; 3] = ["max_completion_tokens", "max_tokens", "max_output_tokens"];
        /// Within an object: Gemini's, Bedrock's.
        const NESTED: [(&str, &str); 2] = [("generationConfig", "maxOutputTokens"), ("inferenceConfig", "maxTokens")];
        let number = |raw: &[u8]| std::str::from_utf8(raw).ok()?.parse().ok();
        FLAT.iter().find_map(|name| number(self.raw(name)?)).or_else(|| {
            NESTED.iter().find_map(|(name, field)| {
                let object: serde_json::Value = serde_json::from_slice(self.raw(name)?).ok()?;
                object.get(field)?.as_u64()
            })
        })
    }

    /// How many answers are asked for at once (`n`); 1 if that is not said, or cannot be read.
    #[must_use]
    pub fn answers(&self) -> u64 {
        let said = self.raw("n").and_then(|raw| std::str::from_utf8(raw).ok()?.parse().ok());
        said.unwrap_or(1).max(1)
    }

    /// The names of the top-level keys, in the order of the body.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| std::str::from_utf8(field.name(&self.body)).unwrap_or_default())
    }

    /// The top-level keys and the JSON texts of their values, in the order of the body.
    pub fn values(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| {
            let name = std::str::from_utf8(field.name(&self.body)).unwrap_or_default();
            (name, self.body.get(field.value.clone()).unwrap_or_default())
        })
    }

    /// Begins a list of changes to the body.
    #[must_use]
    pub fn edit(&self) -> Splice<'_> {
        Splice { envelope: self, edits: Vec::new(), removed: Vec::new() }
    }

    fn span(&self, name: &str) -> Option<Range<usize>> {
        find(&self.fields, &self.body, name).map(|field| field.value.clone())
    }
}

impl Field {
    fn name<'a>(&'a self, body: &'a [u8]) -> &'a [u8] {
        match &self.spelt {
            Some(name) => name.as_bytes(),
            None => body.get(self.key.clone()).unwrap_or_default(),
        }
    }
}

fn find<'f>(fields: &'f [Field], body: &[u8], name: &str) -> Option<&'f Field> {
    fields.iter().find(|field| field.name(body) == name.as_bytes())
}

/// Changes to a body that leave every other byte as it is.
#[derive(Debug)]
pub struct Splice<'a> {
    envelope: &'a Envelope,
    edits: Vec<(Range<usize>, Vec<u8>)>,
    /// Indexes of the fields to take out.
    removed: Vec<usize>,
}

impl Splice<'_> {
    /// Gives a top-level key this value, added at the front if the body does not have it.
    pub fn set(&mut self, name: &str, value: &Value) {
        let text = json(value);
        match self.envelope.span(name) {
            Some(span) if self.envelope.body.get(span.clone()) == Some(&text) => {}
            Some(span) => self.replace(span, text),
            None => self.insert(name, &text),
        }
    }

    /// Takes a top-level key out, with its comma.
    pub fn remove(&mut self, name: &str) {
        let Envelope { body, fields, .. } = self.envelope;
        self.removed.extend(fields.iter().position(|field| field.name(body) == name.as_bytes()));
    }

    /// Asks for usage at the end of the stream (`stream_options.include_usage`), keeping the other options.
    pub fn ask_for_usage(&mut self) {
        let Some(span) = self.envelope.span("stream_options") else {
            return self.insert("stream_options", br#"{"include_usage":true}"#);
        };
        let body = &self.envelope.body;
        let inner = fields(body, span.clone()).unwrap_or_default();
        match find(&inner, body, "include_usage").map(|field| field.value.clone()) {
            Some(value) if self.envelope.body.get(value.clone()) == Some(b"true") => {}
            Some(value) => self.replace(value, b"true".to_vec()),
            None => {
                let is_object = self.envelope.body.get(span.start) == Some(&b'{');
                let is_empty = self.envelope.body.get(span.clone()).is_none_or(|text| {
                    !is_object || text.iter().skip(1).find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}')
                });
                if is_empty {
                    self.replace(span, br#"{"include_usage":true}"#.to_vec());
                } else {
                    self.replace(span.start + 1..span.start + 1, br#""include_usage":true,"#.to_vec());
                }
            }
        }
    }

    /// The body with the changes made; without any it is the very buffer that was received.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        self.take_out_removed();
        if self.edits.is_empty() {
            return self.envelope.body.clone();
        }
        self.edits.sort_by_key(|(span, _)| (span.start, span.end));
        let body = &self.envelope.body;
        let added: usize = self.edits.iter().map(|(_, text)| text.len()).sum();
        let mut out = Vec::with_capacity(body.len() + added);
        let mut at = 0;
        for (span, text) in &self.edits {
            // Removals of neighbours overlap.
            out.extend_from_slice(body.get(at..span.start).unwrap_or_default());
            out.extend_from_slice(text);
            at = at.max(span.end);
        }
        out.extend_from_slice(body.get(at..).unwrap_or_default());
        out.into()
    }

    /// Fields at the front go with the comma behind them, others with the comma before.
    fn take_out_removed(&mut self) {
        self.removed.sort_unstable();
        let removed = std::mem::take(&mut self.removed);
        let fields = &self.envelope.fields;
        for (nth, at) in removed.into_iter().enumerate() {
            let Some(end) = fields.get(at).map(|field| field.value.end) else { continue };
            let start = match at.checked_sub(1).and_then(|previous| fields.get(previous)) {
                Some(previous) => previous.value.end,
                None => self.front(),
            };
            let at_front = nth == at;
            let comma = self.envelope.body.get(end..).and_then(|rest| memchr::memchr(b',', rest));
            let end = comma.filter(|_| at_front && at + 1 < fields.len()).map_or(end, |comma| end + comma + 1);
            self.edits.push((start..end, Vec::new()));
        }
    }

    /// The place behind the opening brace.
    fn front(&self) -> usize {
        memchr::memchr(b'{', &self.envelope.body).map_or(0, |brace| brace + 1)
    }

    fn insert(&mut self, name: &str, value: &[u8]) {
        let front = self.front();
        let mut text = json(name);
        text.push(b':');
        text.extend_from_slice(value);
        text.push(b',');
        self.replace(front..front, text);
    }

    fn replace(&mut self, span: Range<usize>, text: Vec<u8>) {
        self.edits.push((span, text));
    }
}

/// Writing to memory does not fail, and neither do the keys of a JSON object.
fn json(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// A body that cannot be governed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// A key stands twice.
    pub duplicate: bool,
    /// What was wrong, fit for the caller.
    pub malformed: Malformed,
}

impl Unreadable {
    fn whole(message: String) -> Self {
        Self { duplicate: false, malformed: Malformed { field: None, message } }
    }

    fn at(field: &'static str, message: String) -> Self {
        Self { duplicate: false, malformed: Malformed { field: Some(field.into()), message } }
    }
}

/// The top-level keys and values of the JSON object at `within`.
fn fields(body: &[u8], within: Range<usize>) -> Result<Vec<Field>, Unreadable> {
    let text = body.get(within.clone()).unwrap_or_default();
    let fields = members(text, within.start).ok_or_else(|| illegible(text))?;
    if fields.len() > MOST_FIELDS {
        return Err(Unreadable::whole(format!("the body has more than {MOST_FIELDS} keys")));
    }
    for (at, field) in fields.iter().enumerate() {
        let name = field.name(body);
        if fields.iter().take(at).any(|before| before.name(body) == name) {
            let name = String::from_utf8_lossy(name).into_owned();
            let message = format!("`{name}` stands twice in the body: send it once");
            return Err(Unreadable { duplicate: true, malformed: Malformed { field: Some(name), message } });
        }
    }
    Ok(fields)
}

/// The members of the one object that `text` is; `None` if it is no JSON object, or one that nests too deeply.
/// `start`: where the text begins in the body.
fn members(text: &[u8], start: usize) -> Option<Vec<Field>> {
    let mut found = Vec::with_capacity(8);
    let mut scan = Scan::of(text);
    scan.object(|scan, quoted| {
        let key = scan.key(quoted.clone());
        let spelt = match memchr::memchr(b'\\', key) {
            Some(_) => Some(serde_json::from_slice(text.get(quoted.clone())?).ok()?),
            None => None,
        };
        let value = scan.place()?;
        let key = start + quoted.start + 1..start + quoted.end - 1;
        found.push(Field { key, spelt, value: start + value.start..start + value.end });
        Some(())
    })?;
    scan.is_whole().then_some(found)
}

/// What is wrong with a body that is no JSON object, in serde_json's words.
fn illegible(text: &[u8]) -> Unreadable {
    if std::str::from_utf8(text).is_err() {
        return Unreadable::whole("the body is not UTF-8".into());
    }
    match serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(text) {
        Err(error) => Unreadable::whole(format!("the body is not a JSON object that can be read: {error}")),
        Ok(_) => Unreadable::whole(format!("the body nests deeper than {} levels", scan::DEEPEST)),
    }
}

#[cfg(test)]
mod tests;
