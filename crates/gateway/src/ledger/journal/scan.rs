//! Reads segments: what is sound, what is damaged, and which calls were never settled.

use std::{collections::HashMap, fmt, io};

use serde::Serialize;
use uuid::Uuid;

use super::{
    Disk,
    entry::{self, Entry, Kind, Most},
};
use crate::observe::Record;

/// What is in a journal.
#[derive(Debug, Default)]
pub struct Scan {
    /// In ascending order.
    pub segments: Vec<Scanned>,
    pub damage: Vec<Damage>,
    /// Calls that were not settled.
    pub open: HashMap<Uuid, Unsettled>,
    /// Number of the last entry, and its checksum.
    pub last: (u64, u32),
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scanned {
    pub number: u64,
    pub bytes: u64,
    pub entries: u64,
    pub holds: u64,
    pub checkpoints: u64,
    pub settled: u64,
    /// Where the last sound entry ends.
    #[serde(skip)]
    pub sound: u64,
    /// Something else than its end is damaged.
    pub damaged: bool,
}

/// What is known of a call that was not settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsettled {
    pub most: Most,
    /// The payload of its last entry.
    pub record: Vec<u8>,
    /// It is a checkpoint.
    pub checkpoint: bool,
}

/// Where the journal is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    pub segment: u64,
    pub offset: u64,
    pub what: Wrong,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// The newest segment ends in a part of an entry: the process was killed, or power was lost, while it was written.
    Torn { bytes: u64 },
    /// These bytes are no entry. What follows them was read.
    Unreadable { bytes: u64 },
    /// Entries are not there that were written.
    Missing { first: u64, last: u64 },
    /// An entry stands where another one was written.
    OutOfOrder { number: u64 },
    /// An entry is sound, and says nothing that can be understood.
    Senseless { why: String },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, what } = self;
        write!(f, "segment {segment} at byte {offset}: ")?;
        match what {
            Wrong::Torn { bytes } => write!(f, "the last entry was not written whole ({bytes} bytes of it are there)"),
            Wrong::Unreadable { bytes } => write!(f, "{bytes} bytes are damaged; what follows them was read"),
            Wrong::Missing { first, last } => write!(f, "entries {first} to {last} are missing"),
            Wrong::OutOfOrder { number } => write!(f, "entry {number} is not where it was written"),
            Wrong::Senseless { why } => write!(f, "an entry cannot be understood: {why}"),
        }
    }
}

/// Reads all segments.
///
/// # Errors
/// A segment cannot be read at all.
pub fn scan(disk: &dyn Disk) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let numbers = disk.list()?;
    let newest = numbers.last().copied();
    let mut followed = false;
    for number in numbers {
        let bytes = disk.read(number)?;
        let scanned = scan.segment(number, &bytes, followed, newest == Some(number));
        scan.segments.push(scanned);
        followed = true;
    }
    Ok(scan)
}

/// The settled records of a segment, in the order in which they were settled.
pub fn settled(bytes: &[u8]) -> impl Iterator<Item = Record> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let (_, entry) = next(rest)?;
            let at = rest.len() - entry.rest.len();
            rest = rest.get(at..).unwrap_or_default();
            if entry.entry.kind == Kind::Settle
                && let Ok(record) = entry::read_record(entry.entry.payload)
            {
                return Some(record);
            }
        }
    })
}

struct Next<'a> {
    entry: Entry<'a>,
    rest: &'a [u8],
}

/// The next sound entry, and how many bytes before it are none.
fn next(bytes: &[u8]) -> Option<(usize, Next<'_>)> {
    let mut skipped = 0;
    loop {
        let rest = bytes.get(skipped..)?;
        if let Some(entry) = entry::read(rest) {
            return Some((skipped, Next { entry, rest: rest.get(entry.length..).unwrap_or_default() }));
        }
        skipped += 1 + memchr::memchr(b'T', rest.get(1..)?)?;
    }
}

impl Scan {
    fn segment(&mut self, number: u64, bytes: &[u8], mut followed: bool, newest: bool) -> Scanned {
        let length = bytes.len() as u64;
        let mut scanned = Scanned {
            number,
            bytes: length,
            entries: 0,
            holds: 0,
            checkpoints: 0,
            settled: 0,
            sound: 0,
            damaged: false,
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let offset = length - rest.len() as u64;
            let Some((skipped, Next { entry, rest: after })) = next(rest) else {
                let bytes = rest.len() as u64;
                let what = if newest { Wrong::Torn { bytes } } else { Wrong::Unreadable { bytes } };
                scanned.damaged |= !newest;
                self.damage.push(Damage { segment: number, offset, what });
                break;
            };
            if skipped > 0 {
                let what = Wrong::Unreadable { bytes: skipped as u64 };
                self.damage.push(Damage { segment: number, offset, what });
                scanned.damaged = true;
            }
            let at = offset + skipped as u64;
            rest = after;
            scanned.sound = at + entry.length as u64;
            let follows = !followed || (entry.number == self.last.0 + 1 && entry.before == self.last.1);
            if !follows {
                let (first, last) = (self.last.0 + 1, entry.number.saturating_sub(1));
                let what = match first <= last {
                    true => Wrong::Missing { first, last },
                    false => Wrong::OutOfOrder { number: entry.number },
                };
                self.damage.push(Damage { segment: number, offset: at, what });
                scanned.damaged = true;
            }
            followed = true;
            if entry.number > self.last.0 {
                self.last = (entry.number, entry.checksum);
            }
            scanned.entries += 1;
            if let Err(why) = self.note(&entry, &mut scanned) {
                self.damage.push(Damage {
                    segment: number,
                    offset: at,
                    what: Wrong::Senseless { why: why.to_owned() },
                });
                scanned.damaged = true;
            }
        }
        scanned
    }

    fn note(&mut self, entry: &Entry<'_>, scanned: &mut Scanned) -> Result<(), &'static str> {
        const CUT: &str = "it is cut off";
        match entry.kind {
            Kind::Open => {}
            Kind::Hold => {
                let (most, record) = entry::read_most(entry.payload).ok_or(CUT)?;
                let id = entry::record_id(record).ok_or(CUT)?;
                scanned.holds += 1;
                self.open.insert(id, Unsettled { most, record: record.to_vec(), checkpoint: false });
            }
            Kind::Checkpoint => {
                let id = entry::record_id(entry.payload).ok_or(CUT)?;
                scanned.checkpoints += 1;
                // Its hold may be unreadable: the checkpoint says enough.
                let most = self.open.get(&id).map(|open| open.most).unwrap_or_default();
                self.open.insert(id, Unsettled { most, record: entry.payload.to_vec(), checkpoint: true });
            }
            Kind::Settle => {
                let id = entry::record_id(entry.payload).ok_or(CUT)?;
                scanned.settled += 1;
                self.open.remove(&id);
            }
        }
        Ok(())
    }
}
