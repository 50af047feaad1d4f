//! The frames as they stand on the wire, for the look at them that decodes nothing.

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
    envelope::scan::{Scan, bare, member},
    usage::{Delivered, Usage},
};

/// One frame, or a whole answer. What is `null` is not there.
#[derive(Debug, Default)]
pub(in super::super) struct Chunk<'a> {
    /// The list as it stands: it is walked by [`Tally::take`].
    candidates: Option<&'a [u8]>,
    usage_metadata: Option<Counts>,
    prompt_feedback: Option<&'a [u8]>,
    model_version: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
    /// The answer to `countTokens` has nothing else.
    total_tokens: Option<&'a [u8]>,
}

impl<'a> Chunk<'a> {
    /// `None` if it is no JSON object, or its candidates are no list.
    pub fn of(data: &'a [u8]) -> Option<Self> {
        let (mut chunk, mut scan) = (Self::default(), Scan::of(data));
        scan.object(|scan, key| {
            match scan.key(key) {
                b"candidates" => {
                    chunk.candidates = scan.maybe(|scan| scan.raw().filter(|list| list.starts_with(b"[")))?;
                }
                b"usageMetadata" => chunk.usage_metadata = scan.look(Counts::pass)?,
                b"promptFeedback" => chunk.prompt_feedback = scan.present()?,
                b"modelVersion" => chunk.model_version = scan.present()?,
                b"error" => chunk.error = scan.present()?,
                b"totalTokens" => chunk.total_tokens = scan.present()?,
                _ => scan.value()?,
            }
            Some(())
        })?;
        scan.is_whole().then_some(chunk)
    }

    pub fn is_answer(&self) -> bool {
        let members = [self.candidates, self.prompt_feedback, self.error, self.total_tokens];
        self.usage_metadata.is_some() || members.iter().any(Option::is_some)
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
        if let Some(candidates) = chunk.candidates {
            Scan::of(candidates).list(|scan| self.candidate(scan, glance));
        }
        if chunk.prompt_feedback.is_some_and(|feedback| member(feedback, b"blockReason").is_some()) {
            glance.stopped = true;
        }
        if let Some(counts) = &chunk.usage_metadata {
            self.counted = Some(counts.usage());
            glance.service_tier = counts.tier().or(glance.service_tier.take());
        }
        glance.usage = self.counted.map(|usage| self.grounding.count(usage));
        glance.delivered_tokens = self.delivered.tokens();
    }

    fn candidate(&mut self, scan: &mut Scan<'_>, glance: &mut Glance) -> Option<()> {
        let (mut content, mut reason, mut message, mut grounding) = (None, None, None, None);
        scan.object(|scan, key| {
            match scan.key(key) {
                b"content" => content = scan.present()?,
                b"finishReason" => reason = scan.text()?,
                b"finishMessage" => message = scan.text()?,
                b"groundingMetadata" => grounding = scan.present()?,
                _ => scan.value()?,
            }
            Some(())
        })?;
        if let Some(parts) = content.and_then(|content| member(content, b"parts")) {
            Scan::of(parts).list(|scan| {
                glance.content |= self.piece(scan)?;
                Some(())
            });
        }
        if let Some(reason) = reason {
            match stop::failure(&reason, message.as_deref()) {
                Some(failure) => glance.fault = Some(failure),
                None => glance.stopped = true,
            }
        }
        if let Some(grounding) = grounding.and_then(|raw| serde_json::from_slice(raw).ok()) {
            let by_query = Family::of(glance.model.as_deref().unwrap_or_default()).thinks_by_level();
            self.grounding.see(&grounding, by_query);
        }
        Some(())
    }

    /// Passes a part and counts what it delivers; whether it is content.
    fn piece(&mut self, scan: &mut Scan<'_>) -> Option<bool> {
        let mut content = false;
        scan.object(|scan, key| {
            match scan.key(key) {
                b"text" | b"functionCall" | b"executableCode" | b"codeExecutionResult" => {
                    if let Some(said) = scan.present()?.map(bare).filter(|said| !said.is_empty()) {
                        self.delivered.add_bytes(said);
                        content = true;
                    }
                }
                b"inlineData" | b"thoughtSignature" => content |= scan.present()?.is_some(),
                _ => scan.value()?,
            }
            Some(())
        })?;
        Some(content)
    }
}
