//! What the caller may choose for this call: deadline, strictness, fallbacks, tags. The body stays as it is.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use govern::{Code, Error, config::snapshot::RetryRule};
use http::{HeaderMap, HeaderValue};
use llm::{Dialect, Wire, envelope::Envelope};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Asked, Grant, read::unreadable};
use crate::{InForce, http::Surface, observe::Recording};

/// A call that is ready to be planned.
#[derive(Debug)]
pub struct Composed {
    pub rules: Arc<InForce>,
    pub asked: Asked,
    pub stream: bool,
    /// The client asked for a usage chunk itself.
    pub wants_usage: bool,
    /// When the whole call must be over.
    pub deadline: Instant,
    /// A translation that would lose a field is refused.
    pub strict: bool,
    /// Whether a second target may be tried.
    pub fallbacks: bool,
    pub retry: RetryRule,
    /// The most tokens that an answer may have, as the caller says.
    pub most_output: Option<u64>,
    /// How many answers are asked for.
    pub answers: u64,
}

/// More tokens than any model answers with, and more answers than any gives.
const MOST_OUTPUT: u64 = 100_000_000;
const MOST_ANSWERS: u64 = 10_000;

/// Body fields that steer the gateway and are taken out before the body is sent.
pub const STEERING: &[&str] = &["disable_fallbacks", "fallbacks"];

/// Most tags of a call, and the longest of their names and values.
const MOST_TAGS: usize = 16;
const LONGEST_TAG: usize = 256;

/// Reads what the caller chooses.
///
/// # Errors
/// 400 for a header or field of the wrong form.
pub fn compose(rules: Arc<InForce>, grant: &Grant, asked: Asked, record: &Recording) -> Result<Composed, Error> {
    // All tries together may take as long as the most patient target allows.
    let total = grant.targets.iter().map(|target| target.timeouts.total).max().unwrap_or_default();
    let stream = match asked.surface.streams() {
        Some(stream) => stream,
        None => asked.envelope.stream().map_err(unreadable)?,
    };
    let chosen = Chosen::read(&asked.headers)?;
    let tags = tags(&asked, chosen.metadata)?;
    let size = Size::read(&asked)?;
    let user = user(&asked)?;
    let composed = Composed {
        stream,
        wants_usage: stream && wants_usage(&asked)?,
        // A header may only lower it.
        deadline: record.arrived() + chosen.timeout.map_or(total, |chosen| total.min(chosen)),
        strict: grant.route.strict || chosen.strict,
        fallbacks: may_fall_back(&asked)? && !chosen.disable_fallbacks,
        retry: grant.route.retry,
        most_output: size.most_output,
        answers: size.answers,
        rules,
        asked,
    };
    record.with(|record| {
        record.stream = stream;
        record.tags = tags;
        record.user = user;
    });
    Ok(composed)
}

impl Composed {
    /// Sends the call to another model.
    pub fn redirect(&mut self, grant: &Grant) {
        self.strict |= grant.route.strict;
        self.retry = grant.route.retry;
    }
}

/// How much of an answer a caller asks for.
struct Size {
    most_output: Option<u64>,
    answers: u64,
}

impl Size {
    /// Reads it, wherever the dialect says it. Numbers that are none are refused here: limits count on them.
    fn read(asked: &Asked) -> Result<Self, Error> {
        let envelope = &asked.envelope;
        let (most_output, answers) = match asked.surface.wire() {
            Wire::Chat(Dialect::Gemini) => inner(envelope, "generationConfig", ["maxOutputTokens", "candidateCount"])?,
            Wire::Chat(Dialect::Bedrock) => inner(envelope, "inferenceConfig", ["maxTokens", ""])?,
            Wire::Chat(_) => {
                let mut most = None;
                for name in ["max_tokens", "max_completion_tokens", "max_output_tokens"] {
                    most = most.max(whole(envelope.raw(name), name, MOST_OUTPUT)?);
                }
                let answers = whole(envelope.raw("n"), "n", MOST_ANSWERS)?;
                (most, answers.max(whole(envelope.raw("best_of"), "best_of", MOST_ANSWERS)?))
            }
            Wire::Image(_) | Wire::ImageEdit(_) => (None, whole(envelope.raw("n"), "n", MOST_ANSWERS)?),
            _ => (None, None),
        };
        Ok(Self { most_output, answers: answers.unwrap_or(1).max(1) })
    }
}

/// The two numbers of a nested object.
fn inner(
    envelope: &Envelope,
    name: &'static str,
    [most, answers]: [&'static str; 2],
) -> Result<(Option<u64>, Option<u64>), Error> {
    let fields: Option<BTreeMap<&str, &RawValue>> = envelope.get(name, "an object").map_err(unreadable)?;
    let raw = |field: &str| fields.as_ref().and_then(|fields| Some(fields.get(field)?.get().as_bytes()));
    Ok((whole(raw(most), most, MOST_OUTPUT)?, whole(raw(answers), answers, MOST_ANSWERS)?))
}

/// A whole number that is not negative; `None` if there is none.
fn whole(raw: Option<&[u8]>, name: &'static str, most: u64) -> Result<Option<u64>, Error> {
    let Some(raw) = raw.filter(|raw| *raw != b"null") else { return Ok(None) };
    // Forms hold texts.
    let text = std::str::from_utf8(raw).unwrap_or_default().trim_matches('"');
    let number = text.parse::<u64>().ok().or_else(|| {
        let whole = text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && (0.0..=1e9).contains(number))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and in range")]
        Some(whole as u64)
    });
    match number.filter(|number| *number <= most) {
        Some(number) => Ok(Some(number)),
        None => {
            let message = format!("`{name}` must be a whole number from 0 to {most}");
            Err(Error::new(Code::InvalidRequest, message).at(name))
        }
    }
}

fn wants_usage(asked: &Asked) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct StreamOptions {
        #[serde(default)]
        include_usage: Option<bool>,
    }
    let options: Option<StreamOptions> =
        asked.envelope.get("stream_options", "an object like {\"include_usage\": true}").map_err(unreadable)?;
    Ok(options.and_then(|options| options.include_usage).unwrap_or(false))
}

/// What the caller's headers choose.
#[derive(Default)]
struct Chosen<'a> {
    timeout: Option<Duration>,
    strict: bool,
    disable_fallbacks: bool,
    metadata: Option<&'a HeaderValue>,
}

impl<'a> Chosen<'a> {
    /// Reads all of them in one pass: most requests have none. Of a header that comes twice the first counts.
    fn read(headers: &'a HeaderMap) -> Result<Self, Error> {
        let (mut timeout, mut strict, mut disable_fallbacks, mut metadata) = (None, None, None, None);
        for (name, value) in headers {
            let choice = match name.as_str().strip_prefix("x-tollgate-") {
                Some("timeout-ms") => &mut timeout,
                Some("strict") => &mut strict,
                Some("disable-fallbacks") => &mut disable_fallbacks,
                Some("metadata") => &mut metadata,
                _ => continue,
            };
            choice.get_or_insert(value);
        }
        Ok(Self {
            timeout: timeout.map(millis).transpose()?,
            strict: flag("x-tollgate-strict", strict)?,
            disable_fallbacks: flag("x-tollgate-disable-fallbacks", disable_fallbacks)?,
            metadata,
        })
    }
}

fn millis(value: &HeaderValue) -> Result<Duration, Error> {
    let millis = value.to_str().ok().and_then(|text| text.parse::<u64>().ok()).filter(|millis| *millis > 0);
    millis.map(Duration::from_millis).ok_or_else(|| {
        Error::new(Code::InvalidRequest, "`x-tollgate-timeout-ms` must be a positive number of milliseconds")
            .at("x-tollgate-timeout-ms")
    })
}

fn flag(name: &'static str, value: Option<&HeaderValue>) -> Result<bool, Error> {
    match value.map(HeaderValue::as_bytes) {
        None | Some(b"false" | b"0") => Ok(false),
        Some(b"true" | b"1") => Ok(true),
        Some(_) => Err(Error::new(Code::InvalidRequest, format!("`{name}` must be `true` or `false`")).at(name)),
    }
}

/// `disable_fallbacks: true` or `fallbacks: []` keeps the call at its first target.
fn may_fall_back(asked: &Asked) -> Result<bool, Error> {
    let disabled: Option<bool> = asked.envelope.get("disable_fallbacks", "true or false").map_err(unreadable)?;
    let listed: Option<Vec<serde_json::Value>> =
        asked.envelope.get("fallbacks", "an empty list").map_err(unreadable)?;
    if listed.as_ref().is_some_and(|listed| !listed.is_empty()) {
        let message = "`fallbacks` may only be empty: the operator lists a model's targets in the configuration";
        return Err(Error::new(Code::ForbiddenField, message).at("fallbacks"));
    }
    Ok(!disabled.unwrap_or(false) && listed.is_none())
}

/// Tags from `x-tollgate-metadata` and the OpenAI body's `metadata`.
fn tags(asked: &Asked, header: Option<&HeaderValue>) -> Result<BTreeMap<String, String>, Error> {
    let mut tags = BTreeMap::new();
    if let Some(header) = header {
        let read = serde_json::from_slice::<BTreeMap<String, String>>(header.as_bytes());
        tags = read.map_err(|_| {
            let message = "`x-tollgate-metadata` must be a JSON object of strings, such as {\"team\": \"search\"}";
            Error::new(Code::InvalidRequest, message).at("x-tollgate-metadata")
        })?;
    }
    if matches!(asked.surface, Surface::ChatCompletions | Surface::Responses | Surface::Completions) {
        let metadata: Option<BTreeMap<String, serde_json::Value>> =
            asked.envelope.get("metadata", "an object").map_err(unreadable)?;
        for (name, value) in metadata.into_iter().flatten() {
            if let serde_json::Value::String(value) = value {
                tags.entry(name).or_insert(value);
            }
        }
    }
    let too_long = |text: &String| text.len() > LONGEST_TAG;
    if tags.len() > MOST_TAGS || tags.iter().any(|(name, value)| too_long(name) || too_long(value)) {
        let message = format!("a call may have {MOST_TAGS} tags of {LONGEST_TAG} bytes each");
        return Err(Error::new(Code::InvalidRequest, message).at("metadata"));
    }
    Ok(tags)
}

/// The end user: `safety_identifier` or `user`, or Anthropic's `metadata.user_id`.
fn user(asked: &Asked) -> Result<Option<String>, Error> {
    #[derive(Deserialize)]
    struct Metadata {
        user_id: Option<String>,
    }
    let envelope = &asked.envelope;
    let user = match asked.surface {
        Surface::ChatCompletions | Surface::Responses | Surface::Completions | Surface::Task(_) => {
            match envelope.get("safety_identifier", "a string").map_err(unreadable)? {
                Some(user) => Some(user),
                None => envelope.get::<String>("user", "a string").map_err(unreadable)?,
            }
        }
        Surface::Converse | Surface::ConverseStream | Surface::InvokeOther { .. } | Surface::BedrockCountTokens => None,
        Surface::Messages
        | Surface::Invoke
        | Surface::InvokeStream
        | Surface::RawPredict
        | Surface::StreamRawPredict => {
            let metadata: Option<Metadata> =
                envelope.get("metadata", "an object with a string `user_id`").map_err(unreadable)?;
            metadata.and_then(|metadata| metadata.user_id)
        }
        Surface::CountTokens
        | Surface::RawCountTokens
        | Surface::KeptResponse
        | Surface::Passthrough
        | Surface::CohereChat
        | Surface::GenerateContent
        | Surface::StreamGenerateContent
        | Surface::StreamGenerateContentArray
        | Surface::GeminiCountTokens => None,
    };
    Ok(user.map(|user| user.chars().take(LONGEST_TAG).collect()))
}
