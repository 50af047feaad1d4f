//! The stream of a client of Bedrock's `invoke`: the events that Anthropic's own servers would send, each in one of Amazon's
//! binary messages. The counterpart of what takes them out of such a stream
//! ([`Unwrap`](crate::upstream::Unwrap)), and like it apart from the lane in which the events come about.

use std::time::{Duration, Instant};

use bytes::Bytes;
use llm::{
    dialect::bedrock::invoke::{Metrics, write_chunk},
    frame::{Framing, Splitter},
};

use super::{Feed, LaneBody};

/// A lane whose frames are wrapped.
pub struct Wrapped {
    lane: LaneBody,
    splitter: Splitter,
    begun: Instant,
    first_byte: Duration,
    /// What the lane makes of one chunk. Reused, so that a chunk costs one allocation.
    said: Vec<Bytes>,
}

impl Wrapped {
    /// Wraps a lane and what it has said already. `begun`: when the provider was asked.
    #[must_use]
    pub fn around(lane: LaneBody, said: &[Bytes], begun: Instant) -> (Self, Vec<Bytes>) {
        let splitter = Framing::Sse.splitter();
        let mut wrapped = Self { lane, splitter, begun, first_byte: begun.elapsed(), said: said.to_vec() };
        let mut ready = Vec::new();
        wrapped.wrap(&mut ready);
        (wrapped, ready)
    }

    pub fn feed(&mut self, bytes: &Bytes, out: &mut Vec<Bytes>) -> Feed {
        let feed = self.lane.feed(bytes, &mut self.said);
        self.wrap(out);
        feed
    }

    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Feed {
        let feed = self.lane.finish(&mut self.said);
        self.wrap(out);
        feed
    }

    /// The lane inside.
    #[must_use]
    pub fn lane(&self) -> &LaneBody {
        &self.lane
    }

    fn wrap(&mut self, out: &mut Vec<Bytes>) {
        let Self { lane, splitter, begun, first_byte, said } = self;
        let mut messages = Vec::new();
        for bytes in said.drain(..) {
            // What cannot be split was not said by a lane of ours, which all say whole frames of bounded length.
            let _ = splitter.push(&bytes, |frame| {
                let Some(event) = &frame.data else { return };
                let last = frame.event == Some("message_stop");
                let metrics = last.then(|| Metrics {
                    usage: lane.glance().usage.unwrap_or_default(),
                    latency: millis(begun.elapsed()),
                    first_byte: millis(*first_byte),
                });
                write_chunk(event, metrics, &mut messages);
            });
        }
        if !messages.is_empty() {
            out.push(messages.into());
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
