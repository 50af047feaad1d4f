//! Where requests of an HTTP/1 connection begin and end, read strictly, beside the parser.
//!
//! The parser is lenient, as its users need it: it takes a bare LF for the end of a line, and it drops a
//! `Content-Length` that stands beside `Transfer-Encoding`, or twice, before anybody can see it. Behind a proxy that
//! reads such a request otherwise, the difference is a second request that nobody has authorised. So the bytes are
//! looked at on their way in, and what could be read in two ways is refused:
//! <https://www.rfc-editor.org/rfc/rfc9112#section-11.2>.

/// Follows the bytes of one connection.
#[derive(Debug, Default)]
pub struct Framing {
    /// Requests whose head has been read.
    requests: u64,
    at: At,
    head: Head,
    /// A line that has begun.
    line: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Head,
    /// So many bytes of a body, or of a chunk and its end, are to come.
    Body {
        left: u64,
        chunked: bool,
    },
    ChunkSize,
    Trailer,
    /// HTTP/2, or a connection that is to be closed.
    Unwatched,
}

#[derive(Debug, Default)]
struct Head {
    lines: u32,
    length: Option<u64>,
    chunked: bool,
}

/// The bytes of this request could be read in two ways.
#[derive(Debug, PartialEq, Eq)]
pub struct Ambiguous {
    pub request: u64,
}

/// So could this line.
struct BadLine;

/// Longest line, as the parser's own bound on a whole head.
const LONGEST_LINE: usize = 128 << 10;

impl Framing {
    /// Takes bytes in. After the first ambiguous ones nothing is watched any more.
    ///
    /// # Errors
    /// The first request that could be read in two ways.
    pub fn read(&mut self, mut bytes: &[u8]) -> Result<(), Ambiguous> {
        while !bytes.is_empty() {
            let read = match self.at {
                At::Unwatched => return Ok(()),
                At::Body { left, chunked } => self.skip(bytes, left, chunked),
                At::Head | At::ChunkSize | At::Trailer => match self.take_line(bytes) {
                    Ok(read) => read,
                    Err(BadLine) => {
                        let begun = std::mem::replace(&mut self.at, At::Unwatched);
                        return Err(Ambiguous { request: self.requests + u64::from(begun == At::Head) });
                    }
                },
            };
            bytes = bytes.get(read..).unwrap_or_default();
        }
        Ok(())
    }

    fn skip(&mut self, bytes: &[u8], left: u64, chunked: bool) -> usize {
        let read = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.at = match left - read as u64 {
            0 if chunked => At::ChunkSize,
            0 => At::Head,
            left => At::Body { left, chunked },
        };
        read
    }

    /// Reads to the end of a line and takes it in.
    fn take_line(&mut self, bytes: &[u8]) -> Result<usize, BadLine> {
        if self.line.last() == Some(&b'\r') {
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\r").filter(|_| bytes.starts_with(b"\n")).ok_or(BadLine)?;
            return self.line_read(line).map(|()| 1);
        }
        let end = memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
        let (line, rest) = bytes.split_at_checked(end).unwrap_or_default();
        match rest {
            [b'\r', b'\n', ..] if self.line.is_empty() => self.line_read(line)?,
            [b'\r', b'\n', ..] => {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.line_read(&whole)?;
            }
            [] | [b'\r'] => {
                self.line.extend_from_slice(bytes);
                return if self.line.len() > LONGEST_LINE { Err(BadLine) } else { Ok(bytes.len()) };
            }
            _ => return Err(BadLine),
        }
        Ok(end + 2)
    }

    /// A line without its end.
    fn line_read(&mut self, line: &[u8]) -> Result<(), BadLine> {
        self.at = match self.at {
            At::ChunkSize => match chunk_size(line)? {
                0 => At::Trailer,
                size => At::Body { left: size.checked_add(2).ok_or(BadLine)?, chunked: true },
            },
            At::Trailer if line.is_empty() => At::Head,
            At::Head if line.is_empty() => self.head.end(&mut self.requests),
            At::Head if self.head.lines == 0 && line == b"PRI * HTTP/2.0" => At::Unwatched,
            At::Head => {
                self.head.field(line)?;
                At::Head
            }
            at => at,
        };
        Ok(())
    }
}

impl Head {
    /// Takes a line of a head in: the request line first, then the fields, of which two matter.
    fn field(&mut self, line: &[u8]) -> Result<(), BadLine> {
        self.lines += 1;
        if line.first().is_some_and(u8::is_ascii_whitespace) {
            return Err(BadLine);
        }
        if self.lines == 1 {
            return Ok(());
        }
        // Names are short: a search that must be prepared costs more than it saves.
        let colon = line.iter().position(|byte| *byte == b':').ok_or(BadLine)?;
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        if name.last().is_some_and(u8::is_ascii_whitespace) {
            return Err(BadLine);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = decimal(value.trim_ascii()).filter(|_| self.length.is_none() && !self.chunked);
            self.length = Some(length.ok_or(BadLine)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.chunked || self.length.is_some() || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(BadLine);
            }
            self.chunked = true;
        }
        Ok(())
    }

    /// What follows the head. An empty line before the first one is no head yet.
    fn end(&mut self, requests: &mut u64) -> At {
        let Self { lines, length, chunked } = std::mem::take(self);
        if lines == 0 {
            return At::Head;
        }
        *requests += 1;
        match length {
            _ if chunked => At::ChunkSize,
            Some(left @ 1..) => At::Body { left, chunked: false },
            _ => At::Head,
        }
    }
}

/// A number of digits alone.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    let number = digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    });
    number.filter(|_| !digits.is_empty())
}

/// The size in a chunk's first line. Extensions are skipped, as by everybody.
fn chunk_size(line: &[u8]) -> Result<u64, BadLine> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits.trim_ascii_end()).map_err(|_| BadLine)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(BadLine);
    }
    u64::from_str_radix(digits, 16).map_err(|_| BadLine)
}

#[cfg(test)]
mod tests;
