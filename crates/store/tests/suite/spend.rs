//! Sums of spend: written with the records, moved by repricings, and equal to them to the last nano-dollar.

use std::collections::BTreeMap;

use gateway::observe::{Attempt, Outcome, Record, Repriced};
use govern::{Money, audit::Author, config::Basis};
use llm::{
    price::Terms,
    usage::{Unit, Usage},
};
use store::{By, Condition, Filter, Grain, Period, Repricing, SpendQuery, Spent, Store};

use super::{START, record};

const DAY: i64 = 86_400_000_000;

fn days() -> Period {
    Period { grain: Grain::Day, from: START.div_euclid(DAY) - 1, until: START.div_euclid(DAY) + 60 }
}

async fn spend(store: &Store, by: &[By], when: &[Condition]) -> Vec<Spent> {
    let query = SpendQuery { by: by.to_vec(), when: when.to_vec(), period: days(), after: None, limit: 1_000 };
    store.spend(&query).await.unwrap()
}

/// The cost of all.
async fn total(store: &Store) -> i64 {
    spend(store, &[], &[]).await.first().map_or(0, |spent| spent.figures.cost.0)
}

fn attempt(target: &str, cost: Option<i64>, usage: Usage) -> Attempt {
    let basis = Basis { terms: Terms { discount: 100, margin: 0 }, ..Basis::default() };
    Attempt {
        target: target.into(),
        usage,
        cost: cost.map(Money),
        unpriced: cost.is_none(),
        basis,
        ..Attempt::default()
    }
}

/// Records of every kind: answered, with a failed try before, refused, without a price, tagged, cut, and known only as a
/// whole, over some days.
fn month() -> Vec<Record> {
    let usage =
        |n: u64| Usage { input: 100 + n, cache_read: n % 7, output: 10 + n % 5, reasoning: n % 3, ..Usage::default() };
    (0..400_u64)
        .map(|n| {
            let base = Record {
                key_id: Some(format!("key{}", n % 5)),
                model: Some(format!("model{}", n % 3)),
                ..record(n * 7_001)
            };
            let target = ["openai/gpt", "azure/gpt", "claude/sonnet/4"][n as usize % 3];
            let mut made = match n % 10 {
                0 => Record { outcome: Outcome::Refused, status: 403, cost: Some(Money(0)), ..base },
                1 => Record {
                    attempts: vec![attempt(target, None, usage(n))],
                    unpriced: true,
                    target: Some(target.into()),
                    ..base
                },
                2 => {
                    let tries = vec![attempt("spare/x", Some(17), usage(n)), attempt(target, Some(1), usage(n))];
                    Record { attempts: tries, target: Some(target.into()), ..base }
                }
                3 => Record { usage: usage(n), cost: Some(Money(5_000)), outcome: Outcome::Interrupted, ..base },
                4 => {
                    let tries = vec![attempt(target, Some(31), usage(n))];
                    Record { attempts: tries, outcome: Outcome::Partial, target: Some(target.into()), ..base }
                }
                _ => {
                    let tags =
                        BTreeMap::from([("feature".into(), format!("f{}", n % 2)), ("noise".into(), n.to_string())]);
                    let tries = vec![attempt(target, Some(i64::try_from(n).unwrap() * 3), usage(n))];
                    Record { attempts: tries, tags, target: Some(target.into()), ..base }
                }
            };
            if !made.attempts.is_empty() {
                made.sum_attempts();
            }
            made
        })
        .collect()
}

fn sum(records: &[Record]) -> i64 {
    records.iter().map(|record| record.cost.unwrap_or_default().0).sum()
}

pub async fn case_072_sums_equal_the_records(store: &Store, another: &Store) {
    let records = month();
    for (number, batch) in records.chunks(37).enumerate() {
        let store = if number % 2 == 0 { store } else { another };
        store.keep(batch).await.unwrap();
        // What comes again counts once: whole batches, and some of another.
        store.keep(batch).await.unwrap();
        store.keep(&batch[..batch.len() / 2]).await.unwrap();
    }
    let twice = [records[399].clone(), record(1_000_003), record(1_000_003)];
    store.keep(&twice).await.unwrap();
    assert_eq!(total(store).await, sum(&records));
    let all = &spend(store, &[], &[]).await[0].figures;
    assert_eq!(all.requests, 401);
    let units = |unit| -> i64 { records.iter().map(|record| i64::try_from(record.usage.get(unit)).unwrap()).sum() };
    for unit in [Unit::Input, Unit::CacheRead, Unit::Output, Unit::Reasoning] {
        assert_eq!(all.unit(unit), units(unit), "{unit:?}");
    }
    assert_eq!(all.unpriced, 40);
    let first = days().from;
    let drift = another.check_spend(first, first + 60).await.unwrap();
    assert_eq!((drift.wrong, drift.cost, drift.records, drift.of_records), (0, Money(0), 401, Money(sum(&records))));
    assert!(drift.sums > 50);
}

pub async fn case_072_ten_thousand_tiny_costs_sum_exactly(store: &Store, _: &Store) {
    let tiny = |n: u64| {
        let tries = vec![attempt("a/m", Some(100), Usage { input: 1, ..Usage::default() })];
        Record { attempts: tries, cost: Some(Money(100)), target: Some("a/m".into()), ..record(n) }
    };
    let batch: Vec<Record> = (0..10_000).map(tiny).collect();
    for batch in batch.chunks(256) {
        store.keep(batch).await.unwrap();
    }
    assert_eq!(total(store).await, 1_000_000, "10,000 times 1e-7 dollars is a thousandth of a dollar");
}

pub async fn spend_is_told_apart_by_anything(store: &Store, another: &Store) {
    store.keep_spend_by(&["feature".to_owned()]);
    let records = month();
    store.keep(&records).await.unwrap();
    let by_key = spend(another, &[By::Dimension("key")], &[]).await;
    assert_eq!(
        by_key.iter().map(|spent| spent.keys[0].as_str()).collect::<Vec<_>>(),
        ["key0", "key1", "key2", "key3", "key4"]
    );
    assert_eq!(by_key.iter().map(|spent| spent.figures.cost.0).sum::<i64>(), sum(&records));
    let tagged = spend(store, &[By::Tag("feature".into()), By::Month], &[]).await;
    let of = |value: &str| -> i64 {
        let of = |record: &&Record| record.tags.get("feature").map_or("", String::as_str) == value;
        records.iter().filter(of).map(|record| record.cost.unwrap_or_default().0).sum()
    };
    for value in ["", "f0", "f1"] {
        let sums = tagged.iter().filter(|spent| spent.keys[0] == value).map(|spent| spent.figures.cost.0);
        assert_eq!(sums.sum::<i64>(), of(value), "{value:?}");
    }
    assert_eq!(spend(store, &[By::Tag("noise".into())], &[]).await.len(), 1, "what was not chosen is not kept");
    let is = |name, value: &str| Condition { by: By::Dimension(name), value: value.into() };
    let spare =
        spend(store, &[By::Dimension("target_model"), By::Dimension("outcome")], &[is("account", "spare")]).await;
    assert_eq!((spare.len(), spare[0].keys.join("/")), (1, "x/failed".to_owned()));
    assert_eq!((spare[0].figures.cost, spare[0].figures.tries, spare[0].figures.requests), (Money(40 * 17), 40, 0));
    let served = spend(store, &[By::Dimension("target_model")], &[is("account", "claude")]).await;
    assert_eq!(served[0].keys, ["sonnet/4"]);
    let refused = spend(store, &[By::Dimension("model")], &[is("outcome", "refused")]).await;
    assert_eq!((refused.len(), refused[0].keys[0].as_str()), (1, ""), "a name that nobody answered to is no place");
}

pub async fn pages_of_spend_follow_each_other(store: &Store, _: &Store) {
    store.keep(&month()).await.unwrap();
    let by = [By::Day, By::Dimension("model"), By::Dimension("key")];
    let all = spend(store, &by, &[]).await;
    assert!(all.len() > 60);
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let query = SpendQuery { by: by.to_vec(), when: Vec::new(), period: days(), after, limit: 7 };
        let page = store.spend(&query).await.unwrap();
        after = page.last().map(|spent| spent.keys.clone());
        if after.is_none() {
            break;
        }
        pages.extend(page);
    }
    assert_eq!(pages, all);
    let hours = Period { grain: Grain::Hour, from: days().from * 24, until: days().until * 24 };
    let by_hour = SpendQuery { by: vec![By::Day], when: Vec::new(), period: hours, after: None, limit: 1_000 };
    assert_eq!(
        store.spend(&by_hour).await.unwrap(),
        spend(store, &[By::Day], &[]).await,
        "hours and days say the same"
    );
    let hostile = [Condition { by: By::Dimension("key"), value: "' OR '1'='1".into() }];
    assert_eq!(spend(store, &[], &hostile).await, []);
    let query = SpendQuery { by: vec![By::Hour], when: Vec::new(), period: days(), after: None, limit: 1 };
    assert!(store.spend(&query).await.unwrap_err().to_string().contains("hour"));
}

pub async fn case_068_a_repricing_moves_its_sums(store: &Store, another: &Store) {
    let records = month();
    store.keep(&records).await.unwrap();
    let three = |record: &mut Record| {
        let Some(attempt) = record.attempts.iter_mut().find(|attempt| attempt.unpriced) else { return Repriced::Same };
        (attempt.cost, attempt.unpriced, attempt.price) = (Some(Money(1_003)), false, Some("config/3".into()));
        record.sum_attempts();
        record.repriced = Some(START);
        Repriced::Changed
    };
    let asked = Repricing { author: Author::new("me", START), filter: Filter::default(), dry_run: false };
    for _ in 0..2 {
        another.reprice(&asked, 0, 500, three).await.unwrap();
        assert_eq!(total(store).await, sum(&records) + 40 * 1_003);
    }
    let figures = &spend(store, &[], &[]).await[0].figures;
    assert_eq!((figures.unpriced, figures.requests), (0, 400));
    let prices = spend(store, &[By::Dimension("price")], &[]).await;
    assert_eq!(prices.iter().map(|spent| spent.keys[0].as_str()).collect::<Vec<_>>(), ["", "config/3"]);
    let drift = store.check_spend(days().from, days().until).await.unwrap();
    assert_eq!((drift.wrong, drift.cost), (0, Money(0)));
}

pub async fn sums_outlive_their_records(store: &Store, _: &Store) {
    store.keep(&month()).await.unwrap();
    let first = START.div_euclid(DAY);
    assert_eq!(store.check_spend(first, first + 1).await.unwrap().wrong, 0);
    store.forget_before(i64::MAX).await.unwrap();
    assert_eq!(store.requests(&Filter::default(), store::Page::default()).await.unwrap(), []);
    assert!(total(store).await > 0);
    store.forget_hours_before((first + 2) * 24).await.unwrap();
    assert!(total(store).await > 0, "days stay");
    assert!(store.check_spend(first, first + 1).await.unwrap().wrong > 0, "a check sees what is missing");
}
