//! From a text to [`Rules`], with every problem on the way.
//!
//! In two steps, because the secrets of keys can be hashed only with the installation's pepper, which lies in the
//! directory that the configuration names: [`check`] gives a [`Draft`], [`Draft::into_rules`] the rules.

mod accounts;
mod alerts;
mod chargeback;
mod credentials;
mod database;
mod directory;
mod estimates;
mod guardrails;
mod headers;
mod identity;
mod keys;
mod limits;
mod models;
mod passthrough;
mod prices;
mod settings;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, LazyLock},
};

use serde_json::Value as Json;

use super::{
    problem::{Fault, Problem},
    raw::Raw,
    report::{At, Report},
    shape::Shape,
    snapshot::{Account, GuardCheck, GuardRule, Route, Rules, Settings},
    tree,
    variable::Lookup,
};
use crate::{Directory, access::Pattern, alert, identity::Issuer, key::Pepper, limit::Limit};

/// The largest file that is read.
pub const MOST_BYTES: usize = 10 << 20;

/// The outcome of a check.
#[derive(Debug)]
pub struct Checked {
    /// `None` if there is an error.
    pub draft: Option<Draft>,
    /// Errors and warnings in the order of the file.
    pub problems: Vec<Problem>,
}

/// A configuration without errors that waits for the pepper.
#[derive(Debug)]
pub struct Draft {
    hash: String,
    accounts: HashMap<Arc<str>, Arc<Account>>,
    models: HashMap<Arc<str>, Arc<Route>>,
    wildcards: Vec<(Pattern, Arc<Route>)>,
    directory: Directory,
    keys: Vec<keys::DraftKey>,
    issuers: Vec<Arc<Issuer>>,
    guardrails: Vec<GuardRule>,
    alerts: Vec<alert::Rule>,
    limits: Vec<Arc<Limit>>,
    settings: Settings,
}

/// Checks a file. `lookup` reads the environment, `guards` knows the kinds of guardrail.
#[must_use]
pub fn check(text: &str, lookup: Lookup<'_>, guards: GuardCheck<'_>, now: i64) -> Checked {
    let mut report = Report::new(if text.len() > MOST_BYTES { "" } else { text });
    let raw = read(text, lookup, &mut report);
    let checking = Checking { lookup, guards, now, report: &mut report };
    let draft = raw.map(|raw| checking.draft(&raw, hash(text)));
    finish(draft, report)
}

/// Checks a configuration that no file holds, such as [`Raw::from_environment`].
#[must_use]
pub fn check_raw(raw: &Raw, lookup: Lookup<'_>, guards: GuardCheck<'_>, now: i64) -> Checked {
    let mut report = Report::default();
    let draft = Checking { lookup, guards, now, report: &mut report }.draft(raw, hash(&format!("{raw:?}")));
    finish(Some(draft), report)
}

fn finish(draft: Option<Draft>, report: Report) -> Checked {
    let draft = draft.filter(|_| !report.has_errors());
    Checked { draft, problems: report.finish() }
}

/// What the checks share.
struct Checking<'a> {
    lookup: Lookup<'a>,
    guards: GuardCheck<'a>,
    /// Microseconds since 1970.
    now: i64,
    report: &'a mut Report,
}

impl Checking<'_> {
    fn draft(mut self, raw: &Raw, hash: String) -> Draft {
        let settings = self.settings(raw);
        let accounts = self.accounts(&raw.providers, settings.unpriced);
        let (models, wildcards) = self.models(&raw.models, &accounts);
        let directory = self.directory(raw);
        let keys = self.keys(&raw.keys, raw, &directory);
        let issuers = self.issuers(raw, &directory);
        let guardrails = self.guardrails(&raw.guardrails);
        let alerts = self.alerts(&raw.alerts);
        let accounts = accounts.good;
        let limits = self.limits(raw);
        Draft { hash, accounts, models, wildcards, directory, keys, issuers, guardrails, limits, alerts, settings }
    }
}

impl Draft {
    /// Where the pepper lies.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.settings.data_dir
    }

    /// Who belongs where, by the file.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The rules, with the secrets of keys hashed. `generation` counts the configurations of the process, from 1.
    #[must_use]
    pub fn into_rules(self, pepper: &Pepper, generation: u64) -> Rules {
        let keys = self.keys.into_iter().map(|key| key.into_rule(pepper));
        Rules {
            generation,
            hash: self.hash,
            accounts: self.accounts,
            models: self.models,
            wildcards: self.wildcards,
            directory: Arc::new(self.directory),
            keys: keys.map(|rule| (rule.id.0.clone(), Arc::new(rule))).collect(),
            issuers: self.issuers,
            guardrails: self.guardrails,
            alerts: self.alerts,
            limits: self.limits,
            settings: self.settings,
        }
    }
}

/// The JSON Schema of the configuration.
#[must_use]
pub fn schema() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(|| {
        // Serialising puts the keys into the order that people expect; the bare value has another.
        serde_json::to_value(schemars::schema_for!(Raw)).unwrap_or(Json::Bool(true))
    });
    &SCHEMA
}

/// Text to `Raw`; what did not fit is reported and left out.
fn read(text: &str, lookup: Lookup<'_>, report: &mut Report) -> Option<Raw> {
    if text.len() > MOST_BYTES {
        let fix = "split the work over several gateways, or keep keys in the database";
        report.error(Fault::Syntax, At::Value(""), format!("the file has {} bytes, more than 10 MiB", text.len()), fix);
        return None;
    }
    let root = match tree::read(text) {
        Ok(root) => root,
        Err(problem) => {
            let fix = "see https://yaml.org/spec/1.2.2/ or put texts with special characters in quotes";
            match problem.at {
                Some(at) => report.error(Fault::Syntax, At::Place("", at), problem.message, fix),
                None => report.error(Fault::Syntax, At::Value(""), problem.message, fix),
            }
            return None;
        }
    };
    let json = Shape { schema: schema(), lookup, report }.fit(&root, schema(), "")?;
    match serde_json::from_value(json) {
        Ok(raw) => Some(raw),
        Err(error) => {
            report.error(Fault::WrongType, At::Value(""), error.to_string(), "compare with config/example.yaml");
            None
        }
    }
}

/// SHA-256 in hexadecimal.
fn hash(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
