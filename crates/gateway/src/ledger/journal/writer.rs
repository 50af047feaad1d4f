//! Appends entries to the newest segment, and knows which older ones are still needed.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Disk, Segment,
    entry::{self, Kind},
    scan::Scanned,
};

/// Bytes that are kept free for the end of calls that have begun when the disk is full: some thousand records.
pub const RESERVE: usize = 1 << 20;

/// Age after which a segment that nobody needs is closed: what a start reads again stays little, and a record that was
/// forgotten long ago does not come back.
const STALE: Duration = Duration::from_secs(60);

/// The newest segment and the ledger of the older ones.
pub struct Writer {
    pub disk: Arc<dyn Disk>,
    file: Arc<dyn Segment>,
    /// Bytes of the newest segment.
    length: u64,
    /// Number and checksum of the last entry.
    last: (u64, u32),
    buffer: Vec<u8>,
    /// From the oldest to the newest; the last one is written.
    segments: VecDeque<Needed>,
    /// Segments that were written since they were last synced, save the newest.
    unsynced: Vec<Arc<dyn Segment>>,
    names_changed: bool,
    /// A part of an entry could not be taken back: nothing more is written behind it.
    broken: bool,
    /// Bytes of all segments.
    pub total: u64,
}

/// Why a segment is needed.
#[derive(Debug)]
struct Needed {
    number: u64,
    bytes: u64,
    begun: Instant,
    /// Holds in it that are not settled.
    open: u64,
    /// Settled records in it that no sink has kept yet.
    unkept: u64,
    /// Some of those will not come by the queue: they must be read from here.
    missed: bool,
    damaged: bool,
}

/// A segment that nobody needs.
pub struct Spent(Needed);

impl Spent {
    /// Removes its file, or sets it aside for people to look at.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, disk: &dyn Disk) -> io::Result<()> {
        let Needed { number, damaged, .. } = self.0;
        if damaged { disk.set_aside(number) } else { disk.remove(number) }
    }
}

/// Why an entry was not written.
#[derive(Debug)]
pub enum Trouble {
    /// There is no room; what was there before is as it was.
    Full,
    /// The disk cannot be trusted any more.
    Failed(io::Error),
}

impl Writer {
    /// Begins a new segment after those that were read. All that is settled in them waits to be read back.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn after(disk: Arc<dyn Disk>, scanned: &[Scanned], last: (u64, u32)) -> Result<Self, Trouble> {
        let segments: VecDeque<Needed> = scanned.iter().map(Needed::found).collect();
        let number = segments.back().map_or(1, |newest| newest.number + 1);
        let file = disk.create(number).map_err(Trouble::from)?;
        let total = segments.iter().map(|segment| segment.bytes).sum();
        let mut writer = Self {
            disk,
            file,
            length: 0,
            last,
            buffer: Vec::with_capacity(1024),
            segments,
            unsynced: Vec::new(),
            names_changed: true,
            broken: false,
            total,
        };
        writer.segments.push_back(Needed::new(number));
        if let Err(trouble) = writer.put(Kind::Open, |_| {}) {
            // What was begun and not written would be in the way of the next start.
            let _ = writer.disk.remove(number);
            return Err(trouble);
        }
        Ok(writer)
    }

    /// Appends an entry. Gives the number of the segment and of the entry.
    ///
    /// # Errors
    /// It was not written, and nothing of it is there; or the disk has failed.
    pub fn append(&mut self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(u64, u64), Trouble> {
        if self.length >= self.disk.segment_bytes() {
            self.rotate()?;
        }
        self.put(kind, fill)?;
        let newest = self.newest();
        match kind {
            Kind::Hold => newest.open += 1,
            Kind::Settle => newest.unkept += 1,
            Kind::Open | Kind::Checkpoint => {}
        }
        Ok((newest.number, self.last.0))
    }

    fn put(&mut self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), Trouble> {
        if self.broken {
            return Err(Trouble::Failed(io::Error::other("an entry is half written")));
        }
        let number = self.last.0 + 1;
        let checksum = entry::write(&mut self.buffer, kind, (number, self.last.1), fill);
        if let Err(error) = self.file.append(&self.buffer) {
            // A part may be there, and must not stay: what is written later would follow damage.
            if let Err(error) = self.file.cut(self.length) {
                self.broken = true;
                return Err(Trouble::Failed(error));
            }
            return Err(error.into());
        }
        let bytes = self.buffer.len() as u64;
        self.last = (number, checksum);
        self.length += bytes;
        self.total += bytes;
        let newest = self.newest();
        newest.bytes += bytes;
        Ok(())
    }

    /// Closes the newest segment and begins the next.
    ///
    /// # Errors
    /// The next cannot be made; the newest goes on.
    pub fn rotate(&mut self) -> Result<(), Trouble> {
        let number = self.newest().number + 1;
        let next = self.disk.create(number)?;
        let file = std::mem::replace(&mut self.file, next);
        let length = std::mem::replace(&mut self.length, 0);
        self.segments.push_back(Needed::new(number));
        if let Err(trouble) = self.put(Kind::Open, |_| {}) {
            self.segments.pop_back();
            (self.file, self.length) = (file, length);
            let _ = self.disk.remove(number);
            return Err(trouble);
        }
        self.unsynced.push(file);
        self.names_changed = true;
        Ok(())
    }

    /// A hold in this segment was settled, or is not to be waited for.
    pub fn closed(&mut self, segment: u64) {
        if let Some(segment) = self.segment(segment) {
            segment.open = segment.open.saturating_sub(1);
        }
    }

    /// A record that was settled in this segment is kept elsewhere now.
    pub fn kept(&mut self, segment: u64) {
        if let Some(segment) = self.segment(segment) {
            segment.unkept = segment.unkept.saturating_sub(1);
        }
    }

    /// A record that was settled in this segment will not come by the queue.
    pub fn missed(&mut self, segment: u64) {
        if let Some(segment) = self.segment(segment) {
            segment.missed = true;
        }
    }

    /// The oldest segment with records that must be read back. The newest is closed if it is the one.
    ///
    /// # Errors
    /// It is the newest, and the next cannot be made.
    pub fn backlog(&mut self) -> Result<Option<u64>, Trouble> {
        let Some(number) = self.segments.iter().find(|segment| segment.missed).map(|segment| segment.number) else {
            return Ok(None);
        };
        if number == self.newest().number {
            self.rotate()?;
        }
        Ok(Some(number))
    }

    /// All that is settled in this segment is kept elsewhere now.
    pub fn all_kept(&mut self, segment: u64) {
        if let Some(segment) = self.segment(segment) {
            (segment.missed, segment.unkept) = (false, 0);
        }
    }

    /// Closes the newest segment if nobody needs what is in it and it is `old` enough.
    pub fn retire(&mut self, old: impl FnOnce(Duration) -> bool) -> Result<(), Trouble> {
        let newest = self.newest();
        let idle = !newest.is_needed() && old(newest.begun.elapsed());
        if idle && self.length > entry::HEAD as u64 { self.rotate() } else { Ok(()) }
    }

    /// As [`Self::retire`] for a segment that has stood for a while.
    pub fn retire_stale(&mut self) -> Result<(), Trouble> {
        self.retire(|age| age >= STALE)
    }

    /// Whether there is something to forget.
    #[must_use]
    pub fn has_spent(&self) -> bool {
        self.segments.len() > 1 && self.segments.front().is_some_and(|oldest| !oldest.is_needed())
    }

    /// Takes the oldest segment out if it is not needed any more. What stays is gapless.
    pub fn take_spent(&mut self) -> Option<Spent> {
        let oldest = self.has_spent().then(|| self.segments.pop_front()).flatten()?;
        self.total = self.total.saturating_sub(oldest.bytes);
        Some(Spent(oldest))
    }

    /// Puts back what could not be removed.
    pub fn untake(&mut self, spent: Spent) {
        self.total += spent.0.bytes;
        self.segments.push_front(spent.0);
    }

    /// What must be synced, so that all entries up to the number given survive a loss of power.
    pub fn take_unsynced(&mut self) -> (Vec<Arc<dyn Segment>>, bool, u64) {
        let mut files = std::mem::take(&mut self.unsynced);
        files.push(self.file.clone());
        (files, std::mem::take(&mut self.names_changed), self.last.0)
    }

    fn segment(&mut self, number: u64) -> Option<&mut Needed> {
        self.segments.iter_mut().rev().find(|segment| segment.number == number)
    }

    fn newest(&mut self) -> &mut Needed {
        if self.segments.is_empty() {
            self.segments.push_back(Needed::new(1)); // there is always one: `after` makes it, `forget` leaves it
        }
        let newest = self.segments.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "the line above counted them")]
        &mut self.segments[newest]
    }
}

impl Needed {
    fn new(number: u64) -> Self {
        Self { number, bytes: 0, begun: Instant::now(), open: 0, unkept: 0, missed: false, damaged: false }
    }

    /// A segment of the process before. Its holds are settled by the recovery.
    fn found(scanned: &Scanned) -> Self {
        let Scanned { number, sound, settled, damaged, .. } = *scanned;
        let bytes = if damaged { scanned.bytes } else { sound };
        Self { bytes, unkept: settled, missed: settled > 0, damaged, ..Self::new(number) }
    }

    fn is_needed(&self) -> bool {
        self.open > 0 || self.unkept > 0 || self.missed
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::Full,
            _ => Self::Failed(error),
        }
    }
}
