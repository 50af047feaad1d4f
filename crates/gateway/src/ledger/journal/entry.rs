//! One entry of the journal, as bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 2 | `TG` |
//! | 1 | the form of what follows, 1 |
//! | 1 | its [`Kind`] |
//! | 4 | length of the payload |
//! | 8 | its number: each entry has the next one, over all segments |
//! | 4 | the checksum of the entry before it |
//! | 4 | CRC-32 (IEEE) of the 20 bytes above and the payload |
//! | | the payload |
//!
//! Numbers are little-endian. An entry can be checked alone, so that what follows damage is still read; the number and the
//! checksum of the one before it tell when entries are missing, doubled or out of order. This guards against disks and
//! crashes, not against people: whoever can write the file can forge it.

use uuid::Uuid;

use crate::observe::{Record, compact};

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first of a segment. No payload.
    Open = 1,
    /// A call is about to be made: the record so far, after [`Most`].
    Hold = 2,
    /// What a long stream has used so far: the record.
    Checkpoint = 3,
    /// A call that was held has ended: the record.
    Settle = 4,
}

/// What a call may use at most, in tokens, as far as it was known before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Most {
    /// Of the prompt.
    pub prompt: u32,
    /// Of the answer; 0: the caller set no bound.
    pub output: u32,
}

/// An entry that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    pub kind: Kind,
    pub number: u64,
    /// The checksum of the entry before it.
    pub before: u32,
    pub checksum: u32,
    pub payload: &'a [u8],
    /// All of it, in bytes.
    pub length: usize,
}

/// Bytes before the payload.
pub const HEAD: usize = 24;

/// No record comes near it: a length beyond is damage, and nothing that memory is taken for.
pub const MOST_PAYLOAD: usize = 16 << 20;

const MAGIC: [u8; 2] = *b"TG";
const FORM: u8 = 1;

/// Makes `buffer` the entry whose payload `fill` appends. Gives its checksum.
pub fn write(buffer: &mut Vec<u8>, kind: Kind, (number, before): (u64, u32), fill: impl FnOnce(&mut Vec<u8>)) -> u32 {
    buffer.clear();
    buffer.extend_from_slice(&[0; HEAD]);
    fill(buffer);
    let length = u32::try_from(buffer.len() - HEAD).unwrap_or(u32::MAX);
    let mut head = [0; HEAD - 4];
    let fields = [&MAGIC[..], &[FORM, kind as u8], &length.to_le_bytes(), &number.to_le_bytes(), &before.to_le_bytes()];
    for (to, byte) in head.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *byte;
    }
    let checksum = checksum(&head, buffer.get(HEAD..).unwrap_or_default());
    if let Some((place, _)) = buffer.split_first_chunk_mut::<HEAD>() {
        let (front, back) = place.split_at_mut(HEAD - 4);
        front.copy_from_slice(&head);
        back.copy_from_slice(&checksum.to_le_bytes());
    }
    checksum
}

/// The entry at the beginning of these bytes; `None` if there is no whole and sound one.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Entry<'_>> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let (said, sum) = head.split_last_chunk::<4>()?;
    let (magic, said_rest) = said.split_first_chunk::<2>()?;
    let ([form, kind], said_rest) = said_rest.split_first_chunk::<2>()?;
    let (length, said_rest) = said_rest.split_first_chunk::<4>()?;
    let (number, before) = said_rest.split_first_chunk::<8>()?;
    let before: &[u8; 4] = before.try_into().ok()?;
    let length = u32::from_le_bytes(*length) as usize;
    if *magic != MAGIC || *form != FORM || length > MOST_PAYLOAD {
        return None;
    }
    let kind =
        [Kind::Open, Kind::Hold, Kind::Checkpoint, Kind::Settle].into_iter().find(|known| *known as u8 == *kind)?;
    let payload = rest.get(..length)?;
    let expected = u32::from_le_bytes(*sum);
    (checksum(said, payload) == expected).then_some(Entry {
        kind,
        number: u64::from_le_bytes(*number),
        before: u32::from_le_bytes(*before),
        checksum: expected,
        payload,
        length: HEAD + length,
    })
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

/// Appends what a call may use at most.
pub fn write_most(out: &mut Vec<u8>, most: Most) {
    out.extend_from_slice(&most.prompt.to_le_bytes());
    out.extend_from_slice(&most.output.to_le_bytes());
}

/// Reads what [`write_most`] wrote, and gives what follows it.
#[must_use]
pub fn read_most(payload: &[u8]) -> Option<(Most, &[u8])> {
    let (prompt, rest) = payload.split_first_chunk::<4>()?;
    let (output, rest) = rest.split_first_chunk::<4>()?;
    Some((Most { prompt: u32::from_le_bytes(*prompt), output: u32::from_le_bytes(*output) }, rest))
}

/// Appends a record: its id, status and outcome, its key and model, then its compact form.
pub fn write_record(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(record.id.as_bytes());
    out.extend_from_slice(&record.status.to_le_bytes());
    out.push(u8::try_from(compact::outcome_number(record.outcome)).unwrap_or_default());
    for text in [&record.key_id, &record.model] {
        // The length is one more than it is: 0 says that there is no text.
        let text = text.as_deref().map(|text| text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or_default());
        let length = text.map_or(0, |text| text.len() + 1);
        out.extend_from_slice(&u16::try_from(length).unwrap_or_default().to_le_bytes());
        out.extend_from_slice(text.unwrap_or_default().as_bytes());
    }
    compact::append(out, record);
}

/// Keys' ids and models' names are bound far below.
const LONGEST_TEXT: usize = 4_096;

/// The id of the record in a payload.
#[must_use]
pub fn record_id(payload: &[u8]) -> Option<Uuid> {
    payload.first_chunk::<16>().map(|id| Uuid::from_bytes(*id))
}

/// Reads what [`write_record`] wrote.
///
/// # Errors
/// The bytes are not of this form: why, in words for the log.
pub fn read_record(payload: &[u8]) -> Result<Record, &'static str> {
    const CUT: &str = "it is cut off";
    let (id, rest) = payload.split_first_chunk::<16>().ok_or(CUT)?;
    let (status, rest) = rest.split_first_chunk::<2>().ok_or(CUT)?;
    let ([outcome], rest) = rest.split_first_chunk::<1>().ok_or(CUT)?;
    let (key_id, rest) = read_text(rest).ok_or(CUT)?;
    let (model, rest) = read_text(rest).ok_or(CUT)?;
    let mut record = Record {
        id: Uuid::from_bytes(*id),
        status: u16::from_le_bytes(*status),
        outcome: compact::outcome_of((*outcome).into()).ok_or("its outcome is unknown")?,
        key_id,
        model,
        ..Record::default()
    };
    compact::read(rest, &mut record)?;
    Ok(record)
}

fn read_text(bytes: &[u8]) -> Option<(Option<String>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let Some(length) = usize::from(u16::from_le_bytes(*length)).checked_sub(1) else { return Some((None, rest)) };
    let (text, rest) = rest.split_at_checked(length)?;
    Some((Some(String::from_utf8_lossy(text).into_owned()), rest))
}
