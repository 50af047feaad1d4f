//! What is asked: the body, bounded in size, time and memory, and left as it is.

use std::sync::Arc;

use bytes::Bytes;
use govern::{Code, Error, Rules};
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use llm::envelope::{Envelope, Unreadable};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Thread,
    form::Form,
    undress::{Undressed, undressed},
};
use crate::{
    Gateway,
    http::{RawRequest, Surface},
    observe::Recording,
};

/// A request whose body has been read.
#[derive(Debug)]
pub struct Asked {
    pub surface: Surface,
    pub headers: HeaderMap,
    pub envelope: Envelope,
    /// What it goes on from, in the Responses API.
    pub thread: Option<Arc<Thread>>,
    /// The form in which it came, where it was no JSON: then the envelope holds the form's fields.
    pub form: Option<Arc<Form>>,
    /// The body's share of the memory that bodies may take.
    held: Arc<OwnedSemaphorePermit>,
}

impl Asked {
    /// Bytes that the body holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.num_permits()
    }

    /// The body's share of memory, for what holds a part of the body.
    #[must_use]
    pub fn held(&self) -> Arc<OwnedSemaphorePermit> {
        self.held.clone()
    }

    /// Puts another body in the place of the one that was sent.
    ///
    /// # Errors
    /// 413 and 503, as for a body that is read; 400 if it cannot be governed.
    pub fn replace(&mut self, gw: &Gateway, body: Bytes, most: usize) -> Result<(), Error> {
        if body.len() > most {
            let message = format!("the conversation is larger than {most} bytes");
            return Err(Error::new(Code::RequestTooLarge, message));
        }
        self.held = Arc::new(take(&gw.inflight_bytes, body.len())?);
        self.envelope = Envelope::open(body, None).map_err(unreadable)?;
        Ok(())
    }
}

/// Reads the body and finds its governed fields.
///
/// # Errors
/// 413, 415 and 408 for bodies that are too large, compressed or late; 503 if too many bytes are held already; 400 for a
/// body that is not a JSON object with a model, names a key twice, or sets what callers may not set.
pub async fn read(gw: &Gateway, rules: &Rules, raw: RawRequest, record: &Recording) -> Result<Asked, Error> {
    let RawRequest { surface, model, mut head, body } = raw;
    if let Some(coding) = head.headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        let message = format!("the body is `{}`-encoded: send it uncompressed", coding.to_str().unwrap_or("?"));
        return Err(Error::new(Code::UnsupportedMedia, message).at("content-encoding"));
    }
    let bounds = &rules.settings.bounds;
    let collected = async {
        if !surface.wire().takes_form() {
            return collect(&gw.inflight_bytes, bounds.body_bytes, body).await.map(|(body, held)| (body, held, None));
        }
        let kind = head.headers.get(header::CONTENT_TYPE);
        let form = Form::read(kind, body, bounds.body_bytes, &gw.inflight_bytes).await?;
        let fields = form.to_json()?;
        Ok((fields, take(&gw.inflight_bytes, 0)?, Some(Arc::new(form))))
    };
    let (body, held, form) = match tokio::time::timeout(bounds.body_timeout, collected).await {
        Ok(read) => read?,
        Err(_elapsed) => {
            let message = format!("the body did not arrive within {:?}", bounds.body_timeout);
            return Err(Error::new(Code::RequestTimeout, message));
        }
    };
    let Undressed { surface, model, body } = undressed(surface, model, &mut head.headers, body)?;
    let envelope = Envelope::open(body, model).map_err(unreadable)?;
    refuse_forbidden(&head.headers, &envelope)?;
    record.with(|record| record.model = Some(shorten(envelope.model())));
    Ok(Asked { surface, headers: head.headers, envelope, thread: None, form, held: Arc::new(held) })
}

/// By how much the buffer of a body grows at most that does not say its length.
const MOST_GROWTH: usize = 4 << 20;

pub(super) async fn collect(
    memory: &Arc<Semaphore>,
    most: usize,
    mut body: axum::body::Body,
) -> Result<(Bytes, OwnedSemaphorePermit), Error> {
    let too_large = || Error::new(Code::RequestTooLarge, format!("the body is larger than {most} bytes"));
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if expected > most {
        return Err(too_large());
    }
    let mut held = take(memory, expected)?;
    let mut whole = Bytes::new();
    let mut pieces = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::new(Code::InvalidRequest, "the body broke off").because(error))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = whole.len() + pieces.len() + data.len();
        if length > most {
            return Err(too_large());
        }
        if length > held.num_permits() {
            held.merge(take(memory, length - held.num_permits())?);
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = data; // the common case: one piece, no copy
            continue;
        }
        if pieces.is_empty() {
            pieces.reserve_exact(expected.max(length));
            pieces.extend_from_slice(&std::mem::take(&mut whole));
        }
        if pieces.capacity() < length {
            // A body of unknown length grows by half: doubled, a flood would take twice what it may.
            pieces.reserve_exact(data.len().max((pieces.len() / 2).min(MOST_GROWTH)));
        }
        pieces.extend_from_slice(&data);
    }
    Ok((if pieces.is_empty() { whole } else { pieces.into() }, held))
}

pub(super) fn take(memory: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
    let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
    memory.clone().try_acquire_many_owned(permits).map_err(|_| {
        let message = "the gateway holds as many request bytes as it may; try again shortly";
        Error::new(Code::Overloaded, message).retry_after(std::time::Duration::from_secs(1))
    })
}

/// Fields by which other gateways let callers choose where a call goes and with which credential. Here the operator does.
const FORBIDDEN: &[&str] = &[
    "api_base",
    "base_url",
    "api_key",
    "api_version",
    "api_type",
    "custom_llm_provider",
    "extra_headers",
    "default_headers",
    "user_config",
    "litellm_params",
    "model_list",
    "mock_response",
    "proxy_server_request",
    "litellm_metadata",
    "azure_ad_token",
    "aws_access_key_id",
    "aws_secret_access_key",
    "vertex_credentials",
];

/// How the names of headers end that do the same (`x-portkey-custom-host`, `helicone-target-url`).
const FORBIDDEN_ENDS: &[&str] = &["-custom-host", "-api-base", "-base-url", "-target-url", "-provider-key"];

fn refuse_forbidden(headers: &HeaderMap, envelope: &Envelope) -> Result<(), Error> {
    let header = headers
        .keys()
        .map(header::HeaderName::as_str)
        .find(|name| FORBIDDEN_ENDS.iter().any(|end| name.ends_with(end)));
    match envelope.names().find(|name| FORBIDDEN.contains(name)).or(header) {
        Some(name) => {
            let message =
                format!("`{name}` may not be set by callers: the operator configures providers and credentials");
            Err(Error::new(Code::ForbiddenField, message).at(name.to_owned()))
        }
        None => Ok(()),
    }
}

/// The error of a body that cannot be governed.
pub fn unreadable(unreadable: Unreadable) -> Error {
    let mut error = Error::from(unreadable.malformed);
    if unreadable.duplicate {
        error.code = Code::DuplicateField;
    }
    error
}

/// At most 256 bytes of a name that a caller made up, for the record.
fn shorten(name: &str) -> String {
    name.get(..name.floor_char_boundary(256)).unwrap_or_default().to_owned()
}
