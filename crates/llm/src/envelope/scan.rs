//! Finds the members of a JSON object at the speed of a search for quotes.
//!
//! Prompts are long strings. serde_json looks at every eight bytes of them; jumping from quote to quote is many times
//! faster, and this runs for every request. What is accepted is exactly JSON: a body that this scan does not like is read
//! again by serde_json, which finds the words for what is wrong.

mod spell;

use std::ops::Range;

/// Deepest nesting: serde_json's own limit, counted with the outermost object. One bit a level fits a `u128`.
pub(crate) const DEEPEST: u32 = 127;

/// A member of the outermost object: where its key stands, with quotes, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// The members of the one object that `text` is; `None` if it is no JSON object, or one that nests too deeply.
pub(super) fn members(text: &[u8]) -> Option<Vec<Member>> {
    std::str::from_utf8(text).ok()?;
    let mut found = Vec::with_capacity(16);
    let mut scan = Scan::of(text);
    scan.object(|scan, key| {
        found.push(Member { key, value: scan.place()? });
        Some(())
    })?;
    scan.is_over().then_some(found)
}

/// A look through JSON text that decodes nothing: what is not asked for is passed over, but nothing is left unseen.
pub(crate) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    /// Open brackets inside the outermost object.
    depth: u32,
    /// One bit for each of them, the innermost lowest: 1 for an object.
    objects: u128,
}

impl<'a> Scan<'a> {
    pub fn of(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0, objects: 0 }
    }

    /// Passes an object. `member` gets the place of each key, quotes included, and passes the value.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, Range<usize>) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.is_at(b'}')? {
            return Some(());
        }
        loop {
            self.blank();
            let key = self.string()?;
            self.take(b':')?;
            member(self, key)?;
            if self.is_at(b'}')? {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    /// Passes a list. `element` passes each element.
    pub fn list(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.is_at(b']')? {
            return Some(());
        }
        loop {
            element(self)?;
            if self.is_at(b']')? {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    /// Passes a value; gives back its text.
    pub fn raw(&mut self) -> Option<&'a [u8]> {
        let place = self.place()?;
        self.text.get(place)
    }

    /// Passes a value; gives back its text, and what `look` made of it, if it could.
    pub fn look<T>(&mut self, look: impl FnOnce(&mut Self) -> Option<T>) -> Option<(&'a [u8], Option<T>)> {
        self.blank();
        let start = self.at;
        let seen = look(self);
        if seen.is_none() {
            (self.at, self.depth) = (start, 0);
            self.value()?;
        }
        Some((self.text.get(start..self.at)?, seen))
    }

    /// The text of a key without its quotes, as it stands.
    pub fn key(&self, quoted: Range<usize>) -> &'a [u8] {
        self.text.get(quoted.start + 1..quoted.end - 1).unwrap_or_default()
    }

    /// Whether nothing follows.
    pub fn is_over(&mut self) -> bool {
        self.peek().is_none()
    }

    fn place(&mut self) -> Option<Range<usize>> {
        self.blank();
        let start = self.at;
        self.value()?;
        Some(start..self.at)
    }

    /// Passes the bracket if it stands here; false if anything else does.
    fn is_at(&mut self, bracket: u8) -> Option<bool> {
        let is_here = self.peek()? == bracket;
        self.at += usize::from(is_here);
        Some(is_here)
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next byte that is not blank.
    pub fn peek(&mut self) -> Option<u8> {
        self.blank();
        self.byte()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Passes a value, whatever is in it. Brackets are counted, not recursed into.
    fn value(&mut self) -> Option<()> {
        let outside = self.depth;
        loop {
            let opened = match self.peek()? {
                b'"' => self.string().map(|_| false)?,
                b'{' => self.open(true)?,
                b'[' => self.open(false)?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            };
            if opened {
                continue; // an element, or the value of the first key
            }
            if !self.close_or_go_on(outside)? {
                return Some(());
            }
        }
    }

    /// Enters a bracket; false if it is empty, and thus left already.
    fn open(&mut self, object: bool) -> Option<bool> {
        self.at += 1;
        if self.depth + 1 >= DEEPEST {
            return None;
        }
        let end = if object { b'}' } else { b']' };
        if self.peek()? == end {
            self.at += 1;
            return Some(false);
        }
        self.depth += 1;
        self.objects = (self.objects << 1) | u128::from(object);
        if object {
            self.passed_key()?;
        }
        Some(true)
    }

    /// Behind a value: leaves the brackets that end here; true if another value follows inside one.
    fn close_or_go_on(&mut self, outside: u32) -> Option<bool> {
        while self.depth > outside {
            let object = self.objects & 1 == 1;
            match (self.peek()?, object) {
                (b',', _) => {
                    self.at += 1;
                    if object {
                        self.blank();
                        self.passed_key()?;
                    }
                    return Some(true);
                }
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    self.depth -= 1;
                    self.objects >>= 1;
                }
                _ => return None,
            }
        }
        Some(false)
    }

    fn passed_key(&mut self) -> Option<()> {
        self.string()?;
        self.take(b':')
    }

    /// Passes a string; gives back its place, quotes included.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if self.byte()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            self.at += plain(self.text.get(self.at..)?);
            match self.byte()? {
                b'"' => {
                    self.at += 1;
                    return Some(start..self.at);
                }
                b'\\' => {
                    self.at += 1;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                let digits = self.text.get(self.at + 1..self.at + 5)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                self.at += 5;
            }
            _ => return None,
        }
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<bool> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())?;
        Some(false)
    }

    fn number(&mut self) -> Option<bool> {
        if self.byte()? == b'-' {
            self.at += 1;
        }
        if self.byte()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(false)
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// How many bytes go before the next quote, backslash or control character.
///
/// Most strings are short, or have an escape soon: they are looked at by words of eight bytes. A long one is searched for
/// its end, and then for what may not stand in it, with vector instructions.
pub(crate) fn plain(text: &[u8]) -> usize {
    const SHORT: usize = 64;
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let before = text.len() - rest.len();
        let found = stops_in(u64::from_le_bytes(*word));
        if found != 0 {
            return before + found.trailing_zeros() as usize / 8;
        }
        if before >= SHORT {
            let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            let plain = rest.get(..end).unwrap_or_default();
            // Without a branch in it, the compiler turns this into vector instructions.
            let clean = !plain.iter().fold(false, |found, byte| found | (*byte < 0x20));
            return before + if clean { end } else { plain.iter().position(|byte| *byte < 0x20).unwrap_or(end) };
        }
        rest = behind;
    }
    let stops = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    text.len() - rest.len() + rest.iter().position(stops).unwrap_or(rest.len())
}

/// The highest bit of the first byte that is a quote, a backslash or a control character; those above it may be wrong.
fn stops_in(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = is_zero(word ^ (ONES * 0x22));
    let backslash = is_zero(word ^ (ONES * 0x5C));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGHEST
}
