//! The frames as they stand on the wire, for the look at them that decodes nothing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    dialect::{
        Glance,
        gemini::{
            error,
            family::Family,
            stop,
            usage::{Counts, Grounding},
        },
    },
    usage::{Delivered, Usage},
};

/// One frame, or a whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct Chunk<'a> {
    #[serde(borrow)]
    candidates: Option<Vec<Candidate<'a>>>,
    usage_metadata: Option<Counts>,
    #[serde(borrow)]
    prompt_feedback: Option<Feedback<'a>>,
    #[serde(borrow)]
    model_version: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    /// The answer to `countTokens` has nothing else.
    total_tokens: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    finish_message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    grounding_metadata: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Vec<Piece<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Piece<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    inline_data: Option<&'a RawValue>,
    #[serde(borrow)]
    executable_code: Option<&'a RawValue>,
    #[serde(borrow)]
    code_execution_result: Option<&'a RawValue>,
    #[serde(borrow)]
    thought_signature: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback<'a> {
    #[serde(borrow)]
    block_reason: Option<Cow<'a, str>>,
}

impl Chunk<'_> {
    pub fn is_answer(&self) -> bool {
        self.candidates.is_some()
            || self.prompt_feedback.is_some()
            || self.usage_metadata.is_some()
            || self.error.is_some()
            || self.total_tokens.is_some()
    }
}

/// What is learnt from frame to frame.
#[derive(Debug, Default)]
pub(in super::super) struct Tally {
    delivered: Delivered,
    grounding: Grounding,
    counted: Option<Usage>,
}

impl Tally {
    /// Takes a frame over into the glance; `data` are its bytes.
    pub fn take(&mut self, chunk: &Chunk<'_>, data: &[u8], glance: &mut Glance) {
        if chunk.error.is_some() {
            glance.fault = Some(error::fault(&serde_json::from_slice(data).unwrap_or_default()));
            return;
        }
        glance.served_by_raw(chunk.model_version);
        for candidate in chunk.candidates.iter().flatten() {
            for piece in candidate.content.iter().flat_map(|content| &content.parts) {
                glance.content |= self.piece(piece);
            }
            if let Some(reason) = candidate.finish_reason.as_deref() {
                match stop::failure(reason, candidate.finish_message.as_deref()) {
                    Some(failure) => glance.fault = Some(failure),
                    None => glance.stopped = true,
                }
            }
            if let Some(grounding) = candidate.grounding_metadata.and_then(|raw| serde_json::from_str(raw.get()).ok()) {
                let by_query = Family::of(glance.model.as_deref().unwrap_or_default()).thinks_by_level();
                self.grounding.see(&grounding, by_query);
            }
        }
        if chunk.prompt_feedback.as_ref().is_some_and(|feedback| feedback.block_reason.is_some()) {
            glance.stopped = true;
        }
        if let Some(counts) = &chunk.usage_metadata {
            self.counted = Some(counts.usage());
            glance.service_tier = counts.tier().or(glance.service_tier.take());
        }
        glance.usage = self.counted.map(|usage| self.grounding.count(usage));
        glance.delivered_tokens = self.delivered.tokens();
    }

    /// Counts what a part delivers; whether it is content.
    fn piece(&mut self, piece: &Piece<'_>) -> bool {
        let said = [piece.text, piece.function_call, piece.executable_code, piece.code_execution_result];
        let mut content = piece.inline_data.is_some() || piece.thought_signature.is_some();
        for raw in said.into_iter().flatten() {
            let text = raw.get().trim_matches('"');
            if !text.is_empty() {
                self.delivered.add(text);
                content = true;
            }
        }
        content
    }
}
