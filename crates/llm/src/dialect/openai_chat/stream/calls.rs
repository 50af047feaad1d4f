//! Tool calls put together from fragments.
//!
//! Servers differ in all that can differ: the name comes whole, in pieces or again with every fragment; the index is
//! missing or always 0; the id is missing, or a new one on every fragment.

use crate::{
    event::{Block, Delta, Event},
    signature::{self, Maker},
};

/// The calls of one choice.
#[derive(Debug, Default)]
pub struct Calls {
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    /// `index` as it was sent.
    index: Option<u64>,
    id: String,
    name: String,
    signature: Option<String>,
    /// The block, once it was opened: as soon as the name is known to be whole.
    block: Option<u32>,
    /// Arguments have come.
    argued: bool,
}

/// A fragment as it was sent; `""` stands for what was not.
#[derive(Debug, Clone, Copy)]
pub struct Fragment<'a> {
    pub index: Option<u64>,
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
    /// Google's `thought_signature`.
    pub signature: &'a str,
}

/// Where the events of a choice go.
pub struct Out<'a> {
    pub choice: u32,
    /// The index of the next block.
    pub next: &'a mut u32,
    /// What ids are made from where none was sent.
    pub seed: &'a str,
    pub events: &'a mut Vec<Event>,
}

impl Out<'_> {
    pub fn open(&mut self, block: Block) -> u32 {
        let index = *self.next;
        *self.next = index.saturating_add(1);
        self.events.push(Event::Open { choice: self.choice, index, block });
        index
    }

    pub fn delta(&mut self, index: u32, delta: Delta) {
        self.events.push(Event::Delta { choice: self.choice, index, delta });
    }

    pub fn close(&mut self, index: u32) {
        self.events.push(Event::Close { choice: self.choice, index });
    }
}

impl Calls {
    /// No answer calls more tools, and no name is longer: beyond it a fragment is refused.
    const MOST: usize = 1024;

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes a fragment; `false` if there are too many.
    #[must_use]
    pub fn take(&mut self, fragment: Fragment<'_>, out: &mut Out<'_>) -> bool {
        let at = self.place(fragment).unwrap_or_else(|| {
            self.open_pending(out);
            self.calls.push(Call {
                index: fragment.index,
                id: String::new(),
                name: String::new(),
                signature: None,
                block: None,
                argued: false,
            });
            self.calls.len() - 1
        });
        let Some(call) = self.calls.get_mut(at).filter(|call| at < Self::MOST && call.name.len() < Self::MOST) else {
            return false;
        };
        if call.id.is_empty() {
            call.id.push_str(fragment.id);
        }
        if call.block.is_none() && fragment.name != call.name {
            call.name.push_str(fragment.name);
        }
        if !fragment.signature.is_empty() {
            call.signature = Some(signature::mark(Maker::Gemini, fragment.signature));
        }
        if !fragment.arguments.is_empty() {
            let block = call.open(at, out);
            call.argued = true;
            out.delta(block, Delta::Arguments(fragment.arguments.to_owned()));
        }
        true
    }

    /// Opens what has not been opened, and closes all. No arguments are an empty object: nobody can parse nothing.
    pub fn close(&mut self, out: &mut Out<'_>) {
        self.open_pending(out);
        for call in &self.calls {
            if let Some(block) = call.block {
                if !call.argued {
                    out.delta(block, Delta::Arguments("{}".to_owned()));
                }
                out.close(block);
            }
        }
    }

    fn open_pending(&mut self, out: &mut Out<'_>) {
        for (at, call) in self.calls.iter_mut().enumerate() {
            call.open(at, out);
        }
    }

    /// The call that a fragment continues; `None` if it begins one.
    fn place(&self, fragment: Fragment<'_>) -> Option<usize> {
        let last = |wanted: &dyn Fn(&Call) -> bool| self.calls.iter().rposition(wanted);
        if fragment.index.is_some() {
            let at = last(&|call| call.index == fragment.index)?;
            // A further name under a further id is a further call, whatever the index says.
            let other = self.calls.get(at).is_some_and(|call| !call.id.is_empty() && call.id != fragment.id);
            return (!(other && !fragment.id.is_empty() && !fragment.name.is_empty())).then_some(at);
        }
        if !fragment.id.is_empty() {
            let same = last(&|call| call.id == fragment.id);
            return same.or_else(|| if fragment.name.is_empty() { self.calls.len().checked_sub(1) } else { None });
        }
        let at = self.calls.len().checked_sub(1)?;
        let begun = self.calls.last().is_some_and(|call| call.block.is_some());
        (!begun || fragment.name.is_empty()).then_some(at)
    }
}

impl Call {
    fn open(&mut self, at: usize, out: &mut Out<'_>) -> u32 {
        if let Some(block) = self.block {
            return block;
        }
        if self.id.is_empty() {
            self.id = super::super::message::made_id(out.seed, at);
        }
        let block =
            out.open(Block::ToolUse { id: self.id.clone(), name: self.name.clone(), signature: self.signature.take() });
        self.block = Some(block);
        block
    }
}
