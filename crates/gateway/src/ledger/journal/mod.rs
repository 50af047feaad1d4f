//! The spend journal: a local file that knows of every call before its provider does, so that a process that is killed
//! forgets no spend.
//!
//! A hold is written before the call, what it came to after it, and what a long stream has used in between. Each is one
//! `write(2)`: what was written survives the process. A thread makes it survive a loss of power some milliseconds later.
//! Records reach the store by the queue of [`crate::sink`], as before; what the queue could not take, or the store could
//! not keep, is read back from here. A segment is removed when all that is in it is kept elsewhere.
//!
//! At a start, calls that were held and not settled are settled by what is known of them ([`recover`]). A record has an
//! id, and the store keeps one record per id: whatever is read back twice counts once.
//!
//! This is not where limits are counted, and no log of what was said: it holds records, which have no content.

mod disk;
mod entry;
mod recover;
mod scan;
mod sync;
mod writer;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    thread::Thread,
    time::Duration,
};

use govern::{
    Code, Error,
    config::snapshot::{JournalRule, JournalSync, OnFull},
};
use tokio::sync::watch;

pub use disk::{Disk, Folder, Segment};
pub use entry::Most;
pub use recover::{CHECKPOINT_TOKENS, Recovery, price_at_most, recover};
pub use scan::{Damage, Scan, Scanned, Wrong, scan};
pub use sync::Syncer;

use crate::observe::{Metrics, Record};
use entry::Kind;
use writer::{RESERVE, Trouble, Writer};

/// The journal of this process.
pub struct Journal {
    writer: Mutex<Writer>,
    rule: JournalRule,
    condition: AtomicU8,
    /// Something was written since the last sync.
    dirty: AtomicBool,
    /// Who syncs.
    syncer: OnceLock<Thread>,
    /// Number of the last entry that survives a loss of power.
    synced: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

/// How the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Well,
    /// There is no room: on the disk, or within `journal.max_bytes`.
    Full,
    /// The disk cannot be trusted: it failed to write, or to sync. Only a new start ends this.
    Failed,
}

/// Why a call cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten {
    #[error(
        "the gateway cannot write down what calls cost, because there is no room for its journal; try again shortly"
    )]
    Full,
    #[error("the gateway cannot write down what calls cost, because the disk of its journal fails")]
    Failed,
}

impl From<Unwritten> for Error {
    fn from(unwritten: Unwritten) -> Self {
        Self::new(Code::JournalUnavailable, unwritten.to_string()).retry_after(Duration::from_secs(1))
    }
}

/// A call in the journal: the segment of its hold, and the number of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    segment: u64,
    entry: u64,
}

/// What the journal must be told when a record is kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owed {
    /// Nothing: it is not in the journal.
    #[default]
    Nothing,
    /// It is settled in this segment.
    Settled(u64),
    /// It could not be settled; its hold is in this segment.
    Held(u64),
}

impl Journal {
    fn new(writer: Writer, rule: JournalRule, metrics: Arc<Metrics>) -> Arc<Self> {
        let journal = Arc::new(Self {
            writer: Mutex::new(writer),
            rule,
            condition: AtomicU8::new(Condition::Well as u8),
            dirty: AtomicBool::new(true),
            syncer: OnceLock::new(),
            synced: watch::Sender::new(0),
            metrics,
        });
        journal.look_for_room();
        journal
    }

    /// Writes down that a call is about to be made. `None`: it may be made unwritten.
    ///
    /// # Errors
    /// It could not be written, and must not be made.
    pub fn hold(&self, record: &Record, most: Most) -> Result<Option<Held>, Unwritten> {
        let refused = match self.condition() {
            Condition::Well => {
                match self.append(Kind::Hold, |out| {
                    entry::write_most(out, most);
                    entry::write_record(out, record);
                }) {
                    Ok((segment, entry)) => return Ok(Some(Held { segment, entry })),
                    Err(unwritten) => unwritten,
                }
            }
            Condition::Full => Unwritten::Full,
            Condition::Failed => Unwritten::Failed,
        };
        if refused == Unwritten::Full && self.rule.on_full == OnFull::Degrade {
            self.metrics.journal.unwritten.inc();
            return Ok(None);
        }
        Err(refused)
    }

    /// Writes down another try of a call that is held already.
    ///
    /// # Errors
    /// As [`Self::hold`].
    pub fn hold_again(&self, held: Held, record: &Record, most: Most) -> Result<Held, Unwritten> {
        let Some(again) = self.hold(record, most)? else { return Ok(held) };
        // One is waited for, and it is the older one: what follows it stays as long.
        self.writer().closed(again.segment);
        Ok(Held { segment: held.segment, entry: again.entry })
    }

    /// Waits until the hold is as safe as the configuration wants it before a call.
    pub async fn safe(&self, held: Held) {
        if self.rule.sync == JournalSync::BeforeCall && *self.synced.borrow() < held.entry {
            let mut synced = self.synced.subscribe();
            // A journal that fails tells everyone who waits.
            let _ = synced.wait_for(|synced| *synced >= held.entry).await;
        }
    }

    /// Writes down what a call that goes on has used so far.
    pub fn checkpoint(&self, record: &Record) {
        if self.condition() == Condition::Well {
            // Without it the call is settled by its hold, should it come to that.
            let _ = self.append(Kind::Checkpoint, |out| entry::write_record(out, record));
        }
    }

    /// Writes down what has become of a call.
    pub fn settle(&self, held: Held, record: &Record) -> Owed {
        let write = |out: &mut Vec<u8>| entry::write_record(out, record);
        let mut writer = self.writer();
        let mut settled = writer.append(Kind::Settle, write);
        if matches!(settled, Err(Trouble::Full)) && writer.disk.release().is_ok() {
            settled = writer.append(Kind::Settle, write); // room was kept for this
        }
        match self.written(settled) {
            Ok((segment, _)) => {
                writer.closed(held.segment);
                Owed::Settled(segment)
            }
            Err(_) => Owed::Held(held.segment),
        }
    }

    /// These records are kept elsewhere now.
    pub fn kept(&self, owed: impl IntoIterator<Item = Owed>) {
        let mut writer = self.writer();
        for owed in owed {
            match owed {
                Owed::Nothing => {}
                Owed::Settled(segment) => writer.kept(segment),
                Owed::Held(segment) => writer.closed(segment),
            }
        }
    }

    /// These records will not be kept elsewhere unless they are read back from here. Says how many cannot be.
    pub fn missed(&self, owed: impl IntoIterator<Item = Owed>) -> usize {
        let mut writer = self.writer();
        let mut lost = 0;
        for owed in owed {
            match owed {
                Owed::Settled(segment) => writer.missed(segment),
                // It is settled by its hold at the next start.
                Owed::Nothing | Owed::Held(_) => lost += 1,
            }
        }
        lost
    }

    /// The oldest segment with records that must be read back, and those records.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn backlog(&self) -> io::Result<Option<(u64, Vec<Record>)>> {
        let (disk, segment) = {
            let mut writer = self.writer();
            let Ok(Some(segment)) = writer.backlog().inspect_err(|trouble| self.note(trouble)) else { return Ok(None) };
            (writer.disk.clone(), segment)
        };
        let bytes = disk.read(segment)?;
        Ok(Some((segment, scan::settled(&bytes).collect())))
    }

    /// All records of a segment that was read back are kept elsewhere now.
    pub fn all_kept(&self, segment: u64) {
        self.writer().all_kept(segment);
    }

    /// Whether there are segments to forget.
    #[must_use]
    pub fn has_spent(&self) -> bool {
        self.writer().has_spent()
    }

    /// Removes the segments that nobody needs, the oldest first. What is in them must be safe elsewhere by now.
    pub fn forget(&self) {
        loop {
            let (disk, spent) = {
                let mut writer = self.writer();
                (writer.disk.clone(), writer.take_spent())
            };
            let Some(spent) = spent else { return };
            if let Err(error) = spent.remove(&*disk) {
                tracing::warn!(%error, "an old segment of the journal cannot be removed");
                return self.writer().untake(spent);
            }
        }
    }

    /// Closes the newest segment if nobody needs it: for the end of the process, before the last [`Self::forget`].
    pub fn close(&self) {
        let _ = self.writer().retire(|_age| true);
    }

    /// Whether calls are made: they can be written down, or need not be.
    #[must_use]
    pub fn takes_calls(&self) -> bool {
        match self.condition() {
            Condition::Well => true,
            Condition::Full => self.rule.on_full == OnFull::Degrade,
            Condition::Failed => false,
        }
    }

    /// How the journal is.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self.condition.load(Ordering::Acquire) {
            0 => Condition::Well,
            1 => Condition::Full,
            _ => Condition::Failed,
        }
    }

    fn append(&self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(u64, u64), Unwritten> {
        let written = self.writer().append(kind, fill);
        self.written(written)
    }

    fn written(&self, written: Result<(u64, u64), Trouble>) -> Result<(u64, u64), Unwritten> {
        match written {
            Ok(place) => {
                self.soil();
                Ok(place)
            }
            Err(trouble) => {
                self.note(&trouble);
                Err(match trouble {
                    Trouble::Full => Unwritten::Full,
                    Trouble::Failed(_) => Unwritten::Failed,
                })
            }
        }
    }

    /// There is something to sync. The first to say so wakes the thread; the others find it awake.
    fn soil(&self) {
        if self.rule.sync != JournalSync::Off
            && !self.dirty.load(Ordering::Relaxed)
            && !self.dirty.swap(true, Ordering::AcqRel)
            && let Some(syncer) = self.syncer.get()
        {
            syncer.unpark();
        }
    }

    fn note(&self, trouble: &Trouble) {
        match trouble {
            Trouble::Full => self.set(Condition::Full, "the disk of the journal is full"),
            Trouble::Failed(error) => self.set(Condition::Failed, &format!("the disk of the journal fails: {error}")),
        }
    }

    /// It never gets well again once it has failed: a disk that lost one write may have lost others.
    fn set(&self, condition: Condition, why: &str) {
        let before = self.condition.fetch_max(condition as u8, Ordering::AcqRel);
        if before < condition as u8 {
            tracing::error!(journal.condition = ?condition, why, "the journal cannot be written");
            self.metrics.journal.condition.set(condition as i64);
        }
        if condition == Condition::Failed {
            self.synced.send_replace(u64::MAX); // nobody waits for what will not come
        }
    }

    /// Sees whether there is room, again or still.
    fn look_for_room(&self) {
        let (disk, total) = {
            let writer = self.writer();
            (writer.disk.clone(), writer.total)
        };
        self.metrics.journal.bytes.set(i64::try_from(total).unwrap_or(i64::MAX));
        if total > self.rule.max_bytes {
            return self.set(Condition::Full, "`journal.max_bytes` is reached: the store has not kept up");
        }
        match disk.reserve(RESERVE) {
            Ok(()) => {
                let full = (Condition::Full as u8, Condition::Well as u8);
                if self.condition.compare_exchange(full.0, full.1, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                    tracing::info!("the journal can be written again");
                    self.metrics.journal.condition.set(Condition::Well as i64);
                }
            }
            Err(error) => self.note(&error.into()),
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
