//! What a request can reach: the rules of the moment and the parts that outlive requests.

use std::sync::{Arc, atomic::AtomicBool};

use arc_swap::ArcSwap;
use govern::{Rules, config::BadSetting, key::Pepper};

use crate::{
    alert::Alerts,
    guard::Guards,
    identity::Tokens,
    keys::{KeySource, Keyring},
    ledger::{Ledger, LimitIndex},
    observe::Metrics,
    responses::{ResponseStore, Responses},
    sink::SinkQueue,
    tasks::Tasks,
    upstream::{
        Pool, Targets, TlsError, UpstreamPool,
        credential::{HttpAsk, Shown},
        fetch::{Fetcher, Internet},
        tls,
    },
};

/// The data plane of one process.
pub struct Gateway {
    /// Swapped whole by a reload; a request loads it once.
    pub rules: ArcSwap<InForce>,
    pub keys: Keyring,
    /// Tokens of identity providers, which callers may send in place of keys.
    pub tokens: Tokens,
    pub ledger: Ledger,
    /// Answers that later questions go on from.
    pub responses: Responses,
    pub pool: Shown<Pool>,
    /// Fetches what callers name by URL, for providers that want bytes.
    pub fetcher: Fetcher,
    /// Standing and meters of every target that was used.
    pub targets: Targets,
    pub sinks: SinkQueue,
    pub alerts: Alerts,
    pub metrics: Arc<Metrics>,
    pub tasks: Tasks,
    /// Permits for answers that are read to their end after the client has gone.
    pub drains: Arc<tokio::sync::Semaphore>,
    /// Bytes of request bodies that may be held at once.
    pub inflight_bytes: Arc<tokio::sync::Semaphore>,
    /// False while the process starts and while it drains: `/ready` says so.
    pub ready: AtomicBool,
}

/// The configuration in force: the rules and what is made of them, swapped as one, so that a request sees them as one.
#[derive(Debug)]
pub struct InForce {
    pub rules: Arc<Rules>,
    pub guards: Guards,
    pub limits: LimitIndex,
}

impl InForce {
    fn new(rules: Arc<Rules>) -> Result<Arc<Self>, BadSetting> {
        let limits = LimitIndex::new(&rules.limits);
        Ok(Arc::new(Self { guards: Guards::new(&rules.guardrails)?, limits, rules }))
    }
}

impl std::ops::Deref for InForce {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        &self.rules
    }
}

/// A configuration that cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("a guardrail: {0}")]
    Guard(#[from] BadSetting),
}

/// What the process brings along.
pub struct Parts {
    pub rules: Arc<Rules>,
    pub pepper: Pepper,
    pub keys: Arc<dyn KeySource>,
    pub responses: Arc<dyn ResponseStore>,
    pub sinks: SinkQueue,
    pub alerts: Alerts,
    pub metrics: Arc<Metrics>,
    pub tasks: Tasks,
}

impl Gateway {
    /// Puts the parts together.
    ///
    /// # Errors
    /// The system's certificate authorities, or the extra file of an account, cannot be read; a guard has a bad setting.
    pub fn new(parts: Parts) -> Result<Arc<Self>, Unusable> {
        let settings = &parts.rules.settings;
        let permits = settings.bounds.inflight_bytes.min(tokio::sync::Semaphore::MAX_PERMITS);
        Ok(Arc::new(Self {
            drains: Arc::new(tokio::sync::Semaphore::new(settings.most_drains)),
            inflight_bytes: Arc::new(tokio::sync::Semaphore::new(permits)),
            fetcher: Fetcher::new(Arc::new(Internet), &tls(None)?),
            pool: Shown::new(Pool::new(&parts.rules)?, Arc::new(HttpAsk::new()?), parts.tasks.clone(), &parts.rules)?,
            targets: Targets::new(parts.metrics.clone()),
            ready: AtomicBool::new(false),
            ledger: Ledger::default(),
            responses: Responses::new(parts.responses),
            keys: Keyring::new(parts.pepper, parts.keys, parts.metrics.key_lookups.clone()),
            tokens: Tokens::new(&parts.rules)?,
            rules: ArcSwap::new(InForce::new(parts.rules)?),
            sinks: parts.sinks,
            alerts: parts.alerts,
            metrics: parts.metrics,
            tasks: parts.tasks,
        }))
    }

    /// Puts a new configuration in force: the next request sees all of it.
    ///
    /// # Errors
    /// A certificate file cannot be read, or a guard has a bad setting; the configuration before stays in force.
    pub fn swap(&self, rules: Arc<Rules>) -> Result<(), Unusable> {
        let rules = InForce::new(rules)?;
        self.tokens.renew(&rules)?;
        self.pool.renew(&rules)?;
        self.metrics.config_generation.set(i64::try_from(rules.generation).unwrap_or(i64::MAX));
        self.rules.store(rules);
        Ok(())
    }
}
