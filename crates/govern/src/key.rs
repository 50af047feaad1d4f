//! Gateway keys: their form, how they are stored and how they are checked.
//!
//! A key reads `tg_<env>_<id>_<secret>_<crc>`: `env` is `live` or `test`, `id` twelve base62 characters that may be
//! shown and logged, `secret` 43 base62 characters (32 random bytes), `crc` the CRC-32 of all before its underscore in
//! hexadecimal, so that a mistyped key is refused without a lookup. Only HMAC-SHA-256(pepper, secret) is ever stored: a
//! secret with 256 random bits needs no slow hash.

mod hash;
mod text;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};

use crate::{
    Principal,
    access::{Access, Boundary},
    directory::Owner,
};

pub use hash::{KeyHash, NotAHash, NotAPepper, Pepper};
pub use text::{Env, Minted, NotAKey, Parsed, RANDOM_BYTES};

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

/// What is known of a key, wherever it was declared.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRule {
    pub id: KeyId,
    /// For people.
    pub name: String,
    /// To whom it belongs, as it was declared.
    pub owner: Owner,
    /// The place that its owner gives its holder.
    pub principal: Arc<Principal>,
    pub hash: KeyHash,
    /// The hash before the last rotation and until when it is still accepted (microseconds since 1970).
    pub previous: Option<(KeyHash, i64)>,
    /// What it may call; `*` for everything.
    pub models: Vec<String>,
    /// What else bounds what it may call.
    pub access: Access,
    /// What the levels above it allow, the lowest first. Those that bound nothing are left out.
    pub bounds: Arc<[Arc<Boundary>]>,
    /// Microseconds since 1970 from which it is refused.
    pub expires_at: Option<i64>,
    pub disabled: bool,
    /// Most calls in flight at once.
    pub parallel: Option<u32>,
    /// Where it was declared: what a file declares is read-only elsewhere.
    pub origin: Origin,
}

/// Why a key is not admitted. Callers are told one thing for all of them; the log may tell which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("the secret is wrong")]
    WrongSecret,
    #[error("the key is disabled")]
    Disabled,
    #[error("the key has expired")]
    Expired,
}

impl KeyRule {
    /// Whether the holder of `key` may enter at `now` (microseconds since 1970).
    ///
    /// # Errors
    /// The secret is judged first and in constant time, so that nobody without it learns the state of the key.
    pub fn admits(&self, pepper: &Pepper, key: &Parsed<'_>, now: i64) -> Result<(), Denied> {
        let shown = pepper.hash(key.secret);
        let mut known = shown.0.ct_eq(&self.hash.0);
        if let Some((previous, until)) = &self.previous {
            known |= shown.0.ct_eq(&previous.0) & Choice::from(u8::from(now < *until));
        }
        if !bool::from(known) {
            return Err(Denied::WrongSecret);
        }
        if self.disabled {
            return Err(Denied::Disabled);
        }
        if self.expires_at.is_some_and(|at| now >= at) {
            return Err(Denied::Expired);
        }
        Ok(())
    }

    /// What takes the part of a key for the bearer of a token: no secret opens it, so that it is never found by one.
    #[must_use]
    pub fn of_bearer(id: KeyId, name: String, owner: Owner, models: Vec<String>) -> Self {
        Self {
            id,
            name,
            owner,
            principal: Arc::default(),
            hash: KeyHash([0; 32]),
            previous: None,
            models,
            access: Access::default(),
            bounds: Arc::default(),
            expires_at: None,
            disabled: false,
            parallel: None,
            origin: Origin::File,
        }
    }

    /// Replaces the secret; the one before is accepted until `overlap_until` (microseconds since 1970).
    pub fn rotate(&mut self, hash: KeyHash, overlap_until: i64) {
        self.previous = Some((std::mem::replace(&mut self.hash, hash), overlap_until));
    }
}

/// Where an object was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    File,
    Store,
}

#[cfg(test)]
mod tests;
