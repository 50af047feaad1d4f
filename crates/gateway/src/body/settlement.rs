//! The end of an answer: what it used, what it cost, how it ended. Booked once, whichever end comes first.

use std::sync::Arc;

use govern::{
    Error, Money,
    config::{Asked, Bill, snapshot::Target},
};
use llm::{
    dialect::Glance,
    failure::Failure,
    provider::Operation,
    usage::{Source, Usage},
};

use crate::{
    Gateway,
    observe::{Outcome, Recording},
};

/// Everything that an answer must settle when it ends. Dropped unsettled, it settles as a caller that went away.
pub struct Settlement {
    pub gw: Arc<Gateway>,
    pub record: Recording,
}

/// What an answer used, and what that cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Spent {
    pub usage: Usage,
    /// The model that the provider says answered.
    pub served_model: Option<String>,
    /// What that cost, and by which price.
    pub bill: Bill,
    /// Tokens of the prompt by rule of thumb; 0: not reckoned.
    pub reckoned: u64,
}

impl Spent {
    /// What the answer of `target` used so far: as reported, or else reckoned from the prompt and what was delivered.
    #[must_use]
    pub fn of(target: &Target, operation: Operation, glance: &Glance, prompt_tokens: u64) -> Self {
        Self::asked(target, operation, glance, prompt_tokens, &[])
    }

    /// As [`Self::of`], where what was asked for moves the price: the size of a picture.
    #[must_use]
    pub fn asked(target: &Target, operation: Operation, glance: &Glance, prompt_tokens: u64, words: &[&str]) -> Self {
        let whole = glance.stopped || glance.ended;
        let usage = match glance.usage {
            Some(usage) if whole || usage.output >= glance.delivered_tokens => usage,
            // A report from the beginning of a stream that was cut: its output count is a placeholder.
            Some(usage) => Usage { output: glance.delivered_tokens, source: Source::Estimated, ..usage },
            None => Usage {
                input: prompt_tokens,
                output: glance.delivered_tokens,
                source: Source::Estimated,
                ..Usage::default()
            },
        };
        let served_model = glance.model.clone();
        let bill = target.bill(&usage, &Asked { operation, tier: glance.service_tier.as_deref(), words });
        Self { usage, served_model, bill, reckoned: prompt_tokens }
    }

    /// Something that is free of charge.
    #[must_use]
    pub fn nothing() -> Self {
        let bill = Bill { cost: Some(Money::ZERO), ..Bill::default() };
        Self { usage: Usage::default(), served_model: None, bill, reckoned: 0 }
    }
}

impl Settlement {
    /// Books the served attempt into the record, the meters and the account of the key.
    pub fn book(&self, target: &Target, spent: &Spent) {
        let state = self.gw.targets.state(target);
        state.meters.used(&spent.usage, spent.bill.cost);
        state.learn_output(spent.usage.output);
        if spent.reckoned > 0 && spent.usage.source == Source::Reported {
            state.learn(spent.reckoned, spent.usage.prompt());
        }
        let elapsed = self.record.elapsed();
        self.record.with(|record| {
            if record.attempts.last().is_some_and(|attempt| attempt.failure.is_none()) {
                record.charge(spent, elapsed);
            }
            record.served_model.clone_from(&spent.served_model);
        });
    }

    /// Notes how the answer ended, and settles with the limits.
    pub fn close(&mut self, outcome: Outcome, status: u16) {
        self.record.with(|record| {
            record.outcome = outcome;
            record.status = status;
        });
        self.record.settle();
    }

    /// Notes an answer that was cut after the caller had seen a part of it: upstream, or here (no `failure`).
    pub fn cut(&mut self, failure: Option<&Failure>, error: &Error) {
        self.close(Outcome::Partial, 200);
        self.record.with(|record| {
            record.error = Some(error.code.as_str().to_owned());
            if let (Some(attempt), Some(failure)) = (record.attempts.last_mut(), failure) {
                attempt.failure = Some(failure.kind.as_str().to_owned());
            }
        });
    }
}
