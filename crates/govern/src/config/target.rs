//! A target from an account and a model's name.

use std::sync::Arc;

use llm::{catalog, dialect::WriteFor};

use super::snapshot::{Account, Target};

impl Target {
    /// A target with nothing forced, made up by a caller: priority and weight 1, what the catalogue and the account's own prices know.
    #[must_use]
    pub fn plain(account: &Arc<Account>, model: &str) -> Self {
        let known = catalog::find(account.provider.id(), model);
        let general = known.map_or_else(WriteFor::default, catalog::Model::write_for);
        Self {
            name: format!("{}/{model}", account.name).into(),
            account: Arc::clone(account),
            model: model.into(),
            priority: 1,
            weight: 1,
            overrides: Vec::new(),
            headers: Vec::new(),
            configured: account.prices.contains_key(model),
            known,
            price: account
                .prices
                .get(model)
                .cloned()
                .or_else(|| known.and_then(|model| model.price.clone()))
                .or_else(|| account.provider.price()),
            write_for: account.provider.write_for(model, general),
            timeouts: account.timeouts,
        }
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
