//! JSON text as its reader will read it: `\u0062omb` is a bomb. Tool arguments are JSON text, and a guard that looked at
//! the escapes would miss what a tool gets to see.

use std::borrow::Cow;

/// Replaces the escapes of a JSON text that arrives in pieces by the characters that they stand for.
#[derive(Debug, Default)]
pub(super) struct Unescape {
    /// The beginning of an escape: `\`, `\u00`.
    begun: String,
    /// The first half of a character beyond U+FFFF.
    half: Option<u32>,
}

/// A whole text without its escapes.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut unescape = Unescape::default();
    let mut whole = unescape.push(text);
    whole.push_str(&unescape.finish());
    Cow::Owned(whole)
}

impl Unescape {
    pub fn push(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        for character in piece.chars() {
            if self.begun.is_empty() && character != '\\' {
                self.half = None;
                out.push(character);
                continue;
            }
            self.begun.push(character);
            let ready = match self.begun.as_bytes() {
                [b'\\'] => false,
                [b'\\', b'u', digits @ ..] => digits.len() >= 4,
                _ => true,
            };
            if ready {
                out.extend(self.meant(character));
                self.begun.clear();
            }
        }
        out
    }

    /// The text has ended, and with it an escape that is none.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.begun)
    }

    /// Whether a character is still on its way.
    pub fn is_pending(&self) -> bool {
        !self.begun.is_empty()
    }

    /// The character that the escape stands for; `last` is its last one.
    fn meant(&mut self, last: char) -> Option<char> {
        let code = self.begun.strip_prefix("\\u").and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match (code, self.half.take()) {
            (Some(low @ 0xDC00..=0xDFFF), Some(high)) => {
                char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            }
            (Some(high @ 0xD800..=0xDBFF), _) => {
                self.half = Some(high);
                None
            }
            (Some(code), _) => Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
            (None, _) => Some(match last {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                other => other,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_however_they_are_split() {
        let (text, meant) = (r#"{"a\n":"\u0062\u00f6mb \ud83d\udca3 \"\\"}"#, "{\"a\n\":\"b\u{f6}mb \u{1f4a3} \"\\\"}");
        assert_eq!(unescape(text), meant);
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let mut pieces = Unescape::default();
            let (one, other) = text.split_at(cut);
            assert_eq!(pieces.push(one) + &pieces.push(other) + &pieces.finish(), meant, "at {cut}");
        }
        assert_eq!(unescape(r"a\"), "a\\", "what is no escape stays");
        assert_eq!(unescape(r"\ud83dx\uZZZZ"), "xZ", "what stands for no character");
    }
}
