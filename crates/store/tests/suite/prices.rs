//! Prices: kept for good, and costs that were changed after the call.

use std::sync::Arc;

use gateway::observe::{Attempt, Priced, Record, Repriced};
use govern::Money;
use govern::audit::Author;
use llm::{
    price::Price,
    usage::{Unit, Usage},
};
use store::{Filter, Repricing, Step, Store};

use super::{START, record};

fn price(rate: u64) -> Arc<Price> {
    Arc::new(Price::flat([(Unit::Input, rate), (Unit::Output, 2 * rate)].into_iter().collect()).versioned("config"))
}

/// A record whose price nobody knew.
fn open(second: u64) -> Record {
    let usage = Usage { input: 1, ..Usage::default() };
    let attempt = Attempt { target: "a/m".into(), usage, unpriced: true, ..Attempt::default() };
    Record { usage, unpriced: true, attempts: vec![attempt], ..record(second) }
}

/// Prices what is open at three nano-dollars.
fn three(record: &mut Record) -> Repriced {
    let Some(attempt) = record.attempts.iter_mut().find(|attempt| attempt.unpriced) else { return Repriced::Same };
    (attempt.cost, attempt.unpriced, attempt.price) = (Some(Money(3)), false, Some("config/3".into()));
    (record.cost, record.unpriced, record.repriced) = (Some(Money(3)), false, Some(START));
    Repriced::Changed
}

fn asked() -> Repricing {
    Repricing { filter: Filter::default(), dry_run: false, author: Author { at: START + 5, ..Author::new("me", 0) } }
}

async fn run(store: &Store, asked: &Repricing, limit: u32) -> Step {
    let mut sum = Step { next: Some(0), ..Step::default() };
    while let Some(after) = sum.next {
        sum.add(&store.reprice(asked, after, limit, three).await.unwrap());
    }
    sum
}

pub async fn a_price_is_kept_once_and_comes_back(store: &Store, another: &Store) {
    let many: Vec<Arc<Price>> = (1..1_200).map(price).collect();
    assert_eq!(store.keep_prices(many.iter().cloned(), START).await.unwrap(), 1_199);
    let again = many.iter().cloned().chain([price(5_000), Arc::new(Price::default())]);
    assert_eq!(another.keep_prices(again, START + 1).await.unwrap(), 1, "one is new, one has no version");
    for (price, first_seen) in [(price(7), START), (price(5_000), START + 1)] {
        let kept = store.price(price.version.as_deref().unwrap()).await.unwrap().unwrap();
        assert_eq!((kept.price, kept.first_seen), ((*price).clone(), first_seen));
    }
    assert_eq!(store.price("config/0").await.unwrap(), None);
}

pub async fn what_has_no_price_is_priced_later_and_once(store: &Store, another: &Store) {
    let exact = Record { cost: Some(Money(7)), ..record(2) };
    store.keep(&[open(1), exact.clone(), open(3)]).await.unwrap();
    let step = run(another, &asked(), 500).await;
    let figures = Step { seen: 3, changed: 2, unknown_before: 2, after: Money(6), ..Step::default() };
    assert_eq!(step, figures);
    let changed = store.request(open(1).id).await.unwrap().unwrap().record;
    let mut expected = open(1);
    three(&mut expected);
    assert_eq!(changed, expected);
    assert_eq!(store.request(exact.id).await.unwrap().unwrap().record, exact);
    let changes = store.repricings(open(1).id).await.unwrap();
    assert_eq!((changes.len(), changes[0].at, changes[0].author.as_str()), (1, START + 5, "me"));
    assert_eq!(changes[0].before, Priced { unpriced: true, prices: vec![None], ..Priced::default() });
    assert_eq!((changes[0].after.cost, changes[0].after.prices[0].as_deref()), (Some(Money(3)), Some("config/3")));
    assert_eq!(run(store, &asked(), 500).await, Step { seen: 3, ..Step::default() }, "once");
    assert_eq!(store.repricings(open(1).id).await.unwrap().len(), 1);
    assert_eq!(store.repricings(exact.id).await.unwrap(), []);
}

pub async fn a_dry_run_changes_nothing(store: &Store, _: &Store) {
    store.keep(&[open(1)]).await.unwrap();
    let dry = Repricing { dry_run: true, ..asked() };
    for _ in 0..2 {
        let step = run(store, &dry, 500).await;
        assert_eq!((step.changed, step.after), (1, Money(3)));
    }
    assert_eq!(store.request(open(1).id).await.unwrap().unwrap().record, open(1));
    assert_eq!(store.repricings(open(1).id).await.unwrap(), []);
}

pub async fn prices_in_bounded_steps(store: &Store, another: &Store) {
    store.keep(&(0..23).map(open).collect::<Vec<_>>()).await.unwrap();
    let filter = Filter { since: Some(START + 2_000_000), until: Some(START + 20_000_000), ..Filter::default() };
    let asked = Repricing { filter, ..asked() };
    let first = store.reprice(&asked, 0, 5, three).await.unwrap();
    assert_eq!((first.seen, first.changed), (5, 5));
    // Whoever goes on from there, or begins anew, finds the rest alone.
    let second = another.reprice(&asked, first.next.unwrap(), 5, three).await.unwrap();
    assert_eq!((second.seen, second.changed), (5, 5));
    let rest = run(store, &asked, 5).await;
    assert_eq!((rest.seen, rest.changed), (18, 8));
    let huge = store.reprice(&Repricing { dry_run: true, ..self::asked() }, 0, u32::MAX, three).await.unwrap();
    assert_eq!((huge.seen, huge.changed, huge.next), (23, 5, None));
}

pub async fn a_record_that_changed_meanwhile_is_left(store: &Store, another: &Store) {
    store.keep(&[open(1)]).await.unwrap();
    let (handle, asked) = (tokio::runtime::Handle::current(), asked());
    // While one prices the record, another does so first.
    let step = store.reprice(&asked, 0, 5, |record| {
        let done = std::thread::scope(|scope| {
            let other = scope.spawn(|| handle.block_on(another.reprice(&asked, 0, 5, three)).unwrap());
            other.join().unwrap()
        });
        assert_eq!(done.changed, 1);
        three(record)
    });
    assert_eq!(step.await.unwrap().changed, 0);
    assert_eq!(store.repricings(open(1).id).await.unwrap().len(), 1);
}

pub async fn what_was_priced_before_is_forgotten_with_its_record(store: &Store, _: &Store) {
    store.keep(&[open(1), open(9)]).await.unwrap();
    run(store, &asked(), 5).await;
    store.forget_before(START + 5_000_000).await.unwrap();
    assert_eq!(store.repricings(open(1).id).await.unwrap(), []);
    assert_eq!(store.repricings(open(9).id).await.unwrap().len(), 1);
}
