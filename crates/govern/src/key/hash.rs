//! What is stored of a key: a keyed hash that is worth nothing without the pepper.

use std::{collections::HashSet, fmt, str::FromStr};

use aws_lc_rs::hmac;
use base64::{
    Engine,
    prelude::{BASE64_STANDARD as STANDARD, BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

/// The installation's own secret, under which the secrets of keys are hashed. A stolen database is worthless without it.
pub struct Pepper(hmac::Key);

impl Pepper {
    /// The bytes must come from a cryptographic source; whoever holds them erases them after this.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// A number by which two peppers can be told apart and that says nothing of either.
    #[must_use]
    pub fn mark(&self) -> i64 {
        self.hash("the mark of a pepper").0.iter().take(8).fold(0, |mark, byte| mark << 8 | i64::from(*byte))
    }

    /// HMAC-SHA-256 of the secret.
    #[must_use]
    pub fn hash(&self, secret: &str) -> KeyHash {
        let tag = hmac::sign(&self.0, secret.as_bytes());
        let mut hash = [0; 32];
        for (into, from) in hash.iter_mut().zip(tag.as_ref()) {
            *into = *from;
        }
        KeyHash(hash)
    }
}

/// Different bytes that a random pepper has at least. Of 32 random ones fewer than 20 differ less than once in 10^8 times.
const LEAST_VARIETY: usize = 20;

/// A text that is no pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPepper {
    #[error("it must be 32 bytes, in hexadecimal or base64, as `openssl rand -hex 32` prints them")]
    Form,
    #[error("it is easy to guess; make a random one with `openssl rand -hex 32`")]
    Weak,
}

impl FromStr for Pepper {
    type Err = NotAPepper;

    /// 32 bytes in hexadecimal or base64. What does not look random is refused.
    fn from_str(text: &str) -> Result<Self, NotAPepper> {
        let text = text.trim();
        let bytes = Zeroizing::new(match text.len() {
            64 => hexadecimal(text).ok_or(NotAPepper::Form)?,
            _ => STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).map_err(|_| NotAPepper::Form)?,
        });
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(bytes.as_slice().try_into().map_err(|_| NotAPepper::Form)?);
        let variety = bytes.iter().collect::<HashSet<_>>().len();
        let steps = bytes.iter().zip(bytes.iter().skip(1)).map(|(one, next)| next.wrapping_sub(*one));
        let is_text = bytes.iter().all(u8::is_ascii_graphic);
        if variety < LEAST_VARIETY || is_text || steps.collect::<HashSet<_>>().len() < LEAST_VARIETY / 2 {
            return Err(NotAPepper::Weak);
        }
        Ok(Self::new(&bytes))
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.last()?)?)).collect()
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[pepper]")
    }
}

/// HMAC-SHA-256 of a secret under the installation's pepper. Reads and writes `hmac-sha256:<64 hexadecimal digits>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

/// A text that is no hash of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's hash reads hmac-sha256: and 64 hexadecimal digits")]
pub struct NotAHash;

const MARK: &str = "hmac-sha256:";

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MARK)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for KeyHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let digits = text.strip_prefix(MARK).ok_or(NotAHash)?;
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAHash);
        }
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            let pair = digits.get(2 * at..2 * at + 2).ok_or(NotAHash)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotAHash)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}
