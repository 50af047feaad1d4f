//! What calls hold and what they have spent, in the memory of this process.

pub mod journal;

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use govern::{
    Error, Money,
    error::Code,
    key::{KeyId, KeyRule},
};

/// The accounts of all keys that have called.
#[derive(Debug, Default)]
pub struct Ledger {
    tallies: RwLock<HashMap<KeyId, Arc<Tally>>>,
}

/// What one key holds and has spent since the process began.
#[derive(Debug, Default)]
pub struct Tally {
    in_flight: AtomicU32,
    /// Nano-dollars.
    spent: AtomicI64,
}

impl Tally {
    /// Calls in flight.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Spent since the process began.
    #[must_use]
    pub fn spent(&self) -> Money {
        Money(self.spent.load(Ordering::Relaxed))
    }
}

/// A call's place in the limits of its key. Dropping it returns what was not used.
#[derive(Debug)]
pub struct Hold {
    tally: Arc<Tally>,
}

impl Hold {
    /// Books what the call cost.
    pub fn settle(&self, cost: Money) {
        self.tally.spent.fetch_add(cost.0, Ordering::Relaxed);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.tally.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ledger {
    /// Takes a place for one call.
    ///
    /// # Errors
    /// The key has as many calls in flight as it may.
    pub fn hold(&self, key: &KeyRule) -> Result<Hold, Error> {
        let tally = self.tally(&key.id);
        let before = tally.in_flight.fetch_add(1, Ordering::Relaxed);
        let hold = Hold { tally };
        match key.parallel {
            Some(most) if before >= most => {
                let message =
                    format!("key `{}` has {before} calls in flight and may have {most} (its `parallel`)", key.name);
                Err(Error::new(Code::TooManyConcurrent, message).retry_after(std::time::Duration::from_secs(1)))
            }
            _ => Ok(hold),
        }
    }

    /// The account of a key.
    pub fn tally(&self, key: &KeyId) -> Arc<Tally> {
        if let Some(tally) = self.tallies.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return tally.clone();
        }
        self.tallies.write().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default().clone()
    }
}
