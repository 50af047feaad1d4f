use std::io::Write as _;

use super::Json;
use crate::envelope::scan::plain;

impl Json<'_> {
    /// Its JSON text, without blanks.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.length());
        self.write(&mut out);
        out
    }

    /// Appends its JSON text, without blanks.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(number) => match number.as_u64() {
                Some(whole) => write_whole(whole, out),
                None => drop(write!(out, "{number}")),
            },
            Self::String(text) => write_text(text, out),
            Self::Array(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(object) => {
                out.push(b'{');
                for (at, (name, value)) in object.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    /// About how long its text is.
    fn length(&self) -> usize {
        /// Quotes, comma, and an escape or two.
        const AROUND: usize = 8;
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => AROUND,
            Self::String(text) => AROUND + text.len(),
            Self::Array(items) => items.iter().fold(AROUND, |sum, item| sum + item.length()),
            Self::Object(object) => {
                object.iter().fold(AROUND, |sum, (name, value)| sum + AROUND + name.len() + value.length())
            }
        }
    }
}

/// Appends the digits of a number.
fn write_whole(number: u64, out: &mut Vec<u8>) {
    if number > 9 {
        write_whole(number / 10, out);
    }
    out.extend(u8::try_from(number % 10).map(|digit| b'0' + digit));
}

/// Appends a string with its quotes.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (said, behind) = rest.split_at(plain(rest));
        out.extend_from_slice(said);
        let Some((byte, behind)) = behind.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            control => drop(write!(out, "\\u{control:04x}")),
        }
        rest = behind;
    }
    out.push(b'"');
}
