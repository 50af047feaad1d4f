//! Blocks one after the other, for dialects whose blocks never overlap: while one is open, what belongs to another waits.

use std::collections::VecDeque;

use crate::{
    Event,
    event::{Block, Delta},
};

/// Puts the events of one choice in an order in which no block overlaps another.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    current: Option<u32>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
}

/// A block whose turn has not come.
#[derive(Debug)]
struct Waiting {
    index: u32,
    block: Block,
    deltas: Vec<Delta>,
    closed: bool,
}

/// More waits than a stream may hold back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much of the answer overlaps to be put in order")]
pub(crate) struct TooMuchWaits;

/// How much may wait for an open block to close.
const MOST_WAITING_BYTES: usize = 16 << 20;

impl Sequence {
    /// Takes an event and hands on those whose turn it is. Events that belong to no block pass as they come.
    ///
    /// # Errors
    /// [`TooMuchWaits`]: the stream is to be given up.
    pub fn push(&mut self, event: &Event, each: &mut impl FnMut(&Event)) -> Result<(), TooMuchWaits> {
        match event {
            Event::Open { index, block, .. } => match self.current {
                None => {
                    self.current = Some(*index);
                    each(event);
                }
                Some(_) => {
                    let block = block.clone();
                    self.waiting.push_back(Waiting { index: *index, block, deltas: Vec::new(), closed: false });
                }
            },
            Event::Delta { index, .. } if self.current == Some(*index) => each(event),
            Event::Delta { index, delta, .. } => self.wait(*index, delta)?,
            Event::Close { index, .. } if self.current == Some(*index) => self.leave(each),
            Event::Close { index, .. } => {
                if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.index == *index) {
                    waiting.closed = true;
                }
            }
            _ => each(event),
        }
        Ok(())
    }

    /// Closes every block that is open or waits.
    pub fn close(&mut self, each: &mut impl FnMut(&Event)) {
        self.waiting.iter_mut().for_each(|waiting| waiting.closed = true);
        self.leave(each);
    }

    fn wait(&mut self, index: u32, delta: &Delta) -> Result<(), TooMuchWaits> {
        let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.index == index) else { return Ok(()) };
        self.waiting_bytes += size(delta);
        match (waiting.deltas.last_mut(), delta) {
            (Some(Delta::Text(held)), Delta::Text(more)) | (Some(Delta::Arguments(held)), Delta::Arguments(more)) => {
                held.push_str(more);
            }
            _ => waiting.deltas.push(delta.clone()),
        }
        if self.waiting_bytes > MOST_WAITING_BYTES { Err(TooMuchWaits) } else { Ok(()) }
    }

    /// Ends the current block and lets those that waited for it have their turn.
    fn leave(&mut self, each: &mut impl FnMut(&Event)) {
        while let Some(index) = self.current.take() {
            each(&Event::Close { choice: 0, index });
            let Some(waiting) = self.waiting.pop_front() else { return };
            let index = waiting.index;
            self.current = Some(index);
            each(&Event::Open { choice: 0, index, block: waiting.block });
            for delta in waiting.deltas {
                self.waiting_bytes = self.waiting_bytes.saturating_sub(size(&delta));
                each(&Event::Delta { choice: 0, index, delta });
            }
            if !waiting.closed {
                return;
            }
        }
    }
}

fn size(delta: &Delta) -> usize {
    match delta {
        Delta::Text(piece) | Delta::Arguments(piece) | Delta::Signature(piece) => piece.len(),
        Delta::Native { raw, .. } => raw.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(index: u32) -> Event {
        Event::Open { choice: 0, index, block: Block::Text }
    }

    fn delta(index: u32, text: &str) -> Event {
        Event::Delta { choice: 0, index, delta: Delta::Text(text.into()) }
    }

    fn close(index: u32) -> Event {
        Event::Close { choice: 0, index }
    }

    #[test]
    fn what_overlaps_waits_for_its_turn() {
        let mut sequence = Sequence::default();
        let mut seen = Vec::new();
        let mut keep = |event: &Event| seen.push(event.clone());
        let events = [
            open(0),
            delta(0, "a"),
            open(1),
            delta(1, "x"),
            open(2),
            delta(0, "b"),
            delta(1, "y"),
            close(1),
            delta(2, "z"),
            close(0),
            delta(2, "!"),
        ];
        for event in &events {
            sequence.push(event, &mut keep).unwrap();
        }
        sequence.close(&mut keep);
        let wanted = [
            open(0),
            delta(0, "a"),
            delta(0, "b"),
            close(0),
            open(1),
            delta(1, "xy"),
            close(1),
            open(2),
            delta(2, "z"),
            delta(2, "!"),
            close(2),
        ];
        assert_eq!(seen, wanted);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut sequence = Sequence::default();
        let mut nothing = |_: &Event| {};
        sequence.push(&open(0), &mut nothing).unwrap();
        sequence.push(&open(1), &mut nothing).unwrap();
        let megabyte = delta(1, &"x".repeat(1 << 20));
        let done: Vec<_> = (0..20).map(|_| sequence.push(&megabyte, &mut nothing)).collect();
        assert_eq!(done[15], Ok(()));
        assert_eq!(done[16], Err(TooMuchWaits));
    }
}
