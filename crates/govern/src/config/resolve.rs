//! From the name that a caller asks for to the targets behind it.

use std::sync::Arc;

use llm::catalog;

use super::snapshot::{Account, RetryRule, Route, Rules, Target};
use crate::route::Strategy;

/// A name, understood.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub route: Arc<Route>,
    pub by: By,
}

/// How a name was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A configured model of exactly this name. Costs no allocation.
    Name,
    /// `account/model`
    Account,
    /// A configured model with a `*`.
    Wildcard,
    /// A provider's own name for a model that one account alone offers.
    Catalogue,
}

impl Rules {
    /// What answers to `asked`. Names are compared as they are: case counts, blanks count.
    ///
    /// A configured name comes first, then `account/model`, then wildcards (the longest literal part first), then the
    /// catalogue. All but the first build a route; nothing is kept of it here.
    #[must_use]
    pub fn resolve(&self, asked: &str) -> Option<Resolved> {
        /// Longer than every model's name, short of an attack.
        const LONGEST: usize = 256;
        if let Some(route) = self.models.get(asked) {
            return Some(Resolved { route: Arc::clone(route), by: By::Name });
        }
        if asked.len() > LONGEST || !is_model_name(asked) {
            return None;
        }
        let found = |route, by| Some(Resolved { route: Arc::new(route), by });
        if let Some((account, model)) = asked.split_once('/')
            && let Some(account) = self.accounts.get(account)
            && !model.is_empty()
        {
            return found(direct(asked, account, model), By::Account);
        }
        if let Some((route, captured)) =
            self.wildcards.iter().find_map(|(pattern, route)| Some((route, pattern.captures(asked)?)))
        {
            return found(filled_in(route, captured), By::Wildcard);
        }
        let mut offers = self.accounts.values().filter(|account| offers(account, asked));
        match (offers.next(), offers.next()) {
            (Some(account), None) => found(direct(asked, account, asked), By::Catalogue),
            _ => None,
        }
    }
}

/// Whether a text may travel as a model's name: printable, without blanks, not itself a pattern.
pub(super) fn is_model_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '*')
}

/// Whether the catalogue has `model` under this very name for the account's provider.
fn offers(account: &Account, model: &str) -> bool {
    let id = account.provider.id();
    // The catalogue forgives the provider's name in front; the provider itself would not.
    let prefixed = model.strip_prefix(id).is_some_and(|rest| rest.starts_with('/'));
    !prefixed && catalog::find(id, model).is_some()
}

fn direct(name: &str, account: &Arc<Account>, model: &str) -> Route {
    Route {
        name: name.into(),
        targets: vec![Arc::new(Target::plain(account, model))],
        strategy: Strategy::Priority,
        retry: RetryRule::default(),
        strict: false,
    }
}

fn filled_in(route: &Route, captured: &str) -> Route {
    let targets = route.targets.iter().map(|target| match target.model.contains('*') {
        true => Arc::new(target.with_captured(captured)),
        false => Arc::clone(target),
    });
    Route {
        name: Arc::clone(&route.name),
        targets: targets.collect(),
        strategy: route.strategy,
        retry: route.retry,
        strict: route.strict,
    }
}
