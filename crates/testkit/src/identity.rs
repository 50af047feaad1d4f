//! An identity provider to test with: keys of its own, tokens of any kind, good and bad, and the pages that say which keys
//! are its own.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{Answer, Upstream};

/// Signs tokens.
#[derive(Clone)]
pub struct Signer {
    kid: String,
    key: Arc<Key>,
}

enum Key {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// # Panics
    /// If no key can be made.
    #[must_use]
    pub fn rs256(kid: &str) -> Self {
        Self::of(kid, Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    /// # Panics
    /// If no key can be made.
    #[must_use]
    pub fn es256(kid: &str) -> Self {
        Self::of(kid, Key::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
    }

    /// # Panics
    /// If no key can be made.
    #[must_use]
    pub fn ed25519(kid: &str) -> Self {
        Self::of(kid, Key::Ed25519(Ed25519KeyPair::generate().unwrap()))
    }

    fn of(kid: &str, key: Key) -> Self {
        Self { kid: kid.to_owned(), key: Arc::new(key) }
    }

    /// The same key under another name.
    #[must_use]
    pub fn named(&self, kid: &str) -> Self {
        Self { kid: kid.to_owned(), key: self.key.clone() }
    }

    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match *self.key {
            Key::Rsa(_) => "RS256",
            Key::P256(_) => "ES256",
            Key::Ed25519(_) => "EdDSA",
        }
    }

    /// The public key as an entry of a key set.
    ///
    /// # Panics
    /// Never: keys have the lengths that they have.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &*self.key {
            Key::Rsa(key) => {
                let public = key.public_key();
                json!({
                    "kty": "RSA",
                    "n": base64(public.modulus().big_endian_without_leading_zero()),
                    "e": base64(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Key::P256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": base64(x), "y": base64(y) })
            }
            Key::Ed25519(key) => json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(key.public_key().as_ref()) }),
        };
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm());
        jwk
    }

    /// What a confused reader takes for the secret of an HMAC: the public key as DER.
    ///
    /// # Panics
    /// If the key cannot be written.
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
        let Key::Rsa(key) = &*self.key else { panic!("only of RSA") };
        let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        der.as_ref().to_vec()
    }

    /// A good token with these claims.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": self.algorithm(), "kid": self.kid, "typ": "JWT" }), claims)
    }

    /// A token with this header, signed as the key signs, whatever the header says.
    #[must_use]
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature = self.sign(signed.as_bytes());
        format!("{signed}.{}", base64(&signature))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &*self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Key::P256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

/// The first two parts of a token.
#[must_use]
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()))
}

/// Base64 as tokens have it.
#[must_use]
pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The same token with the other signature by the same ECDSA key that anybody can reckon from the first: (r, n - s).
///
/// # Panics
/// If it is no token by ES256.
#[must_use]
pub fn twin(token: &str) -> String {
    const ORDER: [u8; 32] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD,
        0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ];
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert_eq!(signature.len(), 64, "a signature by ES256");
    let mut borrow = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER).rev() {
        let difference = i16::from(order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    format!("{signed}.{}", base64(signature))
}

/// An identity provider that says where its keys are, and which.
pub struct IdentityProvider {
    pub upstream: Upstream,
    page: Arc<Mutex<Page>>,
}

/// What it says of its keys.
enum Page {
    Keys(Vec<Value>),
    Down,
    Slow(Duration, Vec<Value>),
}

impl IdentityProvider {
    /// With the public keys of these.
    #[must_use]
    pub fn with(signers: &[&Signer]) -> Self {
        let page = Arc::new(Mutex::new(Page::Keys(keys(signers))));
        let shown = page.clone();
        let upstream = Upstream::by(move |seen| {
            let host = seen.header("host").unwrap_or_default().to_owned();
            let page = shown.lock().unwrap();
            match (&*page, seen.path.as_str()) {
                (Page::Down, _) => Answer::new(503),
                (_, "/.well-known/openid-configuration") => Answer::json(
                    200,
                    &json!({ "issuer": format!("http://{host}"), "jwks_uri": format!("http://{host}/keys") }),
                ),
                (Page::Keys(keys), "/keys") => Answer::json(200, &json!({ "keys": keys })),
                (Page::Slow(pause, keys), "/keys") => Answer::json(200, &json!({ "keys": keys })).after(*pause),
                _ => Answer::new(404),
            }
        });
        Self { upstream, page }
    }

    /// Its `iss`, where it says where its keys are.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.upstream.url()
    }

    /// Has other keys from now on.
    pub fn rotate(&self, signers: &[&Signer]) {
        *self.page.lock().unwrap() = Page::Keys(keys(signers));
    }

    /// Answers with 503 from now on.
    pub fn go_down(&self) {
        *self.page.lock().unwrap() = Page::Down;
    }

    /// Takes so long for its keys from now on.
    pub fn be_slow(&self, pause: Duration, signers: &[&Signer]) {
        *self.page.lock().unwrap() = Page::Slow(pause, keys(signers));
    }

    /// How often its keys were asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.upstream.requests().iter().filter(|seen| seen.path == "/keys").count()
    }
}

fn keys(signers: &[&Signer]) -> Vec<Value> {
    signers.iter().map(|signer| signer.jwk()).collect()
}
