//! The body that a target gets: the client's own bytes with a few values spliced in, or a translation of them.

use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::FutureExt;
use govern::{Code, Error, config::snapshot::Target};
use llm::{
    Call, Dialect, Loss, Wire,
    dialect::{WriteFor, openai_responses},
    envelope::{Envelope, Splice},
    provider::{Ask, Head, ImageNeeds, Operation},
    signature,
    structured::{Emulated, Means, ask_again, emulate},
};
use memchr::memmem::Finder;
use serde_json::Value;

use super::{Composed, compose::STEERING, read::unreadable, task::Said};
use crate::{
    observe::Lane,
    upstream::{
        fetch::Fetcher,
        images::{ImageRules, settle_images},
        known_betas,
    },
};

/// A request for one target.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The format in which it is said.
    pub wire: Wire,
    pub head: Head,
    pub body: Bytes,
    pub lane: Lane,
    pub loss: Loss,
    /// The schema that was asked for by other means than the dialect's own.
    pub emulated: Option<Emulated>,
    /// What belongs to it where it is no conversation.
    pub said: Option<Box<Said>>,
}

/// In what this try departs from the first one, by what the target refused before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Without {
    /// Usage is not asked for.
    pub stream_options: bool,
    /// Thinking blocks are left out: their signatures were refused.
    pub thinking: bool,
    /// What was said in place of an answer that follows the schema, and what was wrong with it.
    pub unfit: Option<Unfit>,
}

/// An answer that does not follow the schema that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    pub said: String,
    /// For the model.
    pub wrong: String,
}

/// Encodes the call for a target.
///
/// # Errors
/// 400 naming the field, if the body is not what its dialect allows, if the target's dialect cannot say it, or if
/// `strict` was asked for and a field would be lost.
pub async fn encode(fetcher: &Fetcher, call: &Composed, target: &Target, without: &Without) -> Result<Encoded, Error> {
    let provider = target.account.provider;
    let asked = call.asked.surface.wire();
    let Some(wire) = target.wire(asked) else {
        let message = format!("{} does not offer this operation", provider.id());
        return Err(Error::new(Code::NotImplemented, message));
    };
    let dialect = wire.words();
    let means = target.write_for.schema;
    let same = asked == wire;
    let body = call.asked.envelope.body();
    // Questions for a count have a form of their own, which is relayed or not asked at all.
    let rewritten = without.thinking || (wire.operation() == Operation::Chat && bears_mark(body));
    let needs_images = settles(target, same.then_some(dialect)) && mentions(body, b"image");
    let needs_schema = means != Means::Native && mentions(body, b"schema");
    if same && !rewritten && !needs_images && !needs_schema {
        let head =
            provider.head(&Ask { wire, model: &target.model, stream: call.stream, place: &target.account.place });
        let lane = if call.rules.guards.is_empty() { Lane::Relay } else { Lane::Inspect };
        let body = splice(call, target, (dialect, &head), without);
        let body = provider.mend(wire, &target.model, &body).map_or(body, Bytes::from);
        return Ok(Encoded { wire, head, body, lane, loss: Loss::none(), emulated: None, said: None });
    }
    translate(fetcher, call, (target, wire), without).boxed().await // large where nothing is translated
}

/// The call in the words of another dialect, or in its own with what this target wants otherwise.
async fn translate(
    fetcher: &Fetcher,
    call: &Composed,
    (target, wire): (&Target, Wire),
    without: &Without,
) -> Result<Encoded, Error> {
    let provider = target.account.provider;
    let dialect = wire.words();
    let (needs, means) = (provider.quirks().images, target.write_for.schema);
    let same = call.asked.surface.wire() == wire;
    let mut ask = Ask { wire, model: &target.model, stream: call.stream, place: &target.account.place };
    let mut decoded = decode(call)?;
    let mut loss = Loss::none();
    if !same {
        refuse_thread(&decoded)?;
        loss = openai_responses::request::bridge(&mut decoded)?;
    }
    decoded.model = target.model.to_string();
    if settles(target, same.then_some(dialect)) {
        settle_images(&mut decoded, needs, fetcher, &ImageRules::default()).await?;
    }
    let counts = wire.operation() == Operation::CountTokens;
    let emulated = if counts { None } else { emulate(&mut decoded, means) };
    if let Some(emulated) = &emulated {
        // What must be looked at as a whole is asked for as a whole.
        decoded.stream &= emulated.unwrapper().is_some();
        ask.stream = decoded.stream;
        if let Some(Unfit { said, wrong }) = &without.unfit {
            ask_again(&mut decoded, said, wrong);
        }
    }
    let head = provider.head(&ask);
    let write_for = WriteFor {
        refuses_stream_options: target.write_for.refuses_stream_options || without.stream_options,
        foreign_thinking: without.thinking || (!same && dialect == Dialect::OpenAiChat),
        ..target.write_for.clone()
    };
    let (body, more) = match counts {
        true => dialect.write_count(&decoded, &write_for)?,
        false => dialect.write_call(&decoded, &write_for)?,
    };
    loss.absorb(more);
    refuse_loss(call, target, &loss)?;
    let mut body = force(body.into(), target, &head)?;
    if counts {
        body = provider.mend(wire, &target.model, &body).map_or(body, Bytes::from);
    }
    Ok(Encoded { wire, head, body, lane: Lane::Translate, loss, emulated, said: None })
}

/// Whether pictures are brought into the form that the target wants. What Google's own clients name by address Google
/// fetches itself; Amazon's name nothing by address.
fn settles(target: &Target, own: Option<Dialect>) -> bool {
    target.account.provider.quirks().images != ImageNeeds::Any
        && !matches!(own, Some(Dialect::Gemini | Dialect::Bedrock))
}

/// Refuses a translation that would lose a field, if the caller or the operator is strict.
///
/// # Errors
/// 400 naming what would be lost.
pub(super) fn refuse_loss(call: &Composed, target: &Target, loss: &Loss) -> Result<(), Error> {
    if call.strict && !loss.is_none() {
        let lost: Vec<String> = loss.iter().map(|lost| format!("`{}` ({})", lost.field, lost.why)).collect();
        let message =
            format!("strict: {} cannot be carried to {}: {}", plural(lost.len()), target.name, lost.join(", "));
        return Err(Error::new(Code::TranslationLoss, message)
            .at(loss.iter().next().map_or_else(String::new, |lost| lost.field.to_string())));
    }
    Ok(())
}

/// Refuses a call whose history only Anthropic's servers hold. On this code its SDKs send the whole of it.
fn refuse_thread(call: &Call) -> Result<(), Error> {
    if call.extra.dialect == Dialect::Anthropic && call.extra.fields.contains_key("thread") {
        let message = "`thread` needs a target of Anthropic's own: send the whole conversation instead";
        return Err(Error::new(Code::ThreadUnsupported, message).at("thread"));
    }
    Ok(())
}

/// The client's body, decoded.
///
/// # Errors
/// 400 naming the field.
pub fn decode(call: &Composed) -> Result<Call, Error> {
    let dialect = call.asked.surface.dialect();
    let body = call.asked.envelope.body();
    let mut read = match call.asked.surface.operation() {
        Operation::CountTokens => dialect.read_count(body)?,
        _ => dialect.read_call(body)?,
    };
    if !dialect.says_model_in_body() {
        read.model = call.asked.envelope.model().to_owned();
        read.stream = call.stream;
    }
    Ok(read)
}

/// The original bytes with the target's model and overrides, and usage asked for at the end of a stream.
fn splice(call: &Composed, target: &Target, (dialect, head): (Dialect, &Head), without: &Without) -> Bytes {
    let envelope = &call.asked.envelope;
    let mut edit = envelope.edit();
    let says_model = dialect.says_model_in_body() && !head.remove.contains(&"model");
    if *envelope.model() != *target.model && says_model {
        edit.set("model", &Value::from(&*target.model));
    }
    if call.stream && matches!(dialect, Dialect::OpenAiChat | Dialect::OpenAiCompletions) {
        if target.write_for.refuses_stream_options || without.stream_options {
            edit.remove("stream_options");
        } else {
            edit.ask_for_usage();
        }
    }
    for name in STEERING {
        edit.remove(name);
    }
    if let Some(betas) = head.betas.filter(|betas| betas.in_body) {
        let known = known_betas(&call.asked.headers, betas.known);
        if !known.is_empty() {
            edit.set("anthropic_beta", &Value::from(known));
        }
    }
    adapt(&mut edit, target, head);
    edit.finish()
}

/// Adapts a body that was written here.
pub(super) fn force(body: Bytes, target: &Target, head: &Head) -> Result<Bytes, Error> {
    if target.overrides.is_empty() && head.set.is_empty() && head.remove.is_empty() {
        return Ok(body);
    }
    let envelope = Envelope::open(body, Some(target.model.to_string())).map_err(unreadable)?;
    let mut edit = envelope.edit();
    adapt(&mut edit, target, head);
    Ok(edit.finish())
}

/// What the operator forces into a body, and what the vendor wants otherwise in it.
pub(super) fn adapt(edit: &mut Splice<'_>, target: &Target, head: &Head) {
    for name in head.remove {
        edit.remove(name);
    }
    for (name, value) in &head.set {
        edit.set(name, value);
    }
    for (name, value) in &target.overrides {
        edit.set(name, value);
    }
}

fn mentions(body: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(body, word).is_some()
}

/// Whether a signature bears the mark of another maker than the dialect's own: it must not get there.
fn bears_mark(body: &[u8]) -> bool {
    static MARK: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(signature::MARK));
    MARK.find(body).is_some()
}

fn plural(fields: usize) -> String {
    if fields == 1 { "a field".into() } else { format!("{fields} fields") }
}
