//! Content parts, both ways: what a `content` field holds.

use std::borrow::Cow;

use crate::{
    call::{Audio, CacheMark, Document, Image, Part, Source, Text, Video},
    dialect::{Dialect, Malformed, field::Field},
    json::{Json, Object, object},
};

/// Parts that vendors of this format add to it. The same format gets them back; others must refuse them.
const VENDORS: &[&str] = &["input_video", "audio_url", "document_url", "reference", "thinking"];

/// A `content`: a string or a list of parts.
pub(super) fn read_content(content: &Field<'_, '_>) -> Result<Vec<Part>, Malformed> {
    match content.value {
        Json::String(text) => Ok(vec![Part::Text(Text { text: text.clone().into_owned(), ..Text::default() })]),
        Json::Array(_) => content.items()?.map(|part| read(&part)).collect(),
        _ => Err(content.wrong("a string or a list of content parts")),
    }
}

fn read(part: &Field<'_, '_>) -> Result<Part, Malformed> {
    let kind = part.need("type", "text, image_url, input_audio, file or refusal")?;
    let cache = read_cache(part)?;
    match kind.text()? {
        "text" => {
            let text = part.need("text", "a string")?.string()?;
            Ok(Part::Text(Text { text, cache, notes: None }))
        }
        "image_url" => read_image(&part.need("image_url", "an object with a url")?, cache),
        "video_url" => read_video(part, cache),
        "input_audio" => {
            let audio = part.need("input_audio", "an object with data and format")?;
            let data = audio.need("data", "base64 data")?.string()?;
            let format = audio.need("format", "the sound's format, as wav or mp3")?.string()?;
            Ok(Part::Audio(Audio { data, format }))
        }
        "file" => read_file(&part.need("file", "an object with file_data or file_id")?, cache),
        "refusal" => Ok(Part::Refusal(part.need("refusal", "a string")?.string()?)),
        vendor if VENDORS.contains(&vendor) => {
            Ok(Part::Native { dialect: Dialect::OpenAiChat, raw: part.value.to_value() })
        }
        _ => Err(kind.wrong("text, image_url, input_audio, file or refusal")),
    }
}

pub(in crate::dialect) fn read_image(image: &Field<'_, '_>, cache: Option<CacheMark>) -> Result<Part, Malformed> {
    let detail = image.get("detail").map(|detail| detail.string()).transpose()?;
    Ok(Part::Image(Image { source: read_source(image)?, detail, cache }))
}

/// A `video_url` part, as vLLM, Qwen and OpenRouter take it. What it says beside the URL only this format knows.
fn read_video(part: &Field<'_, '_>, cache: Option<CacheMark>) -> Result<Part, Malformed> {
    let video = part.need("video_url", "an object with a url")?;
    let alone = |owner: &Json<'_>, known: &[&str]| {
        owner.as_object().is_none_or(|owner| owner.keys().all(|name| known.contains(&name)))
    };
    if !alone(video.value, &["url"]) || !alone(part.value, &["type", "video_url", "cache_control"]) {
        return Ok(Part::Native { dialect: Dialect::OpenAiChat, raw: part.value.to_value() });
    }
    Ok(Part::Video(Video { source: read_source(&video)?, cut: None, cache }))
}

/// The URL of an object, or one that stands in its place: some clients send that, and every server takes it.
pub(in crate::dialect) fn read_source(owner: &Field<'_, '_>) -> Result<Source, Malformed> {
    let url = match owner.value {
        Json::String(_) => *owner,
        _ => owner.need("url", "an http(s) or data URL")?,
    };
    let address = url.text()?;
    match read_data_url(address) {
        Some((media_type, data)) => Ok(Source::Base64 { media_type, data }),
        None if address.is_empty() || address.starts_with("data:") => {
            Err(url.wrong("an http(s) URL, or data:<media type>;base64,<data>"))
        }
        None => Ok(Source::Url(address.to_owned())),
    }
}

pub(in crate::dialect) fn read_file(file: &Field<'_, '_>, cache: Option<CacheMark>) -> Result<Part, Malformed> {
    let title = file.get("filename").map(|name| name.string()).transpose()?;
    let source = match (file.get("file_data"), file.get("file_id")) {
        (Some(data), _) => {
            let text = data.text()?;
            let (media_type, data) = match read_data_url(text) {
                Some(read) => read,
                None if text.is_empty() || text.starts_with("data:") => {
                    return Err(data.wrong("data:<media type>;base64,<data>, or base64 data"));
                }
                // Bare base64 is accepted by OpenAI for PDF, the one type that it documents.
                None => ("application/pdf".to_owned(), text.to_owned()),
            };
            Source::Base64 { media_type, data }
        }
        (None, Some(id)) => Source::File(id.string()?),
        (None, None) => return Err(file.wrong("an object with file_data or file_id")),
    };
    Ok(Part::Document(Document { source, title, context: None, citations: None, cache }))
}

/// Media type and data of `data:<media type>;base64,<data>`.
fn read_data_url(url: &str) -> Option<(String, String)> {
    let (media_type, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    (!media_type.is_empty() && !data.is_empty()).then(|| (media_type.to_owned(), data.to_owned()))
}

/// The `cache_control` of a part, tool, tool call or message.
pub(super) fn read_cache(owner: &Field<'_, '_>) -> Result<Option<CacheMark>, Malformed> {
    let Some(mark) = owner.get("cache_control") else { return Ok(None) };
    let kind = mark.need("type", "\"ephemeral\"")?;
    if kind.text()? != "ephemeral" {
        return Err(kind.wrong("\"ephemeral\""));
    }
    let Some(ttl) = mark.get("ttl") else { return Ok(Some(CacheMark::Default)) };
    match ttl.text()? {
        "5m" => Ok(Some(CacheMark::FiveMinutes)),
        "1h" => Ok(Some(CacheMark::OneHour)),
        _ => Err(ttl.wrong("\"5m\" or \"1h\"")),
    }
}

/// A mark as `cache_control`.
pub(super) fn write_cache(mark: CacheMark) -> Json<'static> {
    match mark {
        CacheMark::Default => object! {"type": "ephemeral"},
        CacheMark::FiveMinutes => object! {"type": "ephemeral", "ttl": "5m"},
        CacheMark::OneHour => object! {"type": "ephemeral", "ttl": "1h"},
    }
}

/// A picture as a content part; `None` if the format has no way to say where it is.
pub(in crate::dialect) fn write_image(image: &Image) -> Option<Json<'_>> {
    let mut inner = Object::of([("url", write_source(&image.source)?.into())]);
    if let Some(detail) = &image.detail {
        inner.set("detail", detail);
    }
    Some(object! {"type": "image_url", "image_url": inner})
}

/// A video as a content part; `None` if the format has no way to say where it is.
pub(super) fn write_video(video: &Video) -> Option<Json<'_>> {
    Some(object! {"type": "video_url", "video_url": object! {"url": write_source(&video.source)?}})
}

pub(in crate::dialect) fn write_source(source: &Source) -> Option<Cow<'_, str>> {
    match source {
        Source::Url(url) => Some(url.into()),
        Source::Base64 { media_type, data } => Some(format!("data:{media_type};base64,{data}").into()),
        Source::File(_) | Source::Text(_) | Source::Content(_) => None,
    }
}

/// A file as a content part; `None` if the format has no way to say where it is.
pub(in crate::dialect) fn write_file(document: &Document) -> Option<Json<'_>> {
    let file = match &document.source {
        Source::Base64 { media_type, data } => {
            // OpenAI insists on a name next to the bytes.
            let name = document.title.as_deref().unwrap_or("document.pdf");
            object! {"filename": name, "file_data": format!("data:{media_type};base64,{data}")}
        }
        Source::File(id) => match &document.title {
            Some(name) => object! {"file_id": id, "filename": name},
            None => object! {"file_id": id},
        },
        Source::Url(_) | Source::Text(_) | Source::Content(_) => return None,
    };
    Some(object! {"type": "file", "file": file})
}
