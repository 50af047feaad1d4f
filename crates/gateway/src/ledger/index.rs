//! Which limits a call meets, found without looking at all of them: what a caller, a target and an operation meet is worked
//! out once and remembered for as long as the configuration is in force.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, RwLock},
};

use govern::{
    Principal, alert,
    key::{KeyRule, Origin},
    limit::{Action, Amount, Cap, Dimension, Limit, Measure, Mode, Now, Reserve, Scope, Subject, Window, shown},
};
use llm::provider::Operation;

use super::{Counter, Ledger};
use crate::alert::Alert;

/// The limits in force.
#[derive(Debug)]
pub struct LimitIndex {
    limits: Vec<Arc<Limit>>,
    /// Some limit sends calls to another model.
    downgrades: bool,
    hasher: RandomState,
    known: [RwLock<HashMap<u64, Vec<Known>>>; SHARDS],
}

/// A cap that a call meets.
#[derive(Debug, Clone)]
pub struct Met {
    pub limit: Arc<Limit>,
    /// The place of the cap in its limit.
    pub place: usize,
    /// The most that this entity may have.
    pub most: Amount,
    pub counter: Arc<Counter>,
}

/// What calls of one caller for one target meet.
#[derive(Debug, Default)]
pub struct Meeting {
    /// Whatever the caller says of the call. By the address of their counters.
    fixed: Vec<Met>,
    /// Those that depend on what the caller says.
    loose: Vec<Arc<Limit>>,
}

#[derive(Debug)]
struct Known {
    principal: Arc<Principal>,
    key: Arc<KeyRule>,
    route: Box<str>,
    target: Box<str>,
    operation: Operation,
    meeting: Arc<Meeting>,
}

const SHARDS: usize = 16;

/// Meetings that are remembered in each part: callers can name any number of models.
const MOST: usize = 8_192;

/// The name of the limit that a key's `parallel` is. No limit of an operator's can have it.
pub(super) const PARALLEL: &str = "@parallel";

impl Met {
    /// What people are told when its cap refuses calls for long: not that somebody calls too fast.
    #[must_use]
    pub fn reached(&self) -> Option<Alert> {
        let most = shown(self.measure(), self.most);
        let summary =
            format!("limit {} has used up its {most} {}: calls are refused", self.limit.id, self.measure().name());
        let lasts = matches!(self.counter.window, Window::Calendar(..) | Window::Lifetime);
        lasts.then(|| {
            Alert::new(alert::Kind::LimitReached, &*self.counter.name, summary)
                .with("limit", &*self.limit.id)
                .with("counter", &*self.counter.name)
                .with("measure", self.measure().name())
                .with("most", most)
        })
    }

    #[must_use]
    pub fn measure(&self) -> Measure {
        self.limit.caps.get(self.place).map_or(Measure::Requests, |cap| cap.measure)
    }

    /// Whether the share of such a step is used up or held.
    #[must_use]
    pub fn is_due(&self, step: impl Fn(&Action) -> bool, now: Now) -> bool {
        let taken = self.counter.taken(now);
        self.limit.steps.iter().any(|due| step(&due.action) && taken > 0 && taken >= share(self.most, due.at))
    }

    /// The amount beyond which calls are refused.
    #[must_use]
    pub fn allowed(&self) -> Amount {
        share(self.most, self.limit.refuses_at())
    }
}

/// So many percent of an amount, rounded down.
pub(super) fn share(most: Amount, percent: u8) -> Amount {
    u64::try_from(u128::from(most) * u128::from(percent) / 100).unwrap_or(most)
}

impl LimitIndex {
    #[must_use]
    pub fn new(limits: &[Arc<Limit>]) -> Self {
        let downgrades = |limit: &Arc<Limit>| limit.steps.iter().any(|step| is_downgrade(&step.action));
        Self {
            downgrades: limits.iter().any(downgrades),
            limits: limits.to_vec(),
            hasher: RandomState::new(),
            known: std::array::from_fn(|_| RwLock::default()),
        }
    }

    /// Whether some limit sends calls to another model.
    #[must_use]
    pub fn downgrades(&self) -> bool {
        self.downgrades
    }

    /// What calls like this one meet; `None` if no limit can.
    #[must_use]
    pub fn meeting(
        &self,
        ledger: &Ledger,
        principal: &Arc<Principal>,
        key: &Arc<KeyRule>,
        subject: &Subject<'_>,
    ) -> Option<Arc<Meeting>> {
        if self.limits.is_empty() && key.parallel.is_none() {
            return None;
        }
        let said = (&*key.id.0, subject.route, &*subject.target.name, subject.operation);
        let hash = self.hasher.hash_one(said);
        let shard = self.known.get(usize::try_from(hash % SHARDS as u64).unwrap_or_default())?;
        let same = |known: &&Known| {
            known.operation == subject.operation
                && *known.route == *subject.route
                && *known.target == *subject.target.name
                && (Arc::ptr_eq(&known.key, key) || same_key(&known.key, key))
                && (Arc::ptr_eq(&known.principal, principal) || known.principal == *principal)
        };
        if let Some(known) = shard.read().unwrap_or_else(PoisonError::into_inner).get(&hash)
            && let Some(known) = known.iter().find(same)
        {
            return Some(known.meeting.clone());
        }
        let meeting = Arc::new(self.find(ledger, subject));
        let known = Known {
            principal: principal.clone(),
            key: key.clone(),
            route: subject.route.into(),
            target: (*subject.target.name).into(),
            operation: subject.operation,
            meeting: meeting.clone(),
        };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= MOST {
            shard.clear();
        }
        let same_hash = shard.entry(hash).or_default();
        // A caller who has changed takes the place of what it was.
        same_hash
            .retain(|other| other.key.id != known.key.id || other.target != known.target || other.route != known.route);
        same_hash.push(known);
        Some(meeting)
    }

    fn find(&self, ledger: &Ledger, subject: &Subject<'_>) -> Meeting {
        let mut meeting = Meeting::default();
        let parallel = subject.key.parallel.map(|most| Arc::new(parallel(most)));
        for limit in parallel.iter().chain(&self.limits) {
            if !limit.meets_caller(subject) || !limit.meets_target(subject) {
                continue;
            }
            if limit.depends_on_words() {
                meeting.loose.push(limit.clone());
            } else {
                meeting.fixed.extend(met(ledger, limit, subject));
            }
        }
        sort(&mut meeting.fixed);
        meeting
    }
}

impl Meeting {
    /// The caps that this very call meets, in the order in which their counters are locked.
    #[must_use]
    pub fn of(&self, ledger: &Ledger, subject: &Subject<'_>) -> Vec<Met> {
        let mut all = self.fixed.clone();
        if !self.loose.is_empty() {
            let loose = self.loose.iter().filter(|limit| limit.meets_words(subject));
            all.extend(loose.flat_map(|limit| met(ledger, limit, subject)));
            sort(&mut all);
        }
        all
    }

    /// Whether nothing can be met.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fixed.is_empty() && self.loose.is_empty()
    }
}

/// Counters are locked by address, so that no two calls wait for each other.
fn sort(all: &mut [Met]) {
    all.sort_unstable_by_key(|met| Arc::as_ptr(&met.counter).addr());
}

fn met<'a>(ledger: &'a Ledger, limit: &'a Arc<Limit>, subject: &Subject<'_>) -> impl Iterator<Item = Met> + 'a {
    let entity = limit.entity(subject);
    let now = crate::clock::now();
    limit.caps.iter().enumerate().map(move |(place, cap)| Met {
        place,
        most: limit.most(place, &entity),
        counter: ledger.counters.of(&limit.counter(cap, &entity), &cap.window, now),
        limit: limit.clone(),
    })
}

/// The limit that a key's `parallel` is short for.
fn parallel(most: u32) -> Limit {
    Limit {
        id: PARALLEL.into(),
        when: Scope::default(),
        unless: Scope::default(),
        per: vec![Dimension::Key],
        caps: vec![Cap { measure: Measure::Concurrency, most: most.into(), window: Window::Moment }],
        overrides: Vec::new(),
        mode: Mode::Enforce,
        reserve: Reserve::Strict,
        counts_cached: true,
        steps: Vec::new(),
        origin: Origin::Store,
    }
}

fn same_key(one: &KeyRule, other: &KeyRule) -> bool {
    (&one.id, &one.name, one.parallel) == (&other.id, &other.name, other.parallel)
}

pub(super) fn is_downgrade(action: &Action) -> bool {
    matches!(action, Action::Downgrade { .. })
}
