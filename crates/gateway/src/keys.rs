//! Where keys are found: the configuration first, then the store, through a small cache.
//!
//! A known key costs no I/O. An unknown one is asked of the store once, however many requests bring it at the same time,
//! and its absence is remembered. When anything changes in the store the cache is emptied, so that a revocation holds
//! within the poll interval.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use govern::{
    Rules,
    key::{KeyRule, Parsed, Pepper},
};
use prometheus_client::metrics::counter::Counter;

/// A store of keys.
pub trait KeySource: Send + Sync {
    /// The key with this id; `Ok(None)` if there is none.
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<KeyRule>>, KeySourceDown>>;

    /// A number that changes when any key changes, in this process or another.
    fn version(&self) -> BoxFuture<'_, Result<i64, KeySourceDown>>;
}

/// The store of keys cannot be asked now: the caller is told 503, never 401.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store of keys is down: {0}")]
pub struct KeySourceDown(pub String);

/// The keys of this process.
pub struct Keyring {
    pepper: Pepper,
    source: Arc<dyn KeySource>,
    cache: moka::future::Cache<Box<str>, Option<Arc<KeyRule>>>,
    lookups: Counter,
}

impl Keyring {
    /// How often the store is asked whether a key has changed.
    pub const POLL: Duration = Duration::from_millis(400);

    /// Keys, present or absent, that are remembered.
    const MOST_CACHED: u64 = 100_000;

    #[must_use]
    pub fn new(pepper: Pepper, source: Arc<dyn KeySource>, lookups: Counter) -> Self {
        Self { pepper, source, cache: moka::future::Cache::new(Self::MOST_CACHED), lookups }
    }

    #[must_use]
    pub fn pepper(&self) -> &Pepper {
        &self.pepper
    }

    /// The key with the id of `key`, wherever it was declared.
    ///
    /// # Errors
    /// The store cannot be asked and the key is not known here.
    pub async fn find(&self, rules: &Rules, key: &Parsed<'_>) -> Result<Option<Arc<KeyRule>>, KeySourceDown> {
        if let Some(rule) = rules.keys.get(key.id) {
            return Ok(Some(rule.clone()));
        }
        if let Some(known) = self.cache.get(key.id).await {
            return Ok(known);
        }
        let lookup = async {
            self.lookups.inc();
            self.source.find(key.id).await
        };
        let found = self.cache.try_get_with(key.id.into(), lookup).await;
        found.map_err(|down| KeySourceDown::clone(&down))
    }

    /// Empties the cache whenever the store's keys change, for as long as the process lives. While the store is down the
    /// keys that are known go on working.
    pub async fn follow(&self) {
        let mut seen = None;
        let mut ticks = tokio::time::interval(Self::POLL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            match self.source.version().await {
                Ok(version) if seen.replace(version).is_some_and(|before| before != version) => {
                    self.cache.invalidate_all()
                }
                Ok(_) => {}
                Err(down) => tracing::warn!(error = %down, "keys cannot be followed"),
            }
        }
    }
}
