//! What a call uses of a target, before it is known: at most, and as a rule.

use std::sync::Arc;

use govern::{
    Money,
    config::{Asked, snapshot::Target},
};
use llm::{
    Usage, Wire,
    provider::Operation,
    tokens::{ceiling, of_text},
};

use super::{Composed, count::reckon};
use crate::{Gateway, ledger::Need};

/// Tokens of a picture that is made, at most: a large one of high quality.
const IMAGE_TOKENS: u64 = 8_000;

/// Tokens of an answer of a target that has given none.
const USUAL_OUTPUT: u64 = 256;

/// Context of a model that the catalogue does not know, for what the provider itself puts before it.
const USUAL_CONTEXT: u64 = 128_000;

/// Searches of the web that one answer may rest on, where nothing bounds them.
const MOST_SEARCHES: u64 = 10;

/// Sound is sent at no less than sixteen kilobits a second: half a millisecond for each byte.
const SOUND_BYTES_PER_MS: u64 = 2;

/// Milliseconds in which a letter is spoken, at most.
const MS_PER_LETTER: u64 = 150;

/// Tokens of a second of sound, at most.
const TOKENS_PER_SECOND: u64 = 50;

/// The most that a call can use of a target, at the dearest that it can be charged for it.
pub(super) fn at_most(call: &Composed, target: &Arc<Target>) -> Need {
    let envelope = &call.asked.envelope;
    let body = envelope.body();
    let mut usage = Usage { input: ceiling(envelope), ..Usage::default() };
    match call.asked.surface.wire() {
        Wire::Chat(_) => usage.output = most_output(call, target).saturating_mul(call.answers),
        Wire::Invoke => (usage.input, usage.output) = (of_text(body), most_output(call, target)),
        Wire::Rerank(_) => usage.queries = 1 + usage.input / 5_000,
        Wire::Image(_) | Wire::ImageEdit(_) => {
            usage.images_out = call.answers;
            usage.output = call.answers.saturating_mul(IMAGE_TOKENS);
            usage.input = usage.input.saturating_add(file_bytes(call) / 8);
        }
        Wire::Speech(_) => {
            let letters = envelope.raw("input").map_or(body.len(), <[u8]>::len) as u64;
            usage.characters_in = letters;
            usage.sound_out_ms = letters.saturating_mul(MS_PER_LETTER);
            usage.output = usage.sound_out_ms.saturating_mul(TOKENS_PER_SECOND) / 1000;
        }
        Wire::Transcribe(_) | Wire::Translate(_) => {
            usage.sound_in_ms = file_bytes(call).max(body.len() as u64) / SOUND_BYTES_PER_MS;
            let tokens = usage.sound_in_ms.saturating_mul(TOKENS_PER_SECOND) / 1000;
            (usage.input_audio, usage.output) = (tokens, tokens);
        }
        Wire::Ocr => usage.pages = (1 + body.len() as u64 / 2_000).min(1_000),
        Wire::Embed(_) | Wire::Moderate | Wire::Count(_) | Wire::Other => {}
    }
    let context = target.known.and_then(|model| model.max_input_tokens);
    if envelope.raw("previous_response_id").is_some_and(|id| id != b"null") || envelope.raw("conversation").is_some() {
        usage.input = usage.input.max(context.unwrap_or(USUAL_CONTEXT));
    } else if let Some(context) = context.filter(|_| call.asked.surface.operation() == Operation::Chat) {
        usage.input = usage.input.min(context);
    }
    Need { cost: dearest(call, target, &usage), usage }
}

/// What such a call uses of a target as a rule.
pub(super) fn as_a_rule(gw: &Gateway, call: &Composed, target: &Arc<Target>) -> Need {
    if call.asked.surface.operation() != Operation::Chat {
        return at_most(call, target);
    }
    let usual = gw.targets.state(target).usual_output().unwrap_or(USUAL_OUTPUT);
    let output = call.most_output.map_or(usual, |most| most.min(usual)).saturating_mul(call.answers);
    let usage = Usage { input: reckon(call.asked.envelope.body()), output, ..Usage::default() };
    Need { cost: cost(call, target, &usage), usage }
}

/// The most that something can use that passes unread.
pub(super) fn unread(target: &Arc<Target>, operation: Operation, bytes: u64, most_output: u64) -> Need {
    let output = if bytes == 0 { 0 } else { most_output };
    let usage = Usage { input: bytes, output, ..Usage::default() };
    let bill = target.bill(&usage, &Asked { operation, tier: None, words: &[] });
    Need { cost: bill.cost.filter(|_| !bill.unpriced), usage }
}

/// The most tokens that one answer can have: what is forced upon the call, what it asks for, what the model can, or what the
/// operator assumes.
fn most_output(call: &Composed, target: &Target) -> u64 {
    const NAMES: [&str; 5] =
        ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens"];
    let forced = target.overrides.iter().find(|(name, _)| NAMES.contains(&name.as_str()));
    let forced = forced.and_then(|(_, value)| value.as_u64());
    let can = target.write_for.max_output_tokens.or_else(|| target.known?.max_output_tokens);
    forced.or(call.most_output).or(can).unwrap_or(call.rules.settings.assumed_output_tokens)
}

/// The most that a use can cost: its tokens may be written to a cache, heard, or thought. `None` if a price is not known.
fn dearest(call: &Composed, target: &Arc<Target>, usage: &Usage) -> Option<Money> {
    let body = call.asked.envelope.body();
    let says = |word: &str| memchr::memmem::find(body, word.as_bytes()).is_some();
    let mut most = cost(call, target, usage)?;
    let mut dearer = |other: Usage| most = most.max(cost(call, target, &other).unwrap_or_default());
    if usage.output > 0 {
        dearer(Usage { reasoning: usage.output, ..*usage });
    }
    if says("cache_control") || says("cachePoint") {
        dearer(Usage { input: 0, cache_write_1h: usage.input, ..*usage });
        dearer(Usage { input: 0, cache_write: usage.input, ..*usage });
    }
    if says("audio") {
        dearer(Usage { input: 0, input_audio: usage.input, output_audio: usage.output, ..*usage });
    }
    if usage.images_out > 0 {
        dearer(Usage { output: 0, ..*usage });
        dearer(Usage { output_image: usage.output, input: 0, input_image: usage.input, ..*usage });
    }
    if says("web_search") || says("google_search") || says("googleSearch") {
        dearer(Usage { web_searches: MOST_SEARCHES, ..*usage });
    }
    Some(most)
}

fn cost(call: &Composed, target: &Arc<Target>, usage: &Usage) -> Option<Money> {
    let tier: Option<String> = call.asked.envelope.get("service_tier", "a string").ok().flatten();
    let tier = tier.as_deref().filter(|tier| !matches!(*tier, "auto" | "default" | "standard"));
    let words = super::attempt::priced_by(call, target);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let operation = call.asked.surface.operation();
    let bill = target.bill(usage, &Asked { operation, tier, words: &words });
    bill.cost.filter(|_| !bill.unpriced)
}

fn file_bytes(call: &Composed) -> u64 {
    call.asked.form.as_ref().map_or(0, |form| form.file_bytes())
}
