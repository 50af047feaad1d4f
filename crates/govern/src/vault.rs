//! Secrets that the database keeps: encrypted by envelope, and bound to what they are for.
//!
//! Every version of a secret has a data key of its own, under which its text is sealed (AES-256-GCM). The data key is
//! wrapped by a key-encryption key, which is not in the database: a [`Kek`] here, or a key that a service of key management
//! never gives out. Tenant, name, origin and version are authenticated with both ([`Bound`]): a row that is moved to another
//! name, or whose origin was changed, does not open. To exchange the key-encryption key, data keys alone are wrapped anew.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use zeroize::Zeroizing;

use crate::{
    audit::{hex, unhex},
    config::Secret,
};

/// What a secret is for. Whoever lacks one of these cannot open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The organization.
    pub tenant: String,
    pub name: String,
    /// Where alone it may be sent: `https://api.openai.com`, see [`origin`].
    pub origin: String,
    /// From 1.
    pub version: i64,
}

impl Bound {
    /// What is authenticated: every part with its length before it, so that no two have the same bytes.
    #[must_use]
    pub fn aad(&self) -> Vec<u8> {
        let mut bytes = b"tollgate secret 1".to_vec();
        for part in [&self.tenant, &self.name, &self.origin] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes.extend(self.version.to_be_bytes());
        bytes
    }
}

/// Why something does not open. It says nothing about what is inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    #[error("it is wrapped by the key-encryption key {0}, which is not configured")]
    UnknownKek(String),
    #[error("it was changed, moved from another row, or sealed with other keys")]
    NotAuthentic,
    #[error("it does not have the form of a sealed secret")]
    Malformed,
}

/// The key of one version of one secret. Cannot be printed, and is erased from memory when it is dropped.
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// From random bytes of a cryptographic source.
    #[must_use]
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The bytes, for whoever wraps them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals a text. `nonce` is random; a data key seals once, so it could be any.
    ///
    /// # Errors
    /// The text is larger than the cipher takes.
    pub fn seal(&self, text: &Secret, bound: &Bound, nonce: [u8; NONCE_LEN]) -> Result<Vec<u8>, Unopened> {
        seal(&self.0, text.expose().as_bytes(), &bound.aad(), nonce)
    }

    /// Opens what [`DataKey::seal`] sealed for the same use.
    ///
    /// # Errors
    /// It is not the same key or use, or not the same bytes.
    pub fn open(&self, sealed: &[u8], bound: &Bound) -> Result<Secret, Unopened> {
        let text = open(&self.0, sealed, &bound.aad())?;
        std::str::from_utf8(&text).map(Secret::new).map_err(|_| Unopened::Malformed)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[data key]")
    }
}

/// A key-encryption key of the operator's own: 32 random bytes in a file or a variable.
pub struct Kek {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

/// Why a text holds no key-encryption key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKek {
    #[error("it is empty: it must hold 64 hexadecimal digits, as `openssl rand -hex 32` prints them")]
    Empty,
    #[error(
        "it must hold 64 hexadecimal digits, as `openssl rand -hex 32` prints them; older keys may follow, one a line"
    )]
    NotHex,
    #[error("it holds a sample or a key without randomness; make one with `openssl rand -hex 32`")]
    Weak,
}

impl Kek {
    /// From random bytes of a cryptographic source.
    #[must_use]
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*key), b"tollgate kek id");
        let mut id = hex(tag.as_ref());
        id.truncate(16);
        Self { id, key }
    }

    /// Reads the current key, and after it older ones that may still be needed: each 64 hexadecimal digits, with blanks,
    /// commas or line breaks between them.
    ///
    /// # Errors
    /// There is none, or something that is none.
    pub fn read_all(text: &str) -> Result<Vec<Self>, BadKek> {
        let parts = text.split([' ', '\t', '\r', '\n', ',']).filter(|part| !part.is_empty());
        let keks = parts.map(|part| {
            let bytes = Zeroizing::new(unhex::<32>(part).ok_or(BadKek::NotHex)?);
            let mut kinds = bytes.to_vec();
            kinds.sort_unstable();
            kinds.dedup();
            // Of 32 random bytes 30 are different, give or take two; fewer than 12 happen by design alone.
            if kinds.len() < 12 {
                return Err(BadKek::Weak);
            }
            Ok(Self::new(bytes))
        });
        let keks = keks.collect::<Result<Vec<_>, _>>()?;
        if keks.is_empty() { Err(BadKek::Empty) } else { Ok(keks) }
    }

    /// A name by which to tell keys apart; it says nothing of the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Wraps a data key: `kek:<id>:<hexadecimal>`. `nonce` must be random.
    ///
    /// # Errors
    /// None that is known: the key is of one size.
    pub fn wrap(&self, key: &DataKey, bound: &Bound, nonce: [u8; NONCE_LEN]) -> Result<String, Unopened> {
        Ok(format!("{MARK}{}:{}", self.id, hex(&seal(&self.key, key.expose(), &bound.aad(), nonce)?)))
    }

    /// Unwraps what [`Kek::wrap`] wrapped for the same use.
    ///
    /// # Errors
    /// Another key wrapped it, it is for another use, or it was changed.
    pub fn unwrap(&self, wrapped: &str, bound: &Bound) -> Result<DataKey, Unopened> {
        let (id, rest) = wrapped.strip_prefix(MARK).and_then(|rest| rest.split_once(':')).ok_or(Unopened::Malformed)?;
        if id != self.id {
            return Err(Unopened::UnknownKek(id.to_owned()));
        }
        let sealed: [u8; NONCE_LEN + 32 + 16] = unhex(rest).ok_or(Unopened::Malformed)?;
        let bytes = open(&self.key, &sealed, &bound.aad())?;
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(Unopened::Malformed);
        }
        key.copy_from_slice(&bytes);
        Ok(DataKey(key))
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[kek {}]", self.id)
    }
}

const MARK: &str = "kek:";

/// The origin of an address: scheme, host and port, in the one way in which it is written. `None` if it has none.
///
/// ```
/// let origin = govern::vault::origin("https://API.example.com:443/v1");
/// assert_eq!(origin.as_deref(), Some("https://api.example.com"));
/// ```
#[must_use]
pub fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#', '\\']).next()?.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = authority.strip_suffix(usual).unwrap_or(&authority);
    let authority = authority.strip_suffix(':').unwrap_or(authority);
    (!authority.is_empty() && !authority.contains('@')).then(|| format!("{scheme}://{authority}"))
}

/// Nonce, ciphertext, tag.
fn seal(key: &[u8; 32], text: &[u8], aad: &[u8], nonce: [u8; NONCE_LEN]) -> Result<Vec<u8>, Unopened> {
    // The copy is encrypted where it lies; it is erased should that fail.
    let mut bytes = Zeroizing::new(text.to_vec());
    bytes.reserve_exact(16);
    let tag = cipher(key)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut bytes)
        .map_err(|_| Unopened::Malformed)?;
    Ok([&nonce, bytes.as_slice(), tag.as_ref()].concat())
}

fn open(key: &[u8; 32], sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unopened::Malformed)?;
    let mut bytes = Zeroizing::new(rest.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length =
        cipher(key)?.open_in_place(nonce, Aad::from(aad), &mut bytes).map_err(|_| Unopened::NotAuthentic)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Unopened> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Unopened::Malformed)
}

#[cfg(test)]
mod tests;
