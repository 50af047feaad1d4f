//! Limits: how much may be asked and spent, by whom, in which time. Rate limits and budgets are one type; a budget is a
//! limit on money in a calendar window.
//!
//! A limit counts for each entity that its `per` makes of a call (each user, each user and model, ...), in one counter per
//! cap. What a counter holds and has booked is a [`Tally`]; which limits a call meets says [`Limit::meets`]. Who keeps the
//! tallies and asks them all at once is the gateway's ledger.

mod amount;
mod scope;
mod tally;
#[cfg(test)]
mod tests;
mod window;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::key::Origin;

pub use amount::{Amount, shown};
pub use scope::{Dimension, Entity, Names, Scope, Subject};
pub use tally::{Now, Tally};
pub use window::{Period, Slot, Window, expires};

/// A limit or budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// A slug chosen by people; refusals and records name it.
    pub id: Arc<str>,
    /// The calls that it counts: all of these must hold.
    pub when: Scope,
    /// Calls that it does not count: those of which any of these holds.
    pub unless: Scope,
    /// What has a counter of its own. Empty: all calls share one.
    pub per: Vec<Dimension>,
    /// Never empty. All of them must have room.
    pub caps: Vec<Cap>,
    /// Other amounts for some entities; the first that fits counts.
    pub overrides: Vec<Override>,
    pub mode: Mode,
    pub reserve: Reserve,
    /// Whether tokens read from a provider's prompt cache count.
    pub counts_cached: bool,
    /// In ascending order of their share.
    pub steps: Vec<Step>,
    /// Where it was declared: what a file declares is read-only elsewhere.
    pub origin: Origin,
}

/// How much of what, in which time.
#[derive(Debug, Clone, PartialEq)]
pub struct Cap {
    pub measure: Measure,
    /// In the unit of the measure.
    pub most: Amount,
    pub window: Window,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Calls that were sent to a provider.
    Requests,
    /// Tokens of questions and answers together.
    Tokens,
    /// Tokens of questions.
    InputTokens,
    /// Tokens of answers, thought included.
    OutputTokens,
    /// Nano-dollars.
    Spend,
    /// Calls in flight. It has no window.
    Concurrency,
    /// Pictures made.
    Images,
    /// Milliseconds of sound, heard and made.
    AudioSeconds,
}

/// Other amounts for a named entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// The entity, by some of the limit's dimensions.
    pub entity: BTreeMap<Dimension, Arc<str>>,
    /// By the place of the cap; `None`: as for everybody.
    pub most: Vec<Option<Amount>>,
}

/// Whether a limit refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Enforce,
    /// It counts, and records say what it would have refused.
    Audit,
}

/// How much of a limit a call takes before it is known what it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reserve {
    /// The most that it can use: the limit is never passed.
    #[default]
    Strict,
    /// What such calls use as a rule: the limit may be passed by what the last calls use more.
    Soft,
}

/// What happens when a share of a cap is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// In percent of the cap, from 1 to 100.
    pub at: u8,
    pub action: Action,
}

/// What happens at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Somebody is told, once per window.
    Warn,
    /// Calls go to this model instead.
    Downgrade { to: Arc<str> },
    /// Calls are refused. Without a word, that happens at 100 percent.
    Refuse,
    /// Calls that would be refused wait for room: so long at most, and so many at once.
    Queue { wait: Duration, places: u32 },
}

impl Limit {
    /// Whether it counts such a call.
    #[must_use]
    pub fn meets(&self, subject: &Subject<'_>) -> bool {
        self.meets_caller(subject) && self.meets_target(subject) && self.meets_words(subject)
    }

    /// Whether it can count a call of this caller: what does not change from call to call.
    #[must_use]
    pub fn meets_caller(&self, subject: &Subject<'_>) -> bool {
        let belongs = self.per.iter().all(|dimension| dimension.has(subject));
        belongs && self.when.admits_caller(subject) && !self.unless.names_caller(subject)
    }

    /// Whether it can count a call for this target. Counting tokens is free: only who names it means it.
    #[must_use]
    pub fn meets_target(&self, subject: &Subject<'_>) -> bool {
        self.when.admits_target(subject) && !self.unless.names_target(subject)
    }

    /// Whether it counts a call in which these end users and tags are named.
    #[must_use]
    pub fn meets_words(&self, subject: &Subject<'_>) -> bool {
        self.when.admits_words(subject) && !self.unless.names_words(subject)
    }

    /// Whether [`Self::meets_words`] or its entity depends on what the caller says of the call.
    #[must_use]
    pub fn depends_on_words(&self) -> bool {
        self.when.depends_on_words()
            || self.unless.depends_on_words()
            || self.per.iter().any(|dimension| dimension.is_said())
    }

    /// The entity that a call is counted for.
    #[must_use]
    pub fn entity(&self, subject: &Subject<'_>) -> Entity {
        Entity::of(&self.per, subject)
    }

    /// The most that an entity may have of the cap at this place.
    #[must_use]
    pub fn most(&self, place: usize, entity: &Entity) -> Amount {
        let own = self.overrides.iter().find(|other| entity.is(&other.entity));
        let own = own.and_then(|other| other.most.get(place).copied().flatten());
        own.or_else(|| self.caps.get(place).map(|cap| cap.most)).unwrap_or(0)
    }

    /// The name of a counter, the same in every process and after every start: the limit, what is counted in which
    /// window, and for whom. A cap of another window has another counter, so that a change of the window never makes
    /// anybody pass it.
    #[must_use]
    pub fn counter(&self, cap: &Cap, entity: &Entity) -> String {
        let mut name = format!("{}/{}/{}", self.id, cap.measure.name(), cap.window);
        if !entity.is_everybody() {
            name.push('/');
            name.push_str(&entity.to_string());
        }
        name
    }

    /// The share of a cap, in percent, from which calls are refused.
    #[must_use]
    pub fn refuses_at(&self) -> u8 {
        self.steps.iter().find(|step| step.action == Action::Refuse).map_or(100, |step| step.at)
    }
}

impl Measure {
    pub const ALL: &'static [Self] = &[
        Self::Requests,
        Self::Tokens,
        Self::InputTokens,
        Self::OutputTokens,
        Self::Spend,
        Self::Concurrency,
        Self::Images,
        Self::AudioSeconds,
    ];

    /// The name in configuration, records and counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Spend => "spend",
            Self::Concurrency => "concurrency",
            Self::Images => "images",
            Self::AudioSeconds => "audio_seconds",
        }
    }

    /// Whether how much a call needs of it is known before the call is made.
    #[must_use]
    pub const fn is_known_before(self) -> bool {
        matches!(self, Self::Requests | Self::Concurrency)
    }
}

/// What a call took of a counter. Counters are the sums of the charges of all records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The name of the counter: [`Limit::counter`].
    pub counter: Arc<str>,
    /// The part of the counter's window that it was booked in: microseconds since 1970.
    pub slot: i64,
    /// In the unit of the measure.
    pub amount: Amount,
}
