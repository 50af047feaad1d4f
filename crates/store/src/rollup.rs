//! Spend by place, hour and day, written in the transaction that writes the records: whatever is asked about money is
//! answered from here, and equals the sum of the records to the last nano-dollar.
//!
//! Records arrive by the hundred and share few places, so a batch is added up in memory first and each sum is written
//! once. A record that was there already adds nothing; one whose cost is changed moves its sums.

mod check;
mod part;
mod sums;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use gateway::observe::Record;
use llm::{catalog, price::Price};

use crate::{Error, Store};

pub use check::Drift;
pub(crate) use sums::Sums;

/// What the writing of sums remembers. Shared by all handles of a store.
#[derive(Debug, Default)]
pub(crate) struct Rollup {
    /// The tags of callers that spend is kept by.
    tags: RwLock<Arc<[String]>>,
    /// Prices that records named, by version.
    prices: RwLock<HashMap<String, Arc<Price>>>,
    /// Places that are in the database, by id.
    places: Mutex<HashSet<String>>,
}

/// Places that are remembered. More of them cost a needless statement each, nothing else.
const MOST_PLACES: usize = 100_000;

impl Store {
    /// Chooses the tags of callers that spend is kept by, for records that are written from now on.
    pub fn keep_spend_by(&self, tags: &[String]) {
        *self.rollup.tags.write().unwrap_or_else(PoisonError::into_inner) = tags.into();
    }

    /// Sums over no records yet, with the prices at hand that these records name.
    pub(crate) async fn sums(&self, records: impl IntoIterator<Item = &Record>) -> Result<Sums, Error> {
        for version in self.rollup.unseen(records) {
            let price = match catalog::price(&version) {
                Some(price) => Some((*price).clone()),
                None => self.price(&version).await?.map(|kept| kept.price),
            };
            if let Some(price) = price {
                let mut prices = self.rollup.prices.write().unwrap_or_else(PoisonError::into_inner);
                prices.insert(version, Arc::new(price));
            }
        }
        let tags = Arc::clone(&self.rollup.tags.read().unwrap_or_else(PoisonError::into_inner));
        Ok(Sums::new(tags))
    }
}

impl Rollup {
    /// The versions of prices in these records that are not at hand.
    fn unseen<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> HashSet<String> {
        let prices = self.prices.read().unwrap_or_else(PoisonError::into_inner);
        let attempts = records.into_iter().flat_map(|record| &record.attempts);
        let versions = attempts.filter_map(|attempt| attempt.price.as_deref());
        let new = versions.filter(|version| is_list(version) && !prices.contains_key(*version));
        new.map(str::to_owned).collect()
    }

    /// The first prompt length that pays the rates of this attempt.
    fn step(&self, attempt: &gateway::observe::Attempt) -> u64 {
        let Some(version) = attempt.price.as_deref().filter(|version| is_list(version)) else { return 0 };
        let prices = self.prices.read().unwrap_or_else(PoisonError::into_inner);
        let Some(price) = prices.get(version).filter(|price| has_steps(price)) else { return 0 };
        let words: Vec<&str> = attempt.basis.words.iter().map(String::as_str).collect();
        let basis = &attempt.basis;
        let served = llm::price::Served { tier: basis.tier.as_deref(), region: basis.region.as_deref(), words: &words };
        price.step(attempt.usage.prompt(), &served)
    }

    fn is_known(&self, place: &str) -> bool {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).contains(place)
    }

    /// Notes places that are in the database for good: after the commit.
    pub(crate) fn note(&self, new: Vec<String>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() + new.len() > MOST_PLACES {
            places.clear();
        }
        places.extend(new);
    }
}

/// Whether a version names one price list: not what the provider stated, nor an estimate beside a list.
fn is_list(version: &str) -> bool {
    version.contains('/') && !version.contains('+')
}

fn has_steps(price: &Price) -> bool {
    !price.long.is_empty() || price.tiers.iter().any(|tier| !tier.long.is_empty())
}
