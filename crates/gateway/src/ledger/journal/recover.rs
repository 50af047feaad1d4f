//! The start: what the process before left is read, and calls that it did not settle are settled.

use std::{io, sync::Arc};

use govern::{
    Money, Rules,
    config::{Bill, snapshot::JournalRule},
};
use llm::usage::{Source, Usage};

use super::{
    Disk, Journal, Most,
    entry::{self, Kind},
    scan::{Damage, Scan, Unsettled, Wrong, scan, settled as records_of},
    writer::{Trouble, Writer},
};
use crate::observe::{Metrics, Outcome, Record, Recovered};

/// What a start found.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Calls that were settled now.
    pub recovered: usize,
    /// Records that wait to be read back.
    pub settled: u64,
    pub damage: Vec<Damage>,
}

/// Opens the journal in `own`, settles what was left open there and in the folders that dead processes `left`, and begins a
/// segment. `price` says what a call cost of which only the hold is known.
///
/// Killed in the middle of it, the next start finishes it: nothing is removed before it is written elsewhere.
///
/// # Errors
/// A segment cannot be read, or none can be written.
pub fn recover(
    own: Arc<dyn Disk>,
    left: &[&dyn Disk],
    rule: JournalRule,
    metrics: &Arc<Metrics>,
    price: &dyn Fn(&mut Record, Most),
) -> io::Result<(Arc<Journal>, Recovery)> {
    let found = scan(&*own)?;
    cut_torn(&*own, &found)?;
    let mut recovery = Recovery { settled: settled(&found), ..Recovery::default() };
    recovery.report(&found.damage, metrics);
    let begun = match Writer::after(own.clone(), &found.segments, found.last) {
        // The process before had set room aside for this.
        Err(Trouble::Full) if own.release().is_ok() => Writer::after(own, &found.segments, found.last),
        begun => begun,
    };
    let writer = begun.map_err(told)?;
    let journal = Journal::new(writer, rule, metrics.clone());
    journal.settle_open(found, price, &mut recovery)?;
    for disk in left {
        let found = scan(*disk)?;
        recovery.report(&found.damage, metrics);
        for segment in &found.segments {
            for record in records_of(&disk.read(segment.number)?) {
                journal.adopt(&record)?;
                recovery.settled += 1;
            }
        }
        let segments: Vec<_> = found.segments.iter().map(|segment| (segment.number, segment.damaged)).collect();
        journal.settle_open(found, price, &mut recovery)?;
        journal.sync();
        for (segment, damaged) in segments {
            if damaged { disk.set_aside(segment)? } else { disk.remove(segment)? }
        }
    }
    journal.sync();
    metrics.journal.recovered.inc_by(recovery.recovered as u64);
    Ok((journal, recovery))
}

impl Recovery {
    fn report(&mut self, damage: &[Damage], metrics: &Metrics) {
        for damage in damage {
            tracing::error!(journal.damage = %damage, "the journal is damaged");
            metrics.journal.damaged.inc();
        }
        self.damage.extend_from_slice(damage);
    }
}

impl Journal {
    /// Settles calls that were not.
    fn settle_open(&self, found: Scan, price: &dyn Fn(&mut Record, Most), recovery: &mut Recovery) -> io::Result<()> {
        // By id, so that the same journal gives the same entries.
        let mut open: Vec<_> = found.open.into_iter().collect();
        open.sort_unstable_by_key(|(id, _)| *id);
        for (id, unsettled) in open {
            match settle(&unsettled, price) {
                Ok(record) => {
                    tracing::warn!(
                        request.id = %id, request.cost = ?record.cost, request.known_from = ?record.recovered,
                        "a call that the process before did not finish is settled"
                    );
                    self.adopt(&record)?;
                    recovery.recovered += 1;
                }
                Err(why) => {
                    tracing::error!(request.id = %id, why, "a call that was held cannot be understood, and is not settled");
                    self.metrics.journal.damaged.inc();
                }
            }
        }
        Ok(())
    }

    /// Writes a settled record that is to be read back.
    fn adopt(&self, record: &Record) -> io::Result<()> {
        let written = self.writer().append(Kind::Settle, |out| entry::write_record(out, record));
        let (segment, _) = written.map_err(told)?;
        self.writer().missed(segment);
        self.soil();
        Ok(())
    }
}

/// The record of a call that was not settled.
fn settle(unsettled: &Unsettled, price: &dyn Fn(&mut Record, Most)) -> Result<Record, &'static str> {
    let mut record = entry::read_record(&unsettled.record)?;
    if unsettled.checkpoint {
        record.recovered = Some(Recovered::Checkpoint);
    } else {
        record.recovered = Some(Recovered::Held);
        price(&mut record, unsettled.most);
    }
    record.outcome = Outcome::Interrupted;
    record.status = INTERRUPTED;
    if let Some(attempt) = record.attempts.last_mut() {
        attempt.failure = Some(Outcome::Interrupted.as_str().to_owned());
        record.latency = record.latency.max(attempt.started + attempt.latency);
    }
    Ok(record)
}

/// What the caller saw was no answer, or a part of one.
const INTERRUPTED: u16 = 500;

/// Tokens of a stream that may have come since the last checkpoint, or before the first.
pub const CHECKPOINT_TOKENS: u64 = 256;

/// Tokens of an answer whose bound nobody knows.
const UNBOUND: u64 = 4_096;

/// Books on the last attempt what it may have used at most: a stream without a checkpoint has not reached its first, and any
/// other answer may have been given whole.
pub fn price_at_most(rules: &Rules, record: &mut Record, most: Most) {
    let streams = record.stream;
    let Some(attempt) = record.attempts.last_mut() else { return };
    let target = rules.target(&attempt.target);
    let cap = target.as_ref().and_then(|target| target.known).and_then(|model| model.max_output_tokens);
    let output = match most.output {
        0 => UNBOUND.min(cap.unwrap_or(UNBOUND)),
        output => output.into(),
    };
    let output = if streams { output.min(CHECKPOINT_TOKENS) } else { output };
    attempt.usage = Usage { input: most.prompt.into(), output, source: Source::Estimated, ..Usage::default() };
    let bill = target.map_or_else(
        || Bill { cost: None, unpriced: true, ..Bill::default() },
        |target| target.known_bill(&attempt.usage, None, &[]),
    );
    attempt.bill(&bill);
    attempt.estimated |= attempt.cost.is_some_and(|cost| cost > Money::ZERO);
    record.sum_attempts();
}

fn settled(found: &Scan) -> u64 {
    found.segments.iter().map(|segment| segment.settled).sum()
}

/// Removes the part of an entry at the very end: it was reported, and would be damage in the middle once more is written.
fn cut_torn(disk: &dyn Disk, found: &Scan) -> io::Result<()> {
    let torn = found.damage.iter().filter(|damage| matches!(damage.what, Wrong::Torn { .. }));
    for damage in torn {
        disk.cut(damage.segment, damage.offset)?;
    }
    Ok(())
}

fn told(trouble: Trouble) -> io::Error {
    match trouble {
        Trouble::Full => io::Error::new(io::ErrorKind::StorageFull, "there is no room for the journal"),
        Trouble::Failed(error) => error,
    }
}
