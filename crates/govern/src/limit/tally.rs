//! What one counter holds and has booked. Pure: the time is an argument, and whoever keeps it locks it.
//!
//! A sliding window is cut into slots so fine that forgetting a whole one at a time keeps back less than a hundredth of the
//! cap: never more than the cap lies in any window, and nearly all of it can be used.

use std::collections::VecDeque;

use super::{Amount, Slot, Window};

/// Slots of a sliding window. One more is counted than fits into it, the one that is only half past: of 128, that is less
/// than a hundredth of the window.
const SLOTS: i64 = 128;

/// A moment on two clocks, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The clock on the wall, which may jump: for the edges of the calendar.
    pub wall: i64,
    /// One that began with the wall's and never jumps: for sliding windows.
    pub steady: i64,
}

/// What a counter holds for calls in flight, and what it has booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    held: Amount,
    booked: Booked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Booked {
    /// By the number of the slot, in ascending order; none is empty.
    Sliding {
        slots: VecDeque<(i64, Amount)>,
        sum: Amount,
    },
    Slot {
        slot: Slot,
        used: Amount,
    },
    Nothing,
}

impl Tally {
    /// An empty one.
    #[must_use]
    pub fn new(window: &Window) -> Self {
        let booked = match window {
            Window::Sliding(_) => Booked::Sliding { slots: VecDeque::new(), sum: 0 },
            // Before all time: the first look finds the slot.
            Window::Calendar(..) => Booked::Slot { slot: Slot { start: i64::MIN, end: i64::MIN }, used: 0 },
            Window::Lifetime => Booked::Slot { slot: Slot::EVER, used: 0 },
            Window::Moment => Booked::Nothing,
        };
        Self { held: 0, booked }
    }

    /// Forgets what the window has left behind.
    ///
    /// A calendar's slot is only ever left for a later one: a clock that is set back does not give a budget twice.
    pub fn roll(&mut self, window: &Window, now: Now) {
        match (&mut self.booked, window) {
            (Booked::Sliding { slots, sum }, Window::Sliding(width)) => {
                let oldest = number(now.steady, *width) - SLOTS;
                while let Some((_, amount)) = slots.pop_front_if(|(number, _)| *number < oldest) {
                    *sum = sum.saturating_sub(amount);
                }
            }
            (Booked::Slot { slot, used }, Window::Calendar(period, zone)) if now.wall >= slot.end => {
                (*slot, *used) = (period.around(now.wall, zone), 0);
            }
            _ => {}
        }
    }

    /// What is booked in the window, as of the last [`Self::roll`].
    #[must_use]
    pub fn used(&self) -> Amount {
        match &self.booked {
            Booked::Sliding { sum, .. } => *sum,
            Booked::Slot { used, .. } => *used,
            Booked::Nothing => 0,
        }
    }

    /// What calls in flight hold.
    #[must_use]
    pub fn held(&self) -> Amount {
        self.held
    }

    /// Booked and held together.
    #[must_use]
    pub fn taken(&self) -> Amount {
        self.used().saturating_add(self.held)
    }

    /// Holds an amount, whether there is room or not.
    pub fn hold(&mut self, amount: Amount) {
        self.held = self.held.saturating_add(amount);
    }

    /// Returns what was held.
    pub fn release(&mut self, amount: Amount) {
        self.held = self.held.saturating_sub(amount);
    }

    /// The slot that something which happens now is booked in: its beginning.
    #[must_use]
    pub fn slot(&self, window: &Window, now: Now) -> i64 {
        match (&self.booked, window) {
            (_, Window::Sliding(width)) => number(now.steady, *width).saturating_mul(step(*width)),
            (Booked::Slot { slot, .. }, _) => slot.start,
            _ => 0,
        }
    }

    /// Books an amount in a slot. What belongs to another period than the present one is none of this tally's.
    pub fn book(&mut self, window: &Window, slot: i64, amount: Amount) {
        if amount == 0 {
            return;
        }
        match (&mut self.booked, window) {
            (Booked::Sliding { slots, sum }, Window::Sliding(width)) => {
                let number = slot.div_euclid(step(*width));
                let newest = slots.back().map_or(number, |(newest, _)| *newest);
                if number < newest - SLOTS {
                    return;
                }
                *sum = sum.saturating_add(amount);
                let at = slots.partition_point(|(other, _)| *other < number);
                match slots.get_mut(at) {
                    Some((same, booked)) if *same == number => *booked = booked.saturating_add(amount),
                    _ => slots.insert(at, (number, amount)),
                }
            }
            (Booked::Slot { slot: present, used }, _) if present.start == slot => *used = used.saturating_add(amount),
            _ => {}
        }
    }

    /// Puts back what was booked before a start, in its slot. `now` decides whether it still counts.
    pub fn restore(&mut self, window: &Window, now: Now, slot: i64, amount: Amount) {
        self.roll(window, now);
        self.book(window, slot, amount);
        self.roll(window, now);
    }

    /// In how many microseconds there would be room for `need` under `most`, if nothing more were taken and calls in flight
    /// returned nothing; `None` if time alone makes none.
    #[must_use]
    pub fn wait(&self, window: &Window, now: Now, need: Amount, most: Amount) -> Option<i64> {
        let allowed = most.checked_sub(need.saturating_add(self.held))?;
        match (&self.booked, window) {
            (Booked::Sliding { slots, sum }, Window::Sliding(width)) => {
                let mut left = *sum;
                for (number, amount) in slots {
                    if left <= allowed {
                        return Some(0);
                    }
                    left = left.saturating_sub(*amount);
                    if left <= allowed {
                        let gone = (number + SLOTS + 1).saturating_mul(step(*width));
                        return Some(gone.saturating_sub(now.steady).max(0));
                    }
                }
                Some(0)
            }
            (Booked::Slot { slot, .. }, Window::Calendar(..)) => Some(slot.end.saturating_sub(now.wall).max(0)),
            _ => None,
        }
    }

    /// In how many microseconds all that is booked is forgotten; `None` if that never happens.
    #[must_use]
    pub fn resets(&self, window: &Window, now: Now) -> Option<i64> {
        match (&self.booked, window) {
            (Booked::Sliding { slots, .. }, Window::Sliding(width)) => Some(slots.back().map_or(0, |(number, _)| {
                (number + SLOTS + 1).saturating_mul(step(*width)).saturating_sub(now.steady).max(0)
            })),
            (Booked::Slot { slot, .. }, Window::Calendar(..)) => Some(slot.end.saturating_sub(now.wall).max(0)),
            (Booked::Nothing, _) => Some(0),
            _ => None,
        }
    }

    /// Whether a new one would be the same: nobody misses it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken() == 0
    }
}

/// The length of a slot: together they are never shorter than the window.
fn step(width: i64) -> i64 {
    ((width + SLOTS - 1) / SLOTS).max(1)
}

/// The number of the slot of a moment, counted from 1970.
fn number(at: i64, width: i64) -> i64 {
    at.div_euclid(step(width))
}
