//! Screens a text that arrives in pieces: nothing goes out of which a guard could still object to.
//!
//! A match may be split over any number of pieces, so the last characters are held back: as many as the longest match
//! has. Whether a match at the very end stands can depend on what follows (`secret` as a whole word), so it is judged
//! with the next piece. One character of what went out is kept as the neighbour of what is held.

use std::{borrow::Cow, sync::Arc};

use super::{CompiledGuard, Match};

/// The screen of one text: one choice's content, one tool call's arguments.
pub struct Screen {
    guards: Arc<[CompiledGuard]>,
    /// The last character that went out, if any, and then what is held back.
    text: String,
    /// Where in `text` begins what is held back.
    held: usize,
    /// How many characters are held back.
    reach: usize,
    blocked: Option<Blocked>,
}

/// A guard objects to the text; nothing of what it objects to went out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the guard {guard} ({kind}) objects")]
pub struct Blocked {
    /// The operator's name for the guard.
    pub guard: String,
    /// Its kind: `keywords`.
    pub kind: &'static str,
    /// Which of its words or patterns, counted from 0.
    pub rule: usize,
}

impl Screen {
    /// A screen at the beginning of a text.
    #[must_use]
    pub fn new(guards: Arc<[CompiledGuard]>) -> Self {
        let reach = guards.iter().map(|compiled| compiled.guard.reach()).max().unwrap_or(0);
        Self { guards, text: String::new(), held: 0, reach, blocked: None }
    }

    /// Takes the next piece and gives back what may go out now: possibly nothing, possibly more than the piece.
    ///
    /// # Errors
    /// A guard objects, now or before. What is held back must not go out.
    pub fn push<'t>(&mut self, piece: &'t str) -> Result<Cow<'t, str>, Blocked> {
        if self.guards.is_empty() {
            return Ok(Cow::Borrowed(piece));
        }
        self.text.push_str(piece);
        self.look(false)?;
        let cut = before_last(&self.text, self.reach).max(self.held);
        Ok(Cow::Owned(self.release(cut)))
    }

    /// The text has ended: gives back what was held.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub fn finish(&mut self) -> Result<String, Blocked> {
        self.look(true)?;
        Ok(self.release(self.text.len()))
    }

    /// Lets every guard look at what is held back.
    fn look(&mut self, ended: bool) -> Result<(), Blocked> {
        if self.blocked.is_none() {
            self.blocked = self.guards.iter().find_map(|compiled| {
                let found = compiled.guard.look_from(&self.text, self.held)?;
                let stands = ended || found.span.end < self.text.len() || self.outgrows(&found, compiled);
                let kind = compiled.guard.name();
                stands.then(|| Blocked { guard: compiled.name.clone(), kind, rule: found.rule })
            });
        }
        self.blocked.clone().map_or(Ok(()), Err)
    }

    /// Whether a match that still runs is longer than what is held back for its guard. It is not waited for: its
    /// beginning would go out, and a shorter match inside it is hidden by it.
    fn outgrows(&self, found: &Match, compiled: &CompiledGuard) -> bool {
        found.span.start < before_last(&self.text, compiled.guard.reach())
    }

    fn release(&mut self, cut: usize) -> String {
        let released = self.text.get(self.held..cut).unwrap_or_default().to_owned();
        if let Some(neighbour) = released.chars().next_back() {
            let kept = cut - neighbour.len_utf8();
            self.text.drain(..kept);
            self.held = neighbour.len_utf8();
        }
        released
    }
}

/// The byte at which the last `count` characters of `text` begin; 0 if it has fewer.
fn before_last(text: &str, count: usize) -> usize {
    match count.checked_sub(1) {
        Some(others) => text.char_indices().rev().nth(others).map_or(0, |(index, _)| index),
        None => text.len(),
    }
}
