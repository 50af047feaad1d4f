//! Tokens of identity providers in place of keys.
//!
//! A token is judged once: issuer and claims by the rules (`govern::identity`), the signature by the issuer's keys, which
//! are fetched in the background ([`Source`]). After that it is known by the hash of its whole text until it ends, until
//! the rules change, or until the issuer's keys do. Nothing that stands in a token is ever looked up, opened or fetched:
//! `jku`, `x5u` and `jwk` are not read, and `kid` is compared with names that are held already.

mod keyset;
mod source;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use govern::{
    Rules,
    identity::{Claims, Issuer, KeysAt, Unfit},
    key::KeyRule,
};
use keyset::{Head, Keyset};
use source::Source;

use crate::{
    clock::now_micros,
    upstream::{
        TlsError,
        credential::{Ask, HttpAsk},
    },
};

/// Larger than any token that fits where tokens are sent; those of users in many groups have 4 KiB.
const MOST_BYTES: usize = 16 << 10;

/// Tokens that are remembered, and for how long at most.
const MOST_KNOWN: u64 = 100_000;
const KNOWN_FOR: Duration = Duration::from_secs(3_600);

/// How often it is looked whether keys are due.
const TICK: Duration = Duration::from_secs(1);

/// SHA-256.
type Hash = [u8; 32];

/// The tokens that this process knows, and the keys to judge others by.
pub struct Tokens {
    sources: RwLock<HashMap<Arc<KeysAt>, Arc<Source>>>,
    /// By the hash of the whole text: two tokens that begin alike are two tokens.
    known: moka::future::Cache<Hash, Arc<Known>>,
    /// Signatures by ECDSA have a twin that anybody can reckon and that is as good as they are. By what was signed and the
    /// half that twins share: the hash of the token that came first.
    twins: moka::future::Cache<Hash, Hash>,
}

/// A token that was found good.
struct Known {
    key: Arc<KeyRule>,
    /// Microseconds since 1970.
    until: i64,
    /// The rules that it was judged by.
    generation: u64,
    source: Arc<Source>,
    keys: Arc<Keyset>,
}

/// Why a token lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("a token of {0} bytes")]
    TooLarge(usize),
    #[error("no token of the form header.claims.signature")]
    Form,
    #[error("its header asks for what is not understood (`crit`)")]
    Critical,
    #[error("no issuer has its `iss` and `aud`")]
    UnknownIssuer,
    #[error("the issuer does not sign by this algorithm")]
    Algorithm,
    #[error("no key of the issuer has its `kid` and algorithm")]
    UnknownKey,
    #[error("the signature is not the issuer's")]
    Signature,
    #[error("its signature is the twin of another's")]
    Twin,
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The caller is told to come again.
    #[error("the keys of issuer {0} could not be fetched")]
    NoKeys(Arc<str>),
}

impl Tokens {
    /// Judges tokens by these rules; no keys are fetched yet.
    ///
    /// # Errors
    /// The certificate authorities of an issuer cannot be read.
    pub fn new(rules: &Rules) -> Result<Self, TlsError> {
        let known = moka::future::Cache::builder().max_capacity(MOST_KNOWN).time_to_live(KNOWN_FOR).build();
        let twins = moka::future::Cache::builder().max_capacity(MOST_KNOWN).time_to_live(KNOWN_FOR).build();
        let tokens = Self { sources: RwLock::default(), known, twins };
        tokens.renew(rules)?;
        Ok(tokens)
    }

    /// Takes over the issuers of a new configuration. Keys of those that stay are kept.
    ///
    /// # Errors
    /// The certificate authorities of an issuer cannot be read; nothing has changed then.
    pub fn renew(&self, rules: &Rules) -> Result<(), TlsError> {
        let before = self.sources.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut next = HashMap::with_capacity(rules.issuers.len());
        for issuer in &rules.issuers {
            let source = match before.get(&issuer.keys) {
                Some(kept) => kept.clone(),
                None => {
                    let ask = HttpAsk::trusting(issuer.keys.ca_file.as_deref())?;
                    Arc::new(Source::new(issuer.keys.clone(), Arc::new(ask) as Arc<dyn Ask>))
                }
            };
            next.insert(issuer.keys.clone(), source);
        }
        *self.sources.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    /// Whether a credential is to be read as a token: those have dots, keys have none.
    #[must_use]
    pub fn is_token(text: &str) -> bool {
        text.contains('.')
    }

    /// The bearer of a token, with the rule that takes the part of a key's.
    ///
    /// # Errors
    /// Why it lets nobody in.
    pub async fn find(&self, rules: &Rules, token: &str) -> Result<Arc<KeyRule>, Refused> {
        if token.len() > MOST_BYTES {
            return Err(Refused::TooLarge(token.len()));
        }
        let (hash, now) = (sha256(&[token.as_bytes()]), now_micros());
        if let Some(known) = self.known.get(&hash).await
            && known.holds(rules.generation, now)
        {
            return Ok(known.key.clone());
        }
        let known = Arc::new(self.judge(rules, token, hash, now).await?);
        let key = known.key.clone();
        self.known.insert(hash, known).await;
        Ok(key)
    }

    /// Keeps the keys of all issuers fresh, for as long as the process lives.
    pub async fn follow(&self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let sources: Vec<_> =
                self.sources.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
            futures_util::future::join_all(sources.iter().map(|source| source.keep_fresh())).await;
        }
    }

    async fn judge(&self, rules: &Rules, token: &str, hash: Hash, now: i64) -> Result<Known, Refused> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Form)?;
        let (head, claims) = signed.split_once('.').ok_or(Refused::Form)?;
        let head: Head = serde_json::from_slice(&decoded(head)?).map_err(|_| Refused::Form)?;
        if head.crit.is_some() {
            return Err(Refused::Critical);
        }
        let claims = Claims::read(&decoded(claims)?)?;
        let issuer = rules.issuers.iter().find(|issuer| claims.are_of(issuer)).ok_or(Refused::UnknownIssuer)?;
        let algorithm = issuer.algorithms.iter().copied().find(|algorithm| format!("{algorithm:?}") == head.alg);
        let algorithm = algorithm.ok_or(Refused::Algorithm)?;
        // What costs little comes first; callers are told the same, whatever it is.
        let bearer = issuer.bearer(&claims, &rules.directory, now)?;
        let (source, keys) = self.keys(issuer, &head, algorithm).await?;
        if !keys.have_signed(&head, algorithm, signed.as_bytes(), signature) {
            return Err(Refused::Signature);
        }
        if let Some(half) = keyset::shared_half(algorithm, &decoded(signature)?) {
            let twins = sha256(&[signed.as_bytes(), b".", half]);
            if self.twins.get_with(twins, async { hash }).await != hash {
                return Err(Refused::Twin);
            }
        }
        Ok(Known { key: Arc::new(bearer.key), until: bearer.until, generation: rules.generation, source, keys })
    }

    /// Keys of the issuer, fetched anew if none has the name that the token asks for.
    async fn keys(
        &self,
        issuer: &Issuer,
        head: &Head,
        algorithm: govern::identity::Algorithm,
    ) -> Result<(Arc<Source>, Arc<Keyset>), Refused> {
        let source = self.sources.read().unwrap_or_else(PoisonError::into_inner).get(&issuer.keys).cloned();
        let source = source.ok_or(Refused::UnknownIssuer)?;
        let keys = source.keys_with(|keys| keys.have_one_for(head, algorithm)).await;
        let keys = keys.ok_or_else(|| Refused::NoKeys(issuer.name.clone()))?;
        keys.have_one_for(head, algorithm).then_some((source, keys)).ok_or(Refused::UnknownKey)
    }
}

impl Known {
    /// Whether what was found is still so.
    fn holds(&self, generation: u64, now: i64) -> bool {
        self.generation == generation && now < self.until && self.source.holds(&self.keys)
    }
}

/// Base64 without a second way of writing the same: no padding, no bits left over.
fn decoded(part: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Form)
}

fn sha256(parts: &[&[u8]]) -> Hash {
    let whole = match parts {
        [one] => digest(&SHA256, one),
        several => digest(&SHA256, &several.concat()),
    };
    let mut hash = [0; 32];
    hash.copy_from_slice(whole.as_ref());
    hash
}
