//! What a text weighs in tokens where nobody has counted them.

/// Reckons the tokens of a text without its tokenizer: four ASCII bytes or one other character make a token.
///
/// Errs upwards on prose, so that a cut stream is not billed below what was delivered.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    let wide = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    wide + ascii.div_ceil(4)
}

/// Counts what was delivered of a stream, for an answer that is cut before it reports its usage. Never too low: a piece
/// that a provider sends is at least a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    pieces: u64,
    ascii: u64,
    wide: u64,
}

impl Delivered {
    /// Counts one piece of content.
    pub fn add(&mut self, text: &str) {
        let ascii = text.bytes().filter(u8::is_ascii).count();
        self.pieces += 1;
        self.ascii += ascii as u64;
        if ascii < text.len() {
            self.wide += text.chars().filter(|c| !c.is_ascii()).count() as u64;
        }
    }

    /// Tokens so far.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.pieces.max(self.wide + self.ascii.div_ceil(4))
    }
}
