//! Where keys are found: the configuration first, then the store, through a small cache.
//!
//! A known key costs no I/O. An unknown one is asked of the store once, however many requests bring it at the same time,
//! and its absence is remembered. When anything changes in the store the cache is emptied, so that a revocation holds
//! within the poll interval. Where a key stands in the tree is worked out once per configuration, without I/O.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
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
    cache: moka::future::Cache<Box<str>, Answer>,
    /// Counts the changes of the store that were noticed.
    epoch: AtomicU64,
    lookups: Counter,
}

/// What the store said, and in which epoch it was asked.
#[derive(Clone)]
struct Answer {
    epoch: u64,
    known: Option<Arc<Known>>,
}

/// A key of the store, as it was read and as the configuration in force sees it.
struct Known {
    stored: Arc<KeyRule>,
    settled: ArcSwap<Settled>,
}

/// A key with its place in the tree of one configuration.
struct Settled {
    generation: u64,
    rule: Arc<KeyRule>,
}

impl Settled {
    fn new(rules: &Rules, stored: &KeyRule) -> Self {
        Self { generation: rules.generation, rule: Arc::new(rules.directory.settle(stored.clone())) }
    }
}

impl Known {
    fn new(rules: &Rules, stored: Arc<KeyRule>) -> Self {
        Self { settled: ArcSwap::from_pointee(Settled::new(rules, &stored)), stored }
    }

    /// The key as these rules see it.
    fn rule(&self, rules: &Rules) -> Arc<KeyRule> {
        let settled = self.settled.load();
        if settled.generation == rules.generation {
            return settled.rule.clone();
        }
        let now = Arc::new(Settled::new(rules, &self.stored));
        let rule = now.rule.clone();
        // A request that still holds the rules before may put its own back: the next one mends it.
        self.settled.store(now);
        rule
    }
}

impl Keyring {
    /// How often the store is asked whether a key has changed.
    pub const POLL: Duration = Duration::from_millis(400);

    /// Keys, present or absent, that are remembered.
    const MOST_CACHED: u64 = 100_000;

    #[must_use]
    pub fn new(pepper: Pepper, source: Arc<dyn KeySource>, lookups: Counter) -> Self {
        let cache = moka::future::Cache::new(Self::MOST_CACHED);
        Self { pepper, source, cache, epoch: AtomicU64::new(0), lookups }
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
        let epoch = self.epoch.load(Ordering::Acquire);
        let rule = |answer: Answer| answer.known.map(|known| known.rule(rules));
        match self.cache.get(key.id).await {
            Some(answer) if answer.epoch == epoch => return Ok(rule(answer)),
            // Written back by a slow look-up after a change: it may say what was before it.
            Some(_) => self.cache.invalidate(key.id).await,
            None => {}
        }
        let lookup = async {
            self.lookups.inc();
            let found = self.source.find(key.id).await?;
            Ok(Answer { epoch, known: found.map(|stored| Arc::new(Known::new(rules, stored))) })
        };
        let found = self.cache.try_get_with(key.id.into(), lookup).await;
        found.map(rule).map_err(|down: Arc<KeySourceDown>| (*down).clone())
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
                    self.epoch.fetch_add(1, Ordering::Release);
                    self.cache.invalidate_all();
                }
                Ok(_) => {}
                Err(down) => tracing::warn!(error = %down, "keys cannot be followed"),
            }
        }
    }
}
