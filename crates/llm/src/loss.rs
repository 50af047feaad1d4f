//! What a translation could not carry.
//!
//! Every writer of a dialect returns a [`Loss`]. The gateway shows it in `x-tollgate-loss`, keeps it in the record, and
//! in `strict` mode refuses the call. Nothing is dropped silently.

use std::{borrow::Cow, fmt};

/// The fields that a writer could not express in its dialect, in the order in which they were met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loss {
    lost: Vec<Lost>,
}

/// One thing that was not carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The canonical path of the field: `knobs.seed`, `turns[2].parts[0].image`.
    pub field: Cow<'static, str>,
    /// Why, in a few words: `anthropic has no seed`.
    pub why: Cow<'static, str>,
}

impl Loss {
    /// A loss of nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Notes that `field` was not carried. The same field is noted once.
    pub fn note(&mut self, field: impl Into<Cow<'static, str>>, why: impl Into<Cow<'static, str>>) {
        let field = field.into();
        if !self.lost.iter().any(|lost| lost.field == field) {
            self.lost.push(Lost { field, why: why.into() });
        }
    }

    /// Takes over what another writer lost.
    pub fn absorb(&mut self, other: Self) {
        for lost in other.lost {
            self.note(lost.field, lost.why);
        }
    }

    #[must_use]
    pub fn is_none(&self) -> bool {
        self.lost.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Lost> {
        self.lost.iter()
    }
}

impl fmt::Display for Loss {
    /// The lost fields, separated by commas: the value of `x-tollgate-loss`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, lost) in self.lost.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            f.write_str(&lost.field)?;
        }
        Ok(())
    }
}
