//! Content parts, both ways: what the `content` of a message and the `output` of a tool hold.

use serde_json::{Map, Value, json};

use crate::{
    call::{Audio, CacheMark, Part, Text},
    dialect::{
        Dialect, Malformed,
        field::Field,
        openai_chat::part::{read_file, read_source},
    },
    json::Json,
};

/// A content: a string or a list of parts.
pub(super) fn read_content(content: &Field<'_, '_>) -> Result<Vec<Part>, Malformed> {
    match content.value {
        Json::String(text) => Ok(vec![Part::Text(Text { text: text.clone().into_owned(), ..Text::default() })]),
        Json::Array(_) => content.items()?.map(|part| read(&part)).collect(),
        _ => Err(content.wrong("a string or a list of content parts")),
    }
}

fn read(part: &Field<'_, '_>) -> Result<Part, Malformed> {
    const RIGHT: &str = "input_text, input_image, input_file, output_text or refusal";
    let kind = part.need("type", RIGHT)?;
    match kind.text()? {
        // `text` stands in computer screenshots' captions and in what some clients carry over from Chat Completions.
        "input_text" | "output_text" | "text" => Ok(Part::Text(read_text(part)?)),
        "refusal" => Ok(Part::Refusal(part.need("refusal", "a string")?.string()?)),
        "input_image" => read_image(part),
        "input_file" => read_document(part),
        "input_audio" => {
            let audio = part.need("input_audio", "an object with data and format")?;
            let data = audio.need("data", "base64 data")?.string()?;
            let format = audio.need("format", "the sound's format, as wav or mp3")?.string()?;
            Ok(Part::Audio(Audio { data, format }))
        }
        "summary_text" | "reasoning_text" | "computer_screenshot" => {
            Ok(Part::Native { dialect: Dialect::OpenAiResponses, raw: part.value.to_value() })
        }
        _ => Err(kind.wrong(RIGHT)),
    }
}

/// Text with what stands beside it: `annotations` and `logprobs`, if there are any.
fn read_text(part: &Field<'_, '_>) -> Result<Text, Malformed> {
    let beside: Map<String, Value> = ["annotations", "logprobs"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), part.get(name)?.value.to_value())))
        .filter(|(_, list)| list.as_array().is_none_or(|list| !list.is_empty()))
        .collect();
    Ok(Text {
        text: part.need("text", "a string")?.string()?,
        cache: read_cache(part)?,
        notes: (!beside.is_empty()).then_some((Dialect::OpenAiResponses, Value::Object(beside))),
    })
}

fn read_image(part: &Field<'_, '_>) -> Result<Part, Malformed> {
    let source = match (part.get("image_url"), part.get("file_id")) {
        (Some(url), _) => read_source(&url)?,
        (None, Some(id)) => crate::call::Source::File(id.string()?),
        (None, None) => return Err(part.wrong("an object with image_url or file_id")),
    };
    let detail = part.get("detail").map(|detail| detail.string()).transpose()?;
    Ok(Part::Image(crate::call::Image { source, detail, cache: read_cache(part)? }))
}

fn read_document(part: &Field<'_, '_>) -> Result<Part, Malformed> {
    let cache = read_cache(part)?;
    match part.get("file_url") {
        Some(url) if part.get("file_data").is_none() => {
            let title = part.get("filename").map(|name| name.string()).transpose()?;
            let source = read_source(&url)?;
            Ok(Part::Document(crate::call::Document { source, title, context: None, citations: None, cache }))
        }
        _ => read_file(part, cache),
    }
}

/// `prompt_cache_breakpoint`: <https://platform.openai.com/docs/guides/prompt-caching>. The longer of its lifetimes is
/// the canonical longer one, and so on the way back.
fn read_cache(part: &Field<'_, '_>) -> Result<Option<CacheMark>, Malformed> {
    let Some(mark) = part.get("prompt_cache_breakpoint") else { return Ok(None) };
    mark.object()?;
    Ok(Some(match mark.get("ttl") {
        Some(ttl) if ttl.text()? == "12h" => CacheMark::OneHour,
        _ => CacheMark::Default,
    }))
}

/// A mark as `prompt_cache_breakpoint`.
pub(super) fn put_cache(part: &mut Value, mark: CacheMark) {
    let mark = match mark {
        CacheMark::OneHour => json!({"mode": "explicit", "ttl": "12h"}),
        CacheMark::Default | CacheMark::FiveMinutes => json!({"mode": "explicit"}),
    };
    if let Some(part) = part.as_object_mut() {
        part.insert("prompt_cache_breakpoint".to_owned(), mark);
    }
}

/// What the assistant said, as an `output_text` part.
pub(super) fn output_text(text: &str, beside: Option<&Value>) -> Value {
    let mut part = json!({"type": "output_text", "text": text, "annotations": []});
    if let (Some(part), Some(beside)) = (part.as_object_mut(), beside.and_then(Value::as_object)) {
        part.extend(beside.clone());
    }
    part
}

/// What the assistant refused, as a part.
pub(super) fn refusal(words: &str) -> Value {
    json!({"type": "refusal", "refusal": words})
}
