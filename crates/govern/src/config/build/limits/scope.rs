//! Which calls a limit counts.

use std::{collections::HashSet, sync::Arc};

use llm::provider::Operation;

use super::{At, Checking, Fault};
use crate::{
    access::Pattern,
    config::raw::{Items, Raw, RawScope},
    limit::{Names, Scope},
};

impl Checking<'_> {
    pub(super) fn scope(&mut self, raw: &RawScope, all: &Raw, path: &str) -> Scope {
        self.known(&raw.providers, &format!("{path}.providers"), |name| {
            all.providers.contains_key(name) || llm::provider::ALL.iter().any(|provider| provider.id() == name)
        });
        Scope {
            organizations: names(&raw.organizations),
            divisions: names(&raw.divisions),
            teams: names(&raw.teams),
            projects: names(&raw.projects),
            users: names(&raw.users),
            virtual_accounts: names(&raw.virtual_accounts),
            keys: names(&raw.keys),
            models: self.patterns(&raw.models, &format!("{path}.models")),
            providers: names(&raw.providers),
            operations: raw.operations.iter().flatten().map(|operation| Operation::from(*operation)).collect(),
            end_users: names(&raw.end_users),
            metadata: raw.metadata.iter().map(|(name, values)| (name.as_str().into(), names(values))).collect(),
        }
    }

    fn patterns(&mut self, entries: &Items<String>, path: &str) -> Vec<Pattern> {
        let mut good = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let Some(entry) = entry else { continue };
            match Pattern::new(entry.as_str()) {
                Ok(pattern) if !entry.is_empty() => good.push(pattern),
                _ => {
                    let fix = "write a model's name, `account/model`, or a pattern with one `*`";
                    let at = format!("{path}[{at}]");
                    self.report.error(Fault::BadName, At::Value(&at), format!("`{entry}` names no model"), fix);
                }
            }
        }
        good
    }

    /// A word about a name that nothing has: a limit that counts nothing protects nobody.
    fn known(&mut self, entries: &Items<String>, path: &str, knows: impl Fn(&str) -> bool) {
        for (at, entry) in entries.iter().enumerate() {
            if let Some(entry) = entry.as_deref().filter(|entry| !knows(entry)) {
                let message = format!("nothing is called `{entry}`, so this never holds");
                let at = format!("{path}[{at}]");
                let fix = "name an account under `providers`, or a kind of provider";
                self.report.warning(Fault::NoEffect, At::Value(&at), message, fix);
            }
        }
    }
}

fn names(items: &Items<String>) -> Names {
    let distinct: HashSet<&str> = items.iter().flatten().map(String::as_str).collect();
    distinct.into_iter().map(Arc::from).collect()
}
