//! What models without a price may cost: `unpriced: estimate`.

use std::sync::Arc;

use llm::{
    catalog::{self, Mode, Model},
    price::{Price, Rates},
    provider::{Operation, Provider},
    usage::Unit,
};

use super::{At, Checking, Fault};
use crate::config::{raw::RawProvider, snapshot::Unpriced};

impl Checking<'_> {
    /// The provisional prices of an account: what the operator stated, and the dearest that is known of the provider for
    /// what that leaves out.
    pub(super) fn estimates(
        &mut self,
        raw: &RawProvider,
        provider: &dyn Provider,
        unpriced: Unpriced,
        path: &str,
    ) -> Vec<(Operation, Arc<Price>)> {
        let at = format!("{path}.estimate");
        let stated = raw.estimate.as_ref().map(|raw| self.price(raw, &at));
        if unpriced != Unpriced::Estimate {
            if stated.is_some() {
                let message = "`estimate` changes nothing unless models without a price are estimated";
                let fix = "write `unpriced: estimate` at the top level, or remove it";
                self.report.warning(Fault::NoEffect, At::Value(&at), message, fix);
            }
            return Vec::new();
        }
        let stated = stated.and_then(|stated| Price::ceiling([&stated]));
        let of = |operation| {
            let known = known(provider, operation);
            let estimate = match (&stated, known) {
                (Some(stated), Some(known)) => over(stated, &known),
                (Some(stated), None) => stated.clone(),
                (None, known) => known?,
            };
            Some((operation, Arc::new(estimate.versioned("estimate"))))
        };
        // Counting tokens is free.
        let sold = Operation::ALL.iter().copied().filter(|operation| *operation != Operation::CountTokens);
        let estimates: Vec<_> = sold.filter_map(of).collect();
        if estimates.is_empty() && provider.price().is_none() {
            let message = format!("no price of `{}` is known by which others could be estimated", provider.id());
            let fix = "add `estimate: { input: ..., output: ... }`; until then models without a price are refused";
            self.report.warning(Fault::Unpriced, At::Value(path), message, fix);
        }
        estimates
    }
}

/// The dearest that is known of a provider. What is passed on unread may be anything.
fn known(provider: &dyn Provider, operation: Operation) -> Option<Price> {
    let fits = |model: &&Model| match operation {
        Operation::Invoke | Operation::Other => true,
        Operation::Translate => model.mode == Mode::Transcription,
        operation => model.mode.operation() == Some(operation),
    };
    let models = catalog::all().iter().filter(|model| model.provider == provider.id()).filter(fits);
    Price::ceiling(models.filter_map(|model| model.price.as_deref()))
}

/// A flat price over another that fills in what it leaves out.
fn over(stated: &Price, known: &Price) -> Price {
    let rates: Rates =
        Unit::ALL.iter().filter_map(|unit| Some((*unit, stated.rate(*unit).or_else(|| known.rate(*unit))?))).collect();
    Price { request: stated.request, ..Price::flat(rates) }
}

#[cfg(test)]
mod tests {
    use llm::{Usage, price::Money};

    use crate::{
        config::{Asked, Bill, Checked, check},
        key::Pepper,
    };

    use super::*;

    fn checked(policy: &str, settings: &str) -> Checked {
        let accounts = format!(
            "  openai: {{ base_url: 'http://127.0.0.1:1/v1', api_key: ${{KEY}}, prices: {{ half: {{ input: 1, output: 2 }} }}, {settings} }}\n  \
             own: {{ kind: vllm, base_url: 'http://127.0.0.1:1/v1' }}"
        );
        let lookup = |name: &str| (name == "KEY").then(|| "0".repeat(20));
        check(&format!("unpriced: {policy}\nproviders:\n{accounts}\n"), &lookup, &|_| Ok(()), 0)
    }

    fn bill(settings: &str, target: &str, operation: Operation, usage: Usage) -> Bill {
        let checked = checked("estimate", settings);
        let draft = checked.draft.unwrap_or_else(|| panic!("{:?}", checked.problems));
        let target = draft.into_rules(&Pepper::new(&[0; 32]), 1).target(target).unwrap();
        target.bill(&usage, &Asked { operation, tier: None, words: &[] })
    }

    /// A million tokens each way.
    fn million() -> Usage {
        Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() }
    }

    #[test]
    fn without_a_word_the_dearest_model_for_the_operation_is_the_estimate() {
        let chat = bill("", "openai/secret-model", Operation::Chat, million());
        let dear = bill("", "openai/o1-pro", Operation::Chat, million());
        assert!((dear.estimated, dear.unpriced) == (false, false) && chat.cost >= dear.cost, "{chat:?} {dear:?}");
        assert_eq!((chat.estimated, chat.unpriced), (true, false));
        assert!(chat.version.unwrap().starts_with("estimate/"));
        let vector = bill("", "openai/secret-vectors", Operation::Embed, Usage { output: 0, ..million() });
        assert!(vector.cost > Some(Money::ZERO) && vector.cost < Some("1".parse().unwrap()), "{vector:?}");
        let nothing = bill("", "own/m", Operation::Chat, million());
        assert_eq!((nothing.cost, nothing.estimated, nothing.unpriced), (None, false, true));
    }

    #[test]
    fn what_the_operator_states_goes_before_and_is_filled_in() {
        let stated = "estimate: { input: 3, output: 4, long: [{ from: 200001, rates: { input: 6 } }] }";
        let chat = bill(stated, "openai/secret-model", Operation::Chat, million());
        // Six dollars and four.
        assert_eq!((chat.cost, chat.estimated), (Some("10".parse().unwrap()), true));
        let searched = Usage { web_searches: 1000, ..Usage::default() };
        let filled = bill(stated, "openai/secret-model", Operation::Chat, searched);
        assert!(filled.cost >= Some("10".parse().unwrap()), "the catalogue's dearest search: {filled:?}");
    }

    #[test]
    fn a_price_that_knows_a_half_is_charged_for_it() {
        let usage = Usage { web_searches: 1, ..million() };
        let filled = bill("estimate: { web_searches: 5 }", "openai/half", Operation::Chat, usage);
        assert_eq!((filled.cost, filled.estimated, filled.unpriced), (Some("8".parse().unwrap()), true, false));
        let version = filled.version.unwrap();
        assert!(version.starts_with("config/") && version.contains("+estimate/"), "{version}");
        let whole = bill("", "openai/half", Operation::Chat, million());
        assert_eq!((whole.cost, whole.estimated), (Some("3".parse().unwrap()), false));
        let stated = Usage { stated: Some(Money(5)), ..usage };
        let stated = bill("", "openai/half", Operation::Chat, stated);
        assert_eq!((stated.cost, stated.estimated), (Some(Money(5)), false), "the provider's word is no estimate");
    }

    #[test]
    fn what_estimates_nothing_is_pointed_out() {
        let problems = |policy, settings| {
            let problems = checked(policy, settings).problems;
            problems.iter().map(|problem| format!("{} {}", problem.path, problem.fix)).collect::<Vec<_>>()
        };
        let idle = problems("allow", "estimate: { input: 1, output: 1 }");
        assert!(
            idle.iter().any(|problem| problem.contains("openai.estimate") && problem.contains("unpriced: estimate")),
            "{idle:?}"
        );
        let without = problems("estimate", "");
        assert!(without.iter().any(|problem| problem.starts_with("providers.own add `estimate:")), "{without:?}");
        let half = problems("estimate", "estimate: { input: 1 }");
        assert!(half.iter().any(|problem| problem.starts_with("providers.openai.estimate add `output:")), "{half:?}");
    }
}
