//! The opaque lane: an answer that is no conversation (sound, a file, whatever a pass-through brings) passes byte by byte.
//! Where it is known how such an answer says what it used, a tee looks for it.

use bytes::Bytes;
use llm::{
    Wire,
    dialect::{FrameWatch, Glance},
    frame::{Framing, Splitter},
};

use super::Feed;

/// An answer whose bytes are not understood.
pub struct Opaque {
    glance: Glance,
    tee: Option<Tee>,
}

/// What looks at the bytes as they pass, where the format that they may be in is known.
pub enum Tee {
    /// The frames of a stream.
    Frames { splitter: Splitter, watch: Box<dyn FrameWatch> },
    /// A whole answer, as far as it is kept.
    Whole { wire: Wire, seen: Vec<u8> },
}

/// Longest whole answer at which the tee looks.
const MOST_SEEN: usize = 4 << 20;

impl Tee {
    #[must_use]
    pub fn whole(wire: Wire) -> Option<Self> {
        Some(Self::Whole { wire, seen: Vec::new() })
    }

    /// `framing`: of the stream, if the answer is one.
    #[must_use]
    pub fn frames(wire: Wire, framing: Option<Framing>) -> Option<Self> {
        Some(Self::Frames { splitter: framing?.splitter(), watch: wire.words().watch() })
    }

    /// `false`: there is nothing to be learnt here.
    fn see(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Frames { splitter, watch } => {
                let read = splitter.push(bytes, |frame| {
                    if let Some(data) = &frame.data {
                        watch.see(frame.event, data);
                    }
                });
                read.is_ok()
            }
            Self::Whole { seen, .. } => {
                seen.extend_from_slice(bytes);
                seen.len() <= MOST_SEEN
            }
        }
    }

    fn learnt(&self) -> Glance {
        match self {
            Self::Frames { watch, .. } => watch.glance().clone(),
            Self::Whole { wire, seen } => wire.glance_reply(seen),
        }
    }
}

impl Opaque {
    /// `glance`: what is known of the answer before its first byte (the characters that are to be spoken).
    #[must_use]
    pub fn new(glance: Glance, tee: Option<Tee>) -> Self {
        Self { glance, tee }
    }

    pub fn feed(&mut self, bytes: &Bytes, out: &mut Vec<Bytes>) -> Feed {
        self.glance.content = true;
        if self.tee.as_mut().is_some_and(|tee| !tee.see(bytes)) {
            self.tee = None;
        }
        out.push(bytes.clone());
        Feed::More
    }

    pub fn finish(&mut self) -> Feed {
        self.learn();
        self.glance.ended = true;
        Feed::More
    }

    /// What was learnt so far.
    #[must_use]
    pub fn glance(&self) -> &Glance {
        &self.glance
    }

    /// Takes what the tee has seen. A failure that the answer reports is the caller's to read: it is not ours to word.
    fn learn(&mut self) {
        let Some(tee) = self.tee.take() else { return };
        let Glance { model, usage, service_tier, delivered_tokens, .. } = tee.learnt();
        self.glance.usage = usage.or(self.glance.usage.take());
        self.glance.model = model;
        self.glance.service_tier = service_tier;
        self.glance.delivered_tokens = self.glance.delivered_tokens.max(delivered_tokens);
    }
}
