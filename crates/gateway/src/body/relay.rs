//! The relay lane: frames pass as they came. A tee looks for usage, errors and the end; the one frame that is there only
//! because the gateway asked for usage is left out for a client that did not.

use bytes::Bytes;
use llm::{
    Dialect,
    dialect::{FrameWatch, Glance, Seen, StreamForm},
    failure::{Failure, Kind},
    frame::{Frame, Framing, Splitter},
};

use super::Feed;

/// A stream whose two sides speak the same dialect.
pub struct Relay {
    splitter: Splitter,
    passing: Passing,
    broken: Option<Failure>,
}

/// What becomes of whole frames.
struct Passing {
    watch: Box<dyn FrameWatch>,
    /// The client did not ask for the usage frame.
    hide_usage: bool,
    /// Clients of the dialect stumble over frames that say nothing.
    hide_comments: bool,
    /// The client wants its frames told apart in another way than the provider does.
    reframed: Option<Framing>,
    /// Nothing has passed yet.
    first: bool,
    /// Frames of the chunk at hand. Reused, so that a chunk costs no allocation.
    passed: Vec<u8>,
}

impl Relay {
    #[must_use]
    pub fn new(dialect: Dialect, form: StreamForm) -> Self {
        let passing = Passing {
            watch: dialect.watch(),
            hide_usage: !form.include_usage,
            hide_comments: dialect.keepalive(form.framing).is_empty(),
            reframed: Some(form.framing).filter(|framing| *framing != dialect.framing()),
            first: true,
            passed: Vec::new(),
        };
        Self { splitter: dialect.framing().splitter(), passing, broken: None }
    }

    /// Whole frames are forwarded; a frame that is not complete waits for its rest.
    pub fn feed(&mut self, bytes: &Bytes, out: &mut Vec<Bytes>) -> Feed {
        let began_clean = !self.splitter.is_pending();
        let Self { splitter, passing, .. } = self;
        passing.passed.clear();
        let read = splitter.push(bytes, |frame| passing.take(&frame));
        if read.is_err() {
            self.broken = Some(Failure::new(Kind::Malformed, "a frame of the provider's stream is too long"));
        }
        let Passing { passed, reframed, .. } = &self.passing;
        if began_clean && passed.len() == bytes.len() && reframed.is_none() {
            out.push(bytes.clone()); // nothing held back, nothing left out: the very bytes
        } else if !passed.is_empty() {
            out.push(Bytes::copy_from_slice(passed));
        }
        self.state()
    }

    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Feed {
        let Self { splitter, passing, .. } = self;
        passing.passed.clear();
        splitter.finish(|frame| passing.take(&frame));
        let glance = passing.watch.glance();
        if !glance.stopped && !glance.ended && glance.fault.is_none() {
            self.broken = Some(Failure::new(Kind::Malformed, "the provider's stream broke off before its end"));
        }
        let state = self.state();
        let Passing { reframed, first, passed, .. } = &mut self.passing;
        if let (Feed::More, Some(framing)) = (state, reframed) {
            framing.end(*first, passed);
        }
        if !passed.is_empty() {
            out.push(Bytes::copy_from_slice(passed));
        }
        state
    }

    /// What was learnt so far.
    #[must_use]
    pub fn glance(&self) -> &Glance {
        self.passing.watch.glance()
    }

    /// Why the stream cannot go on.
    #[must_use]
    pub fn fault(&self) -> Option<&Failure> {
        self.broken.as_ref().or(self.glance().fault.as_ref())
    }

    fn state(&self) -> Feed {
        if self.fault().is_some() { Feed::Fault } else { Feed::More }
    }
}

impl Passing {
    /// Passes a frame on unless it reports a failure (the caller gets it in our words) or carries only unasked-for usage.
    fn take(&mut self, frame: &Frame<'_>) {
        if self.watch.glance().fault.is_some() {
            return;
        }
        let hidden = match &frame.data {
            None => self.hide_comments,
            Some(data) => {
                let seen = self.watch.see(frame.event, data);
                self.watch.glance().fault.is_some() || (self.hide_usage && seen == Seen::UsageOnly)
            }
        };
        if hidden {
            return;
        }
        match (self.reframed, &frame.data) {
            (None, _) => self.passed.extend_from_slice(frame.raw),
            (Some(framing), Some(data)) => framing.frame(frame.event, data, self.first, &mut self.passed),
            (Some(_), None) => return,
        }
        self.first = false;
    }
}
