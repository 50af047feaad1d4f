//! `reasoning` items and the signatures in them.

use serde_json::{Value, json};

use crate::{
    call::{Part, Thinking},
    dialect::{Malformed, field::Field},
    signature::{self, Maker},
};

/// Stands before thought that its maker hides altogether, behind the mark of the maker.
const REDACTED: &str = "redacted.";

/// Reads a `reasoning` item; `None` if it holds nothing (a mere reference to what OpenAI has stored).
pub(super) fn read(item: &Field<'_, '_>) -> Result<Option<Thinking>, Malformed> {
    let mut text = texts(item, "content")?;
    if text.is_empty() {
        text = texts(item, "summary")?;
    }
    let signature = match item.get("encrypted_content") {
        Some(sealed) => Some(sealed.text()?).filter(|sealed| !sealed.is_empty()),
        None => None,
    };
    Ok(unseal(text, signature))
}

/// The paragraphs of a summary or of the thought itself.
fn texts(item: &Field<'_, '_>, name: &'static str) -> Result<String, Malformed> {
    let Some(list) = item.get(name) else { return Ok(String::new()) };
    let mut paragraphs = Vec::new();
    for part in list.items()? {
        paragraphs.push(part.need("text", "a string")?.text()?);
    }
    Ok(paragraphs.join(BETWEEN))
}

/// What stands between the paragraphs of a summary.
pub(super) const BETWEEN: &str = "\n\n";

/// A thought from its text and what seals it.
pub(super) fn unseal(text: String, sealed: Option<&str>) -> Option<Thinking> {
    let Some(sealed) = sealed else {
        return (!text.is_empty()).then_some(Thinking::Text { text, signature: None });
    };
    // A seal without a mark is OpenAI's own.
    let (maker, value) = signature::marked(sealed).unwrap_or((Maker::OpenAi, sealed));
    match value.strip_prefix(REDACTED) {
        Some(data) if maker != Maker::OpenAi => Some(Thinking::Redacted { data: signature::mark(maker, data) }),
        _ => Some(Thinking::Text { text, signature: Some(signature::mark(maker, value)) }),
    }
}

/// A signature as a client is given it, to bring it back: OpenAI's own bare, any other marked.
pub(super) fn seal(canonical: &str) -> String {
    match signature::read(canonical) {
        (Maker::OpenAi, value) => value.to_owned(),
        (maker, value) => signature::mark_all(maker, value),
    }
}

/// As [`seal`], of thought that its maker hides altogether.
pub(super) fn seal_redacted(canonical: &str) -> String {
    let (maker, data) = signature::read(canonical);
    signature::mark_all(maker, &format!("{REDACTED}{data}"))
}

/// The `reasoning` item that a client is given, without an id.
pub(super) fn write(thinking: &Thinking) -> Value {
    match thinking {
        Thinking::Text { text, signature } => item(text, signature.as_deref().map(seal).as_deref()),
        Thinking::Redacted { data } => item("", Some(&seal_redacted(data))),
    }
}

/// The `reasoning` item that OpenAI is sent back; `None` if it did not seal it. `native`: the thought came in this
/// dialect, so that one without a seal is an open model's.
pub(super) fn replay(thinking: &Thinking, native: bool) -> Option<Value> {
    match thinking {
        Thinking::Text { text, signature: None } => native.then(|| item(text, None)),
        Thinking::Text { text, signature: Some(proof) } => {
            signature::own(Maker::OpenAi, proof).map(|proof| item(text, Some(proof)))
        }
        Thinking::Redacted { .. } => None,
    }
}

/// A `reasoning` item without an id.
pub(super) fn item(text: &str, sealed: Option<&str>) -> Value {
    let summary = if text.is_empty() { json!([]) } else { json!([{"type": "summary_text", "text": text}]) };
    let mut item = json!({"type": "reasoning", "summary": summary});
    if let (Some(sealed), Some(item)) = (sealed, item.as_object_mut()) {
        item.insert("encrypted_content".to_owned(), json!(sealed));
    }
    item
}

/// Appends a thought; one that is but the signature of the tool call before it goes into that call.
pub(super) fn push(parts: &mut Vec<Part>, thinking: Thinking) {
    if let (Thinking::Text { text, signature: Some(proof) }, Some(Part::ToolUse(call))) = (&thinking, parts.last_mut())
        && text.is_empty()
        && call.signature.is_none()
        && signature::read(proof).0 == Maker::Gemini
    {
        call.signature = Some(proof.clone());
        return;
    }
    parts.push(Part::Thinking(thinking));
}
