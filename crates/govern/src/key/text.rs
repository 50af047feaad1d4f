//! The text of a key: made from random bytes, taken apart without allocation.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{KeyHash, KeyId, Pepper};
use crate::config::snapshot::Secret;

/// Random bytes that [`Parsed::mint`] turns into a key: 32 for the secret, 16 for the id.
pub const RANDOM_BYTES: usize = 48;

const ID_CHARS: usize = 12;
const SECRET_CHARS: usize = 43;
const CRC_CHARS: usize = 8;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a key is for. It grants nothing: it is there so that people see what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Env {
    #[default]
    Live,
    Test,
}

impl Env {
    /// The part of a key's text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// A new key. Its text is shown to its owner once and kept nowhere.
pub struct Minted {
    pub id: KeyId,
    /// The whole text, as callers send it.
    pub text: Secret,
}

impl Minted {
    /// Makes a key of random bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn new(env: Env, random: &[u8; RANDOM_BYTES]) -> Self {
        let (secret, id) = random.split_at(32);
        Self::with_id(env, KeyId(base62(id, ID_CHARS)), secret)
    }

    /// Makes a new secret for the key with this id, as a rotation needs it.
    #[must_use]
    pub fn renewed(env: Env, id: KeyId, random: &[u8; 32]) -> Self {
        Self::with_id(env, id, random)
    }

    fn with_id(env: Env, id: KeyId, random: &[u8]) -> Self {
        let head = format!("tg_{}_{id}_{}", env.as_str(), base62(random, SECRET_CHARS));
        let crc = crc32fast::hash(head.as_bytes());
        Self { id, text: Secret::new(format!("{head}_{crc:08x}")) }
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self, pepper: &Pepper) -> KeyHash {
        let secret = Parsed::parse(self.text.expose()).map_or("", |parsed| parsed.secret);
        pepper.hash(secret)
    }
}

/// A key taken apart. It borrows the text that the caller sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parsed<'a> {
    pub env: Env,
    pub id: &'a str,
    pub(super) secret: &'a str,
}

/// A text that is no gateway key. Says why in words that do not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    #[error("a gateway key reads tg_<env>_<id>_<secret>_<check>")]
    Shape,
    #[error("the check digits do not match: the key is mistyped or cut off")]
    Checksum,
}

impl<'a> Parsed<'a> {
    /// Takes a key apart.
    ///
    /// # Errors
    /// The text has another shape, or its check digits do not match.
    pub fn parse(text: &'a str) -> Result<Self, NotAKey> {
        let rest = text.strip_prefix("tg_").ok_or(NotAKey::Shape)?;
        let (env, rest) = match (rest.strip_prefix("live_"), rest.strip_prefix("test_")) {
            (Some(rest), _) => (Env::Live, rest),
            (_, Some(rest)) => (Env::Test, rest),
            _ => return Err(NotAKey::Shape),
        };
        let (id, rest) = part(rest, ID_CHARS)?;
        let (secret, crc) = part(rest, SECRET_CHARS)?;
        let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if crc.len() != CRC_CHARS || !crc.bytes().all(hexadecimal) {
            return Err(NotAKey::Shape);
        }
        let head = text.get(..text.len() - CRC_CHARS - 1).unwrap_or_default();
        match u32::from_str_radix(crc, 16) {
            Ok(crc) if crc == crc32fast::hash(head.as_bytes()) => Ok(Self { env, id, secret }),
            _ => Err(NotAKey::Checksum),
        }
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self, pepper: &Pepper) -> KeyHash {
        pepper.hash(self.secret)
    }

    /// Whether a text has the form of a key's public id.
    #[must_use]
    pub fn is_id(text: &str) -> bool {
        is_base62(text, ID_CHARS)
    }
}

impl fmt::Debug for Parsed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parsed").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The part of so many base62 digits that a text begins with, and what follows the underscore after it.
fn part(text: &str, chars: usize) -> Result<(&str, &str), NotAKey> {
    let (part, rest) = text.split_at_checked(chars).filter(|(part, _)| is_base62(part, chars)).ok_or(NotAKey::Shape)?;
    Ok((part, rest.strip_prefix('_').ok_or(NotAKey::Shape)?))
}

fn is_base62(text: &str, chars: usize) -> bool {
    text.len() == chars && text.bytes().fold(true, |plain, byte| plain & byte.is_ascii_alphanumeric())
}

/// The number that the bytes spell, big end first, modulo 62^chars, in exactly that many digits.
fn base62(bytes: &[u8], chars: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = Vec::with_capacity(chars);
    for _ in 0..chars {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = (rest << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        digits.push(BASE62.get(rest as usize).copied().unwrap_or(b'0'));
    }
    digits.iter().rev().map(|&digit| char::from(digit)).collect()
}
