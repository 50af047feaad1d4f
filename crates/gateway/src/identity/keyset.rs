//! The keys of an issuer: a JSON Web Key Set ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)).

use govern::identity::Algorithm;
use jsonwebtoken::{
    AlgorithmFamily, DecodingKey, crypto,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;

/// Issuers have a handful of keys.
const MOST_KEYS: usize = 100;

/// As many keys are tried for a token that names none.
const MOST_TRIED: usize = 8;

/// What is read of a token's header.
#[derive(Debug, Deserialize)]
pub struct Head {
    pub alg: String,
    pub kid: Option<String>,
    /// What must be understood; nothing is.
    pub crit: Option<serde::de::IgnoredAny>,
}

/// The keys of an issuer that signatures can be checked with.
#[derive(Debug, Default)]
pub struct Keyset {
    keys: Vec<Key>,
    /// To tell whether anything has changed.
    text: Vec<u8>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// What it says it is for.
    algorithm: Option<KeyAlgorithm>,
    kind: Kind,
    key: DecodingKey,
}

/// What a key can sign by: a signature is never checked in another way than the key is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Keyset {
    /// Reads a key set. Keys of other kinds, and those for encryption, are left out.
    ///
    /// # Errors
    /// It is none, or holds no key that could be used.
    pub fn read(json: &[u8]) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| "the answer is no key set (`{\"keys\": [..]}`)")?;
        let keys: Vec<Key> = set.keys.into_iter().take(MOST_KEYS).filter_map(Key::read).collect();
        match keys.is_empty() {
            true => Err("the key set holds no key that signs by RSA, P-256, P-384 or Ed25519"),
            false => Ok(Self { keys, text: json.to_vec() }),
        }
    }

    /// Whether it was read from the same text.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.text == other.text
    }

    /// Whether there is a key that the header could mean.
    #[must_use]
    pub fn have_one_for(&self, head: &Head, algorithm: Algorithm) -> bool {
        self.fit(head, algorithm).next().is_some()
    }

    /// Whether one of the keys that the header names has signed.
    #[must_use]
    pub fn have_signed(&self, head: &Head, algorithm: Algorithm, signed: &[u8], signature: &str) -> bool {
        let by = by(algorithm).1;
        self.fit(head, algorithm)
            .take(MOST_TRIED)
            .any(|key| crypto::verify(signature, signed, &key.key, by).unwrap_or(false))
    }

    /// The keys that may have signed: those with the header's `kid`, all if it has none.
    fn fit(&self, head: &Head, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        let (kind, by) = by(algorithm);
        self.keys.iter().filter(move |key| {
            let named = head.kid.as_ref().is_none_or(|id| key.id.as_ref() == Some(id));
            let meant = key.algorithm.is_none_or(|own| own.to_string() == format!("{by:?}"));
            named && meant && key.kind == kind
        })
    }
}

impl Key {
    fn read(json: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json).ok()?;
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let kind = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Kind::Rsa,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Kind::P256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => Kind::P384,
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Kind::Ed25519,
            _ => return None,
        };
        let key = DecodingKey::from_jwk(&jwk).ok().filter(|key| key.family() != AlgorithmFamily::Hmac)?;
        Some(Self { id: jwk.common.key_id, algorithm: jwk.common.key_algorithm, kind, key })
    }
}

/// The kind of key that signs so, and the library's name of it.
fn by(algorithm: Algorithm) -> (Kind, jsonwebtoken::Algorithm) {
    use jsonwebtoken::Algorithm as By;
    match algorithm {
        Algorithm::RS256 => (Kind::Rsa, By::RS256),
        Algorithm::RS384 => (Kind::Rsa, By::RS384),
        Algorithm::RS512 => (Kind::Rsa, By::RS512),
        Algorithm::PS256 => (Kind::Rsa, By::PS256),
        Algorithm::PS384 => (Kind::Rsa, By::PS384),
        Algorithm::PS512 => (Kind::Rsa, By::PS512),
        Algorithm::ES256 => (Kind::P256, By::ES256),
        Algorithm::ES384 => (Kind::P384, By::ES384),
        Algorithm::EdDSA => (Kind::Ed25519, By::EdDSA),
    }
}

/// The half of an ECDSA signature (r, s) that its twin (r, n - s) shares.
#[must_use]
pub fn shared_half(algorithm: Algorithm, signature: &[u8]) -> Option<&[u8]> {
    matches!(by(algorithm).0, Kind::P256 | Kind::P384).then(|| signature.split_at(signature.len() / 2).0)
}
