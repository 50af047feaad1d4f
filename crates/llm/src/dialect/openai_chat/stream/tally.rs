//! Counting what a choice delivers without decoding it.

use super::super::stop;
use crate::{
    envelope::scan::Scan,
    failure::Failure,
    usage::{Weight, weigh},
};

/// How much was delivered, reckoned from JSON text as it stands: escapes only make it larger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pieces that hold content.
    pub pieces: u64,
    weight: Weight,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.pieces += other.pieces;
        self.weight += other.weight;
    }

    /// The larger of one token a piece and what [`estimate_tokens`](crate::usage::estimate_tokens) says of the text.
    pub fn tokens(&self) -> u64 {
        self.pieces.max(self.weight.tokens())
    }

    /// Passes what a message says; whether it held anything.
    fn message(&mut self, scan: &mut Scan<'_>) -> Option<bool> {
        let mut any = false;
        scan.object(|scan, key| {
            any |= match scan.key(key) {
                b"content" | b"reasoning_content" | b"reasoning" | b"refusal" => self.text(scan)?,
                // Sound and signatures are content, too, though not text.
                b"audio" | b"thinking_blocks" => scan.present()?.is_some(),
                b"tool_calls" => scan.maybe(|scan| self.calls(scan))?.unwrap_or(false),
                b"function_call" => scan.maybe(|scan| self.called(scan))?.unwrap_or(false),
                _ => return scan.value(),
            };
            Some(())
        })?;
        Some(any)
    }

    fn calls(&mut self, scan: &mut Scan<'_>) -> Option<bool> {
        let mut any = false;
        scan.list(|scan| {
            scan.object(|scan, key| {
                match scan.key(key) {
                    b"function" | b"custom" => any |= scan.maybe(|scan| self.called(scan))?.unwrap_or(false),
                    _ => scan.value()?,
                }
                Some(())
            })
        })?;
        Some(any)
    }

    /// Name and arguments of a call, or of a fragment of one.
    fn called(&mut self, scan: &mut Scan<'_>) -> Option<bool> {
        let mut any = false;
        scan.object(|scan, key| {
            match scan.key(key) {
                b"name" | b"arguments" | b"input" => any |= self.text(scan)?,
                _ => scan.value()?,
            }
            Some(())
        })?;
        Some(any)
    }

    /// Counts a string, or a list of content parts; whether it held anything.
    fn text(&mut self, scan: &mut Scan<'_>) -> Option<bool> {
        let raw = scan.raw()?;
        let said = raw.get(1..raw.len().saturating_sub(1)).filter(|_| raw != b"null").unwrap_or_default();
        self.weight += weigh(said);
        Some(!said.is_empty())
    }
}

/// What the `choices` of a chunk or of a whole answer tell.
#[derive(Debug, Default)]
pub struct Choices {
    pub count: usize,
    /// A finish reason was given.
    pub stopped: bool,
    pub tally: Tally,
    failed: Option<&'static str>,
}

impl Choices {
    /// The failure that a finish reason stands for, if one does.
    pub fn fault(&self) -> Option<Failure> {
        self.failed.and_then(stop::failure)
    }

    /// Passes a list of choices: how many there are, how they end and what they say. If that is not to be `measured`, it is
    /// skipped, and every one counts as a piece of content.
    pub fn pass(scan: &mut Scan<'_>, measured: bool) -> Option<Self> {
        let mut choices = Self::default();
        scan.list(|scan| {
            let mut reason = None;
            choices.tally.pieces += u64::from(!measured);
            scan.object(|scan, key| {
                let any = match scan.key(key) {
                    b"finish_reason" => {
                        reason = scan.present()?;
                        false
                    }
                    b"delta" | b"message" if measured => {
                        scan.maybe(|scan| choices.tally.message(scan))?.unwrap_or(false)
                    }
                    // Legacy completions.
                    b"text" if measured => choices.tally.text(scan)?,
                    _ => return scan.value(),
                };
                choices.tally.pieces += u64::from(any);
                Some(())
            })?;
            choices.end(reason);
            Some(())
        })?;
        Some(choices)
    }

    /// Takes in how a choice ends.
    fn end(&mut self, reason: Option<&[u8]>) {
        self.count += 1;
        // Some servers write an empty reason where others write null.
        if let Some(reason) = reason.filter(|reason| *reason != b"\"\"") {
            self.failed = match reason {
                b"\"error\"" => Some("error"),
                b"\"network_error\"" => Some("network_error"),
                _ => self.failed,
            };
            self.stopped |= self.failed.is_none();
        }
    }
}
