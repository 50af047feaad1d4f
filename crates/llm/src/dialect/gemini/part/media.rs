//! Pictures, sound, film and documents: which kind a media type is, and where their bytes are.

use serde_json::{Value, json};

use crate::{
    call::{Audio, Document, Image, Part, Source, Video},
    dialect::{Dialect, gemini::thought::standard},
    json::Json,
};

/// A part of the kind that its media type says. `None`: sound by address, which has no canonical place.
pub(super) fn read(media_type: &str, source: Source, part: &Json<'_>) -> Option<Part> {
    let title = |owner: &str| part.pointer(&format!("/{owner}/displayName")).and_then(Json::as_str).map(str::to_owned);
    let cut = || part.get("videoMetadata").map(|cut| (Dialect::Gemini, cut.to_value()));
    Some(match (media_type.split('/').next().unwrap_or_default(), source) {
        ("image", source) => Part::Image(Image { source, detail: detail(part), cache: None }),
        ("audio", Source::Base64 { media_type, data }) => {
            let format = media_type.strip_prefix("audio/").unwrap_or(&media_type);
            let format = match format {
                "mpeg" => "mp3",
                "x-wav" | "wave" => "wav",
                other => other,
            };
            Part::Audio(Audio { data, format: format.to_owned() })
        }
        ("audio", _) => return None,
        ("video", source) => Part::Video(Video { source, cut: cut(), cache: None }),
        (_, source) => {
            let title = title("inlineData").or_else(|| title("fileData"));
            Part::Document(Document { source, title, context: None, citations: None, cache: None })
        }
    })
}

/// Bytes in base64; Google takes both of its alphabets.
pub(super) fn bytes(media_type: String, data: &str) -> Source {
    let data = if data.contains(['-', '_']) { standard(data) } else { data.to_owned() };
    Source::Base64 { media_type, data }
}

/// An address. What only Google can read is a file of the provider's store.
pub(super) fn address(uri: &str) -> Source {
    if is_googles(uri) { Source::File(uri.to_owned()) } else { Source::Url(uri.to_owned()) }
}

/// Its Files API, Cloud Storage, and films on YouTube.
pub(super) fn is_googles(uri: &str) -> bool {
    const STORES: &[&str] = &[
        "gs://",
        "https://generativelanguage.googleapis.com/",
        "https://www.youtube.com/",
        "https://youtube.com/",
        "https://m.youtube.com/",
        "https://youtu.be/",
    ];
    STORES.iter().any(|store| uri.starts_with(store))
}

/// `mediaResolution` in OpenAI's words.
fn detail(part: &Json<'_>) -> Option<String> {
    let level = part.pointer("/mediaResolution/level").and_then(Json::as_str)?;
    let detail = match level {
        "MEDIA_RESOLUTION_LOW" => "low",
        "MEDIA_RESOLUTION_HIGH" | "MEDIA_RESOLUTION_ULTRA_HIGH" => "high",
        _ => "auto",
    };
    Some(detail.to_owned())
}

/// The same back.
pub(super) fn resolution(detail: &str) -> Option<Value> {
    match detail {
        "low" => Some(json!({"level": "MEDIA_RESOLUTION_LOW"})),
        "high" => Some(json!({"level": "MEDIA_RESOLUTION_HIGH"})),
        _ => None,
    }
}

/// `inlineData` or `fileData` for a source; `None` if it is neither bytes nor an address. `fallback`: the media type of
/// an address that does not tell its own.
pub(super) fn write(source: &Source, fallback: Option<&str>) -> Option<Value> {
    let inline = |media_type: &str, data: &str| json!({"inlineData": {"mimeType": media_type, "data": data}});
    match source {
        Source::Base64 { media_type, data } => Some(inline(media_type, data)),
        Source::Url(url) if url.starts_with("data:") => {
            let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
            let media_type = head.strip_suffix(";base64")?;
            Some(inline(media_type.split(';').next().unwrap_or(media_type), data))
        }
        Source::Url(uri) | Source::File(uri) => Some(match guess(uri).or(fallback) {
            Some(media_type) => json!({"fileData": {"mimeType": media_type, "fileUri": uri}}),
            None => json!({"fileData": {"fileUri": uri}}),
        }),
        Source::Text(_) | Source::Content(_) => None,
    }
}

/// What a film is taken for where nothing says its type.
pub(super) const FILM: &str = "video/mp4";

/// Whether [`write`] says this media type of a file at the address, which is all that is kept of it.
pub(super) fn is_told_again(uri: &str, media_type: &str) -> bool {
    let fallback = if media_type == FILM { FILM } else { "" };
    guess(uri).unwrap_or(fallback) == media_type
}

/// The media type that an address's ending says.
fn guess(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "html" => "text/html",
        "csv" => "text/csv",
        "json" => "application/json",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "mpeg" | "mpg" => "video/mpeg",
        _ => return None,
    })
}
