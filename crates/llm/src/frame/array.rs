//! The elements of one JSON array, as Google streams where `alt=sse` is not asked for.
//!
//! Every object at the top, in an array or not, is a frame: an error may stand there alone.

use std::borrow::Cow;

use super::{Frame, Splitter as Any, Unreadable};

/// Cuts the objects out of a byte stream, whatever the boundaries of the chunks it is fed.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The object whose end has not come.
    pending: Vec<u8>,
    /// How many braces and brackets of it are open.
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Splitter {
    /// Takes more bytes and hands every object that they complete to `each`.
    ///
    /// # Errors
    /// An object is too long.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Frame<'_>)) -> Result<(), Unreadable> {
        for byte in bytes {
            if self.depth == 0 && *byte != b'{' {
                continue; // brackets, commas and blanks between the objects
            }
            self.pending.push(*byte);
            self.step(*byte);
            if self.depth == 0 {
                each(Frame { raw: &self.pending, event: None, data: Some(Cow::Borrowed(&self.pending)) });
                self.pending.clear();
            }
        }
        if self.pending.len() > Any::MOST_BYTES { Err(Unreadable::TooLong) } else { Ok(()) }
    }

    /// Whether bytes of an unfinished object are held back.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    fn step(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            _ if self.in_text => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_cut_out_at_every_split() {
        let bytes = br#"[{"a": "}\"]{"}
,
{"b": [1, {"c": "\\"}]}]"#;
        let read = |pieces: &[&[u8]]| {
            let mut splitter = Splitter::default();
            let mut found = Vec::new();
            for piece in pieces {
                splitter.push(piece, |frame| found.push(frame.data.unwrap().into_owned())).unwrap();
            }
            assert!(!splitter.is_pending());
            found
        };
        let whole = read(&[bytes]);
        assert_eq!(whole, [br#"{"a": "}\"]{"}"#.to_vec(), br#"{"b": [1, {"c": "\\"}]}"#.to_vec()]);
        for at in 0..=bytes.len() {
            assert_eq!(read(&[&bytes[..at], &bytes[at..]]), whole, "cut at {at}");
        }
    }
}
