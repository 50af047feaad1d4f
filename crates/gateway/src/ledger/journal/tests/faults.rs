//! The rows of the fault table that the journal makes true.

use std::collections::BTreeMap;

use super::*;

/// What the calls of a script have come to, as far as the journal has confirmed it.
#[derive(Default)]
struct Truth {
    /// Calls whose hold was written: the provider may have been called.
    held: BTreeMap<Uuid, i64>,
    /// What was settled.
    settled: BTreeMap<Uuid, Record>,
    /// What the store kept, one record per id.
    store: BTreeMap<Uuid, Record>,
}

impl Truth {
    fn keep(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.store.entry(record.id).or_insert(record);
        }
    }
}

/// A busy minute: calls that overlap, some long, some with checkpoints, kept by the store in batches. Ends where the disk
/// does.
fn run(disk: &Arc<Memory>, truth: &mut Truth) -> Option<()> {
    let (journal, _) = start(disk, JournalRule::default()).ok()?;
    let mut open: Vec<(u64, Held)> = Vec::new();
    let mut batch: Vec<(Record, Owed)> = Vec::new();
    for n in 0..24 {
        let held = journal.hold(&record(n, 0), MOST).ok()??;
        truth.held.insert(record(n, 0).id, 0);
        open.push((n, held));
        if n % 5 == 1 {
            let at = n as i64 + 1;
            journal.checkpoint(&record(n, at));
            // Whether it was written is known by what comes next alone.
        }
        if n % 3 == 2 {
            for (n, held) in open.drain(..2) {
                let settled = record(n, n as i64 + 100);
                let owed = journal.settle(held, &settled);
                if let Owed::Settled(_) = owed {
                    truth.settled.insert(settled.id, settled.clone());
                }
                batch.push((settled, owed));
            }
        }
        if n % 6 == 5 {
            truth.keep(batch.iter().map(|(record, _)| record.clone()));
            journal.kept(batch.drain(..).map(|(_, owed)| owed));
            journal.sync();
            journal.forget();
        }
        if journal.condition() == Condition::Failed {
            return None;
        }
    }
    Some(())
}

/// Starts on what is left, lets the store keep all of it, and compares with the truth.
fn check(disk: &Arc<Memory>, truth: &mut Truth, what: &str) {
    let (journal, recovery) = started(disk);
    truth.keep(read_back(&journal));
    journal.close();
    journal.forget();
    for (id, exact) in &truth.settled {
        assert_eq!(truth.store.get(id), Some(exact), "{what}: {id} was settled");
    }
    for id in truth.held.keys() {
        assert!(truth.store.contains_key(id), "{what}: {id} was held and is lost; {recovery:?}");
    }
    for (id, record) in &truth.store {
        // Held and checked, but the confirmation did not come: at most that.
        let n = id.as_u64_pair().1 as i64;
        let cost = record.cost.unwrap().0;
        assert!([HELD, n + 1, n + 100].contains(&cost), "{what}: {id} costs {cost}");
    }
    drop(journal);
    let (journal, recovery) = started(disk);
    assert_eq!((recovery.recovered, recovery.settled), (0, 0), "{what}: all was kept, and nothing is left");
    assert_eq!(read_back(&journal), []);
}

/// Steps of the whole script.
fn steps() -> usize {
    (0..)
        .step_by(512)
        .find(|steps| run(&Arc::new(Memory::small(900).dies_after(*steps)), &mut Truth::default()).is_some())
        .unwrap()
}

#[test]
fn fault_002_killed_at_any_point_nothing_is_lost_and_nothing_doubled() {
    for steps in 0..steps() {
        let disk = Arc::new(Memory::small(900).dies_after(steps));
        let mut truth = Truth::default();
        run(&disk, &mut truth);
        check(&Arc::new(disk.reborn()), &mut truth, &format!("killed after {steps} steps"));
    }
}

#[test]
fn fault_002_killed_while_it_recovers_it_recovers_again() {
    let all = steps();
    for steps in (0..all).step_by(131) {
        let disk = Arc::new(Memory::small(900).dies_after(steps));
        let mut truth = Truth::default();
        run(&disk, &mut truth);
        for again in (0..).step_by(61) {
            let dying = Arc::new(disk.reborn().dies_after(again));
            let done = start(&dying, JournalRule::default()).is_ok();
            // What it found before it was killed once more is what it finds now.
            let mut truth =
                Truth { held: truth.held.clone(), settled: truth.settled.clone(), store: truth.store.clone() };
            check(&Arc::new(dying.reborn()), &mut truth, &format!("killed after {steps} and {again} steps"));
            if done {
                break;
            }
        }
    }
}

/// A generator of numbers below `bound`: the same for the same seed.
fn draws(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |bound| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as usize) % bound
    }
}

#[test]
fn fault_003_what_was_synced_survives_a_loss_of_power() {
    for seed in 0..500 {
        let mut draw = draws(seed);
        let disk = Arc::new(Memory::small(1_500));
        let (journal, _) = started(&disk);
        let calls = 5 + draw(40) as u64;
        let until = draw(calls as usize) as u64;
        let mut settled = Vec::new();
        let mut open = None;
        for n in 0..calls {
            let held = journal.hold(&record(n, 0), MOST).unwrap().unwrap();
            match n % 7 {
                3 => open = Some(record(n, 0).id).filter(|_| n <= until).or(open),
                _ => {
                    journal.settle(held, &record(n, 9));
                    settled.extend((n <= until).then(|| record(n, 9)));
                }
            }
            if n == until {
                journal.sync();
            }
        }
        drop(journal);
        let disk = Arc::new(disk.without_power(|| draw(3) > 0));
        let (journal, _) = started(&disk);
        let kept = read_back(&journal);
        for record in &settled {
            assert!(kept.contains(record), "seed {seed}: {} was synced", record.id);
        }
        if let Some(open) = open {
            assert!(kept.iter().any(|record| record.id == open), "seed {seed}: a hold was synced");
        }
    }
}

/// Segments with forty calls, their records, and where in which segment each was settled.
fn written() -> (Arc<Memory>, Vec<Record>) {
    let disk = Arc::new(Memory::small(2_000));
    let (journal, _) = started(&disk);
    let records: Vec<Record> = (0..40).map(|n| record(n, n as i64 + 1)).collect();
    for record in &records {
        let held = journal.hold(record, MOST).unwrap().unwrap();
        journal.settle(held, record);
    }
    (disk, records)
}

/// The entries of a segment: where each begins.
fn borders(bytes: &[u8]) -> Vec<usize> {
    let mut borders = vec![0];
    while let Some(entry) = entry::read(&bytes[*borders.last().unwrap()..]) {
        borders.push(borders.last().unwrap() + entry.length);
    }
    borders
}

#[test]
fn fault_004_damage_is_always_noticed_and_takes_nothing_else_along() {
    let (disk, records) = written();
    let segments = disk.list().unwrap();
    let newest = *segments.last().unwrap();
    for seed in 0..10_000 {
        let mut draw = draws(seed);
        let damaged = Arc::new(disk.reborn());
        let segment = segments[draw(segments.len())];
        let bytes = damaged.read(segment).unwrap();
        let at = draw(bytes.len());
        let torn = seed % 3 == 0;
        if torn && segment == newest && borders(&bytes).contains(&at) {
            continue; // as if the process had been killed before it wrote more: that is no damage
        }
        match seed % 3 {
            0 => damaged.change(segment, |bytes| bytes.truncate(at)),
            1 => damaged.change(segment, |bytes| bytes[at] ^= 1 << (at % 8)),
            _ => damaged.change(segment, |bytes| {
                let end = (at + 1 + draw(64)).min(bytes.len());
                bytes[at..end].iter_mut().for_each(|byte| *byte = byte.wrapping_add(1 + (seed % 255) as u8));
            }),
        }
        let found = scan(&*damaged).unwrap();
        assert!(!found.damage.is_empty(), "seed {seed}: segment {segment}, byte {at} of {}", bytes.len());

        let before = borders(&bytes).iter().rev().find(|border| **border <= at).copied().unwrap();
        let sound: usize =
            segments.iter().filter(|other| **other < segment).map(|other| count(&disk.read(*other).unwrap())).sum();
        let sound = sound + count(&bytes[..before]);
        let (journal, recovery) = started(&damaged);
        assert!(!recovery.damage.is_empty());
        let kept = read_back(&journal);
        for record in &records[..sound] {
            assert!(kept.contains(record), "seed {seed}: {} stands before the damage", record.id);
        }
        for record in &kept {
            assert!(
                record.recovered.is_some() || records.contains(record),
                "seed {seed}: {} was never written",
                record.id
            );
        }
        let rest = kept.iter().filter(|record| record.recovered.is_none()).count();
        if !torn {
            assert!(rest + 2 >= records.len(), "seed {seed}: what follows the damage is read: {rest}");
        }
    }
}

fn count(bytes: &[u8]) -> usize {
    super::super::scan::settled(bytes).count()
}

#[test]
fn fault_004_entries_that_are_gone_doubled_or_moved_are_noticed() {
    let (disk, _) = written();
    let segment = disk.list().unwrap()[1];
    let whole = disk.read(segment).unwrap();
    let borders = borders(&whole);
    let [a, b, c] = [borders[2], borders[3], borders[4]];
    let cases: [(&str, Vec<u8>); 3] = [
        ("gone", [&whole[..a], &whole[b..]].concat()),
        ("doubled", [&whole[..b], &whole[a..]].concat()),
        ("moved", [&whole[..a], &whole[b..c], &whole[a..b], &whole[c..]].concat()),
    ];
    for (what, bytes) in cases {
        let damaged = disk.reborn();
        damaged.change(segment, |old| *old = bytes);
        let found = scan(&damaged).unwrap();
        assert!(!found.damage.is_empty(), "an entry is {what}");
    }
    disk.remove(segment).unwrap();
    let found = scan(&*disk).unwrap();
    assert!(matches!(found.damage[0].what, Wrong::Missing { .. }), "{:?}", found.damage);
}

#[test]
fn fault_004_a_damaged_segment_is_kept_for_people_once_it_is_read() {
    let (disk, records) = written();
    let segment = disk.list().unwrap()[1];
    disk.change(segment, |bytes| bytes[100] ^= 1);
    let (journal, _) = started(&disk);
    assert!(read_back(&journal).len() >= records.len() - 1);
    journal.close();
    journal.forget();
    assert_eq!((disk.list().unwrap().len(), disk.set_aside_count()), (1, 1));
}

#[test]
fn fault_017_a_full_disk_refuses_calls_and_lets_those_under_way_finish() {
    let disk = Arc::new(Memory::default());
    let (journal, _) = started(&disk);
    let held: Vec<_> = (0..50).map(|n| journal.hold(&record(n, 0), MOST).unwrap().unwrap()).collect();
    disk.set_room(Some(disk.used() + 10));
    assert_eq!(journal.hold(&record(99, 0), MOST), Err(Unwritten::Full));
    assert_eq!((journal.condition(), journal.takes_calls()), (Condition::Full, false));
    for (n, held) in (0..).zip(held) {
        assert!(matches!(journal.settle(held, &record(n, 1)), Owed::Settled(_)), "call {n} has room to end");
    }
    journal.keep_house();
    assert_eq!(journal.condition(), Condition::Full, "there is no room still");
    assert_eq!(scan(&*disk).unwrap().damage, []);
    disk.set_room(None);
    journal.keep_house();
    assert_eq!(journal.condition(), Condition::Well);
    assert!(journal.hold(&record(99, 0), MOST).unwrap().is_some());
    let found = scan(&*disk).unwrap();
    assert_eq!((found.damage.len(), found.open.len()), (0, 1));
}

#[test]
fn fault_017_where_that_is_wanted_calls_go_on_without_a_journal() {
    let disk = Arc::new(Memory::default());
    let rule = JournalRule { on_full: OnFull::Degrade, ..JournalRule::default() };
    let (journal, _) = start(&disk, rule).unwrap();
    disk.set_room(Some(disk.used()));
    assert_eq!(journal.hold(&record(1, 0), MOST), Ok(None));
    assert!(journal.takes_calls());
    assert_eq!((journal.metrics.journal.unwritten.get(), journal.metrics.journal.condition.get()), (1, 1));
}

#[test]
fn fault_017_the_bound_of_its_own_holds_and_ends_when_the_store_has_kept_up() {
    let disk = Arc::new(Memory::small(1_000));
    let rule = JournalRule { max_bytes: 5_000, ..JournalRule::default() };
    let (journal, _) = start(&disk, rule).unwrap();
    let mut owed = Vec::new();
    for n in 0..40 {
        let held = journal.hold(&record(n, 0), MOST).unwrap().unwrap();
        owed.push(journal.settle(held, &record(n, 1)));
    }
    journal.keep_house();
    assert_eq!(journal.hold(&record(99, 0), MOST), Err(Unwritten::Full));
    journal.kept(owed);
    journal.forget();
    journal.keep_house();
    assert!(journal.hold(&record(99, 0), MOST).is_ok());
}

#[test]
fn fault_018_a_disk_that_fails_once_is_not_trusted_again() {
    let failures: [fn(&Memory); 2] = [Memory::fail_syncs, |disk| disk.fail_writes(Some(io::ErrorKind::Other))];
    for fail in failures {
        let disk = Arc::new(Memory::default());
        let rule = JournalRule { on_full: OnFull::Degrade, ..JournalRule::default() };
        let (journal, _) = start(&disk, rule).unwrap();
        let held = journal.hold(&record(1, 0), MOST).unwrap().unwrap();
        fail(&disk);
        let _ = journal.hold(&record(2, 0), MOST);
        journal.sync();
        assert_eq!(journal.hold(&record(3, 0), MOST), Err(Unwritten::Failed));
        assert_eq!((journal.takes_calls(), journal.condition()), (false, Condition::Failed));
        disk.fail_writes(None);
        journal.keep_house();
        assert_eq!(journal.hold(&record(4, 0), MOST), Err(Unwritten::Failed), "it heals by a new start alone");
        // What was under way goes to the store by the queue as ever.
        assert_ne!(journal.settle(held, &record(1, 1)), Owed::Nothing);
    }
}

#[test]
fn fault_018_nothing_is_written_behind_half_an_entry_that_cannot_be_taken_back() {
    let disk = Arc::new(Memory::default());
    let (journal, _) = started(&disk);
    let held = journal.hold(&record(1, 0), MOST).unwrap().unwrap();
    disk.fail_cuts();
    disk.set_room(Some(disk.used() + 30));
    assert_eq!(journal.hold(&record(2, 0), MOST), Err(Unwritten::Failed));
    disk.set_room(None);
    assert!(matches!(journal.settle(held, &record(1, 1)), Owed::Held(_)));
    let (journal, recovery) = started(&Arc::new(disk.reborn()));
    assert_eq!((recovery.recovered, recovery.damage.len()), (1, 1), "{:?}", recovery.damage);
    assert_eq!(costs(&read_back(&journal)), [HELD]);
}
