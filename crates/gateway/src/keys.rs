//! Where keys are found: the configuration first, then the store, through a small cache.
//!
//! A known key costs no I/O. An unknown one is asked of the store once, however many requests bring it at the same time,
//! and its absence is remembered. When anything changes in the store every key is asked for once more before it is used
//! again, so that a revocation holds as soon as the change is noticed. While the store is down, keys that were known go on
//! working as they were. Where a key stands in the tree is worked out once per configuration, without I/O.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
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

    /// Returns when the version should be asked for again.
    fn may_have_changed(&self) -> BoxFuture<'_, ()>;
}

/// The store of keys cannot be asked now: the caller is told 503, never 401.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store of keys is down: {0}")]
pub struct KeySourceDown(pub String);

/// The keys of this process.
pub struct Keyring {
    pepper: Pepper,
    source: Arc<dyn KeySource>,
    known: moka::future::Cache<Box<str>, Answer>,
    /// Lookups under way or just over, by key and epoch: those who ask at the same time share one.
    lookups: moka::future::Cache<(Box<str>, u64), Found>,
    /// Raised by every change in the store. What was looked up in an earlier epoch is looked up again: also what was read
    /// before a change and arrives after it.
    epoch: AtomicU64,
    /// The store does not answer: nobody waits for it.
    down: AtomicBool,
    asked: Counter,
}

type Found = Option<Arc<Known>>;

/// What the store said, and in which epoch it was asked.
#[derive(Clone)]
struct Answer {
    epoch: u64,
    known: Found,
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
    /// Keys, present or absent, that are remembered.
    const MOST_KNOWN: u64 = 100_000;

    /// How long a lookup's answer is there for those who were about to ask the same. The epoch says what is outdated.
    const SHARED: Duration = Duration::from_secs(1);

    #[must_use]
    pub fn new(pepper: Pepper, source: Arc<dyn KeySource>, asked: Counter) -> Self {
        let lookups = moka::future::Cache::builder().max_capacity(Self::MOST_KNOWN).time_to_live(Self::SHARED).build();
        Self {
            pepper,
            source,
            known: moka::future::Cache::new(Self::MOST_KNOWN),
            lookups,
            epoch: AtomicU64::default(),
            down: AtomicBool::default(),
            asked,
        }
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
        let found = match self.known.get(key.id).await {
            Some(answer) if answer.epoch == epoch => answer.known,
            before => self.look_up(rules, key.id, epoch, before.and_then(|answer| answer.known)).await?,
        };
        Ok(found.map(|known| known.rule(rules)))
    }

    /// Asks the store. While it is down, a key that was known is as it was.
    async fn look_up(&self, rules: &Rules, id: &str, epoch: u64, before: Found) -> Result<Found, KeySourceDown> {
        if self.down.load(Ordering::Relaxed) {
            return before.map(Some).ok_or_else(|| KeySourceDown("it did not answer when it was last asked".into()));
        }
        let lookup = async {
            self.asked.inc();
            Ok(self.source.find(id).await?.map(|stored| Arc::new(Known::new(rules, stored))))
        };
        match self.lookups.try_get_with((id.into(), epoch), lookup).await {
            Ok(known) => {
                self.known.insert(id.into(), Answer { epoch, known: known.clone() }).await;
                Ok(known)
            }
            Err(down) => before.map(Some).ok_or_else(|| KeySourceDown::clone(&down)),
        }
    }

    /// Notices changes of the store's keys, and whether it answers, for as long as the process lives.
    pub async fn follow(&self) {
        let mut seen = None;
        loop {
            match self.source.version().await {
                Ok(version) => {
                    if seen.replace(version) != Some(version) {
                        self.epoch.fetch_add(1, Ordering::AcqRel);
                    }
                    if self.down.swap(false, Ordering::Relaxed) {
                        tracing::info!("the store of keys answers again");
                    }
                }
                Err(down) => {
                    if !self.down.swap(true, Ordering::Relaxed) {
                        tracing::warn!(error = %down, "keys cannot be followed: those that are known go on working");
                    }
                }
            }
            self.source.may_have_changed().await;
        }
    }
}

#[cfg(test)]
mod tests;
