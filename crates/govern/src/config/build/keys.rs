//! Gateway keys that the file declares.

use std::{collections::HashSet, sync::Arc};

use super::{At, Checking, Fault};
use crate::{
    Directory,
    access::{Access, Pattern},
    config::{
        problem::closest,
        quantity,
        raw::{Items, Raw, RawKey},
    },
    directory::{BadOwner, Owner},
    key::{KeyHash, KeyId, KeyRule, Origin, Parsed, Pepper},
};

/// A key whose secret waits for the pepper.
#[derive(Debug)]
pub(super) struct DraftKey {
    rule: KeyRule,
    secret: Option<crate::config::Secret>,
}

impl DraftKey {
    pub fn into_rule(self, pepper: &Pepper) -> KeyRule {
        let mut rule = self.rule;
        if let Some(parsed) = self.secret.as_ref().and_then(|secret| Parsed::parse(secret.expose()).ok()) {
            rule.hash = parsed.hash(pepper);
        }
        rule
    }
}

/// Where the secret of a key comes from.
type Material = (String, KeyHash, Option<crate::config::Secret>);

impl Checking<'_> {
    pub(super) fn keys(&mut self, keys: &[Option<RawKey>], raw: &Raw, directory: &Directory) -> Vec<DraftKey> {
        let mut good = Vec::new();
        let (mut names, mut ids) = (HashSet::new(), HashSet::new());
        for (at, key) in keys.iter().enumerate() {
            let Some(key) = key else { continue };
            let path = format!("keys[{at}]");
            if key.name.trim().is_empty() || key.name.len() > 128 || key.name.contains(char::is_control) {
                let fix = "write a name of at most 128 characters";
                self.report.error(
                    Fault::BadName,
                    At::Value(&format!("{path}.name")),
                    "a key needs a name for people",
                    fix,
                );
            } else if !names.insert(key.name.as_str()) {
                let message = format!("two keys are called `{}`", key.name);
                let fix = "give each key its own name";
                self.report.error(Fault::Duplicate, At::Value(&format!("{path}.name")), message, fix);
            }
            let models = self.allow_list(key.models.as_ref(), raw, &path);
            let expires_at = self.expiry(key, &path);
            let owner = self.owner(key, directory, &path);
            let access = self.access(key, &path);
            let Some((id, hash, secret)) = self.material(key, &path) else { continue };
            if !ids.insert(id.clone()) {
                let fix = "make another key with `tollgate keys create`";
                self.report.error(Fault::Duplicate, At::Value(&path), format!("two keys have the id `{id}`"), fix);
            }
            let rule = KeyRule {
                id: KeyId(id),
                name: key.name.clone(),
                owner,
                principal: Arc::default(),
                hash,
                previous: None,
                models,
                access,
                bounds: Arc::default(),
                expires_at,
                disabled: key.disabled.unwrap_or(false),
                parallel: key.parallel,
                origin: Origin::File,
            };
            good.push(DraftKey { rule: directory.settle(rule), secret });
        }
        good
    }

    /// To whom it belongs. One that makes no sense is reported.
    fn owner(&mut self, key: &RawKey, directory: &Directory, path: &str) -> Owner {
        let owner = Owner {
            user: key.user.clone(),
            virtual_account: key.virtual_account.clone(),
            project: key.project.clone(),
            team: key.team.clone(),
            organization: key.organization.clone(),
        };
        if let Err(BadOwner { field, message, unknown }) = directory.place(&owner) {
            let fault = if unknown.is_some() { Fault::UnknownReference } else { Fault::Contradiction };
            let meant = unknown.and_then(|(kind, id)| Some((kind, directory.closest(kind, &id)?)));
            let fix = match meant {
                Some((_, meant)) => format!("did you mean `{meant}`?"),
                None => "name what the file declares; to whom it belongs must agree".to_owned(),
            };
            self.report.error(fault, At::Value(&format!("{path}.{field}")), message, fix);
        }
        owner
    }

    fn material(&mut self, key: &RawKey, path: &str) -> Option<Material> {
        let how = "make one with `tollgate keys create` and write `secret: ${NAME}`";
        match (&key.secret, &key.hash) {
            (Some(secret), None) => {
                let at = format!("{path}.secret");
                let secret = secret.expose().trim();
                self.report.mask(secret);
                let Ok(parsed) = Parsed::parse(secret) else {
                    let message = "the secret is no gateway key (tg_<env>_<id>_<secret>_<check>)";
                    self.report.error(Fault::BadKey, At::Value(&at), message, how);
                    return None;
                };
                if key.id.as_deref().is_some_and(|id| id != parsed.id) {
                    let message = format!("the key's text has the id `{}`", parsed.id);
                    self.report.error(Fault::BadKey, At::Value(&format!("{path}.id")), message, "remove `id`");
                }
                self.warn_of_literal(&at, "TOLLGATE_KEY");
                Some((parsed.id.to_owned(), KeyHash([0; 32]), Some(crate::config::Secret::new(secret))))
            }
            (None, Some(hash)) => {
                let hash = hash.trim().parse::<KeyHash>();
                if hash.is_err() {
                    let message = "a hash reads `hmac-sha256:` and 64 hexadecimal digits";
                    self.report.error(Fault::BadKey, At::Value(&format!("{path}.hash")), message, how);
                }
                let id = key.id.as_deref().filter(|id| Parsed::is_id(id));
                if id.is_none() {
                    let fix = "add `id:` with the twelve characters after `tg_live_`";
                    let at = if key.id.is_some() { format!("{path}.id") } else { path.to_owned() };
                    self.report.error(
                        Fault::BadKey,
                        At::Value(&at),
                        "a key that is given by its hash needs its id",
                        fix,
                    );
                }
                Some((id?.to_owned(), hash.ok()?, None))
            }
            (Some(_), Some(_)) => {
                let fix = "keep one of them";
                self.report.error(
                    Fault::Duplicate,
                    At::Value(path),
                    "a key has either `secret` or `hash`, not both",
                    fix,
                );
                None
            }
            (None, None) => {
                // A variable that is not set has been reported already.
                if !self.report.stands_in_file(&format!("{path}.secret")) {
                    self.report.error(Fault::MissingField, At::Value(path), "a key needs `secret` or `hash`", how);
                }
                None
            }
        }
    }

    fn access(&mut self, key: &RawKey, path: &str) -> Access {
        let Some(raw) = &key.access else { return Access::default() };
        Access::read(raw).unwrap_or_else(|(field, entry)| {
            let at = format!("{path}.access.{field}");
            let fix = "write a name, or a pattern with one `*`";
            self.report.error(Fault::BadName, At::Value(&at), format!("`{entry}` is no name and no pattern"), fix);
            Access::default()
        })
    }

    /// The `models` of what stands at `path`; everything if there are none.
    pub(super) fn allow_list(&mut self, models: Option<&Items<String>>, raw: &Raw, path: &str) -> Vec<String> {
        let Some(models) = models else { return vec!["*".to_owned()] };
        let mut good = Vec::new();
        for (at, entry) in models.iter().enumerate() {
            let Some(entry) = entry else { continue };
            let path = format!("{path}.models[{at}]");
            if entry.is_empty() || Pattern::new(entry.as_str()).is_err() {
                let fix = "write a model's name, `account/model`, or a pattern with one `*`";
                self.report.error(Fault::BadName, At::Value(&path), format!("`{entry}` names no model"), fix);
            } else {
                self.known_entry(entry, raw, &path);
                good.push(entry.clone());
            }
        }
        good
    }

    /// A word about an entry that opens nothing, which is most often a slip of the pen.
    fn known_entry(&mut self, entry: &str, raw: &Raw, path: &str) {
        let account = entry.split_once('/').map(|(account, _)| account);
        let known = raw.models.contains_key(entry)
            || account.is_some_and(|account| account.contains('*') || raw.providers.contains_key(account))
            || account.is_none() && (entry.contains('*') || is_in_catalogue(entry) || is_target(entry, raw));
        if !known {
            let fix = match closest(entry, raw.models.keys().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "name a model under `models`, or `account/model`".to_owned(),
            };
            self.report.warning(Fault::UnknownModel, At::Value(path), format!("nothing is called `{entry}`"), fix);
        }
    }

    fn expiry(&mut self, key: &RawKey, path: &str) -> Option<i64> {
        let text = key.expires.as_ref()?;
        let at = format!("{path}.expires");
        let Some(instant) = quantity::instant(text) else {
            let fix = "write `2027-01-31`, or `2027-01-31T12:00:00+01:00`";
            self.report.error(Fault::BadTime, At::Value(&at), format!("`{text}` is no point in time"), fix);
            return None;
        };
        if instant <= self.now {
            let fix = "write a later date, or remove the key";
            self.report.warning(Fault::Expired, At::Value(&at), format!("the key `{}` has expired", key.name), fix);
        }
        Some(instant)
    }
}

fn is_in_catalogue(model: &str) -> bool {
    llm::provider::ALL.iter().any(|provider| llm::catalog::find(provider.id(), model).is_some())
}

fn is_target(model: &str, raw: &Raw) -> bool {
    use crate::config::raw::RawTarget;
    let targets = raw.models.values().flat_map(|model| model.targets.iter().flatten());
    let mut names = targets.map(|target| match target {
        RawTarget::Name(name) => name,
        RawTarget::Full(full) => &full.target,
    });
    names.any(|name| name.split_once('/').is_some_and(|(_, own)| own == model))
}
