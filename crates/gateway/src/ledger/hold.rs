//! A call's place in every limit that it meets. It lives in the call's record and ends with it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use govern::{
    Money,
    limit::{Amount, Charge, Measure, Mode, Now},
};
use llm::Usage;

use super::{Met, Needs, Refused, Standing, Warning};

/// What a call holds of its limits. Empty for a call that meets none.
#[derive(Debug, Default)]
pub struct Hold {
    taken: Mutex<Option<Box<Taken>>>,
    standing: OnceLock<Box<Standing>>,
}

/// What was taken.
#[derive(Debug)]
struct Taken {
    parts: Vec<Part>,
    /// Targets that were tried, by name: a limit may count some of them.
    targets: Vec<Arc<str>>,
}

/// What was taken of one counter.
#[derive(Debug)]
struct Part {
    met: Met,
    held: Amount,
    /// Where in the window of the counter the call began: what it uses is booked there.
    slot: i64,
    /// The targets that it counts: a bit for each, by its place.
    covers: u64,
}

/// What a try used.
#[derive(Debug, Clone, Copy)]
pub struct Used<'a> {
    /// `account/model`
    pub target: &'a str,
    pub usage: &'a Usage,
    pub cost: Money,
}

/// A part that is wanted: of which counter, and how much more than is held already.
struct Wanted {
    met: Met,
    more: Amount,
    /// All that the call needs of it.
    need: Amount,
    /// The place of the part that is held already.
    held: Option<usize>,
    /// As [`Part::slot`].
    slot: i64,
}

/// Why a call is not let through.
#[derive(Debug)]
pub enum NoPlace {
    /// A cap has no room.
    Full(Box<Refused>),
    /// The price of the target is not known, and a limit on spend must know it.
    Unpriced(Met),
}

/// What came of taking a place.
#[derive(Debug, Default)]
pub struct Covered {
    /// Limits that only watch, and would have refused.
    pub would_refuse: Vec<Arc<str>>,
    pub warnings: Vec<Warning>,
}

impl Hold {
    /// Takes what a try at `target` needs of all of these counters, or nothing of any. What earlier tries used stays used:
    /// it is needed on top.
    ///
    /// # Errors
    /// A cap has no room, or the price is not known.
    pub fn cover(
        &self,
        all: Vec<Met>,
        (target, needs): (&Arc<str>, &Needs<'_>),
        tries: &[Used<'_>],
        now: Now,
    ) -> Result<Covered, NoPlace> {
        if all.is_empty() {
            return Ok(Covered::default());
        }
        let mut taken = self.lock();
        let taken = taken.get_or_insert_with(|| Box::new(Taken { parts: Vec::new(), targets: Vec::new() }));
        let bit = taken.bit(target);
        let mut wanted = Vec::with_capacity(all.len());
        for met in all {
            let Some(need) = needs.of(&met) else { return Err(NoPlace::Unpriced(met)) };
            wanted.push(taken.want(met, need, (bit, tries)));
        }
        let covered = self.take(&mut wanted, now)?;
        taken.note(wanted, bit);
        Ok(covered)
    }

    /// Takes all that is wanted under the locks of all counters at once. They come in the order of their addresses.
    fn take(&self, wanted: &mut [Wanted], now: Now) -> Result<Covered, NoPlace> {
        let counters: Vec<_> = wanted.iter().map(|wanted| wanted.met.counter.clone()).collect();
        let mut states: Vec<_> = counters.iter().map(|counter| counter.at(now)).collect();
        let mut covered = Covered::default();
        let mut full: Option<Refused> = None;
        for (wanted, state) in wanted.iter().zip(&states) {
            let Wanted { met, more, need, .. } = wanted;
            if *more == 0 || state.tally.taken().saturating_add(*more) <= met.allowed() {
                continue;
            }
            match met.limit.mode {
                Mode::Audit => {
                    let new = !covered.would_refuse.contains(&met.limit.id);
                    covered.would_refuse.extend(new.then(|| met.limit.id.clone()));
                }
                Mode::Enforce => {
                    let refused = Refused::new(met, &state.tally, *need, now);
                    // Of several, the one that lasts longest is worth telling.
                    let lasts = |refused: &Refused| refused.wait.unwrap_or(i64::MAX);
                    if full.as_ref().is_none_or(|other| lasts(&refused) > lasts(other)) {
                        full = Some(refused);
                    }
                }
            }
        }
        let mut standing = Standing::default();
        let refused = full.is_some();
        for (wanted, state) in wanted.iter_mut().zip(&mut states) {
            if !refused {
                state.tally.hold(wanted.more);
                wanted.slot = state.tally.slot(&wanted.met.counter.window, now);
                if wanted.met.measure() == Measure::Concurrency && wanted.more > 0 {
                    Warning::due(&wanted.met, state, now, &mut covered.warnings);
                }
            }
            if wanted.met.limit.mode == Mode::Enforce {
                standing.note(&wanted.met, &state.tally, now);
            }
        }
        drop(states);
        if standing != Standing::default() {
            let _told_before = self.standing.set(Box::new(standing));
        }
        match full {
            Some(full) => Err(NoPlace::Full(Box::new(full))),
            None => Ok(covered),
        }
    }

    /// How the call stood with its rate limits when it took its place, or was refused one.
    #[must_use]
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.get().map(|standing| &**standing)
    }

    /// What is held, as charges: what is owed should the process die now.
    #[must_use]
    pub fn held(&self) -> Vec<Charge> {
        let taken = self.lock();
        let parts = taken.iter().flat_map(|taken| &taken.parts).filter(|part| part.measure() != Measure::Concurrency);
        parts.map(|part| part.charge(part.held)).collect()
    }

    /// Returns what is held and books what the tries used. The first time counts; charges and warnings come of it.
    pub fn settle<'a>(&self, tries: impl Iterator<Item = Used<'a>> + Clone, now: Now) -> Settled {
        let Some(taken) = self.lock().take() else { return Settled::default() };
        let mut settled = Settled::default();
        for part in &taken.parts {
            let used = taken.used(part, tries.clone());
            let mut state = part.met.counter.at(now);
            state.tally.release(part.held);
            state.tally.book(&part.met.counter.window, part.slot, used);
            // What was booked may be of a time that has passed.
            state.tally.roll(&part.met.counter.window, now);
            Warning::due(&part.met, &mut state, now, &mut settled.warnings);
            drop(state);
            settled.charges.extend((used > 0).then(|| part.charge(used)));
        }
        settled
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Taken>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of a call's end.
#[derive(Debug, Default)]
pub struct Settled {
    pub charges: Vec<Charge>,
    pub warnings: Vec<Warning>,
}

impl Taken {
    fn bit(&mut self, target: &Arc<str>) -> u64 {
        let place = self.targets.iter().position(|known| known == target).unwrap_or_else(|| {
            self.targets.push(target.clone());
            self.targets.len() - 1
        });
        // More than 64 targets share the last bit: then a limit may count too much, never too little.
        1 << place.min(63)
    }

    fn want(&self, met: Met, need: Amount, (bit, tries): (u64, &[Used<'_>])) -> Wanted {
        let held = self.parts.iter().position(|part| Arc::ptr_eq(&part.met.counter, &met.counter));
        let Some(part) = held.and_then(|at| self.parts.get(at)) else {
            return Wanted { met, more: need, need, held: None, slot: 0 };
        };
        let need = match met.measure().is_known_before() {
            true => need,
            false => {
                let covers = part.covers | bit;
                let used = tries.iter().filter(|one| self.is_covered(covers, one.target));
                used.fold(need, |sum, one| sum.saturating_add(part.measure().of(one.usage, one.cost, true)))
            }
        };
        Wanted { more: need.saturating_sub(part.held), need, held, met, slot: part.slot }
    }

    fn note(&mut self, wanted: Vec<Wanted>, bit: u64) {
        for wanted in wanted {
            match wanted.held.and_then(|at| self.parts.get_mut(at)) {
                Some(part) => {
                    part.held = part.held.saturating_add(wanted.more);
                    part.covers |= bit;
                }
                None => self.parts.push(Part { held: wanted.more, slot: wanted.slot, covers: bit, met: wanted.met }),
            }
        }
    }

    fn is_covered(&self, covers: u64, target: &str) -> bool {
        let place = self.targets.iter().position(|known| **known == *target);
        place.is_some_and(|place| covers & (1 << place.min(63)) != 0)
    }

    /// What the tries used of a part.
    fn used<'a>(&self, part: &Part, tries: impl Iterator<Item = Used<'a>>) -> Amount {
        let mut tries = tries.filter(|one| self.is_covered(part.covers, one.target)).peekable();
        match part.measure() {
            Measure::Concurrency => 0,
            Measure::Requests => u64::from(tries.peek().is_some()),
            measure => {
                let cached = part.met.limit.counts_cached;
                tries.fold(0, |sum, one| sum.saturating_add(measure.of(one.usage, one.cost, cached)))
            }
        }
    }
}

impl Part {
    fn measure(&self) -> Measure {
        self.met.measure()
    }

    fn charge(&self, amount: Amount) -> Charge {
        Charge { counter: self.met.counter.name.clone(), slot: self.slot, amount }
    }
}

impl Drop for Hold {
    /// Whatever was not settled is returned: nothing is known to have been used.
    fn drop(&mut self) {
        let taken = self.taken.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        for part in taken.iter().flat_map(|taken| &taken.parts) {
            part.met.counter.release(part.held);
        }
    }
}
