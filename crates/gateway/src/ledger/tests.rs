//! What many calls do to counters at once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use govern::{
    Money,
    key::Origin,
    limit::{Cap, Limit, Measure, Mode, Now, Reserve, Scope, Window},
};
use llm::Usage;
use proptest::prelude::*;

use super::{Counter, Counters, Hold, Met, Need, Needs, NoPlace, Used};

const NOW: Now = Now { wall: 1_000_000_000_000_000, steady: 1_000_000_000_000_000 };

fn at(seconds: i64) -> Now {
    Now { wall: NOW.wall + seconds * 1_000_000, steady: NOW.steady + seconds * 1_000_000 }
}

fn limit(id: &str, caps: Vec<Cap>) -> Arc<Limit> {
    Arc::new(Limit {
        id: id.into(),
        when: Scope::default(),
        unless: Scope::default(),
        per: Vec::new(),
        caps,
        overrides: Vec::new(),
        mode: Mode::Enforce,
        reserve: Reserve::Strict,
        counts_cached: true,
        steps: Vec::new(),
        origin: Origin::File,
    })
}

fn cap(measure: Measure, most: u64, window: Window) -> Cap {
    Cap { measure, most, window }
}

/// The caps of limits, with their counters, in the order of their addresses.
fn met(counters: &Counters, limits: &[Arc<Limit>]) -> Vec<Met> {
    let mut all: Vec<Met> = limits
        .iter()
        .flat_map(|limit| {
            limit.caps.iter().enumerate().map(|(place, cap)| Met {
                limit: limit.clone(),
                place,
                most: cap.most,
                counter: counters.of(&format!("{}/{place}", limit.id), &cap.window, NOW),
            })
        })
        .collect();
    all.sort_by_key(|met| Arc::as_ptr(&met.counter).addr());
    all
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input, output, ..Usage::default() }
}

fn cover(hold: &Hold, all: Vec<Met>, (usage, cost): (Usage, i64), tries: &[Used<'_>], now: Now) -> Result<(), NoPlace> {
    let need = || Need { usage, cost: Some(Money(cost)) };
    hold.cover(all, (&"a/m".into(), &Needs::new(&need, &need)), tries, now).map(drop)
}

fn settle(hold: &Hold, uses: &[(Usage, i64)], now: Now) -> u64 {
    let used = uses.iter().map(|(usage, cost)| Used { target: "a/m", usage, cost: Money(*cost) });
    hold.settle(used, now).charges.iter().map(|charge| charge.amount).sum()
}

fn taken(counter: &Arc<Counter>, now: Now) -> (u64, u64) {
    let state = counter.at(now);
    (state.tally.used(), state.tally.held())
}

#[test]
fn case_084_who_is_refused_by_one_limit_takes_nothing_of_another() {
    let counters = Counters::default();
    let day = Window::Sliding(86_400_000_000);
    let roomy =
        limit("roomy", vec![cap(Measure::Requests, 100, day.clone()), cap(Measure::Tokens, 10_000, day.clone())]);
    let tight = limit("tight", vec![cap(Measure::Concurrency, 1, Window::Moment), cap(Measure::Spend, 50, day)]);
    let all = || met(&counters, &[roomy.clone(), tight.clone()]);
    let first = Hold::default();
    cover(&first, all(), (usage(10, 10), 50), &[], NOW).unwrap();
    let before: Vec<_> = all().iter().map(|met| taken(&met.counter, NOW)).collect();
    let second = Hold::default();
    let Err(NoPlace::Full(refused)) = cover(&second, all(), (usage(1, 1), 1), &[], NOW) else { panic!("must not fit") };
    assert_eq!(&*refused.met.limit.id, "tight");
    let after: Vec<_> = all().iter().map(|met| taken(&met.counter, NOW)).collect();
    assert_eq!(before, after);
    drop(second);
    settle(&first, &[(usage(10, 10), 50)], NOW);
    let third = Hold::default();
    assert!(cover(&third, all(), (usage(1, 1), 1), &[], NOW).is_err(), "the money is spent");
    assert!(cover(&third, all(), (usage(1, 1), 0), &[], NOW).is_ok(), "what is free of charge still fits");
}

#[test]
fn what_is_dropped_unsettled_goes_back() {
    let counters = Counters::default();
    let one =
        limit("one", vec![cap(Measure::Tokens, 100, Window::Lifetime), cap(Measure::Concurrency, 1, Window::Moment)]);
    let all = || met(&counters, std::slice::from_ref(&one));
    let hold = Hold::default();
    cover(&hold, all(), (usage(50, 50), 0), &[], NOW).unwrap();
    assert!(cover(&Hold::default(), all(), (usage(0, 1), 0), &[], NOW).is_err());
    drop(hold);
    assert!(all().iter().all(|met| taken(&met.counter, NOW) == (0, 0)));
}

#[test]
fn a_try_after_a_failure_that_was_billed_needs_its_own_on_top() {
    let counters = Counters::default();
    let one =
        limit("one", vec![cap(Measure::Tokens, 100, Window::Lifetime), cap(Measure::Requests, 1, Window::Lifetime)]);
    let all = || met(&counters, std::slice::from_ref(&one));
    let hold = Hold::default();
    cover(&hold, all(), (usage(40, 0), 0), &[], NOW).unwrap();
    let failed = usage(40, 0);
    let tries = [Used { target: "a/m", usage: &failed, cost: Money(0) }];
    cover(&hold, all(), (usage(40, 0), 0), &tries, NOW).unwrap();
    let twice = [tries[0], tries[0]];
    let Err(NoPlace::Full(refused)) = cover(&hold, all(), (usage(40, 0), 0), &twice, NOW) else { panic!("120 of 100") };
    assert_eq!((refused.need, refused.held), (120, 80));
    assert_eq!(settle(&hold, &[(failed, 0), (usage(40, 0), 0)], NOW), 80 + 1);
    assert_eq!(settle(&hold, &[(failed, 0)], NOW), 0, "once");
}

#[test]
fn case_074_calls_at_once_never_take_more_than_the_cap() {
    let counters = Arc::new(Counters::default());
    let one =
        limit("one", vec![cap(Measure::Spend, 3_000, Window::Lifetime), cap(Measure::Concurrency, 50, Window::Moment)]);
    let admitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let hold = Hold::default();
                if cover(&hold, met(&counters, std::slice::from_ref(&one)), (usage(1, 1), 1_000), &[], NOW).is_ok() {
                    admitted.fetch_add(1, Ordering::Relaxed);
                    settle(&hold, &[(usage(1, 1), 1_000)], NOW);
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 3);
    let sums: BTreeMap<_, _> =
        met(&counters, &[one]).iter().map(|met| (met.measure(), taken(&met.counter, NOW))).collect();
    assert_eq!(sums[&Measure::Spend], (3_000, 0));
    assert_eq!(sums[&Measure::Concurrency], (0, 0));
}

#[test]
fn threads_that_meet_the_same_limits_in_any_order_neither_deadlock_nor_pass_them() {
    let counters = Arc::new(Counters::default());
    let limits: Vec<_> = (0..6)
        .map(|id| {
            limit(
                &format!("l{id}"),
                vec![cap(Measure::Tokens, 500 + id, Window::Lifetime), cap(Measure::Requests, 1_000, Window::Lifetime)],
            )
        })
        .collect();
    let booked = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let (counters, limits, booked) = (&counters, &limits, &booked);
            scope.spawn(move || {
                for round in 0..500 {
                    let some: Vec<_> =
                        limits.iter().cycle().skip(thread + round).take(1 + round % 6).cloned().collect();
                    let hold = Hold::default();
                    if cover(&hold, met(counters, &some), (usage(3, 4), 0), &[], NOW).is_ok() {
                        for met in met(counters, &some) {
                            let (used, held) = taken(&met.counter, NOW);
                            assert!(used + held <= met.most, "{used} + {held} of {}", met.most);
                        }
                        booked.fetch_add(settle(&hold, &[(usage(1, 0), 0)], NOW), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let all = met(&counters, &limits);
    let sum: u64 = all.iter().map(|met| taken(&met.counter, NOW).0).sum();
    assert_eq!(sum, booked.into_inner(), "counters are the sums of the charges");
    assert!(all.iter().all(|met| taken(&met.counter, NOW).1 == 0));
}

#[test]
fn case_076_first_calls_of_somebody_unseen_share_one_counter() {
    let counters = Counters::default();
    let ready = std::sync::Barrier::new(16);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                ready.wait();
                for end_user in 0..100 {
                    let name = format!("per/requests/day@UTC/end_user={end_user}");
                    counters.of(&name, &Window::Lifetime, NOW).at(NOW).tally.hold(1);
                }
            });
        }
    });
    assert_eq!(counters.len(), 100);
    for end_user in 0..100 {
        let name = format!("per/requests/day@UTC/end_user={end_user}");
        assert_eq!(taken(&counters.of(&name, &Window::Lifetime, NOW), NOW), (0, 16));
    }
}

#[test]
fn counters_that_nobody_misses_are_forgotten() {
    let counters = Counters::default();
    let minute = Window::Sliding(60_000_000);
    for user in 0..1_000 {
        let counter = counters.of(&format!("u{user}"), &minute, NOW);
        let mut state = counter.at(NOW);
        let slot = state.tally.slot(&minute, NOW);
        state.tally.book(&minute, slot, 1);
    }
    counters.forget_idle(at(59));
    assert_eq!(counters.len(), 1_000);
    counters.forget_idle(at(62));
    assert_eq!(counters.len(), 0);
}

#[test]
fn what_was_booked_before_a_start_counts() {
    let ledger = super::Ledger::default();
    let minute = Window::Sliding(60_000_000);
    let old = NOW.steady - 30_000_000;
    ledger.restore([("a".into(), old, 7), ("a".into(), NOW.steady - 90_000_000, 5), ("b".into(), 0, 9)]);
    assert_eq!(taken(&ledger.counters.of("a", &minute, NOW), NOW), (7, 0));
    assert_eq!(taken(&ledger.counters.of("b", &Window::Lifetime, NOW), NOW), (9, 0));
}

proptest! {
    /// Whatever comes in whatever order, what is booked and held never passes the cap, and at the end the counter is the sum of
    /// the charges.
    #[test]
    fn booked_and_held_never_pass_the_cap(
        most in 1_u64..200,
        steps in proptest::collection::vec((0_usize..8, 0_u64..60, 0_u64..60, 0_i64..20), 1..200),
    ) {
        let counters = Counters::default();
        let one = limit("one", vec![cap(Measure::Tokens, most, Window::Lifetime)]);
        let mut holds: Vec<Option<(Hold, u64)>> = (0..8).map(|_| None).collect();
        let (mut booked, mut now) = (0, NOW);
        for (place, need, used, pause) in steps {
            now = Now { wall: now.wall + pause, steady: now.steady + pause };
            match holds[place].take() {
                Some((hold, need)) => booked += settle(&hold, &[(usage(used.min(need), 0), 0)], now),
                None => {
                    let hold = Hold::default();
                    if cover(&hold, met(&counters, std::slice::from_ref(&one)), (usage(need, 0), 0), &[], now).is_ok() {
                        holds[place] = Some((hold, need));
                    }
                }
            }
            let (used, held) = taken(&met(&counters, std::slice::from_ref(&one))[0].counter, now);
            prop_assert!(used + held <= most);
            prop_assert_eq!(used, booked);
        }
    }
}
