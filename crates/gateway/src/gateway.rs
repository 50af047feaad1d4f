//! What a request can reach: the rules of the moment and the parts that outlive requests.

use std::sync::{Arc, atomic::AtomicBool};

use arc_swap::ArcSwap;
use govern::{Rules, key::Pepper};

use crate::{
    keys::{KeySource, Keyring},
    ledger::Ledger,
    observe::Metrics,
    sink::SinkQueue,
    tasks::Tasks,
    upstream::{Pool, Targets, UpstreamPool, fetch::{Fetcher, Internet}, tls},
};

/// The data plane of one process.
pub struct Gateway {
    /// Swapped whole by a reload; a request loads it once.
    pub rules: ArcSwap<Rules>,
    pub keys: Keyring,
    pub ledger: Ledger,
    pub pool: Box<dyn UpstreamPool>,
    /// Fetches what callers name by URL, for providers that want bytes.
    pub fetcher: Fetcher,
    /// Standing and meters of every target that was used.
    pub targets: Targets,
    pub sinks: SinkQueue,
    pub metrics: Arc<Metrics>,
    pub tasks: Tasks,
    /// Permits for answers that are read to their end after the client has gone.
    pub drains: Arc<tokio::sync::Semaphore>,
    /// Bytes of request bodies that may be held at once.
    pub inflight_bytes: Arc<tokio::sync::Semaphore>,
    /// False while the process starts and while it drains: `/ready` says so.
    pub ready: AtomicBool,
}

/// What the process brings along.
pub struct Parts {
    pub rules: Arc<Rules>,
    pub pepper: Pepper,
    pub keys: Arc<dyn KeySource>,
    pub sinks: SinkQueue,
    pub metrics: Arc<Metrics>,
    pub tasks: Tasks,
}

impl Gateway {
    /// Puts the parts together.
    ///
    /// # Errors
    /// The system's certificate authorities, or the extra file of an account, cannot be read.
    pub fn new(parts: Parts) -> Result<Arc<Self>, crate::upstream::TlsError> {
        let settings = &parts.rules.settings;
        let permits = settings.limits.inflight_bytes.min(tokio::sync::Semaphore::MAX_PERMITS);
        Ok(Arc::new(Self {
            drains: Arc::new(tokio::sync::Semaphore::new(settings.most_drains)),
            inflight_bytes: Arc::new(tokio::sync::Semaphore::new(permits)),
            fetcher: Fetcher::new(Arc::new(Internet), &tls(None)?),
            pool: Box::new(Pool::new(&parts.rules)?),
            targets: Targets::new(parts.metrics.clone()),
            ready: AtomicBool::new(false),
            ledger: Ledger::default(),
            keys: Keyring::new(parts.pepper, parts.keys, parts.metrics.key_lookups.clone()),
            rules: ArcSwap::new(parts.rules),
            sinks: parts.sinks,
            metrics: parts.metrics,
            tasks: parts.tasks,
        }))
    }

    /// Puts a new configuration in force: the next request sees all of it.
    ///
    /// # Errors
    /// A certificate file cannot be read; the configuration before stays in force.
    pub fn swap(&self, rules: Arc<Rules>) -> Result<(), crate::upstream::TlsError> {
        self.pool.renew(&rules)?;
        self.metrics.config_generation.set(i64::try_from(rules.generation).unwrap_or(i64::MAX));
        self.rules.store(rules);
        Ok(())
    }
}
