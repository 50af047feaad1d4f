//! Models and their targets.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::Value as Json;

use super::{At, Checking, Fault, accounts::Accounts};
use crate::{
    access::Pattern,
    config::{
        problem::{closest, list},
        raw::{RawFullTarget, RawModel, RawRetry, RawStrategy, RawTarget},
        resolve::is_model_name,
        shape::join,
        snapshot::{Account, RetryRule, Route, Target, Timeouts},
    },
    route::Strategy,
};

/// Parameters that the gateway itself governs, or that are no scalars of a provider's format.
const GOVERNED: &[&str] = &[
    "api_base",
    "api_key",
    "base_url",
    "input",
    "messages",
    "model",
    "prompt",
    "stream",
    "stream_options",
    "system",
    "tool_choice",
    "tools",
];

type Routes = HashMap<Arc<str>, Arc<Route>>;

impl Checking<'_> {
    pub(super) fn models(
        &mut self,
        raw: &BTreeMap<String, RawModel>,
        accounts: &Accounts,
    ) -> (Routes, Vec<(Pattern, Arc<Route>)>) {
        let mut exact = HashMap::new();
        let mut wildcards = Vec::new();
        for (name, model) in raw {
            let path = join("models", name);
            let pattern = self.model_name(name, &path);
            let Some(route) = self.route(name, model, accounts, &path).map(Arc::new) else { continue };
            match pattern {
                Some(pattern) if name.contains('*') => wildcards.push((pattern, route)),
                Some(_) => _ = exact.insert(Arc::clone(&route.name), route),
                None => {}
            }
        }
        // The most literal pattern is the most precise one; the name breaks ties, so that the order is always the same.
        wildcards
            .sort_by(|(one, _), (other, _)| (other.literal_len(), &one.text).cmp(&(one.literal_len(), &other.text)));
        (exact, wildcards)
    }

    fn model_name(&mut self, name: &str, path: &str) -> Option<Pattern> {
        let pattern = Pattern::new(name).ok().filter(|_| name.len() <= 256 && is_model_name(&name.replace('*', "x")));
        if pattern.is_none() {
            let message = format!("`{}` is no name for a model", name.escape_debug());
            let fix = "use at most 256 characters without blanks, and at most one `*`";
            self.report.error(Fault::BadName, At::Name(path), message, fix);
        }
        pattern
    }

    fn route(&mut self, name: &str, raw: &RawModel, accounts: &Accounts, path: &str) -> Option<Route> {
        let strategy = match raw.strategy {
            Some(RawStrategy::Weighted) => Strategy::Weighted,
            Some(RawStrategy::Priority) | None => Strategy::Priority,
        };
        let retry = self.retry(raw.retry.as_ref(), &format!("{path}.retry"));
        let mut targets: Vec<Target> = Vec::new();
        for (at, written) in raw.targets.iter().enumerate() {
            let Some(written) = written else { continue };
            let at_path = format!("{path}.targets[{at}]");
            let full = match written {
                RawTarget::Name(text) => &RawFullTarget { target: text.clone(), ..RawFullTarget::default() },
                RawTarget::Full(full) => full,
            };
            let Some(mut target) = self.target(name, full, accounts, &at_path) else { continue };
            target.priority = full.priority.unwrap_or_else(|| u32::try_from(at + 1).unwrap_or(u32::MAX));
            target.timeouts = self.quiet_timeouts(raw, target.account.timeouts);
            if targets.iter().any(|other| is_repeated(other, &target)) {
                let message = format!("`{}` stands twice with the same settings", target.name);
                self.report.error(Fault::Duplicate, At::Value(&at_path), message, "keep one of them");
            }
            targets.push(target);
        }
        // Reported once, not once per target.
        let base = targets.first().map_or_else(Timeouts::default, |target| target.account.timeouts);
        self.timeouts(raw.timeouts.as_ref(), &format!("{path}.timeouts"), base);
        self.weights(raw, strategy, &targets, path);
        (!targets.is_empty()).then(|| Route {
            name: name.into(),
            targets: targets.into_iter().map(Arc::new).collect(),
            strategy,
            retry,
            strict: raw.strict.unwrap_or(false),
        })
    }

    /// The route's timeouts over an account's, without reporting a problem once per target.
    fn quiet_timeouts(&self, raw: &RawModel, base: Timeouts) -> Timeouts {
        let mut aside = super::Report::default();
        Checking { report: &mut aside, ..*self }.timeouts(raw.timeouts.as_ref(), "", base)
    }

    fn target(&mut self, model: &str, raw: &RawFullTarget, accounts: &Accounts, path: &str) -> Option<Target> {
        let at = if self.report.stands_in_file(&format!("{path}.target")) {
            format!("{path}.target")
        } else {
            path.to_owned()
        };
        let overrides = self.overrides(&raw.overrides, &format!("{path}.override"));
        let headers = self.headers(&raw.headers, &format!("{path}.headers"));
        let (account, upstream) = self.account_and_model(&raw.target, accounts, &at)?;
        if upstream.contains('*') && !model.contains('*') {
            let message =
                format!("`{}` has a `*`, but the model's name `{model}` has none that it could stand for", raw.target);
            let fix = "name one model, or put a `*` into the model's name";
            self.report.error(Fault::BadTarget, At::Value(&at), message, fix);
        }
        let account = accounts.good.get(account.as_str())?;
        let configured = !upstream.contains('*');
        let weight = raw.weight.unwrap_or(1);
        let target = Target { weight, overrides, headers, configured, ..Target::plain(account, &upstream) };
        if configured && target.price.is_none() {
            self.unpriced(&target, &at);
        }
        Some(target)
    }

    /// A word about a model that the catalogue does not know, most often a slip of the pen. Providers of which it knows no
    /// model at all serve what their operators like.
    fn unpriced(&mut self, target: &Target, path: &str) {
        let provider = target.account.provider.id();
        let mut known =
            llm::catalog::all().iter().filter(|model| model.provider == provider).map(|model| model.id).peekable();
        if known.peek().is_some() {
            let fix = match closest(&target.model, known) {
                Some(meant) if *meant != *target.model => format!("did you mean `{}/{meant}`?", target.account.name),
                _ => format!("add its price under `providers.{}.prices`", target.account.name),
            };
            let message = format!("no price is known for `{}`", target.name);
            self.report.warning(Fault::Unpriced, At::Value(path), message, fix);
        }
    }

    /// `account/model`, taken apart. The model's name may hold further slashes.
    fn account_and_model(&mut self, text: &str, accounts: &Accounts, path: &str) -> Option<(String, String)> {
        let parts = text.split_once('/').filter(|(account, model)| {
            !account.is_empty() && model.matches('*').count() <= 1 && is_model_name(&model.replace('*', "x"))
        });
        let Some((account, model)) = parts else {
            let fix = match self.report_account_for(text, accounts) {
                Some(account) => format!("write `{account}/{text}`"),
                None => "write the account's name, a slash and the provider's name for the model".to_owned(),
            };
            let message =
                format!("`{}` is no target: a target is `account/model`, not another model", text.escape_debug());
            self.report.error(Fault::BadTarget, At::Value(path), message, fix);
            return None;
        };
        if !accounts.names.iter().any(|name| name == account) {
            let names = || accounts.names.iter().map(String::as_str);
            let fix = match closest(account, names()) {
                Some(meant) => format!("did you mean `{meant}/{model}`?"),
                None if accounts.names.is_empty() => format!("add `{account}:` under `providers`"),
                None => format!("add `{account}:` under `providers`, or use one of {}", list(names())),
            };
            let message = format!("no account is called `{account}`");
            self.report.error(Fault::UnknownAccount, At::Value(path), message, fix);
            return None;
        }
        Some((account.to_owned(), model.to_owned()))
    }

    /// The one account that offers a model of this name.
    fn report_account_for<'n>(&self, model: &str, accounts: &'n Accounts) -> Option<&'n str> {
        let offers = |account: &&Arc<Account>| llm::catalog::find(account.provider.id(), model).is_some();
        accounts.good.values().filter(offers).map(|account| &*account.name).min()
    }

    fn overrides(&mut self, raw: &BTreeMap<String, Json>, path: &str) -> Vec<(String, Json)> {
        for (name, value) in raw {
            let at = join(path, name);
            if GOVERNED.contains(&name.as_str()) {
                let fix = "remove it; the model is chosen by `target`";
                self.report.error(Fault::BadOverride, At::Name(&at), format!("`{name}` cannot be forced"), fix);
            } else if name.trim().is_empty() || name.len() > 128 {
                let fix = "name a parameter such as `temperature`";
                self.report.error(Fault::BadOverride, At::Name(&at), "an override has no usable name", fix);
            } else if value.is_null() {
                let fix = "write a number, a text or a truth value";
                self.report.error(Fault::BadOverride, At::Value(&at), format!("`{name}` has no value"), fix);
            } else if value.is_array() || value.is_object() {
                let fix = "write a number, a text or a truth value";
                self.report.error(Fault::WrongType, At::Value(&at), format!("`{name}` is no scalar"), fix);
            }
        }
        raw.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Weights that draw nobody, and weights and priorities that change nothing.
    fn weights(&mut self, raw: &RawModel, strategy: Strategy, targets: &[Target], path: &str) {
        if !targets.is_empty() && targets.iter().all(|target| target.weight == 0) {
            let fix = "give at least one target a weight of 1 or more";
            let message = "every target has weight 0, so that none can be drawn";
            self.report.error(Fault::NoWeight, At::Value(&format!("{path}.targets")), message, fix);
        }
        let priorities: BTreeSet<u32> = targets.iter().map(|target| target.priority).collect();
        let all_alone = priorities.len() == targets.len();
        for (at, written) in raw.targets.iter().enumerate() {
            let Some(RawTarget::Full(full)) = written else { continue };
            if strategy == Strategy::Weighted && full.priority.is_some() {
                let fix = "remove it, or use `strategy: priority`";
                let message = "`priority` changes nothing under `strategy: weighted`";
                self.report.warning(
                    Fault::NoEffect,
                    At::Value(&format!("{path}.targets[{at}].priority")),
                    message,
                    fix,
                );
            }
            if strategy == Strategy::Priority && full.weight.is_some() && all_alone {
                let fix = "give the targets one `priority`, or use `strategy: weighted`";
                let message = "`weight` changes nothing: no two targets have the same priority";
                self.report.warning(Fault::NoEffect, At::Value(&format!("{path}.targets[{at}].weight")), message, fix);
            }
        }
    }

    fn retry(&mut self, raw: Option<&RawRetry>, path: &str) -> RetryRule {
        let default = RetryRule::default();
        let Some(raw) = raw else { return default };
        let rule = RetryRule {
            attempts: raw.attempts.unwrap_or(default.attempts),
            base: self.pause(raw.base.as_ref(), &format!("{path}.base"), default.base),
            max: self.pause(raw.max.as_ref(), &format!("{path}.max"), default.max),
            total_attempts: raw.total_attempts.unwrap_or(default.total_attempts),
            budget_percent: raw.budget_percent.unwrap_or(default.budget_percent),
        };
        if rule.base > rule.max {
            let fix = "lower `base`, or raise `max`";
            let message = "`base` is longer than `max`";
            self.report.error(Fault::OutOfRange, At::Value(&format!("{path}.base")), message, fix);
        }
        if rule.attempts > rule.total_attempts {
            let fix = "lower `attempts`, or raise `total_attempts`";
            let message = format!("`attempts` is more than the {} over all targets", rule.total_attempts);
            self.report.error(Fault::OutOfRange, At::Value(&format!("{path}.attempts")), message, fix);
        }
        rule
    }
}

fn is_repeated(one: &Target, other: &Target) -> bool {
    one.name == other.name && one.overrides == other.overrides && one.headers == other.headers
}
