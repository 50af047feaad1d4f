//! A target from an account and a model's name, and what its answers cost.

use std::sync::Arc;

use llm::{
    Wire, catalog,
    dialect::WriteFor,
    price::Price,
    provider::{Operation, Provider},
};

use super::snapshot::{Account, Rules, Target};

impl Target {
    /// A target with nothing forced, made up by a caller: priority and weight 1, what the catalogue and the account's own prices know.
    #[must_use]
    pub fn plain(account: &Arc<Account>, model: &str) -> Self {
        let Names { usual, own } = names(account, model);
        let known = catalog::find_at(account.provider.id(), account.place.region.as_deref(), usual);
        let general = known.map_or_else(WriteFor::default, catalog::Model::write_for);
        let mut write_for = account.provider.write_for(usual, general);
        write_for.schema = account.structured_output.unwrap_or(write_for.schema);
        Self {
            name: format!("{}/{model}", account.name).into(),
            account: Arc::clone(account),
            model: own.into(),
            priority: 1,
            weight: 1,
            overrides: Vec::new(),
            headers: Vec::new(),
            configured: account.prices.contains_key(model),
            known,
            price: account
                .prices
                .get(model)
                .or_else(|| account.prices.get(usual))
                .cloned()
                .or_else(|| known.and_then(|model| model.price.clone()))
                .or_else(|| account.provider.price().map(|price| Arc::new(price.versioned("built-in")))),
            write_for,
            offers: offers(account.provider, own),
            timeouts: account.timeouts,
        }
    }

    /// The format in which the target is asked for what a client asks in `asked`: the client's own if the provider
    /// speaks it, else the one that the provider prefers. `None`: it does not offer the operation.
    #[must_use]
    pub fn wire(&self, asked: Wire) -> Option<Wire> {
        let (_, spoken) = self.offers.iter().find(|(operation, _)| *operation == asked.operation())?;
        if spoken.contains(&asked) { Some(asked) } else { spoken.first().copied() }
    }

    /// The target of a wildcard with what its `*` stands for.
    #[must_use]
    pub fn with_captured(&self, captured: &str) -> Self {
        Self {
            priority: self.priority,
            weight: self.weight,
            overrides: self.overrides.clone(),
            headers: self.headers.clone(),
            timeouts: self.timeouts,
            ..Self::plain(&self.account, &self.model.replacen('*', captured, 1))
        }
    }
}

/// The operations that a provider offers for a model, and the formats in which it does.
fn offers(provider: &dyn Provider, model: &str) -> Vec<(Operation, &'static [Wire])> {
    let all = Operation::ALL.iter().map(|operation| (*operation, provider.speaks(*operation, model)));
    all.filter(|(_, wires)| !wires.is_empty()).collect()
}

impl Rules {
    /// The target that records call `account/model`, as it is now; `None` if there is no such account any more.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<Target> {
        let (account, model) = name.split_once('/')?;
        Some(Target::plain(self.accounts.get(account)?, model))
    }

    /// The prices that only this configuration has: those it states, and its estimates.
    pub fn own_prices(&self) -> impl Iterator<Item = Arc<Price>> + '_ {
        self.accounts.values().flat_map(|account| {
            let built_in = account.provider.price().map(|price| Arc::new(price.versioned("built-in")));
            let estimates = account.estimates.iter().map(|(_, price)| price.clone());
            account.prices.values().cloned().chain(estimates).chain(built_in)
        })
    }
}

/// A model's usual name, and what the account calls it.
struct Names<'n> {
    usual: &'n str,
    own: &'n str,
}

/// A model may be asked for by its usual name, or by that of its deployment.
fn names<'n>(account: &'n Account, model: &'n str) -> Names<'n> {
    let own = account.deployments.get(model).map_or(model, String::as_str);
    let usual = account.deployments.iter().find(|(_, deployment)| *deployment == model).map(|(usual, _)| usual);
    Names { usual: usual.map_or(model, String::as_str), own }
}
