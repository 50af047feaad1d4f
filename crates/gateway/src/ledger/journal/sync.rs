//! The thread beside the journal: makes what was written survive a loss of power, and keeps house.

use std::{
    io,
    sync::{Arc, Weak, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use govern::config::snapshot::JournalSync;

use super::{Condition, Journal, writer::Trouble};

/// How long what was written may wait before it is synced: many calls then share one sync.
const GROUP: Duration = Duration::from_millis(5);

/// How often room is looked for.
const HOUSEKEEPING: Duration = Duration::from_millis(500);

/// The thread. It ends when the journal is dropped, or when this is.
pub struct Syncer {
    thread: Option<JoinHandle<()>>,
    stop: Arc<()>,
}

impl Syncer {
    /// Starts it.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn start(journal: &Arc<Journal>) -> io::Result<Self> {
        let stop = Arc::new(());
        let (of, running) = (Arc::downgrade(journal), Arc::downgrade(&stop));
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || run(&of, &running))?;
        let _started_before = journal.syncer.set(thread.thread().clone());
        Ok(Self { thread: Some(thread), stop })
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.stop = Arc::new(());
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn run(journal: &Weak<Journal>, running: &Weak<()>) {
    let mut kept_house = Instant::now();
    while running.strong_count() > 0 {
        let Some(alive) = journal.upgrade() else { return };
        let dirty = alive.dirty.load(Ordering::Acquire);
        if kept_house.elapsed() >= HOUSEKEEPING {
            kept_house = Instant::now();
            alive.keep_house();
        }
        drop(alive); // nothing is held while it sleeps: a journal that is dropped ends the thread
        std::thread::park_timeout(if dirty { GROUP } else { HOUSEKEEPING });
        if dirty && let Some(alive) = journal.upgrade() {
            alive.sync();
        }
    }
    if let Some(alive) = journal.upgrade() {
        alive.sync();
    }
}

impl Journal {
    /// Makes all that was written so far survive a loss of power.
    pub(super) fn sync(&self) {
        if self.rule.sync == JournalSync::Off
            || self.condition() == Condition::Failed
            || !self.dirty.swap(false, Ordering::AcqRel)
        {
            return;
        }
        let (disk, (files, names, last)) = {
            let mut writer = self.writer();
            (writer.disk.clone(), writer.take_unsynced())
        };
        let synced = files.iter().try_for_each(|file| file.sync());
        match synced.and_then(|()| if names { disk.sync_names() } else { Ok(()) }) {
            Ok(()) => {
                if self.rule.sync == JournalSync::BeforeCall {
                    self.synced.send_replace(last);
                }
            }
            // After a failed sync the system may have thrown away what it could not write: a second one that succeeds
            // would say nothing. <https://lwn.net/Articles/752063/>
            Err(error) => self.note(&Trouble::Failed(error)),
        }
    }

    /// Closes a segment that stood long enough, and looks for room.
    pub(super) fn keep_house(&self) {
        if let Err(trouble) = self.writer().retire_stale() {
            self.note(&trouble);
        }
        self.look_for_room();
    }
}
