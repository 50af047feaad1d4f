//! What the relay lane learns of an answer that passes as it is.

use crate::{envelope::scan::unquoted, failure::Failure, usage::Usage};

/// What the relay lane learns from an answer without decoding it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Glance {
    /// The model that the provider says answered.
    pub model: Option<String>,
    /// The last usage that was reported.
    pub usage: Option<Usage>,
    /// The tier that served the call.
    pub service_tier: Option<String>,
    /// A stop reason was seen.
    pub stopped: bool,
    /// The dialect's terminal event was seen (`[DONE]`, `message_stop`).
    pub ended: bool,
    /// Content has been seen: after this nothing may be repeated elsewhere.
    pub content: bool,
    /// Tokens delivered so far, reckoned, for an answer that is cut before it reports its usage. Never too low.
    pub delivered_tokens: u64,
    /// The provider reported a failure inside the stream.
    pub fault: Option<Failure>,
}

impl Glance {
    /// Notes the model that answered. The first name counts; what is no name (empty, or longer than any) says nothing.
    pub fn served_by(&mut self, model: &str) {
        const LONGEST: usize = 256;
        if self.model.is_none() && !model.is_empty() && model.len() <= LONGEST {
            self.model = Some(model.to_owned());
        }
    }

    /// As [`Self::served_by`], of a JSON value that is read only if it is needed.
    pub(crate) fn served_by_raw(&mut self, model: Option<&[u8]>) {
        if self.model.is_none()
            && let Some(model) = model.and_then(unquoted)
        {
            self.served_by(&model);
        }
    }
}

/// Looks at whole frames of a stream as they pass, in the relay lane.
pub trait FrameWatch: Send {
    /// Looks at one frame; `data` is its payload without `data:`. Says whether the frame is only there because the
    /// gateway asked for usage, so that it is hidden from a client that did not.
    fn see(&mut self, event: Option<&str>, data: &[u8]) -> Seen;
    /// What was learnt so far.
    fn glance(&self) -> &Glance;
}

/// What the relay lane does with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is the client's.
    Pass,
    /// It carries usage and nothing else (OpenAI's `choices: []` chunk).
    UsageOnly,
}
