//! The relay lane: frames pass as they came. A tee looks for usage, errors and the end; the one frame that is there only
//! because the gateway asked for usage is left out for a client that did not.

use bytes::Bytes;
use llm::{
    Dialect,
    dialect::{FrameWatch, Glance, Seen},
    failure::{Failure, Kind},
    frame::sse::Splitter,
};

use super::Feed;

/// A stream whose two sides speak the same dialect.
pub struct Relay {
    splitter: Splitter,
    watch: Box<dyn FrameWatch>,
    /// The client did not ask for the usage frame.
    hide_usage: bool,
    /// Frames of the chunk at hand. Reused, so that a chunk costs no allocation.
    passed: Vec<u8>,
    broken: Option<Failure>,
}

impl Relay {
    #[must_use]
    pub fn new(dialect: Dialect, wants_usage: bool) -> Self {
        Self {
            splitter: Splitter::default(),
            watch: dialect.watch(),
            hide_usage: !wants_usage,
            passed: Vec::new(),
            broken: None,
        }
    }

    /// Whole frames are forwarded; a frame that is not complete waits for its rest.
    pub fn feed(&mut self, bytes: &Bytes, out: &mut Vec<Bytes>) -> Feed {
        let began_clean = !self.splitter.is_pending();
        let Self { splitter, watch, hide_usage, passed, .. } = self;
        passed.clear();
        let read = splitter.push(bytes, |frame| look(watch.as_mut(), *hide_usage, &frame, passed));
        if read.is_err() {
            self.broken = Some(Failure::new(Kind::Malformed, "a frame of the provider's stream is too long"));
        }
        if began_clean && passed.len() == bytes.len() {
            out.push(bytes.clone()); // nothing held back, nothing left out: the very bytes
        } else if !passed.is_empty() {
            out.push(Bytes::copy_from_slice(passed));
        }
        self.state()
    }

    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Feed {
        let Self { splitter, watch, hide_usage, passed, .. } = self;
        passed.clear();
        splitter.finish(|frame| look(watch.as_mut(), *hide_usage, &frame, passed));
        if !passed.is_empty() {
            out.push(Bytes::copy_from_slice(passed));
        }
        let glance = self.watch.glance();
        if !glance.stopped && !glance.ended && glance.fault.is_none() {
            self.broken = Some(Failure::new(Kind::Malformed, "the provider's stream broke off before its end"));
        }
        self.state()
    }

    /// What was learnt so far.
    #[must_use]
    pub fn glance(&self) -> &Glance {
        self.watch.glance()
    }

    /// Why the stream cannot go on.
    #[must_use]
    pub fn fault(&self) -> Option<&Failure> {
        self.broken.as_ref().or(self.watch.glance().fault.as_ref())
    }

    fn state(&self) -> Feed {
        if self.fault().is_some() { Feed::Fault } else { Feed::More }
    }
}

/// Passes a frame on unless it reports a failure (the caller gets it in our words) or carries only unasked-for usage.
fn look(watch: &mut dyn FrameWatch, hide_usage: bool, frame: &llm::frame::sse::Frame<'_>, passed: &mut Vec<u8>) {
    if watch.glance().fault.is_some() {
        return;
    }
    let hidden = match &frame.data {
        None => false,
        Some(data) => {
            let seen = watch.see(frame.event, data);
            watch.glance().fault.is_some() || (hide_usage && seen == Seen::UsageOnly)
        }
    };
    if !hidden {
        passed.extend_from_slice(frame.raw);
    }
}
