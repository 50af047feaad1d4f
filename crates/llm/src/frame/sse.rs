//! Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>
//!
//! A frame ends at an empty line. Only CR, LF and CR LF end a line: U+2028 and U+0085 are text. Frames are cut out of
//! the bytes as they stand, so that a relay can forward exactly what came.

use std::borrow::Cow;

use super::Unreadable;

/// One frame: a block of lines up to and including its empty line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The bytes as they came, the empty line included.
    pub raw: &'a [u8],
    /// The `event:` field, if the frame has one and it is UTF-8.
    pub event: Option<&'a str>,
    /// The `data:` lines, joined by LF; `None` for a frame without data (comments, a lone `event:`).
    pub data: Option<Cow<'a, [u8]>>,
}

/// Cuts a byte stream into frames, whatever the boundaries of the chunks it is fed.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The beginning of a frame whose end has not come.
    pending: Vec<u8>,
    /// How much of `pending` is known to hold no frame end.
    searched: usize,
    /// The last frame ended with CR at the end of a chunk: a LF that follows belongs to it, and comes as a frame without
    /// data, so that a relay forwards it.
    swallow_lf: bool,
    begun: bool,
}

impl Splitter {
    /// Longest frame that is accepted: answers carry images of several megabytes in one frame.
    pub const MOST_BYTES: usize = 32 << 20;

    /// Takes more bytes and hands every frame that they complete to `each`.
    ///
    /// # Errors
    /// [`Unreadable::TooLong`]: the stream cannot be read further.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Frame<'_>)) -> Result<(), Unreadable> {
        let mut rest = bytes;
        if self.swallow_lf && !rest.is_empty() {
            self.swallow_lf = false;
            if let Some(after) = rest.strip_prefix(b"\n") {
                each(Frame { raw: b"\n", event: None, data: None });
                rest = after;
            }
        }
        if !self.pending.is_empty() {
            // The end may lie on the seam: search again from one line end before it.
            let seam = self.pending.len();
            self.pending.extend_from_slice(rest);
            let from = self.searched.min(seam);
            let Some(end) = frame_end(&self.pending, from) else {
                self.searched = self.pending.len().saturating_sub(3);
                return if self.pending.len() > Self::MOST_BYTES { Err(Unreadable::TooLong) } else { Ok(()) };
            };
            let taken = end.saturating_sub(seam);
            let pending = std::mem::take(&mut self.pending);
            self.emit(pending.get(..end).unwrap_or_default(), &mut each);
            rest = rest.get(taken..).unwrap_or_default();
            self.swallow_lf = pending.get(end - 1) == Some(&b'\r') && rest.is_empty();
        }
        while let Some(end) = frame_end(rest, 0) {
            let (frame, after) = rest.split_at(end);
            self.emit(frame, &mut each);
            rest = after;
            self.swallow_lf = frame.last() == Some(&b'\r') && rest.is_empty();
        }
        self.searched = rest.len().saturating_sub(3);
        self.pending.extend_from_slice(rest);
        if self.pending.len() > Self::MOST_BYTES { Err(Unreadable::TooLong) } else { Ok(()) }
    }

    /// The bytes have ended: what is left is a frame if it holds a whole line of data.
    ///
    /// Some servers end without the last empty line.
    pub fn finish(&mut self, mut each: impl FnMut(Frame<'_>)) {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.emit(&rest, &mut each);
        }
    }

    /// Whether bytes of an unfinished frame are held back.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    fn emit(&mut self, raw: &[u8], each: &mut impl FnMut(Frame<'_>)) {
        let first = !std::mem::replace(&mut self.begun, true);
        each(parse(raw, first));
    }
}

/// The index behind the first empty line at or after `from`; line ends are LF, CR LF or CR.
fn frame_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = memchr::memchr2(b'\n', b'\r', bytes.get(at..)?) {
        let line_end = at + found + line_end_length(bytes, at + found);
        match bytes.get(line_end) {
            Some(b'\n' | b'\r') => return Some(line_end + line_end_length(bytes, line_end)),
            Some(_) => at = line_end,
            None => return None,
        }
    }
    None
}

fn line_end_length(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 }
}

fn parse(raw: &[u8], first: bool) -> Frame<'_> {
    let mut frame = Frame { raw, event: None, data: None };
    let mut rest = if first { raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw) } else { raw };
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()));
        rest = behind.get(1..).unwrap_or_default();
        if let Some(value) = value_of(line, b"data") {
            match &mut frame.data {
                None => frame.data = Some(Cow::Borrowed(value)),
                Some(data) => {
                    let data = data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            }
        } else if let Some(value) = value_of(line, b"event") {
            frame.event = std::str::from_utf8(value).ok();
        }
    }
    frame
}

/// The value of a line that is a field of this name. A field without a colon has an empty one.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)?.split_first() {
        None => Some(b""),
        Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Owned = (Vec<u8>, Option<String>, Option<Vec<u8>>);

    fn frames(chunks: &[&[u8]]) -> Vec<Owned> {
        let mut splitter = Splitter::default();
        let mut out = Vec::new();
        let mut keep = |frame: Frame<'_>| {
            out.push((frame.raw.to_vec(), frame.event.map(str::to_owned), frame.data.map(Cow::into_owned)));
        };
        for chunk in chunks {
            splitter.push(chunk, &mut keep).unwrap();
        }
        splitter.finish(&mut keep);
        out
    }

    /// A LF that belongs to the line end of the frame before may stand alone.
    fn meaning(frames: Vec<Owned>) -> Vec<(Option<String>, Option<Vec<u8>>)> {
        frames.into_iter().map(|(_, event, data)| (event, data)).collect()
    }

    #[test]
    fn reads_fields_comments_and_joined_data() {
        let frames = meaning(frames(&[b": hello\n\nevent: a\ndata: 1\ndata:2\n\ndata\n\n"]));
        assert_eq!(frames, [(None, None), (Some("a".into()), Some(b"1\n2".to_vec())), (None, Some(b"".to_vec()))]);
    }

    #[test]
    fn only_cr_and_lf_end_a_line() {
        let text = "data: a\u{2028}b\u{85}c\n\n".as_bytes();
        assert_eq!(meaning(frames(&[text])), [(None, Some("a\u{2028}b\u{85}c".as_bytes().to_vec()))]);
    }

    proptest! {
        #[test]
        fn case_001_every_split_gives_the_same_frames(
            lines in proptest::collection::vec("(data: [a-zé\u{2028}]{0,6}|event: x|: c|)", 0..20),
            end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let bytes = lines.join(end).into_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let whole = frames(&[&bytes]);
            let split = frames(&chunks);
            let has_data = |frames: Vec<Owned>| -> Vec<_> {
                meaning(frames).into_iter().filter(|(_, data)| data.is_some()).collect()
            };
            prop_assert_eq!(has_data(whole), has_data(split.clone()));
            let forwarded: Vec<u8> = split.into_iter().flat_map(|(raw, _, _)| raw).collect();
            prop_assert_eq!(forwarded, bytes);
        }
    }
}
