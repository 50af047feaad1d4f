//! The relay lane's look at passing frames.

use super::wire::{Chunk, Tally};
use crate::{
    dialect::{FrameWatch, Glance, Seen},
    failure::{Failure, Kind},
};

/// Watches the frames of a streamed answer.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
    tally: Tally,
}

impl FrameWatch for Watch {
    fn see(&mut self, _event: Option<&str>, data: &[u8]) -> Seen {
        if self.glance.fault.is_some() || data.is_empty() {
            return Seen::Pass;
        }
        match Chunk::of(data) {
            Some(chunk) => self.tally.take(&chunk, data, &mut self.glance),
            // After the end nothing is waited for.
            None if self.glance.stopped => {}
            None => self.glance.fault = Some(broken()),
        }
        Seen::Pass
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}

pub(super) fn broken() -> Failure {
    Failure::new(Kind::Malformed, "a frame of the stream is not the JSON of a Gemini answer")
}
