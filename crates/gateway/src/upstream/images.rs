//! Gives a target images in the form that it takes: by bytes, or by URL.
//!
//! Callers send either. A target that takes only bytes gets them fetched here, before the call is written, and never
//! an image less: an image that cannot be had is a 400 that names it. Documents by URL are treated the same way.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{FutureExt, StreamExt as _, future::BoxFuture, stream};
use govern::{Code, Error};
use llm::{
    Call, Dialect,
    call::{Part, Role, Source},
    provider::ImageNeeds,
};

use super::fetch::{FetchRules, Fetcher, Media};

/// How many images of one call are fetched at the same time.
const AT_ONCE: usize = 4;

/// How far fetching for one call may go.
#[derive(Debug, Clone, Copy)]
pub struct ImageRules {
    /// How many images and documents of one call may be given by URL.
    pub per_call: usize,
    /// The largest of them, in bytes. Anthropic takes 5 MB per image, OpenAI 20 MB.
    pub max_bytes: usize,
    /// All of them together, in bytes.
    pub total_bytes: usize,
    /// The time each may take.
    pub timeout: Duration,
    /// Whether `http:` is fetched too.
    pub allow_http: bool,
}

impl Default for ImageRules {
    fn default() -> Self {
        Self {
            per_call: 20,
            max_bytes: 20 << 20,
            total_bytes: 32 << 20,
            timeout: Duration::from_secs(15),
            allow_http: false,
        }
    }
}

/// Brings the images and documents of `call` into the form that the target needs. Returns how many were fetched: 0
/// means that `call` is what it was.
///
/// # Errors
/// 400 with the path of the first image that cannot be had or is in a form that the target does not take, and why.
/// `call` may be changed in part then, and must not be sent.
pub async fn settle_images(
    call: &mut Call,
    needs: ImageNeeds,
    fetcher: &Fetcher,
    rules: &ImageRules,
) -> Result<usize, Error> {
    match needs {
        ImageNeeds::Any => Ok(0),
        ImageNeeds::UrlOnly => refuse_bytes(call).map(|()| 0),
        ImageNeeds::BytesOnly => fetch_all(call, fetcher, rules).await,
    }
}

/// An image or a document, and where the caller wrote it.
struct Attachment<'c> {
    path: String,
    media: &'static [Media],
    source: &'c mut Source,
}

async fn fetch_all(call: &mut Call, fetcher: &Fetcher, rules: &ImageRules) -> Result<usize, Error> {
    let mut remote = attachments(call);
    remote.retain(|attachment| matches!(attachment.source, Source::Url(_)));
    let count = remote.len();
    if let Some(surplus) = remote.get(rules.per_call) {
        let most = rules.per_call;
        return Err(refusal(&surplus.path, format_args!("at most {most} images and documents may be given by URL")));
    }
    let mut total = 0;
    // Boxed one by one: the compiler cannot prove a closure over borrowed attachments to be `Send`.
    let fetches: Vec<BoxFuture<'_, _>> =
        remote.into_iter().map(|attachment| fetch(attachment, fetcher, rules).boxed()).collect();
    let mut fetched = stream::iter(fetches).buffered(AT_ONCE);
    while let Some(done) = fetched.next().await {
        let (path, bytes) = done?;
        total += bytes;
        if total > rules.total_bytes {
            let most = rules.total_bytes;
            return Err(refusal(&path, format_args!("the images of a call may have {most} bytes together")));
        }
    }
    Ok(count)
}

/// Replaces the URL by what it names; gives back the path and the number of bytes.
async fn fetch(attachment: Attachment<'_>, fetcher: &Fetcher, rules: &ImageRules) -> Result<(String, usize), Error> {
    let Attachment { path, media, source } = attachment;
    let Source::Url(url) = &*source else { return Ok((path, 0)) };
    let ports: &[u16] = if rules.allow_http { &[443, 80] } else { &[443] };
    let rules =
        FetchRules { max_bytes: rules.max_bytes, timeout: rules.timeout, allow_http: rules.allow_http, ports, media };
    match fetcher.fetch(url, &rules).await {
        Ok(fetched) => {
            let media_type = fetched.media.as_str().to_owned();
            *source = Source::Base64 { media_type, data: STANDARD.encode(&fetched.bytes) };
            Ok((path, fetched.bytes.len()))
        }
        Err(why) => Err(refusal(&path, format_args!("it could not be fetched: {why}"))),
    }
}

fn refuse_bytes(call: &mut Call) -> Result<(), Error> {
    match attachments(call).into_iter().find(|attachment| matches!(attachment.source, Source::Base64 { .. })) {
        Some(inline) => Err(refusal(&inline.path, format_args!("the model takes it by URL only; send an https URL"))),
        None => Ok(()),
    }
}

fn refusal(path: &str, why: std::fmt::Arguments<'_>) -> Error {
    Error::new(Code::InvalidRequest, format!("{path}: the image or document cannot be sent to the model: {why}"))
        .at(path.to_owned())
}

/// Every image and document of the call, in the order in which they stand, under the paths that the caller knows.
fn attachments(call: &mut Call) -> Vec<Attachment<'_>> {
    let anthropic = call.extra.dialect == Dialect::Anthropic;
    let mut found = Vec::new();
    let mut message = 0;
    for (index, turn) in call.turns.iter_mut().enumerate() {
        let results = |part: &Part| matches!(part, Part::ToolResult(_));
        if anthropic && index == 0 && turn.role == Role::System {
            // Anthropic's `system` stands outside `messages`.
            collect(&mut turn.parts, "system", &mut found);
        } else if !anthropic && !turn.parts.is_empty() && turn.parts.iter().all(results) {
            // A run of OpenAI's `tool` messages, each a result of its own.
            for part in &mut turn.parts {
                if let Part::ToolResult(result) = part {
                    collect(&mut result.parts, &format!("messages[{message}].content"), &mut found);
                    message += 1;
                }
            }
        } else {
            collect(&mut turn.parts, &format!("messages[{message}].content"), &mut found);
            message += 1;
        }
    }
    found
}

fn collect<'c>(parts: &'c mut [Part], path: &str, found: &mut Vec<Attachment<'c>>) {
    for (index, part) in parts.iter_mut().enumerate() {
        let path = format!("{path}[{index}]");
        match part {
            Part::Image(image) => found.push(Attachment { path, media: Media::IMAGES, source: &mut image.source }),
            Part::Document(document) => match &mut document.source {
                Source::Content(parts) => collect(parts, &format!("{path}.source.content"), found),
                source => found.push(Attachment { path, media: Media::DOCUMENTS, source }),
            },
            Part::ToolResult(result) => collect(&mut result.parts, &format!("{path}.content"), found),
            Part::Text(_)
            | Part::Audio(_)
            | Part::Video(_)
            | Part::ToolUse(_)
            | Part::Thinking(_)
            | Part::Refusal(_)
            | Part::Native { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
