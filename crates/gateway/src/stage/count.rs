//! Tokens of a conversation, counted here for targets that do not count. Free of charge.

use std::sync::Arc;

use govern::{Error, config::snapshot::Target};
use llm::{
    Call,
    call::{Part, Source, Tool},
    dialect::anthropic,
    usage::estimate_tokens,
};

use super::Composed;
use crate::body::{Done, Spent};

/// What a picture costs at most in common models, whatever its size.
const IMAGE_TOKENS: u64 = 1_600;

/// A page of a PDF is about 3 KiB of text in 75 KiB of file.
const DOCUMENT_BYTES_PER_TOKEN: u64 = 100;

/// Role, separators: what wraps a message.
const TURN_TOKENS: u64 = 4;

/// Answers `count_tokens` without asking anybody.
///
/// # Errors
/// 400 if the body is not what its dialect allows.
pub(super) fn count_here(call: &Composed, target: &Arc<Target>) -> Result<Done, Error> {
    // `decode` would miss `max_tokens`, which only a question for an answer has.
    let asked = anthropic::request::read_count(call.asked.envelope.body())?;
    let body = serde_json::json!({ "input_tokens": count(&asked) }).to_string();
    Ok(Done::Whole { target: target.clone(), body: body.into(), spent: Spent::nothing() })
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
    let tokens = |text: &[u8]| text.len() as u64 / if is_file(text) { DOCUMENT_BYTES_PER_TOKEN } else { 4 };
    body.split(|byte| *byte == b'"').map(tokens).sum()
}

fn count(call: &Call) -> u64 {
    let turns = call.turns.iter().map(|turn| TURN_TOKENS + parts(&turn.parts));
    turns.chain(call.tools.iter().map(tool)).fold(0, u64::saturating_add)
}

fn parts(all: &[Part]) -> u64 {
    all.iter().map(part).fold(0, u64::saturating_add)
}

fn part(part: &Part) -> u64 {
    match part {
        Part::Text(text) => estimate_tokens(&text.text),
        Part::Refusal(text) => estimate_tokens(text),
        Part::Image(_) => IMAGE_TOKENS,
        Part::Audio(audio) => audio.data.len() as u64 / DOCUMENT_BYTES_PER_TOKEN,
        Part::Video(video) => match &video.source {
            Source::Base64 { data, .. } => data.len() as u64 / DOCUMENT_BYTES_PER_TOKEN,
            _ => IMAGE_TOKENS,
        },
        Part::Document(document) => match &document.source {
            Source::Text(text) => estimate_tokens(text),
            Source::Content(all) => parts(all),
            Source::Base64 { data, .. } => data.len() as u64 / DOCUMENT_BYTES_PER_TOKEN,
            Source::Url(_) | Source::File(_) => IMAGE_TOKENS,
        },
        Part::ToolUse(tool) => estimate_tokens(&tool.name) + estimate_tokens(&tool.arguments),
        Part::ToolResult(result) => parts(&result.parts),
        Part::Thinking(thinking) => match thinking {
            llm::call::Thinking::Text { text, .. } => estimate_tokens(text),
            llm::call::Thinking::Redacted { data } => data.len() as u64 / 4,
        },
        Part::Native { raw, .. } => estimate_tokens(&raw.to_string()),
    }
}

fn tool(tool: &Tool) -> u64 {
    match tool {
        Tool::Native { raw, .. } => estimate_tokens(&raw.to_string()),
        Tool::Function(function) => {
            let described = function.description.as_deref().map_or(0, estimate_tokens);
            let shaped = function.parameters.as_ref().map_or(0, |schema| estimate_tokens(&schema.to_string()));
            estimate_tokens(&function.name) + described + shaped + TURN_TOKENS
        }
    }
}
