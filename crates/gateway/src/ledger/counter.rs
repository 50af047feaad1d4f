//! Counters by name.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use govern::limit::{Amount, Now, Tally, Window};

/// One counter: how much of one cap one entity has used and holds.
#[derive(Debug)]
pub struct Counter {
    /// As [`govern::limit::Limit::counter`] says it.
    pub name: Arc<str>,
    pub window: Window,
    state: Mutex<State>,
    /// Calls that wait for room.
    waiting: AtomicU32,
}

/// What a counter's lock guards.
#[derive(Debug)]
pub struct State {
    pub tally: Tally,
    /// The shares of the cap that were warned of, and when they may be warned of again (microseconds on the clock of the
    /// window).
    pub warned: Vec<(u8, i64)>,
}

impl Counter {
    fn new(name: Arc<str>, window: Window) -> Self {
        let state = State { tally: Tally::new(&window), warned: Vec::new() };
        Self { name, window, state: Mutex::new(state), waiting: AtomicU32::new(0) }
    }

    /// The state as it is now. Never held across an await.
    pub fn at(&self, now: Now) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tally.roll(&self.window, now);
        state
    }

    /// Returns what was held.
    pub(super) fn release(&self, amount: Amount) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tally.release(amount);
    }

    /// Booked and held now.
    #[must_use]
    pub fn taken(&self, now: Now) -> Amount {
        self.at(now).tally.taken()
    }

    /// A place in the queue for room, if fewer than so many wait. Dropped, it is free again.
    #[must_use]
    pub fn wait(self: &Arc<Self>, places: u32) -> Option<Place> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        (before < places).then_some(place)
    }
}

/// A place in a queue for room.
#[derive(Debug)]
pub struct Place(Arc<Counter>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Parts of the map with a lock of their own: a power of two.
const SHARDS: usize = 64;

/// All counters of the process.
#[derive(Debug)]
pub struct Counters {
    hasher: RandomState,
    shards: [RwLock<HashMap<Arc<str>, Arc<Counter>>>; SHARDS],
    /// What was booked before the start, by counter, until the counter is first asked for.
    kept: Mutex<HashMap<Arc<str>, Slots>>,
}

/// Slots of a window, and what is booked in each.
type Slots = Vec<(i64, Amount)>;

impl Default for Counters {
    fn default() -> Self {
        let shards = std::array::from_fn(|_| RwLock::default());
        Self { hasher: RandomState::new(), shards, kept: Mutex::default() }
    }
}

impl Counters {
    /// The counter of this name; made, with what was booked on it before the start, if there is none.
    pub fn of(&self, name: &str, window: &Window, now: Now) -> Arc<Counter> {
        let Some(shard) = self.shard(name) else { return Arc::new(Counter::new(name.into(), window.clone())) };
        if let Some(known) = shard.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return known.clone();
        }
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shard.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        let counter = Arc::new(Counter::new(name.clone(), window.clone()));
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        for (slot, amount) in kept.into_iter().flatten() {
            counter.at(now).tally.restore(window, now, slot, amount);
        }
        shard.insert(name, counter.clone());
        counter
    }

    /// Keeps what was booked before the start until its counter is asked for.
    pub(super) fn keep(&self, booked: impl IntoIterator<Item = (Arc<str>, i64, Amount)>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, slot, amount) in booked {
            kept.entry(name).or_default().push((slot, amount));
        }
    }

    /// Forgets the counters that a new one would not differ from and that nobody uses. What a counter remembers is bounded
    /// by its window, so that what is remembered of a million end users is bounded by how many called in it.
    pub fn forget_idle(&self, now: Now) {
        for shard in &self.shards {
            let idle = |counter: &Arc<Counter>| Arc::strong_count(counter) == 1 && counter.at(now).tally.is_empty();
            shard.write().unwrap_or_else(PoisonError::into_inner).retain(|_, counter| !idle(counter));
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, name: &str) -> Option<&RwLock<HashMap<Arc<str>, Arc<Counter>>>> {
        let hash = usize::try_from(self.hasher.hash_one(name) % SHARDS as u64).unwrap_or_default();
        self.shards.get(hash)
    }
}
