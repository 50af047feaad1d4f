//! What is not a conversation: said to a target, and what its answer is worth.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use govern::{Code, Error, config::snapshot::Target};
use http::{HeaderMap, HeaderName, Response, StatusCode, header};
use llm::{
    Loss, Wire,
    dialect::{
        Glance,
        bedrock::invoke::{COUNT_HEADERS, counted},
    },
    embed::Forms,
    failure::{Failure, Kind},
    frame::Framing,
    image::Picture,
    provider::{Ask, Operation},
    task::{Task, Written},
    usage::Usage,
};
use serde_json::Value;

use super::{
    Composed,
    compose::STEERING,
    encode::{Encoded, adapt, force, refuse_loss},
    form::Attached,
    judge::{Bad, Expect, Good, first_bytes, read, refused},
};
use crate::{
    body::{LaneBody, Opaque, Passed, Tee},
    clock::now_seconds,
    guard::said_amiss,
    observe::Lane,
    upstream::UpstreamBody,
};

/// What goes along with the body, and is needed to answer.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// The client's call, where it was decoded.
    pub task: Option<Task>,
    /// What stands in the place of the body.
    pub upload: Option<Upload>,
    /// What is known of its usage before it is answered.
    pub usage: Option<Usage>,
}

/// The client's files, as this target takes them.
#[derive(Debug, Clone)]
pub enum Upload {
    /// In a form with these fields.
    Form(Vec<(String, String)>),
    /// The one file is the body.
    File,
}

/// Encodes the call for a target.
///
/// # Errors
/// 400 naming the field, if the body is not what its format allows or the target's format cannot say it; 501 if the
/// target does not offer the operation.
pub async fn encode(call: &Composed, target: &Target) -> Result<Encoded, Error> {
    let asked = call.asked.surface.wire();
    let provider = target.account.provider;
    let Some(wire) = target.wire(asked) else {
        let message = match asked {
            Wire::Invoke => format!(
                "{} is not at Amazon Bedrock, so of the bodies for invoke it takes Anthropic's alone, which says \
                 `anthropic_version`; or ask it by converse",
                target.name
            ),
            _ => format!("{} does not offer this operation", provider.id()),
        };
        return Err(Error::new(Code::NotImplemented, message));
    };
    if wire == Wire::Invoke && call.stream && !call.rules.guards.output.is_empty() {
        let message = "guardrails are set, and in a stream they can read of the bodies for invoke Anthropic's alone: \
                       ask by converse-stream, or by invoke";
        return Err(Error::new(Code::UnsupportedMedia, message));
    }
    let mut head =
        provider.head(&Ask { wire, model: &target.model, stream: call.stream, place: &target.account.place });
    let envelope = &call.asked.envelope;
    let renamed = *envelope.model() != *target.model;
    let mut said = Said::default();
    if asked == wire && !(renamed && wire.repeats_model()) {
        let lane = if call.rules.guards.is_empty() { Lane::Relay } else { Lane::Inspect };
        let mut body = Bytes::new();
        if let Some(form) = &call.asked.form {
            said.upload = Some(Upload::Form(fields(&form.fields, target)));
        } else {
            let mut edit = envelope.edit();
            if renamed && wire.says_model_in_body() {
                edit.set("model", &Value::from(&*target.model));
            }
            STEERING.iter().for_each(|name| edit.remove(name));
            adapt(&mut edit, target, &head);
            body = edit.finish();
            body = provider.mend(wire, &target.model, &body).map_or(body, Bytes::from);
        }
        if wire.operation() == Operation::Speech {
            said.usage = asked.read_task(envelope.body())?.usage();
        }
        return Ok(Encoded { wire, head, body, lane, loss: Loss::none(), emulated: None, said: Some(Box::new(said)) });
    }
    let mut task = asked.read_task(envelope.body())?;
    task.name_model(&target.model);
    if let (Task::Image(image), Some(form)) = (&mut task, &call.asked.form) {
        let picture =
            |file: &Attached| Picture { media_type: file.media_type.clone(), data: STANDARD.encode(&file.bytes) };
        let attached = form.attached().await?;
        image.mask = attached.iter().find(|file| file.name == "mask").map(picture);
        image.pictures = attached.iter().filter(|file| file.name.starts_with("image")).map(picture).collect();
    }
    let (written, loss) = task.write(wire)?;
    refuse_loss(call, target, &loss)?;
    let mut body = Bytes::new();
    let mut tail = String::new();
    match written {
        Written::Json { body: json, tail: more } => {
            body = force(json.into(), target, &head)?;
            body = provider.mend(wire, &target.model, &body).map_or(body, Bytes::from);
            tail = more;
        }
        Written::Form(fields) => said.upload = Some(Upload::Form(fields)),
        Written::File { tail: more } => {
            said.upload = Some(Upload::File);
            tail = more;
        }
    }
    if !tail.is_empty() {
        head.path = format!("{}{tail}", head.path).into();
    }
    said.usage = task.usage();
    said.task = Some(task);
    Ok(Encoded { wire, head, body, lane: Lane::Translate, loss, emulated: None, said: Some(Box::new(said)) })
}

/// The client's fields with the target's model and what the operator forces.
fn fields(sent: &[(String, String)], target: &Target) -> Vec<(String, String)> {
    let forced = |name: &str| target.overrides.iter().any(|(known, _)| known == name);
    let kept = sent.iter().filter(|(name, _)| !STEERING.contains(&name.as_str()) && !forced(name));
    let mut fields: Vec<(String, String)> = kept
        .map(|(name, value)| match name.as_str() {
            "model" => (name.clone(), target.model.to_string()),
            _ => (name.clone(), value.clone()),
        })
        .collect();
    for (name, value) in &target.overrides {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fields.push((name.clone(), text));
    }
    fields
}

/// Judges the answer of a try.
///
/// # Errors
/// The failure, classified by the provider.
pub async fn judge(
    expect: &Expect<'_>,
    call: &Composed,
    said: &Said,
    answer: Response<UpstreamBody>,
) -> Result<Good, Bad> {
    let (head, body) = answer.into_parts();
    if !head.status.is_success() {
        return Err(refused(expect, head.status, &head.headers, body).await);
    }
    let kind = |media: &str| {
        let told = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        told.is_some_and(|told| told.to_ascii_lowercase().starts_with(media))
    };
    let operation = expect.wire.operation();
    let events = match expect.wire {
        Wire::Invoke => kind(Framing::EventStream.content_type()),
        _ => kind(Framing::Sse.content_type()),
    };
    let sound = operation == Operation::Speech && !kind("application/json");
    let listens =
        matches!(operation, Operation::Transcribe | Operation::Translate | Operation::Ocr | Operation::Invoke);
    let screened = listens && !call.rules.guards.output.is_empty();
    if sound || (events && expect.lane != Lane::Translate && !screened) {
        return opaque(expect, said, &head.headers, (body, events)).await;
    }
    let body = read(expect, body, expect.most_bytes).await?;
    let mut glance = if events { Glance { ended: true, ..Glance::default() } } else { expect.wire.glance_reply(&body) };
    if expect.wire == Wire::Invoke {
        let told = |name| head.headers.get(name)?.to_str().ok()?.parse().ok();
        glance.usage = counted(COUNT_HEADERS.map(told));
        glance.ended = true;
    }
    if operation == Operation::Speech {
        glance.fault = Some(Failure::new(Kind::Malformed, "the provider's answer is no sound"));
    }
    if let Some(fault) = &glance.fault {
        return Err(Bad { failure: fault.clone(), glance });
    }
    if screened {
        let text = serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body)));
        if let Some(blocked) = said_amiss(&call.rules.guards.output, &text) {
            return Ok(Good::Blocked { blocked, glance });
        }
    }
    match said_by(expect, call, said, &body) {
        Ok(body) => Ok(Good::Whole { body, glance, loss: Loss::none() }),
        Err(malformed) => Err(Bad { failure: Failure::new(Kind::Malformed, malformed.message), glance }),
    }
}

/// The answer as the client wants it.
fn said_by(expect: &Expect<'_>, call: &Composed, said: &Said, body: &Bytes) -> Result<Bytes, llm::dialect::Malformed> {
    let ours = expect.client.wire();
    if let (Lane::Translate, Some(task)) = (expect.lane, &said.task) {
        return task.answer(expect.wire, ours, body, now_seconds()).map(Bytes::from);
    }
    let Wire::Embed(format) = expect.wire else { return Ok(body.clone()) };
    let wanted: Option<String> = call.asked.envelope.get("encoding_format", "float or base64").unwrap_or_default();
    let wanted = if wanted.as_deref() == Some("base64") { Forms::BASE64 } else { Forms::NUMBERS };
    if format.has_form(body, wanted) {
        return Ok(body.clone());
    }
    // Many servers know only one form, and say nothing of it.
    ours.read_task(call.asked.envelope.body())?.answer(expect.wire, ours, body, now_seconds()).map(Bytes::from)
}

/// An answer that passes as it comes: sound, and events of which only the end is understood.
async fn opaque(
    expect: &Expect<'_>,
    said: &Said,
    told: &HeaderMap,
    (mut upstream, events): (UpstreamBody, bool),
) -> Result<Good, Bad> {
    let framing = if expect.wire == Wire::Invoke { Framing::EventStream } else { Framing::Sse };
    let watch = expect.wire.watch_events().filter(|_| events);
    let tee = watch.map(|watch| Tee::Frames { splitter: framing.splitter(), watch });
    let mut lane = LaneBody::Opaque(Opaque::new(Glance { usage: said.usage, ..Glance::default() }, tee));
    let mut ready = Vec::new();
    let ended = match first_bytes(expect, &mut upstream).await? {
        Some(bytes) => {
            lane.feed(&bytes, &mut ready);
            false
        }
        None => return Err(Failure::new(Kind::Malformed, "the provider's answer is empty").into()),
    };
    let mut headers = HeaderMap::new();
    // Without the length: the body must be polled to its end, which is when it is booked.
    for name in [header::CONTENT_TYPE, HeaderName::from_static("x-amzn-bedrock-content-type")] {
        headers.extend(told.get(&name).map(|kind| (name, kind.clone())));
    }
    let passed = Some(Passed { status: StatusCode::OK, headers });
    Ok(Good::Stream { upstream, lane, ready, ended, passed })
}
