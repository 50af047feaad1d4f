//! How the bytes of a stream are understood: relayed as they are, translated, or not at all; the first
//! two behind guards or not.

use bytes::Bytes;
use llm::{
    dialect::Glance,
    failure::{Failure, Kind},
    loss::Loss,
};

use super::{Guarded, Opaque, Relay, Translate, Wrapped};
use crate::guard::Blocked;

/// The lane of one stream.
pub enum LaneBody {
    Relay(Relay),
    Translate(Translate),
    Opaque(Opaque),
    Guarded(Box<Guarded>),
    Wrapped(Box<Wrapped>),
}

/// Whether a stream goes on after a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    More,
    /// The provider reported a failure, or sent what its dialect does not allow, or a guard objects: the stream is to be
    /// ended.
    Fault,
}

impl LaneBody {
    /// Takes bytes from upstream; appends the bytes for the client.
    pub fn feed(&mut self, bytes: &Bytes, out: &mut Vec<Bytes>) -> Feed {
        match self {
            Self::Relay(relay) => relay.feed(bytes, out),
            Self::Translate(translate) => translate.feed(bytes, out),
            Self::Opaque(opaque) => opaque.feed(bytes, out),
            Self::Guarded(guarded) => guarded.feed(bytes, out),
            Self::Wrapped(wrapped) => wrapped.feed(bytes, out),
        }
    }

    /// Upstream has ended; appends what was held back.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Feed {
        match self {
            Self::Relay(relay) => relay.finish(out),
            Self::Translate(translate) => translate.finish(out),
            Self::Opaque(opaque) => opaque.finish(),
            Self::Guarded(guarded) => guarded.finish(out),
            Self::Wrapped(wrapped) => wrapped.finish(out),
        }
    }

    /// What was learnt so far.
    #[must_use]
    pub fn glance(&self) -> &Glance {
        match self {
            Self::Relay(relay) => relay.glance(),
            Self::Translate(translate) => translate.glance(),
            Self::Opaque(opaque) => opaque.glance(),
            Self::Guarded(guarded) => guarded.lane().glance(),
            Self::Wrapped(wrapped) => wrapped.lane().glance(),
        }
    }

    /// Whether what has gone out cannot be taken back: after this nothing may be repeated elsewhere.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        match self {
            Self::Guarded(guarded) => guarded.has_begun(),
            Self::Wrapped(wrapped) => wrapped.lane().has_begun(),
            Self::Relay(_) | Self::Translate(_) | Self::Opaque(_) => {
                let Glance { content, stopped, ended, .. } = self.glance();
                *content || *stopped || *ended
            }
        }
    }

    /// Whether guards read it.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        match self {
            Self::Guarded(_) => true,
            Self::Wrapped(wrapped) => wrapped.lane().is_guarded(),
            Self::Relay(_) | Self::Translate(_) | Self::Opaque(_) => false,
        }
    }

    /// The guard that has ended the stream, after [`Feed::Fault`].
    #[must_use]
    pub fn blocked(&self) -> Option<&Blocked> {
        match self {
            Self::Guarded(guarded) => guarded.blocked(),
            Self::Wrapped(wrapped) => wrapped.lane().blocked(),
            Self::Relay(_) | Self::Translate(_) | Self::Opaque(_) => None,
        }
    }

    /// Why the stream cannot go on, after [`Feed::Fault`].
    #[must_use]
    pub fn fault(&self) -> Failure {
        let fault = match self {
            Self::Relay(relay) => relay.fault(),
            Self::Translate(translate) => translate.glance().fault.as_ref(),
            Self::Opaque(_) => None,
            Self::Wrapped(wrapped) => return wrapped.lane().fault(),
            Self::Guarded(guarded) => return guarded.broken().cloned().unwrap_or_else(|| guarded.lane().fault()),
        };
        fault.cloned().unwrap_or_else(|| Failure::new(Kind::Malformed, "the provider's stream cannot be read"))
    }

    /// What the translation could not carry so far.
    #[must_use]
    pub fn loss(&self) -> Option<&Loss> {
        match self {
            Self::Relay(_) | Self::Opaque(_) => None,
            Self::Translate(translate) => Some(translate.loss()),
            Self::Guarded(guarded) => guarded.lane().loss(),
            Self::Wrapped(wrapped) => wrapped.lane().loss(),
        }
    }
}
