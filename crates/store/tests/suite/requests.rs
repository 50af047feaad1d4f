//! Records: kept once, listed newest first, followed as written, forgotten when old.

use gateway::{
    observe::{Outcome, Record},
    sink::Sink,
};
use govern::{Principal, principal::PlaceFilter};
use store::{Filter, Page, StatusClass, Store};

use super::{START, realistic, record};

async fn keep(store: &Store, records: impl IntoIterator<Item = Record>) {
    let batch: Vec<Record> = records.into_iter().collect();
    store.write(&batch).await.unwrap();
}

/// The seconds of the records that match, newest first.
async fn seconds(store: &Store, filter: Filter) -> Vec<i64> {
    let rows = store.requests(&filter, Page::default()).await.unwrap();
    rows.iter().map(|row| (row.record.at - START) / 1_000_000).collect()
}

pub async fn keeps_a_record_whole(store: &Store, another: &Store) {
    let record = realistic(20);
    keep(store, [record.clone()]).await;
    let kept = another.request(record.id).await.unwrap().unwrap();
    assert_eq!(kept.record.id, record.id);
    assert_eq!(kept.record, record);
    assert!(another.request(realistic(21).id).await.unwrap().is_none());
}

pub async fn keeps_a_record_once(store: &Store, another: &Store) {
    let first = record(1);
    keep(store, [first.clone()]).await;
    keep(another, [Record { status: 500, ..first.clone() }, record(2)]).await;
    assert_eq!(seconds(store, Filter::default()).await, [2, 1]);
    assert_eq!(store.request(first.id).await.unwrap().unwrap().record, first);
}

pub async fn keeps_batches_of_any_size(store: &Store, _: &Store) {
    let mut kept = 0;
    for size in [0, 1, 7, 8, 9, 63, 64, 65, 150] {
        keep(store, (kept..kept + size).map(record)).await;
        kept += size;
    }
    let mut seen = Vec::new();
    let mut page = Page { after: None, limit: 100 };
    loop {
        let rows = store.requests(&Filter::default(), page).await.unwrap();
        let Some(last) = rows.last() else { break };
        page.after = Some(last.record.id);
        seen.extend(rows.into_iter().map(|row| row.record));
    }
    assert_eq!(seen, (0..kept).rev().map(record).collect::<Vec<_>>());
}

pub async fn lists_by_the_callers_place(store: &Store, _: &Store) {
    let of = |n: u64, team: &str, user: &str| {
        let principal = Principal { team: Some(team.into()), user: Some(user.into()), ..Principal::default() };
        Record { principal: Some(principal.into()), ..record(n) }
    };
    keep(store, [of(1, "a_b", "ada"), of(2, "axb", "ada"), of(3, "a_b", "u=ada"), of(4, "A_B", "x;u=ada;"), record(5)])
        .await;
    let id = |id: &str| Some(id.to_owned());
    for (place, found) in [
        (PlaceFilter { team: id("a_b"), ..PlaceFilter::default() }, &[3, 1][..]),
        (PlaceFilter { user: id("ada"), ..PlaceFilter::default() }, &[2, 1]),
        (PlaceFilter { team: id("a_b"), user: id("ada"), ..PlaceFilter::default() }, &[1]),
        (PlaceFilter { organization: id("default"), ..PlaceFilter::default() }, &[4, 3, 2, 1]),
        (PlaceFilter { organization: id("acme"), ..PlaceFilter::default() }, &[]),
        (PlaceFilter { team: id("%"), ..PlaceFilter::default() }, &[]),
        (PlaceFilter { team: id("a"), ..PlaceFilter::default() }, &[]),
    ] {
        assert_eq!(seconds(store, Filter { place: place.clone(), ..Filter::default() }).await, found, "{place:?}");
    }
}

pub async fn pages_newest_first(store: &Store, _: &Store) {
    keep(store, [3, 1, 2, 5, 4].map(record)).await;
    let first = store.requests(&Filter::default(), Page { after: None, limit: 2 }).await.unwrap();
    assert_eq!(first.iter().map(|row| row.record.id).collect::<Vec<_>>(), [5, 4].map(|n| record(n).id));
    keep(store, [record(6)]).await;
    let after = Some(first[1].record.id);
    let second = store.requests(&Filter::default(), Page { after, limit: 2 }).await.unwrap();
    assert_eq!(second.iter().map(|row| row.record.id).collect::<Vec<_>>(), [3, 2].map(|n| record(n).id));
}

pub async fn filters(store: &Store, _: &Store) {
    let key = |id: &str| Some(id.to_owned());
    keep(
        store,
        [
            Record { key_id: key("a"), model: Some("chat".into()), ..record(1) },
            Record { key_id: key("b"), model: Some("chat".into()), ..record(2) },
            Record { key_id: key("a"), status: 429, outcome: Outcome::Refused, ..record(3) },
            Record { status: 502, outcome: Outcome::Failed, ..record(4) },
            Record { status: 200, outcome: Outcome::Partial, ..record(5) },
            Record { status: 499, outcome: Outcome::ClientDisconnected, ..record(6) },
            Record { status: 207, ..record(7) },
        ],
    )
    .await;
    let all = Filter::default;
    let at = |second: i64| Some(START + second * 1_000_000);
    for (filter, expected) in [
        (all(), vec![7, 6, 5, 4, 3, 2, 1]),
        (Filter { key_id: key("a"), ..all() }, vec![3, 1]),
        (Filter { key_id: key("c"), ..all() }, vec![]),
        (Filter { model: key("chat"), ..all() }, vec![2, 1]),
        (Filter { model: key("chat"), key_id: key("b"), ..all() }, vec![2]),
        (Filter { status: Some(StatusClass(2)), ..all() }, vec![7, 5, 2, 1]),
        (Filter { status: Some(StatusClass(3)), ..all() }, vec![]),
        (Filter { status: Some(StatusClass(4)), ..all() }, vec![6, 3]),
        (Filter { status: Some(StatusClass(5)), ..all() }, vec![4]),
        (Filter { outcome: Some(Outcome::Partial), ..all() }, vec![5]),
        (Filter { outcome: Some(Outcome::Success), ..all() }, vec![7, 2, 1]),
        (Filter { outcome: Some(Outcome::Refused), key_id: key("a"), ..all() }, vec![3]),
        (Filter { outcome: Some(Outcome::Failed), ..all() }, vec![4]),
        (Filter { outcome: Some(Outcome::ClientDisconnected), ..all() }, vec![6]),
        (Filter { since: at(6), ..all() }, vec![7, 6]),
        (Filter { until: at(3), ..all() }, vec![2, 1]),
        (Filter { since: at(3), until: at(5), ..all() }, vec![4, 3]),
        (Filter { since: Some(i64::MIN), until: Some(i64::MAX), ..all() }, vec![7, 6, 5, 4, 3, 2, 1]),
    ] {
        assert_eq!(seconds(store, filter.clone()).await, expected, "{filter:?}");
    }
}

pub async fn caps_the_rows_of_a_page(store: &Store, _: &Store) {
    keep(store, (0..1_050).map(record)).await;
    for (limit, expected) in [(0, 1_000), (1, 1), (1_000, 1_000), (1_001, 1_000), (u32::MAX, 1_000)] {
        let page = Page { after: None, limit };
        assert_eq!(store.requests(&Filter::default(), page).await.unwrap().len(), expected, "{limit}");
        assert_eq!(store.tail(&Filter::default(), None, limit).await.unwrap().len(), expected, "{limit}");
    }
}

pub async fn treats_hostile_text_as_text(store: &Store, _: &Store) {
    let hostile = ["' OR 1=1--", "%", "_", "\0", "'; DROP TABLE requests; --", "\u{202e}txt", "$1", "?1"];
    let numbered = || hostile.iter().zip(0..);
    keep(store, numbered().map(|(text, n)| Record { model: Some((*text).into()), ..record(n) })).await;
    for (text, n) in numbered() {
        let filter = Filter { model: Some((*text).into()), ..Filter::default() };
        assert_eq!(seconds(store, filter).await, [i64::try_from(n).unwrap()], "{text:?}");
        let filter = Filter { key_id: Some((*text).into()), ..Filter::default() };
        assert_eq!(seconds(store, filter).await, [] as [i64; 0], "{text:?}");
    }
}

pub async fn tails_in_the_order_of_writing(store: &Store, another: &Store) {
    let ids = |rows: &[store::Kept]| rows.iter().map(|row| row.record.id).collect::<Vec<_>>();
    let of = |seconds: &[u64]| seconds.iter().map(|n| record(*n).id).collect::<Vec<_>>();
    assert!(another.tail(&Filter::default(), None, 10).await.unwrap().is_empty());
    keep(store, [5, 6, 7].map(record)).await;
    let last = another.tail(&Filter::default(), None, 2).await.unwrap();
    assert_eq!(ids(&last), of(&[6, 7]));
    // A long call arrived first and ended last.
    keep(store, [Record { status: 500, ..record(1) }, record(8)]).await;
    let next = another.tail(&Filter::default(), Some(last[1].seq), 10).await.unwrap();
    assert_eq!(ids(&next), of(&[1, 8]));
    let failed = Filter { status: Some(StatusClass(5)), ..Filter::default() };
    assert_eq!(ids(&another.tail(&failed, Some(last[1].seq), 10).await.unwrap()), of(&[1]));
    assert!(another.tail(&Filter::default(), Some(next[1].seq), 10).await.unwrap().is_empty());
}

pub async fn forgets_what_is_old(store: &Store, _: &Store) {
    keep(store, (0..1_300).map(record)).await;
    assert_eq!(store.forget_before(START + 1_200 * 1_000_000).await.unwrap(), 1_200);
    assert_eq!(store.forget_before(START + 1_200 * 1_000_000).await.unwrap(), 0);
    assert_eq!(seconds(store, Filter::default()).await, (1_200..1_300).rev().collect::<Vec<_>>());
}
