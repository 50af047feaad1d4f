//! Tokens of a conversation, counted here for targets that do not count. Free of charge.

use std::sync::Arc;

use govern::{Error, config::snapshot::Target};
use llm::tokens::{Confidence, Encoding, prompt};

use super::dispatch::Dispatch;
use crate::body::{Done, Spent};

/// Files are text in the body, but not to a model: a page of a PDF is about 3 KiB of text in 75 KiB of file.
const FILE_BYTES_PER_TOKEN: u64 = 100;

/// Answers `count_tokens` without asking anybody: by the model's tokenizer if that is public, else by what the model
/// reported of earlier prompts, else by rule of thumb. The record and a header say which.
///
/// # Errors
/// 400 if the body is not what its dialect allows.
pub(super) fn count_here(dispatch: &Dispatch, target: &Arc<Target>) -> Result<Done, Error> {
    let Dispatch { gw, call, record, .. } = dispatch;
    let (words, body) = (call.asked.surface.wire().words(), call.asked.envelope.body());
    let counted = prompt(&words.read_count(body)?, encoding(target));
    let count = match counted.confidence {
        Confidence::Exact => counted,
        _ => gw.targets.state(target).calibrated(reckon(body)).unwrap_or(counted),
    };
    record.with(|record| record.count = Some(count.confidence.as_str().to_owned()));
    let body = words.write_counted(count.tokens);
    Ok(Done::Whole { target: target.clone(), body: body.into(), spent: Box::new(Spent::nothing()) })
}

/// Tokens of a prompt, reckoned from its bytes, should nobody report them: four bytes make a token, save those of files.
pub(super) fn reckon(body: &[u8]) -> u64 {
    /// No word is that long, and smaller files do not matter.
    const LONGEST_WORD: usize = 4_096;
    let has = |needle: &[u8]| memchr::memmem::find(body, needle).is_some();
    if body.len() < LONGEST_WORD || !(has(b"base64") || has(b"input_audio")) {
        return body.len() as u64 / 4;
    }
    let is_file = |text: &[u8]| text.len() > LONGEST_WORD && !text.contains(&b' ');
    let tokens = |text: &[u8]| text.len() as u64 / if is_file(text) { FILE_BYTES_PER_TOKEN } else { 4 };
    body.split(|byte| *byte == b'"').map(tokens).sum()
}

/// The tokenizer of a target, by what the catalogue calls the model: a deployment has any name.
fn encoding(target: &Target) -> Option<Encoding> {
    Encoding::of(target.known.map_or(&*target.model, |model| model.id))
}
