//! Amazon's binary event streams: <https://smithy.io/2.0/aws/amazon-eventstream.html>
//!
//! A message is a prelude (its length, the length of its headers, their checksum), headers, a payload and a checksum over
//! all of it; numbers are big-endian, checksums CRC-32. A message whose checksum is wrong ends the reading: where the next
//! one begins cannot be known.

use std::borrow::Cow;

use super::{Frame, Unreadable};

/// Cuts a byte stream into messages, whatever the boundaries of the chunks it is fed.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The beginning of a message whose end has not come.
    pending: Vec<u8>,
    broken: Option<Unreadable>,
}

/// Both lengths and their checksum.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// Amazon's own bound.
const MOST_HEADER_BYTES: usize = 128 << 10;

impl Splitter {
    /// Takes more bytes and hands every message that they complete to `each`. The frame's `event` is the message's
    /// `:event-type`, `:exception-type` or `:error-code`; its `data` the payload.
    ///
    /// # Errors
    /// The stream cannot be read further: a message is too long, or is not what its checksum says.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Frame<'_>)) -> Result<(), Unreadable> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let done = self.cut(bytes, &mut each);
        self.broken = done.err();
        done
    }

    fn cut(&mut self, bytes: &[u8], each: &mut impl FnMut(Frame<'_>)) -> Result<(), Unreadable> {
        let mut rest = bytes;
        while !self.pending.is_empty() {
            let wanted = length(&self.pending)?.unwrap_or(PRELUDE);
            let (more, after) = rest.split_at(wanted.saturating_sub(self.pending.len()).min(rest.len()));
            self.pending.extend_from_slice(more);
            rest = after;
            match length(&self.pending)? {
                Some(whole) if whole == self.pending.len() => {
                    each(parse(&self.pending)?);
                    self.pending.clear();
                }
                _ if rest.is_empty() => return Ok(()),
                _ => {}
            }
        }
        while let Some(whole) = length(rest)?
            && let Some((message, after)) = rest.split_at_checked(whole)
        {
            each(parse(message)?);
            rest = after;
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Whether bytes of an unfinished message are held back.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }
}

/// Appends an event with a JSON payload.
pub fn write_event(event: &str, payload: &[u8], out: &mut Vec<u8>) {
    let headers = [(":event-type", event), (":content-type", "application/json"), (":message-type", "event")];
    write(&headers, payload, out);
}

/// Appends an exception with a JSON payload.
pub fn write_exception(exception: &str, payload: &[u8], out: &mut Vec<u8>) {
    let headers =
        [(":exception-type", exception), (":content-type", "application/json"), (":message-type", "exception")];
    write(&headers, payload, out);
}

/// Appends a message with these string headers. Names are at most 255 bytes long, values 64 KiB; more is cut off.
pub fn write(headers: &[(&str, &str)], payload: &[u8], out: &mut Vec<u8>) {
    const STRING: u8 = 7;
    let start = out.len();
    out.extend_from_slice(&[0; PRELUDE]);
    for (name, value) in headers {
        let name_length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let value_length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        out.push(name_length);
        out.extend(name.bytes().take(name_length.into()));
        out.push(STRING);
        out.extend_from_slice(&value_length.to_be_bytes());
        out.extend(value.bytes().take(value_length.into()));
    }
    let header_bytes = out.len() - start - PRELUDE;
    out.extend_from_slice(payload);
    let total = out.len() - start + CHECKSUM;
    let whole = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(message) = out.get_mut(start..) {
        let [a, b, c, d] = whole(total);
        let [e, f, g, h] = whole(header_bytes);
        let lengths = [a, b, c, d, e, f, g, h];
        let [i, j, k, l] = crc32fast::hash(&lengths).to_be_bytes();
        for (to, from) in message.iter_mut().zip([a, b, c, d, e, f, g, h, i, j, k, l]) {
            *to = from;
        }
        let checksum = crc32fast::hash(message);
        out.extend_from_slice(&checksum.to_be_bytes());
    }
}

/// The length of the message that begins here, once its prelude is there and found good.
fn length(bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
    let Some((lengths, rest)) = bytes.split_at_checked(PRELUDE - CHECKSUM) else { return Ok(None) };
    let (Some(total), Some(headers), Some(checksum)) =
        (number(lengths), lengths.get(4..).and_then(number), number(rest))
    else {
        return Ok(None);
    };
    if crc32fast::hash(lengths) != checksum {
        return Err(Unreadable::Damaged);
    }
    let (total, headers) = (total as usize, headers as usize);
    if total > super::Splitter::MOST_BYTES || headers > MOST_HEADER_BYTES {
        return Err(Unreadable::TooLong);
    }
    if total < PRELUDE + headers + CHECKSUM { Err(Unreadable::Damaged) } else { Ok(Some(total)) }
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// Reads one whole message, whose prelude is good.
fn parse(raw: &[u8]) -> Result<Frame<'_>, Unreadable> {
    let (body, checksum) = raw.split_last_chunk::<CHECKSUM>().ok_or(Unreadable::Damaged)?;
    if crc32fast::hash(body) != u32::from_be_bytes(*checksum) {
        return Err(Unreadable::Damaged);
    }
    let header_bytes = raw.get(4..).and_then(number).ok_or(Unreadable::Damaged)? as usize;
    let (headers, payload) =
        body.get(PRELUDE..).and_then(|rest| rest.split_at_checked(header_bytes)).ok_or(Unreadable::Damaged)?;
    let mut frame = Frame { raw, event: None, data: Some(Cow::Borrowed(payload)) };
    let mut headers = Headers(headers);
    let mut words = None;
    while let Some((name, value)) = headers.next()? {
        match name {
            b":event-type" | b":exception-type" | b":error-code" => frame.event = std::str::from_utf8(value).ok(),
            b":error-message" => words = Some(String::from_utf8_lossy(value)),
            _ => {}
        }
    }
    if let Some(words) = words.filter(|_| payload.is_empty()) {
        // A failure of the service itself has no payload.
        frame.data = Some(Cow::Owned(serde_json::json!({"message": words}).to_string().into_bytes()));
    }
    Ok(frame)
}

/// A header's name and the bytes of its value, whatever their type.
type Header<'a> = (&'a [u8], &'a [u8]);

/// The headers of a message.
struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    fn next(&mut self) -> Result<Option<Header<'a>>, Unreadable> {
        let Some((&length, rest)) = self.0.split_first() else { return Ok(None) };
        self.0 = rest;
        let name = self.take(length.into())?;
        let kind = self.take(1)?.first().copied().unwrap_or(u8::MAX);
        let length = match kind {
            // true, false
            0 | 1 => 0,
            // byte, short, integer, long
            2 => 1,
            3 => 2,
            4 => 4,
            5 => 8,
            // bytes, string
            6 | 7 => {
                let length = self.take(2)?.first_chunk().ok_or(Unreadable::Damaged)?;
                u16::from_be_bytes(*length).into()
            }
            // timestamp, UUID
            8 => 8,
            9 => 16,
            _ => return Err(Unreadable::Damaged),
        };
        Ok(Some((name, self.take(length)?)))
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(Unreadable::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests;
