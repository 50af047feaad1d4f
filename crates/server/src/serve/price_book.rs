//! Keeps the prices by which calls are charged, so that a cost can be explained when its price has long gone.
//!
//! What a configuration states is kept when it comes into force. The catalogue has thousands of prices, of which few are
//! ever used: one is kept when the first record names it.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use gateway::{
    clock::now_micros,
    observe::Record,
    sink::{Sink, SinkError},
};
use govern::Rules;
use llm::catalog;
use store::Store;

/// Prices by version. A sink among the others: it sees every record, off the request path.
pub struct PriceBook {
    store: Store,
    /// Versions that are kept, or that are no price of the catalogue.
    seen: Mutex<HashSet<String>>,
}

impl PriceBook {
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, seen: Mutex::default() }
    }

    /// Keeps the prices that a configuration states, and spend by the tags that it chooses from now on.
    pub async fn enter(&self, rules: &Rules) {
        self.store.keep_spend_by(&rules.settings.chargeback.tags);
        if let Err(error) = self.store.keep_prices(rules.own_prices(), now_micros()).await {
            tracing::warn!(%error, "the prices of the configuration could not be kept");
        }
    }

    /// The versions in these records that were not seen before.
    fn unseen(&self, batch: &[Record]) -> HashSet<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let attempts = batch.iter().flat_map(|record| &record.attempts);
        let versions = attempts.filter_map(|attempt| attempt.price.as_deref()).flat_map(|price| price.split('+'));
        versions.filter(|version| !seen.contains(*version)).map(str::to_owned).collect()
    }
}

impl Sink for PriceBook {
    fn name(&self) -> &'static str {
        "prices"
    }

    fn must_keep(&self) -> bool {
        true // a cost is explained by its price
    }

    fn write<'a>(&'a self, batch: &'a [Record]) -> BoxFuture<'a, Result<(), SinkError>> {
        let unseen = self.unseen(batch);
        Box::pin(async move {
            if unseen.is_empty() {
                return Ok(());
            }
            let prices: Vec<_> = unseen.iter().filter_map(|version| catalog::price(version)).collect();
            self.store.keep_prices(prices, now_micros()).await.map_err(|error| SinkError(error.to_string()))?;
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend(unseen);
            Ok(())
        })
    }
}
