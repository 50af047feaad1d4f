//! Runs of text that stand for themselves.

/// How many ASCII bytes go before the next quote, backslash or control character, as far as the next words of eight bytes
/// tell: all of these if nothing else is met in them.
pub(super) fn short(text: &[u8]) -> usize {
    const MOST_WORDS: usize = 8;
    let mut passed = 0;
    for word in text.as_chunks::<8>().0.iter().take(MOST_WORDS) {
        let odd = odd_in(u64::from_le_bytes(*word));
        if odd != 0 {
            return passed + odd.trailing_zeros() as usize / 8;
        }
        passed += 8;
    }
    passed
}

/// What goes before the next quote, backslash or control character.
pub(super) struct Run {
    /// In bytes.
    pub length: usize,
    pub is_ascii: bool,
}

impl Run {
    /// At the beginning of `text`, which is searched for the end of the run, and then for what may not stand in it.
    pub fn of(text: &[u8]) -> Self {
        let end = memchr::memchr2(b'"', b'\\', text).unwrap_or(text.len());
        let run = text.get(..end).unwrap_or_default();
        // Without a branch in it, the compiler turns this into vector instructions. Control characters come out highest,
        // what is not ASCII next, the rest lowest.
        match run.iter().fold(0, |highest: u8, byte| highest.max(byte.wrapping_sub(0x20))) {
            0xE0.. => Self { length: run.iter().position(|byte| *byte < 0x20).unwrap_or(end), is_ascii: false },
            highest => Self { length: end, is_ascii: highest < 0x60 },
        }
    }
}

/// How many bytes go before the next quote, backslash or control character.
pub(crate) fn plain(text: &[u8]) -> usize {
    let passed = short(text);
    match text.get(passed..) {
        None | Some([] | [b'"' | b'\\' | ..0x20, ..]) => passed,
        Some(rest) => passed + Run::of(rest).length,
    }
}

/// The highest bit of the first byte that is a quote, a backslash, a control character or not ASCII; those above it may be
/// wrong.
fn odd_in(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let quote = (word ^ (ONES * 0x22)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * 0x5C)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * 0x20);
    (quote | backslash | control | word) & HIGHEST
}
