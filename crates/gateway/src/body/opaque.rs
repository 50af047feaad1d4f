//! The opaque lane: an answer that is no conversation (sound, a file, whatever a pass-through brings) passes byte by byte.
//! Where it is known how such an answer says what it used, a tee looks for it.

use bytes::Bytes;
use llm::{
    dialect::{FrameWatch, Glance},
    frame::Splitter,
    usage::Usage,
};

use super::Feed;

/// An answer whose bytes are not understood.
pub struct Opaque {
    glance: Glance,
    tee: Option<Tee>,
}

/// What looks at the frames of a stream whose dialect is known.
pub struct Tee {
    pub splitter: Splitter,
    pub watch: Box<dyn FrameWatch>,
}

impl Opaque {
    /// `usage`: what is known of it before the first byte (the characters that are to be spoken).
    #[must_use]
    pub fn new(usage: Option<Usage>, tee: Option<Tee>) -> Self {
        Self { glance: Glance { usage, ..Glance::default() }, tee }
    }

    pub fn feed(&mut self, bytes: &Bytes, out: &mut Vec<Bytes>) -> Feed {
        self.glance.content = true;
        if let Some(Tee { splitter, watch }) = &mut self.tee {
            let read = splitter.push(bytes, |frame| {
                if let Some(data) = &frame.data {
                    watch.see(frame.event, data);
                }
            });
            self.learn();
            if read.is_err() {
                self.tee = None; // it is no stream of frames: it passes all the same
            }
        }
        out.push(bytes.clone());
        Feed::More
    }

    pub fn finish(&mut self) -> Feed {
        self.glance.ended = true;
        Feed::More
    }

    /// What was learnt so far.
    #[must_use]
    pub fn glance(&self) -> &Glance {
        &self.glance
    }

    /// Takes what the tee has seen. A failure that the stream reports is the caller's to read: it is not ours to word.
    fn learn(&mut self) {
        let Some(Tee { watch, .. }) = &self.tee else { return };
        let seen = watch.glance();
        if seen.usage.is_some() {
            self.glance.usage = seen.usage;
        }
        self.glance.model.clone_from(&seen.model);
        self.glance.service_tier.clone_from(&seen.service_tier);
        self.glance.delivered_tokens = seen.delivered_tokens;
    }
}
