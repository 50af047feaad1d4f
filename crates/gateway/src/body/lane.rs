//! How the bytes of a stream are understood: relayed as they are, or translated.

use bytes::Bytes;
use llm::{
    dialect::Glance,
    failure::{Failure, Kind},
    loss::Loss,
};

use super::{Relay, Translate};

/// The lane of one stream.
pub enum LaneBody {
    Relay(Relay),
    Translate(Translate),
}

/// Whether a stream goes on after a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    More,
    /// The provider reported a failure, or sent what its dialect does not allow: the stream is to be ended.
    Fault,
}

impl LaneBody {
    /// Takes bytes from upstream; appends the bytes for the client.
    pub fn feed(&mut self, bytes: &Bytes, out: &mut Vec<Bytes>) -> Feed {
        match self {
            Self::Relay(relay) => relay.feed(bytes, out),
            Self::Translate(translate) => translate.feed(bytes, out),
        }
    }

    /// Upstream has ended; appends what was held back.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Feed {
        match self {
            Self::Relay(relay) => relay.finish(out),
            Self::Translate(translate) => translate.finish(out),
        }
    }

    /// What was learnt so far.
    #[must_use]
    pub fn glance(&self) -> &Glance {
        match self {
            Self::Relay(relay) => relay.glance(),
            Self::Translate(translate) => translate.glance(),
        }
    }

    /// Why the stream cannot go on, after [`Feed::Fault`].
    #[must_use]
    pub fn fault(&self) -> Failure {
        let fault = match self {
            Self::Relay(relay) => relay.fault(),
            Self::Translate(translate) => translate.glance().fault.as_ref(),
        };
        fault.cloned().unwrap_or_else(|| Failure::new(Kind::Malformed, "the provider's stream cannot be read"))
    }

    /// What the translation could not carry so far.
    #[must_use]
    pub fn loss(&self) -> Option<&Loss> {
        match self {
            Self::Relay(_) => None,
            Self::Translate(translate) => Some(translate.loss()),
        }
    }
}
