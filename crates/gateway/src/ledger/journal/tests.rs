//! The journal on a disk that can be killed, cut from power, filled and damaged.

mod faults;
mod memory;

use uuid::Uuid;

use super::*;
use crate::observe::{Attempt, Outcome, Recovered};
use govern::Money;
use memory::Memory;

/// A record of call number `n`; `cost` in nano-dollars.
fn record(n: u64, cost: i64) -> Record {
    let mut record = Record {
        id: Uuid::from_u64_pair(7, n),
        at: 1_800_000_000_000_000 + n as i64,
        surface: "chat_completions".into(),
        key_id: Some(format!("key-{}", n % 3)),
        model: n.is_multiple_of(2).then(|| "fast".to_owned()),
        outcome: Outcome::Success,
        status: 200,
        tags: [("team".to_owned(), "x".repeat(n as usize % 40))].into(),
        attempts: vec![Attempt { target: "acme/large".to_owned(), cost: Some(Money(cost)), ..Attempt::default() }],
        ..Record::default()
    };
    record.attempts[0].usage.output = cost.unsigned_abs();
    record.sum_attempts();
    record
}

/// What a held call costs that was not settled: recognisable.
const HELD: i64 = 1_000_000;

fn price(record: &mut Record, most: Most) {
    record.attempts[0].usage.output = most.output.into();
    record.attempts[0].cost = Some(Money(HELD));
    record.sum_attempts();
}

const MOST: Most = Most { prompt: 10, output: 20 };

fn start(disk: &Arc<Memory>, rule: JournalRule) -> io::Result<(Arc<Journal>, Recovery)> {
    recover(disk.clone(), &[], rule, &Metrics::new("test"), &price)
}

fn started(disk: &Arc<Memory>) -> (Arc<Journal>, Recovery) {
    start(disk, JournalRule::default()).expect("the journal starts")
}

/// Everything that waits to be read back, as the store would keep it: one record per id, the first.
fn read_back(journal: &Journal) -> Vec<Record> {
    let mut kept: Vec<Record> = Vec::new();
    while let Some((segment, records)) = journal.backlog().unwrap() {
        for record in records {
            match kept.iter().find(|known| known.id == record.id) {
                Some(known) => assert_eq!(known, &record, "twice, and not alike"),
                None => kept.push(record),
            }
        }
        journal.all_kept(segment);
    }
    kept
}

fn costs(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.cost.unwrap().0).collect()
}

#[test]
fn what_was_settled_is_read_back_and_what_was_not_is_settled_by_what_is_known() {
    let disk = Arc::new(Memory::default());
    let (journal, recovery) = started(&disk);
    assert_eq!((recovery.recovered, recovery.settled), (0, 0));
    let held: Vec<_> = (0..4).map(|n| journal.hold(&record(n, 0), MOST).unwrap().unwrap()).collect();
    assert!(matches!(journal.settle(held[0], &record(0, 5)), Owed::Settled(1)));
    journal.checkpoint(&record(1, 3));
    journal.checkpoint(&record(1, 4));
    drop(journal);

    let (journal, recovery) = started(&disk);
    assert_eq!((recovery.recovered, recovery.settled, recovery.damage.len()), (3, 1, 0));
    let kept = read_back(&journal);
    assert_eq!(costs(&kept), [5, 4, HELD, HELD]);
    assert_eq!(kept[0], record(0, 5));
    let known: Vec<_> = kept.iter().map(|record| record.recovered).collect();
    assert_eq!(known, [None, Some(Recovered::Checkpoint), Some(Recovered::Held), Some(Recovered::Held)]);
    assert!(kept[1..].iter().all(|record| (record.outcome, record.status) == (Outcome::Interrupted, 500)));
    assert_eq!(kept[2].usage.output, 20);
}

#[test]
fn segments_go_when_all_in_them_is_kept_and_never_before() {
    let disk = Arc::new(Memory::small(600));
    let (journal, _) = started(&disk);
    let long = journal.hold(&record(0, 0), MOST).unwrap().unwrap();
    let mut owed = Vec::new();
    for n in 1..20 {
        let held = journal.hold(&record(n, 0), MOST).unwrap().unwrap();
        owed.push(journal.settle(held, &record(n, 1)));
    }
    let all = disk.list().unwrap();
    assert!(all.len() > 5, "{all:?}");
    journal.kept(owed);
    journal.forget();
    assert_eq!(
        disk.list().unwrap(),
        all,
        "the first call goes on: its hold is needed, and nothing before a gap may go"
    );
    let last = journal.settle(long, &record(0, 1));
    journal.kept([last]);
    journal.close();
    journal.forget();
    assert_eq!(disk.list().unwrap().len(), 1, "the newest stays");
    drop(journal);
    let (journal, recovery) = started(&disk);
    assert_eq!((recovery.recovered, recovery.settled), (0, 0));
    assert_eq!(read_back(&journal), []);
}

#[test]
fn a_second_try_is_settled_as_what_was_tried_last() {
    let disk = Arc::new(Memory::default());
    let (journal, _) = started(&disk);
    let held = journal.hold(&record(1, 0), MOST).unwrap().unwrap();
    let mut second = record(1, 0);
    second.attempts.insert(0, Attempt { target: "other/one".to_owned(), cost: Some(Money(7)), ..Attempt::default() });
    second.attempts[0].usage.input = 1;
    second.attempts.swap(0, 1);
    let again = journal.hold_again(held, &second, Most { prompt: 1, output: 2 }).unwrap();
    drop(journal);
    let (journal, recovery) = started(&disk);
    assert_eq!(recovery.recovered, 1);
    assert_eq!(read_back(&journal)[0].attempts.len(), 2);
    assert_eq!(again.segment, held.segment);
}

#[test]
fn what_the_queue_could_not_take_is_read_back_from_the_segment_that_is_written() {
    let disk = Arc::new(Memory::default());
    let (journal, _) = started(&disk);
    let owed: Vec<_> =
        (0..3).map(|n| journal.settle(journal.hold(&record(n, 0), MOST).unwrap().unwrap(), &record(n, 2))).collect();
    journal.kept([owed[0]]);
    assert_eq!(journal.missed([owed[1], owed[2], Owed::Nothing]), 1, "what is not in the journal is lost");
    assert_eq!(costs(&read_back(&journal)), [2, 2, 2], "all of the segment: the store knows the first by its id");
    journal.forget();
    assert_eq!(disk.list().unwrap(), [2]);
}

#[test]
fn what_a_dead_process_left_in_another_folder_is_taken_over() {
    let root = tempfile::tempdir().unwrap();
    let metrics = Metrics::new("test");
    let rule = JournalRule::default();
    let open = || {
        let (own, left) = Folder::take(root.path()).unwrap();
        let disks: Vec<&dyn Disk> = left.iter().map(|folder| folder as &dyn Disk).collect();
        recover(Arc::new(own), &disks, rule, &metrics, &price).unwrap()
    };
    let (old, _) = open();
    let (new, _) = open();
    old.hold(&record(1, 0), MOST).unwrap().unwrap();
    let settled = new.settle(new.hold(&record(2, 0), MOST).unwrap().unwrap(), &record(2, 5));
    assert!(matches!(settled, Owed::Settled(_)));
    new.hold(&record(3, 0), MOST).unwrap().unwrap();
    drop((old, new));
    let (journal, recovery) = open();
    assert_eq!((recovery.recovered, recovery.settled), (2, 1));
    assert_eq!(costs(&read_back(&journal)), [HELD, 5, HELD]);
    let (_, left) = Folder::take(root.path()).unwrap();
    assert!(left.is_empty());
}

#[test]
fn a_folder_is_for_its_owner_alone_and_reserves_real_room() {
    let root = tempfile::tempdir().unwrap();
    let (folder, _) = Folder::take(root.path()).unwrap();
    folder.reserve(RESERVE).unwrap();
    folder.reserve(RESERVE).unwrap();
    let segment = folder.create(3).unwrap();
    segment.append(b"abc").unwrap();
    segment.append(b"def").unwrap();
    segment.cut(4).unwrap();
    segment.append(b"X").unwrap();
    segment.sync().unwrap();
    folder.sync_names().unwrap();
    assert_eq!(folder.read(3).unwrap(), b"abcdX");
    assert!(folder.create(3).is_err(), "what is there is never written over");
    folder.cut(3, 1).unwrap();
    assert_eq!((folder.read(3).unwrap(), folder.list().unwrap()), (b"a".to_vec(), vec![3]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let file = root.path().join("1/0000000003.log").metadata().unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        let reserve = root.path().join("1/reserve").metadata().unwrap();
        assert!(reserve.blocks() * 512 >= RESERVE as u64, "{}", reserve.blocks());
    }
    folder.release().unwrap();
    folder.set_aside(3).unwrap();
    assert!(folder.list().unwrap().is_empty() && root.path().join("1/0000000003.damaged").exists());
}

#[tokio::test]
async fn a_call_waits_for_the_disk_only_where_that_is_wanted() {
    let disk = Arc::new(Memory::default());
    let (journal, _) = start(&disk, JournalRule { sync: JournalSync::BeforeCall, ..JournalRule::default() }).unwrap();
    let held = journal.hold(&record(1, 0), MOST).unwrap().unwrap();
    let waits = std::pin::pin!(journal.safe(held));
    assert!(futures_util::poll!(waits).is_pending());
    journal.sync();
    journal.safe(held).await;
    let (journal, _) = started(&Arc::new(Memory::default()));
    journal.safe(journal.hold(&record(1, 0), MOST).unwrap().unwrap()).await;
}

#[test]
fn the_thread_syncs_within_milliseconds_and_ends_with_its_owner() {
    let disk = Arc::new(Memory::default());
    let (journal, _) = started(&disk);
    let syncer = Syncer::start(&journal).unwrap();
    for n in 0..3 {
        journal.hold(&record(n, 0), MOST).unwrap().unwrap();
        let begun = std::time::Instant::now();
        while !disk.is_synced() {
            assert!(begun.elapsed() < std::time::Duration::from_secs(5), "it does not sync");
            std::thread::yield_now();
        }
    }
    drop(syncer);
    assert_eq!(Arc::strong_count(&journal), 1);
}
