//! The guard window of a stream: bytes for the client wait until all that they say has been cleared.
//!
//! It stands around the lane. The lane gets every frame as it comes, so that what the answer uses is known even if a guard
//! ends it; what the lane makes of a frame waits here, in order and unchanged. So a stream lags by as much text as the
//! guards must see to judge, and by nothing at its end. A frame that only goes on when another text is cleared (the second
//! of two parallel tool calls, which may go on side by side) waits with it.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use llm::{
    Dialect,
    failure::{Failure, Kind},
    frame::{Frame, Splitter},
};

use super::{Feed, LaneBody};
use crate::guard::{Blocked, CompiledGuard, Need, StreamScreen};

/// A lane behind guards.
pub struct Guarded {
    splitter: Splitter,
    window: Window,
}

struct Window {
    lane: LaneBody,
    screen: StreamScreen,
    waiting: VecDeque<Held>,
    waiting_bytes: usize,
    /// Content has gone out.
    begun: bool,
    /// The lane's own state.
    feed: Feed,
    blocked: Option<Blocked>,
    broken: Option<Failure>,
}

/// What the lane made of a frame.
struct Held {
    bytes: Vec<Bytes>,
    needs: Vec<Need>,
    /// It tells something of the answer.
    tells: bool,
}

/// Most bytes that wait: one frame of the largest kind.
const MOST_WAITING: usize = 2 * Splitter::MOST_BYTES;

impl Guarded {
    /// Guards over a lane whose upstream speaks this dialect.
    #[must_use]
    pub fn new(lane: LaneBody, upstream: Dialect, guards: Arc<[CompiledGuard]>) -> Self {
        let window = Window {
            lane,
            screen: StreamScreen::new(upstream, guards),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            begun: false,
            feed: Feed::More,
            blocked: None,
            broken: None,
        };
        Self { splitter: upstream.framing().splitter(), window }
    }

    pub fn feed(&mut self, bytes: &Bytes, out: &mut Vec<Bytes>) -> Feed {
        let Self { splitter, window } = self;
        if splitter.push(bytes, |frame| window.take(&frame)).is_err() {
            window.broken = Some(Failure::new(Kind::Malformed, "a frame of the provider's stream is too long"));
        }
        window.release(out)
    }

    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Feed {
        let Self { splitter, window } = self;
        splitter.finish(|frame| window.take(&frame));
        if window.blocked.is_none() {
            window.blocked = window.screen.finish().err();
        }
        let mut bytes = Vec::new();
        window.feed = window.lane.finish(&mut bytes);
        window.wait(Held { bytes, needs: Vec::new(), tells: true });
        window.release(out)
    }

    /// The lane that is guarded. It knows of bytes that still wait.
    #[must_use]
    pub fn lane(&self) -> &LaneBody {
        &self.window.lane
    }

    /// Whether content has gone out.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.window.begun
    }

    /// The guard that has ended the stream.
    #[must_use]
    pub fn blocked(&self) -> Option<&Blocked> {
        self.window.blocked.as_ref()
    }

    /// Why the stream cannot go on, if that is not the lane's own fault.
    #[must_use]
    pub fn broken(&self) -> Option<&Failure> {
        self.window.broken.as_ref()
    }
}

impl Window {
    fn take(&mut self, frame: &Frame<'_>) {
        let (mut needs, mut tells) = (Vec::new(), false);
        if self.blocked.is_none() {
            match self.screen.read(frame, &mut needs) {
                Ok(told) => tells = told,
                Err(blocked) => self.blocked = Some(blocked),
            }
        }
        let mut bytes = Vec::new();
        if self.lane.feed(&Bytes::copy_from_slice(frame.raw), &mut bytes) == Feed::Fault {
            self.feed = Feed::Fault;
        }
        let tells = tells && self.lane.has_begun();
        self.wait(Held { bytes, needs, tells });
    }

    fn wait(&mut self, held: Held) {
        // Without bytes the needs still count: a lane may say later what it has read here.
        if self.blocked.is_none() && !(held.bytes.is_empty() && held.needs.is_empty()) {
            self.waiting_bytes += held.bytes.iter().map(Bytes::len).sum::<usize>();
            self.waiting.push_back(held);
        }
    }

    /// Lets everything go that has been cleared.
    fn release(&mut self, out: &mut Vec<Bytes>) -> Feed {
        if self.blocked.is_some() {
            self.waiting.clear();
            return Feed::Fault;
        }
        let mut cleared = Vec::new();
        while let Some(next) =
            self.waiting.pop_front_if(|next| next.needs.iter().all(|need| self.screen.is_cleared(need)))
        {
            self.begun |= next.tells;
            cleared.extend(next.bytes);
        }
        self.waiting_bytes -= cleared.iter().map(Bytes::len).sum::<usize>();
        if self.waiting_bytes > MOST_WAITING {
            self.broken = Some(Failure::new(
                Kind::Malformed,
                "the provider's stream cannot be screened: it leaves too much open",
            ));
        }
        match cleared.len() {
            0 | 1 => out.append(&mut cleared),
            _ => out.push(cleared.concat().into()),
        }
        if self.broken.is_some() { Feed::Fault } else { self.feed }
    }
}

#[cfg(test)]
mod tests;
