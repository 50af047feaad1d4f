//! Finds the members of a JSON object at the speed of a search for quotes.
//!
//! Prompts are long strings. serde_json looks at every eight bytes of them; jumping from quote to quote is many times
//! faster, and this runs for every request. What is accepted is exactly JSON: a body that this scan does not like is read
//! again by serde_json, which finds the words for what is wrong.

mod plain;
mod spell;
mod typed;

use std::ops::Range;

use plain::{Run, short};

pub(crate) use plain::plain;
pub(crate) use typed::{bare, member, unquoted};

/// Deepest nesting: serde_json's own limit, counted with the outermost object. One bit a level fits a `u128`.
pub(crate) const DEEPEST: u32 = 127;

/// A look through JSON text that decodes nothing: what is not asked for is passed over, but nothing is left unseen.
pub(crate) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    is_ascii: bool,
}

/// The open brackets of a value.
#[derive(Default)]
struct Brackets {
    depth: u32,
    /// One bit for each of them, the innermost lowest: 1 for an object.
    objects: u128,
}

impl<'a> Scan<'a> {
    pub fn of(text: &'a [u8]) -> Self {
        Self { text, at: 0, is_ascii: true }
    }

    /// Passes an object. `member` gets the place of each key, quotes included, and passes the value.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, Range<usize>) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.is_at(b'}')? {
            return Some(());
        }
        loop {
            self.peek()?;
            let start = self.at;
            self.string()?;
            let key = start..self.at;
            self.take(b':')?;
            member(self, key)?;
            if !self.goes_on(b'}')? {
                return Some(());
            }
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
            if !self.goes_on(b']')? {
                return Some(());
            }
        }
    }

    /// Passes a value; gives back its text.
    pub fn raw(&mut self) -> Option<&'a [u8]> {
        let place = self.place()?;
        self.text.get(place)
    }

    /// Passes a value; gives back what `look` made of it, if it could.
    pub fn look<T>(&mut self, look: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        let start = self.at;
        let seen = look(self);
        if seen.is_none() {
            self.at = start;
            self.value()?;
        }
        Some(seen)
    }

    /// The text of a key without its quotes, as it stands.
    pub fn key(&self, quoted: Range<usize>) -> &'a [u8] {
        self.text.get(quoted.start + 1..quoted.end - 1).unwrap_or_default()
    }

    /// Whether nothing follows, and all of it is UTF-8. What is not ASCII stands in strings alone.
    pub fn is_whole(&mut self) -> bool {
        self.peek().is_none() && (self.is_ascii || std::str::from_utf8(self.text).is_ok())
    }

    /// Passes a value; gives back where it stands.
    pub fn place(&mut self) -> Option<Range<usize>> {
        self.peek()?;
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

    /// Behind a member or an element: true if another follows, false if the bracket ends here.
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        let next = self.peek()?;
        self.at += 1;
        (next == b',' || next == end).then_some(next != end)
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is not blank.
    pub fn peek(&mut self) -> Option<u8> {
        let byte = self.byte()?;
        if byte > b' ' { Some(byte) } else { self.peek_behind_blanks() }
    }

    #[inline(never)]
    fn peek_behind_blanks(&mut self) -> Option<u8> {
        let rest = self.text.get(self.at..)?;
        self.at += rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))?;
        self.byte()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Passes a value, whatever is in it.
    pub fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'{' | b'[' => self.nested(),
            first => self.scalar(first),
        }
    }

    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    /// Passes an object or a list. Brackets are counted, not recursed into.
    fn nested(&mut self) -> Option<()> {
        let mut brackets = Brackets::default();
        loop {
            let opened = match self.peek()? {
                b'{' => self.open(&mut brackets, true)?,
                b'[' => self.open(&mut brackets, false)?,
                first => {
                    self.scalar(first)?;
                    false
                }
            };
            // What was opened holds an element, or the value of its first key.
            if !opened && !self.close_or_go_on(&mut brackets)? {
                return Some(());
            }
        }
    }

    /// Enters a bracket; false if it is empty, and thus left already.
    fn open(&mut self, brackets: &mut Brackets, object: bool) -> Option<bool> {
        self.at += 1;
        if brackets.depth + 1 >= DEEPEST {
            return None;
        }
        let end = if object { b'}' } else { b']' };
        if self.peek()? == end {
            self.at += 1;
            return Some(false);
        }
        brackets.depth += 1;
        brackets.objects = (brackets.objects << 1) | u128::from(object);
        if object {
            self.passed_key()?;
        }
        Some(true)
    }

    /// Behind a value: leaves the brackets that end here; true if another value follows inside one.
    fn close_or_go_on(&mut self, brackets: &mut Brackets) -> Option<bool> {
        while brackets.depth > 0 {
            let object = brackets.objects & 1 == 1;
            match (self.peek()?, object) {
                (b',', _) => {
                    self.at += 1;
                    if object {
                        self.peek()?;
                        self.passed_key()?;
                    }
                    return Some(true);
                }
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    brackets.depth -= 1;
                    brackets.objects >>= 1;
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

    /// Passes a string. Most are short and plain.
    fn string(&mut self) -> Option<()> {
        let (b'"', text) = self.text.get(self.at..)?.split_first()? else { return None };
        let length = short(text);
        self.at += length + 1;
        if text.get(length) != Some(&b'"') {
            return self.rest_of_string();
        }
        self.at += 1;
        Some(())
    }

    /// Passes the rest of a string that is long, not ASCII, or holds escapes.
    #[inline(never)]
    fn rest_of_string(&mut self) -> Option<()> {
        loop {
            match self.byte()? {
                b'"' => break,
                b'\\' => self.escape()?,
                ..0x20 => return None,
                _ => {
                    let Run { length, is_ascii } = Run::of(self.text.get(self.at..)?);
                    self.at += length;
                    self.is_ascii &= is_ascii;
                }
            }
            self.at += short(self.text.get(self.at..)?);
        }
        self.at += 1;
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        self.at += 1;
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

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
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
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then_some(())
    }
}
