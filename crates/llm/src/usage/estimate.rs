//! What a text weighs in tokens where nobody has counted them.

/// Reckons the tokens of a text without its tokenizer: four ASCII bytes or one other character make a token.
///
/// Errs upwards on prose, so that a cut stream is not billed below what was delivered.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    weigh(text.as_bytes()).tokens()
}

/// What a text weighs, measured with its escapes if it is JSON: these are never shorter than what they stand for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    ascii: u64,
    wide: u64,
}

/// The weight of a text in UTF-8.
pub(crate) fn weigh(text: &[u8]) -> Weight {
    if text.is_ascii() {
        return Weight { ascii: text.len() as u64, wide: 0 };
    }
    let count = |counts: fn(&u8) -> bool| text.iter().filter(|byte| counts(byte)).count() as u64;
    // A character that is not ASCII begins with one of these bytes.
    Weight { ascii: count(u8::is_ascii), wide: count(|byte| *byte >= 0xC0) }
}

impl Weight {
    pub fn tokens(self) -> u64 {
        self.wide + self.ascii.div_ceil(4)
    }
}

impl std::ops::AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.ascii += other.ascii;
        self.wide += other.wide;
    }
}

/// Counts what was delivered of a stream, for an answer that is cut before it reports its usage. Never too low: a piece
/// that a provider sends is at least a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    pieces: u64,
    weight: Weight,
}

impl Delivered {
    /// Counts one piece of content.
    pub fn add(&mut self, text: &str) {
        self.add_bytes(text.as_bytes());
    }

    /// The same of text in UTF-8.
    pub(crate) fn add_bytes(&mut self, text: &[u8]) {
        self.pieces += 1;
        self.weight += weigh(text);
    }

    /// Tokens so far.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.pieces.max(self.weight.tokens())
    }
}
