//! What may be said: guards look at text, one file and one line in [`guards!`] each.
//!
//! A guard is pure and linear in the text, so it can run on every piece of a stream: [`Screen`] feeds it a window, and
//! lets nothing go of which a guard could still object to. A guard never sees who asks or what happens on a match:
//! [`inspect`](crate::stage::inspect) runs it on a call, [`refuses`] on a whole answer, [`StreamScreen`] on a stream.

mod escape;
mod keywords;
mod regex;
mod screen;
mod stream;
mod text;

use std::{fmt, ops::Range, sync::Arc};

use govern::{
    Code, Error,
    config::{BadSetting, GuardRule},
};
use serde_json::Value;

pub use screen::{Blocked, Screen};
pub use stream::{Need, StreamScreen};
pub use text::{objects, refuses, said_amiss};

/// The guards of a configuration, by what they read.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// Of what models are sent.
    pub input: Arc<[CompiledGuard]>,
    /// Of what models answer.
    pub output: Arc<[CompiledGuard]>,
}

impl Guards {
    /// Makes the guards of these rules.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn new(rules: &[GuardRule]) -> Result<Self, BadSetting> {
        let (mut input, mut output) = (Vec::new(), Vec::new());
        for rule in rules {
            let compiled = CompiledGuard::new(&rule.name, &rule.kind, rule.settings.clone())?;
            if rule.input {
                input.push(compiled.clone());
            }
            if rule.output {
                output.push(compiled);
            }
        }
        Ok(Self { input: input.into(), output: output.into() })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input.is_empty() && self.output.is_empty()
    }
}

/// Whether a guard can be made of a rule: what `tollgate check` asks.
///
/// # Errors
/// The first setting that is wrong.
pub fn check(rule: &GuardRule) -> Result<(), BadSetting> {
    CompiledGuard::new(&rule.name, &rule.kind, rule.settings.clone()).map(drop)
}

impl Blocked {
    /// The refusal of a prompt. It never says which text it was: that may be a secret.
    #[must_use]
    pub fn prompt(&self) -> Error {
        self.refusal("prompt")
    }

    /// The refusal of an answer.
    #[must_use]
    pub fn answer(&self) -> Error {
        self.refusal("answer")
    }

    fn refusal(&self, what: &str) -> Error {
        let message = format!("the guardrail `{}` does not let this {what} pass", self.guard);
        Error::new(Code::GuardrailBlocked, message).because(self)
    }
}

/// Lists the kinds of guard, in the order in which documentation shows them.
macro_rules! guards {
    ($($kind:ident),+ $(,)?) => {
        /// Every kind of guard that this build knows.
        pub const KINDS: &[Kind] = &[$(Kind { name: stringify!($kind), compile: $kind::compile }),+];
    };
}

guards! { keywords, regex }

/// Looks at text.
pub trait Guard: Send + Sync {
    /// The name of its kind in configuration: `keywords`.
    fn name(&self) -> &'static str;

    /// How many characters the longest match has that a stream must not let pass: so many are held back.
    fn reach(&self) -> usize;

    /// A match in `text` that starts at byte `from` or later; `from` lies between two characters. What stands before is
    /// only seen as the neighbour of what follows. Takes time linear in the text.
    fn look_from(&self, text: &str, from: usize) -> Option<Match>;

    /// A match anywhere in `text`.
    fn look(&self, text: &str) -> Option<Match> {
        self.look_from(text, 0)
    }
}

/// Where a guard found something, and which of its rules found it. Never holds the text itself: that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The bytes of the text that match.
    pub span: Range<usize>,
    /// The position of the word or pattern in its list, counted from 0.
    pub rule: usize,
}

/// A guard as the configuration names it, ready to run.
#[derive(Clone)]
pub struct CompiledGuard {
    /// The operator's name for it.
    pub name: String,
    pub guard: Arc<dyn Guard>,
}

/// A kind of guard.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The name in configuration.
    pub name: &'static str,
    compile: fn(Value) -> Result<Box<dyn Guard>, BadSetting>,
}

impl CompiledGuard {
    /// Makes the guard `name` of a kind from its own settings, an object without `name` and `kind`.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn new(name: &str, kind: &str, settings: Value) -> Result<Self, BadSetting> {
        let Some(found) = KINDS.iter().find(|known| known.name == kind) else {
            let known = KINDS.iter().map(|known| known.name).collect::<Vec<_>>().join(", ");
            return Err(bad("kind", format!("there is no guard {kind:?}; there are {known}")));
        };
        Ok(Self { name: name.to_owned(), guard: (found.compile)(settings)?.into() })
    }
}

impl fmt::Debug for CompiledGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledGuard").field("name", &self.name).field("kind", &self.guard.name()).finish()
    }
}

fn bad(field: impl Into<String>, message: impl Into<String>) -> BadSetting {
    BadSetting { field: field.into(), message: message.into() }
}

/// Reads the settings of a guard.
fn settings<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, BadSetting> {
    serde_json::from_value(value).map_err(|error| bad("", error.to_string()))
}

/// Refuses an empty list and one that is longer than `most`.
fn check_length<T>(field: &str, list: &[T], most: usize) -> Result<(), BadSetting> {
    match list.len() {
        0 => Err(bad(field, "the list is empty; a guard without an entry guards nothing")),
        length if length > most => Err(bad(field, format!("{length} entries; at most {most} are allowed"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
