use super::media::{DOCUMENT, IMAGE, Media, VIDEO};
use crate::{
    call::{Audio, CacheMark, Document, Image, Part, Source, Text, Thinking, ToolResult, ToolUse, Video},
    dialect::{Dialect, Malformed, field::Field},
    json::Object,
};

/// Reads a list of content blocks. A cache point marks the part before it.
pub(in super::super) fn content(blocks: &Field<'_, '_>) -> Result<Vec<Part>, Malformed> {
    let mut parts = Vec::new();
    for block in blocks.items()? {
        let part = read(&block)?;
        let marked = match (cache_mark(&block)?, parts.last_mut()) {
            (Some(mark), Some(last)) => marks(last, mark),
            _ => false,
        };
        if !marked {
            parts.push(part);
        }
    }
    Ok(parts)
}

/// The mark that a `cachePoint` block is.
pub(in super::super) fn cache_mark(block: &Field<'_, '_>) -> Result<Option<CacheMark>, Malformed> {
    let Some(point) = block.get("cachePoint") else { return Ok(None) };
    let kind = point.need("type", "\"default\"")?;
    if kind.text()? != "default" {
        return Err(kind.wrong("\"default\""));
    }
    let Some(ttl) = point.get("ttl") else { return Ok(Some(CacheMark::Default)) };
    match ttl.text()? {
        "5m" => Ok(Some(CacheMark::FiveMinutes)),
        "1h" => Ok(Some(CacheMark::OneHour)),
        _ => Err(ttl.wrong("\"5m\" or \"1h\"")),
    }
}

/// Marks a part; `false` if it cannot bear a mark, or bears one.
fn marks(part: &mut Part, mark: CacheMark) -> bool {
    let cache = match part {
        Part::Text(text) => &mut text.cache,
        Part::Image(image) => &mut image.cache,
        Part::Document(document) => &mut document.cache,
        Part::Video(video) => &mut video.cache,
        Part::ToolUse(call) => &mut call.cache,
        Part::ToolResult(result) => &mut result.cache,
        Part::Audio(_) | Part::Thinking(_) | Part::Refusal(_) | Part::Native { .. } => return false,
    };
    cache.is_none() && cache.replace(mark).is_none()
}

/// Reads one block. A block that this version does not know, or of which another dialect could not say all, is kept as it
/// is.
fn read(block: &Field<'_, '_>) -> Result<Part, Malformed> {
    const RIGHT: &str = "an object with one member that is the type of the block, such as {\"text\": \"...\"}";
    let members = block.object()?;
    let mut names = members.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name);
    let (Some(name), None) = (names.next(), names.next()) else { return Err(block.wrong(RIGHT)) };
    let member = |name: &'static str| block.need(name, "an object");
    let part = match name {
        "text" => Some(Part::Text(Text { text: block.need("text", "a string")?.string()?, ..Text::default() })),
        "image" => image(&member("image")?)?,
        "document" => document(&member("document")?)?,
        "video" => video(&member("video")?)?,
        "audio" => audio(&member("audio")?)?,
        "toolUse" => tool_use(&member("toolUse")?)?,
        "toolResult" => tool_result(&member("toolResult")?)?,
        "reasoningContent" => thinking(&member("reasoningContent")?)?,
        "citationsContent" => cited(&member("citationsContent")?)?,
        _ => None,
    };
    Ok(part.unwrap_or_else(|| Part::Native { dialect: Dialect::Bedrock, raw: block.value.to_value() }))
}

/// Whether an object has only these members: what it says besides would be lost.
fn only(object: &Object<'_>, known: &[&str]) -> bool {
    object.iter().all(|(name, value)| value.is_null() || known.contains(&name))
}

fn image(image: &Field<'_, '_>) -> Result<Option<Part>, Malformed> {
    let source = file(image, &IMAGE)?;
    let source = source.filter(|_| image.value.as_object().is_some_and(|image| only(image, &["format", "source"])));
    Ok(source.map(|source| Part::Image(Image { source, detail: None, cache: None })))
}

fn video(video: &Field<'_, '_>) -> Result<Option<Part>, Malformed> {
    Ok(file(video, &VIDEO)?.map(|source| Part::Video(Video { source, cut: None, cache: None })))
}

fn audio(audio: &Field<'_, '_>) -> Result<Option<Part>, Malformed> {
    let format = audio.need("format", "the sound's format, such as \"mp3\"")?.string()?;
    let data = audio.need("source", "an object with bytes")?.get("bytes").map(|bytes| bytes.string()).transpose()?;
    let plain = audio.value.as_object().is_some_and(|audio| only(audio, &["format", "source"]));
    Ok(data.filter(|_| plain).map(|data| Part::Audio(Audio { data, format })))
}

fn document(document: &Field<'_, '_>) -> Result<Option<Part>, Malformed> {
    let title = document.need("name", "a name for the document")?.string()?;
    let source = document.need("source", "an object with bytes, text, content or s3Location")?;
    let is_plain = document.get("format").is_none_or(|format| format.value.as_str() == Some("txt"));
    let source = if let Some(text) = source.get("text").filter(|_| is_plain) {
        Some(Source::Text(text.string()?))
    } else if let Some(parts) = source.get("content") {
        Some(Source::Content(content(&parts)?))
    } else if source.get("text").is_some() {
        None
    } else {
        file(document, &DOCUMENT)?
    };
    let given = |name| document.get(name).map(|field| field.string()).transpose();
    let citations = document.get("citations").and_then(|citations| citations.value.get("enabled")?.as_bool());
    let context = given("context")?;
    Ok(source.map(|source| Part::Document(Document { source, title: Some(title), context, citations, cache: None })))
}

/// The bytes of a file, or where it lies. `None`: a format that has no media type, a place that takes more than its address
/// to be read.
fn file(file: &Field<'_, '_>, media: &Media) -> Result<Option<Source>, Malformed> {
    let format = file.need("format", &format!("one of {}", media.names()))?.text()?;
    let source = file.need("source", "an object with bytes or s3Location")?;
    if let Some(bytes) = source.get("bytes") {
        let data = bytes.string()?;
        return Ok(media.type_of(format).map(|kind| Source::Base64 { media_type: kind.to_owned(), data }));
    }
    let Some(place) = source.get("s3Location") else {
        return Err(source.wrong("an object with bytes or s3Location"));
    };
    let uri = place.need("uri", "s3://bucket/key")?.string()?;
    let says_all = media.format_of_name(&uri) == Some(format) && place.get("bucketOwner").is_none();
    Ok(says_all.then_some(Source::File(uri)))
}

/// What a server ran on its own side (`type`) makes sense to it alone.
fn tool_use(call: &Field<'_, '_>) -> Result<Option<Part>, Malformed> {
    let input = call.need("input", "an object")?;
    let id = call.need("toolUseId", "the id of the tool call")?.string()?;
    let name = call.need("name", "the name of the tool")?.string()?;
    let arguments = input.value.to_string();
    let call = call.get("type").is_none().then_some(ToolUse { id, name, arguments, signature: None, cache: None });
    Ok(call.map(Part::ToolUse))
}

fn tool_result(result: &Field<'_, '_>) -> Result<Option<Part>, Malformed> {
    let tool_use_id = result.need("toolUseId", "the id of the tool call that this answers")?.string()?;
    let blocks = result.need("content", "an array of content blocks")?;
    let mut parts = Vec::new();
    for block in blocks.items()? {
        parts.push(match block.get("json") {
            // No other dialect tells JSON from text.
            Some(json) => Part::Text(Text { text: json.value.to_string(), ..Text::default() }),
            None => read(&block)?,
        });
    }
    let is_error = match result.get("status") {
        None => None,
        Some(status) => match status.text()? {
            "success" => Some(false),
            "error" => Some(true),
            _ => return Err(status.wrong("\"success\" or \"error\"")),
        },
    };
    let result = result.get("type").is_none().then_some(ToolResult { tool_use_id, parts, is_error, cache: None });
    Ok(result.map(Part::ToolResult))
}

fn thinking(reasoning: &Field<'_, '_>) -> Result<Option<Part>, Malformed> {
    if let Some(redacted) = reasoning.get("redactedContent") {
        return Ok(Some(Part::Thinking(Thinking::Redacted { data: redacted.string()? })));
    }
    let Some(said) = reasoning.get("reasoningText") else { return Ok(None) };
    Ok(Some(Part::Thinking(Thinking::Text {
        text: said.need("text", "a string")?.string()?,
        signature: said.get("signature").map(|proof| proof.string()).transpose()?.filter(|proof| !proof.is_empty()),
    })))
}

/// Text with its citations; the citations are for Bedrock's clients alone.
fn cited(cited: &Field<'_, '_>) -> Result<Option<Part>, Malformed> {
    let mut text = String::new();
    if let Some(pieces) = cited.get("content") {
        for piece in pieces.items()? {
            text.push_str(piece.need("text", "a string")?.text()?);
        }
    }
    let notes = cited.get("citations").map(|citations| (Dialect::Bedrock, citations.value.to_value()));
    Ok(Some(Part::Text(Text { text, cache: None, notes })))
}
