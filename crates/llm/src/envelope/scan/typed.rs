//! Values that are wanted, read on the way past them.

use std::borrow::Cow;

use super::Scan;
use crate::{dialect::body, json::Json};

impl<'a> Scan<'a> {
    /// Passes a value; `None` inside if it is `null`.
    pub fn present(&mut self) -> Option<Option<&'a [u8]>> {
        let value = self.raw()?;
        Some(Some(value).filter(|value| *value != b"null"))
    }

    /// Passes `null`, or what `read` passes.
    pub fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.peek()? == b'n' {
            self.word(b"null")?;
            return Some(None);
        }
        read(self).map(Some)
    }

    /// Passes a value; the count that it means, however servers write it; `None` inside if it is none (`null`).
    pub fn count(&mut self) -> Option<Option<u64>> {
        let value = self.raw()?;
        Some(whole(value).or_else(|| Json::read(value).ok().and_then(|value| body::whole_number(&value))))
    }

    /// Passes a value; the counts that its members of these names are. What is no object has none.
    pub fn counts<const N: usize>(&mut self, names: [&str; N]) -> Option<[Option<u64>; N]> {
        let mut counts = [None; N];
        self.look(|scan| {
            scan.object(|scan, key| {
                let key = scan.key(key);
                match names.iter().zip(&mut counts).find(|(name, _)| name.as_bytes() == key) {
                    Some((_, count)) => *count = scan.count()?,
                    None => scan.value()?,
                }
                Some(())
            })
        })?;
        Some(counts)
    }

    /// Passes a value; the text that it is, if it is one.
    pub fn text(&mut self) -> Option<Option<Cow<'a, str>>> {
        self.raw().map(unquoted)
    }
}

/// The text of a string that was passed; `None` if the value is no string.
pub(crate) fn unquoted(value: &[u8]) -> Option<Cow<'_, str>> {
    let plain = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', plain).is_some() {
        return serde_json::from_slice(value).ok().map(Cow::Owned);
    }
    std::str::from_utf8(plain).ok().map(Cow::Borrowed)
}

/// A value as it stands, without the quotes if it is a string.
pub(crate) fn bare(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// A count as everybody writes it.
fn whole(value: &[u8]) -> Option<u64> {
    // As many digits never overflow, and no real count has more.
    const MOST_DIGITS: usize = 12;
    if value.len() > MOST_DIGITS {
        return None;
    }
    value.iter().try_fold(0, |count, byte| byte.is_ascii_digit().then(|| count * 10 + u64::from(byte - b'0')))
}

/// The first member of this name of an object; what stands behind it is not looked at.
pub(crate) fn member<'a>(object: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    Scan::of(object).object(|scan, key| {
        if scan.key(key) != name {
            return scan.value();
        }
        found = scan.present()?;
        None
    });
    found
}
