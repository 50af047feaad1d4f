//! Signed statements of how far the log went: kept outside of the database, they tell of entries that it has lost.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::{hex, unhex};

/// The head of the chain at some time, signed. One line of JSON in the files that keep them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The last entry, and its hash.
    pub seq: i64,
    pub hash: String,
    /// Microseconds since 1970.
    pub at: i64,
    /// The Ed25519 public key, in hexadecimal.
    pub key: String,
    /// Of [`Checkpoint::bytes`], in hexadecimal.
    pub signature: String,
}

/// Why a line is no checkpoint to believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error("it is no checkpoint: a JSON object with seq, hash, at, key and signature")]
    NoCheckpoint,
    #[error("it is signed with a key that is not trusted; name the key with --key if it is another replica's")]
    UnknownKey,
    #[error("its signature is wrong: it was changed")]
    BadSignature,
}

impl Checkpoint {
    /// Reads a line.
    ///
    /// # Errors
    /// It is none, or not signed with one of these public keys (in hexadecimal).
    pub fn read(line: &str, trusted: &[String]) -> Result<Self, Unsigned> {
        let checkpoint: Self = serde_json::from_str(line).map_err(|_| Unsigned::NoCheckpoint)?;
        if !trusted.iter().any(|key| key.eq_ignore_ascii_case(&checkpoint.key)) {
            return Err(Unsigned::UnknownKey);
        }
        let key = unhex::<32>(&checkpoint.key).ok_or(Unsigned::NoCheckpoint)?;
        let signature = unhex::<64>(&checkpoint.signature).ok_or(Unsigned::BadSignature)?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(checkpoint.bytes().as_bytes(), &signature)
            .map_err(|_| Unsigned::BadSignature)?;
        Ok(checkpoint)
    }

    /// As one line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is signed.
    #[must_use]
    pub fn bytes(&self) -> String {
        format!("tollgate audit checkpoint 1\n{}\n{}\n{}\n", self.seq, self.hash, self.at)
    }
}

/// The key that signs. Cannot be printed.
pub struct CheckpointKey(Ed25519KeyPair);

impl CheckpointKey {
    /// From 32 random bytes. `None` if the library refuses them, which it does for none.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self)
    }

    /// The public key, in hexadecimal: what `tollgate audit key` prints.
    #[must_use]
    pub fn public(&self) -> String {
        hex(self.0.public_key().as_ref())
    }

    /// Signs the head of the chain. Always the same signature for the same head and time.
    #[must_use]
    pub fn sign(&self, seq: i64, hash: &str, at: i64) -> Checkpoint {
        let mut checkpoint =
            Checkpoint { seq, hash: hash.to_owned(), at, key: self.public(), signature: String::new() };
        checkpoint.signature = hex(self.0.sign(checkpoint.bytes().as_bytes()).as_ref());
        checkpoint
    }
}

impl fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[checkpoint key]")
    }
}
