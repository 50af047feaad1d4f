use std::borrow::Cow;

use super::{Scan, plain};

impl<'a> Scan<'a> {
    /// Passes an object. `field` gets each name as it is spelt, and passes the value. `text`: what is scanned.
    pub fn fields(
        &mut self,
        text: &'a str,
        mut field: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.is_at(b'}')? {
            return Some(());
        }
        loop {
            self.peek()?;
            let name = self.spelt(text)?;
            self.take(b':')?;
            field(self, name)?;
            if !self.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    /// Passes a string; gives back what it spells. Without an escape that is the text as it stands. `text`: what is
    /// scanned, known to be UTF-8.
    pub fn spelt(&mut self, text: &'a str) -> Option<Cow<'a, str>> {
        let start = self.at;
        self.take(b'"')?;
        let (mut from, mut spelt) = (self.at, Vec::new());
        loop {
            self.at += plain(self.text.get(self.at..)?);
            let run = from..self.at;
            let end = self.byte()?;
            self.at += 1;
            match end {
                b'"' if spelt.is_empty() => return text.get(run).map(Cow::Borrowed),
                b'"' => {
                    spelt.extend_from_slice(self.text.get(run)?);
                    return String::from_utf8(spelt).ok().map(Cow::Owned);
                }
                b'\\' => spelt.extend_from_slice(self.text.get(run)?),
                _ => return None,
            }
            spelt.push(match self.byte()? {
                escape @ (b'"' | b'\\' | b'/') => escape,
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'b' => 0x08,
                b'f' => 0x0C,
                b'u' => {
                    self.at = start;
                    return self.spelt_in_code_units();
                }
                _ => return None,
            });
            self.at += 1;
            from = self.at;
        }
    }

    /// The same for a string with escapes like `\u00e9`, which may be halves of a character: serde_json joins them.
    fn spelt_in_code_units(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        self.string()?;
        serde_json::from_slice(self.text.get(start..self.at)?).ok().map(Cow::Owned)
    }
}
