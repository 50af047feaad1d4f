//! What a key may call, and why.
//!
//! Every level of the tree above a key may bound it, and the key itself: the right is what all of them allow.
//!
//! An entry of an allow-list that is exactly the name of a configured model grants that model with all its targets.
//! Every other entry, `*` included, is held against each resolved target, as `account/model` and as the provider's own
//! name for the model: an alias or a wildcard never opens what its target would not.

use std::sync::Arc;

use llm::provider::Operation;

use crate::{
    Code, Error,
    config::{
        raw::{Items, RawAccess, RawOperation},
        snapshot::{Account, Route, Target},
    },
    directory::Kind,
    key::KeyRule,
};

/// A name with at most one `*`, which stands for any text, the empty one included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub text: String,
}

/// A pattern with more than one `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pattern has at most one `*`")]
pub struct TwoStars;

impl Pattern {
    /// # Errors
    /// More than one `*`.
    pub fn new(text: impl Into<String>) -> Result<Self, TwoStars> {
        let text = text.into();
        if text.matches('*').count() > 1 { Err(TwoStars) } else { Ok(Self { text }) }
    }

    /// What `*` stands for in `name`, if the pattern matches. Without a `*` the captured text is empty.
    #[must_use]
    pub fn captures<'n>(&self, name: &'n str) -> Option<&'n str> {
        captures(&self.text, name)
    }

    /// How much of the pattern is literal: the longer, the more precise.
    #[must_use]
    pub fn literal_len(&self) -> usize {
        self.text.len() - self.text.matches('*').count()
    }
}

/// What a level of the tree, or a key, may call. `None` bounds nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    pub models: Option<Vec<String>>,
    /// Accounts, kinds of provider, or patterns.
    pub providers: Option<Vec<String>>,
    pub operations: Option<Vec<Operation>>,
}

impl Access {
    /// Reads it as it is written.
    ///
    /// # Errors
    /// An entry is empty or has more than one `*`: the list that it stands in, and the entry.
    pub fn read(raw: &RawAccess) -> Result<Self, (String, String)> {
        let list = |name: &str, items: &Option<Items<String>>| {
            let Some(items) = items else { return Ok(None) };
            let wrong = |(at, entry): (usize, &Option<String>)| {
                let entry = entry.as_ref()?;
                let bad = entry.is_empty() || Pattern::new(entry.as_str()).is_err();
                bad.then(|| (format!("{name}[{at}]"), entry.clone()))
            };
            match items.iter().enumerate().find_map(wrong) {
                Some(wrong) => Err(wrong),
                None => Ok(Some(items.iter().flatten().cloned().collect())),
            }
        };
        let operations = raw.operations.as_ref();
        Ok(Self {
            models: list("models", &raw.models)?,
            providers: list("providers", &raw.providers)?,
            operations: operations.map(|list| list.iter().flatten().map(|it| (*it).into()).collect()),
        })
    }
}

impl From<RawOperation> for Operation {
    fn from(raw: RawOperation) -> Self {
        match raw {
            RawOperation::Chat => Self::Chat,
            RawOperation::CountTokens => Self::CountTokens,
            RawOperation::Embed => Self::Embed,
            RawOperation::Rerank => Self::Rerank,
            RawOperation::Image => Self::Image,
            RawOperation::ImageEdit => Self::ImageEdit,
            RawOperation::Speech => Self::Speech,
            RawOperation::Transcribe => Self::Transcribe,
            RawOperation::Translate => Self::Translate,
            RawOperation::Moderate => Self::Moderate,
            RawOperation::Ocr => Self::Ocr,
            RawOperation::Invoke => Self::Invoke,
            RawOperation::Other => Self::Other,
        }
    }
}

/// What a level of the tree allows to itself and all below.
#[derive(Debug, PartialEq, Eq)]
pub struct Boundary {
    pub kind: Kind,
    pub id: Arc<str>,
    pub access: Access,
}

/// What somebody wants.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// The model as it is configured: its name, a pattern, or `account/model`.
    pub route: &'a str,
    pub target: &'a Target,
    /// `None`: whether anything at all may be asked.
    pub operation: Option<Operation>,
}

/// One reason of a decision: what a level, or the key itself, says to one part of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason<'a> {
    /// `None`: the key itself.
    pub level: Option<&'a Boundary>,
    pub right: Right,
    pub allowed: bool,
    /// The entry of the list that allows it.
    pub by: Option<&'a str>,
}

/// The part of an [`Access`] that a reason is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    Models,
    Providers,
    Operations,
}

impl Right {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Providers => "providers",
            Self::Operations => "operations",
        }
    }
}

impl Reason<'_> {
    /// `team research`, `key nightly`.
    #[must_use]
    pub fn who(&self, key: &KeyRule) -> String {
        match self.level {
            Some(level) => format!("{} {}", level.kind.as_str().replace('_', " "), level.id),
            None => format!("key {}", key.name),
        }
    }
}

/// The one decision: every reason there is, from the key up. It is allowed if all of them allow it; nothing needs to be
/// collected to know that.
pub fn reasons<'a>(key: &'a KeyRule, want: Want<'a>) -> impl Iterator<Item = Reason<'a>> {
    let own = models(&key.models, want).map(move |by| (by, Right::Models));
    let own = Reason { level: None, right: Right::Models, allowed: own.is_some(), by: own.map(|(by, _)| by) };
    let narrower = of_access(&key.access, None, want);
    let above = key.bounds.iter().flat_map(move |level| of_access(&level.access, Some(level), want));
    std::iter::once(own).chain(narrower).chain(above)
}

fn of_access<'a>(access: &'a Access, level: Option<&'a Boundary>, want: Want<'a>) -> impl Iterator<Item = Reason<'a>> {
    let reason = move |right, by: Option<&'a str>| Reason { level, right, allowed: by.is_some(), by };
    let by_model = access.models.as_ref().map(|list| reason(Right::Models, models(list, want)));
    let by_provider = access.providers.as_ref().map(|list| reason(Right::Providers, providers(list, want.target)));
    let by_operation = access.operations.as_ref().zip(want.operation).map(|(list, operation)| {
        // Who may ask something may count what it would take.
        let same = |allowed: &&Operation| {
            **allowed == operation || operation == Operation::CountTokens && **allowed == Operation::Chat
        };
        reason(Right::Operations, list.iter().find(same).map(|allowed| operation_name(*allowed)))
    });
    [by_model, by_provider, by_operation].into_iter().flatten()
}

/// The targets of `route` that this key may use for this operation, in their order.
///
/// # Errors
/// `ModelNotAllowed` if there is none, naming who does not allow it.
pub fn permitted(key: &KeyRule, route: &Route, operation: Option<Operation>) -> Result<Vec<Arc<Target>>, Error> {
    let refusal = |target: &Target| {
        let want = Want { route: &route.name, target, operation };
        reasons(key, want).find(|reason| !reason.allowed).map(|no| (no.who(key), no.right))
    };
    let may = |target: &&Arc<Target>| {
        let want = Want { route: &route.name, target, operation };
        reasons(key, want).all(|reason| reason.allowed)
    };
    let targets: Vec<_> = route.targets.iter().filter(may).map(Arc::clone).collect();
    if targets.is_empty() {
        let message = match route.targets.first().and_then(|target| refusal(target)) {
            Some((who, Right::Operations)) => {
                format!("{who} may not ask this of models: its `operations` do not list it")
            }
            Some((who, right)) => {
                let list = right.as_str();
                format!("{who} may not use the model that was asked for: its `{list}` do not list it")
            }
            None => "this key may not use the model that was asked for".to_owned(),
        };
        return Err(Error::new(Code::ModelNotAllowed, message).at("model"));
    }
    Ok(targets)
}

/// Whether a key may send anything at all to an account.
///
/// # Errors
/// `ModelNotAllowed` naming who does not allow it: pass-through wants all of an account.
pub fn whole_account(key: &KeyRule, account: &Account) -> Result<(), Error> {
    let whole = format!("{}/*", account.name);
    let opens = |list: &[String]| list.iter().any(|entry| entry == "*" || *entry == whole);
    let refused = |who: String, list: &str, entry: &str| {
        let message = format!("pass-through needs a key whose {list} include `{entry}`; {who} does not allow it");
        Err(Error::new(Code::ModelNotAllowed, message))
    };
    if !opens(&key.models) {
        return refused(format!("key {}", key.name), "models", &whole);
    }
    let levels =
        std::iter::once((None, &key.access)).chain(key.bounds.iter().map(|level| (Some(&**level), &level.access)));
    for (level, access) in levels {
        let who = Reason { level, right: Right::Models, allowed: false, by: None }.who(key);
        if access.models.as_deref().is_some_and(|list| !opens(list)) {
            return refused(who, "models", &whole);
        }
        if access.providers.as_deref().is_some_and(|list| provider(list, account).is_none()) {
            return refused(who, "providers", &account.name);
        }
        if access.operations.as_deref().is_some_and(|list| !list.contains(&Operation::Other)) {
            return refused(who, "operations", operation_name(Operation::Other));
        }
    }
    Ok(())
}

/// The entry of an allow-list that opens the target for a caller who asked for the route.
fn models<'a>(list: &'a [String], want: Want<'_>) -> Option<&'a str> {
    let opens = |entry: &&String| {
        **entry == *want.route
            || captures(entry, &want.target.name).is_some()
            || captures(entry, &want.target.model).is_some()
    };
    list.iter().find(opens).map(String::as_str)
}

fn providers<'a>(list: &'a [String], target: &Target) -> Option<&'a str> {
    provider(list, &target.account)
}

fn provider<'a>(list: &'a [String], account: &Account) -> Option<&'a str> {
    let opens = |entry: &&String| captures(entry, &account.name).is_some() || **entry == *account.provider.id();
    list.iter().find(opens).map(String::as_str)
}

/// The operation's name in settings and answers.
#[must_use]
pub fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "chat",
        Operation::CountTokens => "count_tokens",
        Operation::Embed => "embed",
        Operation::Rerank => "rerank",
        Operation::Image => "image",
        Operation::ImageEdit => "image_edit",
        Operation::Speech => "speech",
        Operation::Transcribe => "transcribe",
        Operation::Translate => "translate",
        Operation::Moderate => "moderate",
        Operation::Ocr => "ocr",
        Operation::Invoke => "invoke",
        Operation::Other => "other",
    }
}

fn captures<'n>(pattern: &str, name: &'n str) -> Option<&'n str> {
    match pattern.split_once('*') {
        None => (pattern == name).then_some(""),
        Some((head, tail)) => name.strip_prefix(head)?.strip_suffix(tail),
    }
}

#[cfg(test)]
mod tests;
