//! What is stored of a key: a keyed hash that is worth nothing without the pepper.

use std::{fmt, str::FromStr};

use aws_lc_rs::hmac;

/// The installation's own secret, under which the secrets of keys are hashed. A stolen database is worthless without it.
pub struct Pepper(hmac::Key);

impl Pepper {
    /// The bytes must come from a cryptographic source; whoever holds them erases them after this.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
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
