//! Gateway keys: their form, how they are stored and how they are checked.
//!
//! A key reads `tg_<env>_<id>_<secret>_<crc>`: `env` is `live` or `test`, `id` twelve base62 characters that may be
//! shown and logged, `secret` 43 base62 characters (32 random bytes), `crc` the CRC-32 of all before it in hexadecimal,
//! so that a mistyped key is refused without a lookup. Only HMAC-SHA-256(pepper, secret) is ever stored: a secret with
//! 256 random bits needs no slow hash.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The public part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// HMAC-SHA-256 of a secret under the installation's pepper.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

/// What is known of a key, wherever it was declared.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRule {
    pub id: KeyId,
    /// For people.
    pub name: String,
    pub hash: KeyHash,
    /// The hash before the last rotation and until when it is still accepted (microseconds since 1970).
    pub previous: Option<(KeyHash, i64)>,
    /// What it may call; `*` for everything.
    pub models: Vec<String>,
    /// Microseconds since 1970 from which it is refused.
    pub expires_at: Option<i64>,
    pub disabled: bool,
    /// Most calls in flight at once.
    pub parallel: Option<u32>,
    /// Where it was declared: what a file declares is read-only elsewhere.
    pub origin: Origin,
}

/// Where an object was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    File,
    Store,
}
