//! Finds the members of a JSON object at the speed of a search for quotes.
//!
//! Prompts are long strings. serde_json looks at every eight bytes of them; jumping from quote to quote is many times
//! faster, and this runs for every request. What is accepted is exactly JSON: a body that this scan does not like is read
//! again by serde_json, which finds the words for what is wrong.

use std::ops::Range;

/// Deepest nesting: serde_json's own limit, counted with the outermost object. One bit a level fits a `u128`.
pub(super) const DEEPEST: u32 = 127;

/// A member of the outermost object: where its key stands, with quotes, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// The members of the one object that `text` is; `None` if it is no JSON object, or one that nests too deeply.
pub(super) fn members(text: &[u8]) -> Option<Vec<Member>> {
    std::str::from_utf8(text).ok()?;
    let mut scan = Scan { text, at: 0, depth: 0, objects: 0 };
    let mut found = Vec::with_capacity(16);
    scan.take(b'{')?;
    if scan.peek()? == b'}' {
        scan.at += 1;
        return scan.is_over().then_some(found);
    }
    loop {
        scan.blank();
        let key = scan.string()?;
        scan.take(b':')?;
        scan.blank();
        let start = scan.at;
        scan.value()?;
        found.push(Member { key, value: start..scan.at });
        match scan.peek()? {
            b',' => scan.at += 1,
            b'}' => {
                scan.at += 1;
                return scan.is_over().then_some(found);
            }
            _ => return None,
        }
    }
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    /// Open brackets inside the outermost object.
    depth: u32,
    /// One bit for each of them, the innermost lowest: 1 for an object.
    objects: u128,
}

impl Scan<'_> {
    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next byte that is not blank.
    fn peek(&mut self) -> Option<u8> {
        self.blank();
        self.byte()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn is_over(&mut self) -> bool {
        self.peek().is_none()
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
            self.key()?;
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
                        self.key()?;
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

    fn key(&mut self) -> Option<()> {
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
            let rest = self.text.get(self.at..)?;
            let stop = memchr::memchr2(b'"', b'\\', rest)?;
            let plain = rest.get(..stop)?;
            // Without a branch in it, the compiler turns this into vector instructions.
            if plain.iter().fold(false, |found, byte| found | (*byte < 0x20)) {
                return None;
            }
            self.at += stop + 1;
            if rest.get(stop) == Some(&b'"') {
                return Some(start..self.at);
            }
            self.escape()?;
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
