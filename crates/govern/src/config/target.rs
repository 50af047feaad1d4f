//! A target from an account and a model's name, and what its answers cost.

use std::sync::Arc;

use llm::{
    Usage, Wire, catalog,
    dialect::WriteFor,
    price::{Charge, Money, Served, Terms},
};

use super::snapshot::{Account, Costs, Target};

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
            timeouts: account.timeouts,
        }
    }

    /// The format in which the target is asked for what a client asks in `asked`: the client's own if the provider
    /// speaks it, else the one that the provider prefers. `None`: it does not offer the operation.
    #[must_use]
    pub fn wire(&self, asked: Wire) -> Option<Wire> {
        let spoken = self.account.provider.speaks(asked.operation(), &self.model);
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

/// What an attempt cost, and by whose word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bill {
    /// For what has a price; `None` if nothing that was used has one.
    pub cost: Option<Money>,
    /// Something that was used has no price.
    pub unpriced: bool,
    /// Which price it was ([`Price::version`](llm::price::Price::version)), or `stated` by the provider.
    pub version: Option<Arc<str>>,
}

impl Target {
    /// What an attempt cost. `tier` is the service tier that really served it, `words` what was asked for that moves a
    /// price: the size of a picture, the resolution of a film.
    #[must_use]
    pub fn bill(&self, usage: &Usage, tier: Option<&str>, words: &[&str]) -> Bill {
        let Costs { terms, stated_first } = self.account.costs;
        let served = Served { tier, region: self.account.place.region.as_deref(), words };
        let listed = self.price.as_ref().map(|price| (price, price.charge(usage, &served)));
        let whole = listed.is_some_and(|(_, charge)| !charge.unpriced);
        match (usage.stated, listed) {
            (Some(stated), _) if stated_first || !whole => {
                // A statement knows of every discount.
                let cost = Charge::stated(stated).money(&Terms { discount: 0, ..terms });
                Bill { cost: Some(cost), unpriced: false, version: Some("stated".into()) }
            }
            (_, Some((price, charge))) => Bill {
                cost: charge.is_known().then(|| charge.money(&terms)),
                unpriced: charge.unpriced,
                version: price.version.clone(),
            },
            _ => Bill { cost: None, unpriced: !usage.is_empty(), version: None },
        }
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
