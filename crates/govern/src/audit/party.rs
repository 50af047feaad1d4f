//! Who appears in the log: a name and a key beside the chain, which can be erased without touching it.

use std::{fmt, net::IpAddr};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use zeroize::Zeroizing;

use super::{hex, unhex};

/// Somebody who acts, or a person who is acted upon.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// What the chain calls the party: a hash of the name under the key. Without the key it says nothing of whose it is; with
    /// it, it shows that the name is the one that was entered.
    pub id: String,
    /// As [`super::Author::actor`].
    pub name: String,
    key: Zeroizing<[u8; 32]>,
}

/// A text under the key of a party, in hexadecimal: nonce, ciphertext, tag.
pub type Sealed = String;

impl Party {
    /// `key` are random bytes from a cryptographic source.
    #[must_use]
    pub fn new(name: impl Into<String>, key: Zeroizing<[u8; 32]>) -> Self {
        let name = name.into();
        let mut id = keyed(&key, format!("party\n{name}").as_bytes());
        id.truncate(ID_DIGITS);
        Self { id, name, key }
    }

    /// With the key in hexadecimal, as [`Party::key`] gives it.
    #[must_use]
    pub fn read(name: impl Into<String>, key: &str) -> Option<Self> {
        Some(Self::new(name, Zeroizing::new(unhex(key)?)))
    }

    /// The key in hexadecimal, for the store, and for exports that shall be verified.
    #[must_use]
    pub fn key(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(&*self.key))
    }

    /// HMAC-SHA-256 under the party's key, in hexadecimal.
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> String {
        keyed(&self.key, bytes)
    }

    /// An address that only the holder of the key can read. `nonce` must never come twice. `None` if the cipher fails,
    /// which it does not for texts of this size.
    #[must_use]
    pub fn seal_ip(&self, ip: IpAddr, nonce: [u8; NONCE_LEN]) -> Option<Sealed> {
        let mut bytes = ip.to_string().into_bytes();
        self.cipher()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(self.id.as_bytes()), &mut bytes)
            .ok()?;
        Some(hex(&nonce) + &hex(&bytes))
    }

    /// What [`Party::seal_ip`] sealed.
    #[must_use]
    pub fn open_ip(&self, sealed: &str) -> Option<IpAddr> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN * 2)?;
        let pairs = rest.as_bytes().chunks(2).map(|pair| unhex::<1>(std::str::from_utf8(pair).ok()?));
        let mut bytes = pairs.map(|byte| byte.map(|[byte]| byte)).collect::<Option<Vec<u8>>>()?;
        let nonce = Nonce::assume_unique_for_key(unhex(nonce)?);
        let text = self.cipher()?.open_in_place(nonce, Aad::from(self.id.as_bytes()), &mut bytes).ok()?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &*self.key).ok().map(LessSafeKey::new)
    }
}

/// 128 bits: nobody finds two names for one.
const ID_DIGITS: usize = 32;

fn keyed(key: &[u8; 32], bytes: &[u8]) -> String {
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes).as_ref())
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Party").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}
