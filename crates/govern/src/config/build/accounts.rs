//! Accounts with providers.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use llm::{
    Dialect, Wire,
    provider::{self, Place, Provider},
    structured::Means,
};

use super::{At, Checking, Fault};
use crate::config::{
    problem::{closest, list},
    quantity,
    raw::{RawOnDisconnect, RawProvider, RawStructuredOutput},
    resolve::is_model_name,
    shape::join,
    snapshot::{Account, Handling, OnDisconnect, Timeouts, Unpriced},
};

/// The accounts, and the names of all of them: one with a problem is still known to its targets.
pub(super) struct Accounts {
    pub good: HashMap<Arc<str>, Arc<Account>>,
    pub names: Vec<String>,
}

impl Checking<'_> {
    pub(super) fn accounts(&mut self, raw: &BTreeMap<String, RawProvider>, unpriced: Unpriced) -> Accounts {
        let mut good = HashMap::new();
        for (name, raw) in raw {
            let path = join("providers", name);
            if self.account_name(name, &path)
                && let Some(mut account) = self.account(name, raw, &path)
            {
                account.estimates = self.estimates(raw, account.provider, unpriced, &path);
                good.insert(Arc::clone(&account.name), Arc::new(account));
            }
        }
        Accounts { good, names: raw.keys().cloned().collect() }
    }

    fn account_name(&mut self, name: &str, path: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let good = !name.is_empty() && name.len() <= 64 && name.chars().all(plain);
        if !good {
            let fix = "use at most 64 letters, digits, `.`, `-` and `_`";
            self.report.error(Fault::BadName, At::Name(path), format!("`{name}` is no name for an account"), fix);
        }
        good
    }

    fn account(&mut self, name: &str, raw: &RawProvider, path: &str) -> Option<Account> {
        let provider = self.provider(name, raw, path);
        let timeouts = self.timeouts(raw.timeouts.as_ref(), &format!("{path}.timeouts"), Timeouts::default());
        let headers = self.headers(&raw.headers, &format!("{path}.headers"));
        let forward_headers = self.header_names(&raw.forward_headers, &format!("{path}.forward_headers"));
        let prices = self.prices(raw, path);
        let costs = self.costs(raw, path);
        let deployments = self.deployments(raw, path);
        let handling = self.handling(raw, path);
        let place = self.place(raw, path);
        let passthrough = raw.passthrough.as_ref().map(|open| self.passthrough(open, &format!("{path}.passthrough")));
        let provider = provider?;
        let base_url = self.base_url(provider, raw, &place, path);
        let credential = self.credential(provider, raw, path);
        Some(Account {
            name: name.into(),
            provider,
            base_url: base_url?,
            credential: credential?,
            place,
            deployments,
            handling,
            headers,
            forward_headers,
            timeouts,
            on_disconnect: match raw.on_disconnect {
                Some(RawOnDisconnect::Drain) => OnDisconnect::Drain,
                Some(RawOnDisconnect::Cancel) | None => OnDisconnect::Cancel,
            },
            prices,
            estimates: Vec::new(),
            costs,
            ca_file: raw.ca_file.as_ref().map(PathBuf::from),
            passthrough,
            structured_output: raw.structured_output.map(|means| match means {
                RawStructuredOutput::Native => Means::Native,
                RawStructuredOutput::Tool => Means::Tool,
                RawStructuredOutput::Prompt => Means::Prompt,
            }),
        })
    }

    fn provider(&mut self, name: &str, raw: &RawProvider, path: &str) -> Option<&'static dyn Provider> {
        let kind = raw.kind.as_deref().unwrap_or(name);
        let found = provider::find(kind);
        if found.is_none() {
            let ids = || provider::ALL.iter().map(|provider| provider.id());
            let fix = match closest(kind, ids()) {
                Some(meant) if raw.kind.is_some() => format!("did you mean `kind: {meant}`?"),
                Some(meant) => format!("did you mean `{meant}`? Else add `kind:`"),
                None => format!("add `kind:` with one of {}", list(ids())),
            };
            let message = format!("no provider is called `{kind}`");
            match raw.kind {
                Some(_) => self.report.error(Fault::UnknownProvider, At::Value(&format!("{path}.kind")), message, fix),
                None => self.report.error(Fault::UnknownProvider, At::Name(path), message, fix),
            }
        }
        found
    }

    /// Where its models are. What stands in an address must not be able to change where that address leads.
    fn place(&mut self, raw: &RawProvider, path: &str) -> Place {
        let mut part = |name: &str, written: &Option<String>| {
            let text = written.as_deref()?.trim();
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
            if text.is_empty() || text.len() > 200 || !text.chars().all(plain) {
                let message = format!("`{text}` is no {name}");
                let fix = "use at most 200 letters, digits, `.`, `-`, `_` and `:`";
                self.report.error(Fault::BadName, At::Value(&format!("{path}.{name}")), message, fix);
                return None;
            }
            Some(text.to_owned())
        };
        Place {
            region: part("region", &raw.region),
            project: part("project", &raw.project),
            api_version: part("api_version", &raw.api_version),
        }
    }

    fn deployments(&mut self, raw: &RawProvider, path: &str) -> HashMap<String, String> {
        let mut good = HashMap::new();
        for (model, name) in &raw.deployments {
            if is_model_name(model) && is_model_name(name) {
                good.insert(model.clone(), name.clone());
            } else {
                let at = join(&format!("{path}.deployments"), model);
                let message = format!("`{model}: {name}` does not name a model and its deployment");
                self.report.error(Fault::BadName, At::Value(&at), message, "write names without blanks and `*`");
            }
        }
        good
    }

    fn handling(&mut self, raw: &RawProvider, path: &str) -> Handling {
        let zero_retention = raw.zero_retention.unwrap_or(false);
        if zero_retention && raw.training == Some(true) {
            let message = "nothing is kept under `zero_retention`, so nothing can be trained on";
            let at = format!("{path}.training");
            self.report.error(Fault::Duplicate, At::Value(&at), message, "remove one of the two");
        }
        Handling { zero_retention, training: raw.training.unwrap_or(!zero_retention) }
    }

    fn base_url(&mut self, provider: &dyn Provider, raw: &RawProvider, place: &Place, path: &str) -> Option<String> {
        let at = format!("{path}.base_url");
        self.wanted(provider, place, path);
        if provider.answer(Wire::Chat(Dialect::OpenAiChat), b"{}").is_some() {
            if raw.base_url.is_some() {
                let message = format!("`{}` answers from within the gateway", provider.id());
                self.report.error(Fault::NoEffect, At::Value(&at), message, "remove `base_url`");
            }
            return Some(String::new());
        }
        let Some(written) = &raw.base_url else {
            // A value that is there and could not be read has been reported already.
            return if self.report.stands_in_file(&at) { None } else { self.usual_url(provider, place, path) };
        };
        let url = self.url(written, &at)?;
        if quantity::url(written).is_ok_and(|url| !url.secure && !url.loopback) {
            let message = "prompts and the credential travel unencrypted to another machine";
            self.report.warning(Fault::PlainHttp, At::Value(&at), message, "use `https://`");
        }
        Some(url)
    }

    /// The provider's own address for this account.
    fn usual_url(&mut self, provider: &dyn Provider, place: &Place, path: &str) -> Option<String> {
        let (message, fix) = match provider.address(place) {
            Ok(Some(url)) => return Some(url),
            Ok(None) => (
                format!("`{path}` says not where `{}` is reached", provider.id()),
                "add `base_url: http://127.0.0.1:8000/v1`".to_owned(),
            ),
            Err(setting) if self.report.stands_in_file(&format!("{path}.{setting}")) => return None,
            Err(setting) => (
                format!("`{}` cannot be reached without `{setting}`", provider.id()),
                format!("add `{setting}: ...`, or `base_url` with the whole address"),
            ),
        };
        self.report.error(Fault::MissingField, At::Name(path), message, fix);
        None
    }

    /// Settings that the provider wants whatever its address is.
    fn wanted(&mut self, provider: &dyn Provider, place: &Place, path: &str) {
        for setting in provider.wants() {
            let missing = place.fill(&format!("{{{setting}}}")).is_err();
            if missing && !self.report.stands_in_file(&format!("{path}.{setting}")) {
                let message = format!("`{}` wants `{setting}` with every call", provider.id());
                self.report.error(Fault::MissingField, At::Name(path), message, format!("add `{setting}: ...`"));
            }
        }
    }
}
