//! Where the keys of an issuer come from: fetched ahead of time in the background, kept if the issuer cannot be asked, and
//! fetched out of turn, once a minute at most, when a token names a key that is not known.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use govern::identity::{KeysAt, KeysPlace};
use http::{Request, header};
use serde::Deserialize;
use tokio::time::Instant;

use super::keyset::Keyset;
use crate::upstream::credential::Ask;

/// Tokens that name unknown keys may cost the issuer so much and no more: anybody can write such a token.
const OUT_OF_TURN: Duration = Duration::from_secs(60);

/// How soon a fetch that failed is tried again: while there are no keys at all, and while old ones do.
const AGAIN_AT_ONCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(60);

/// The keys of one issuer.
pub struct Source {
    at: Arc<KeysAt>,
    ask: Arc<dyn Ask>,
    keys: ArcSwapOption<Keyset>,
    times: Mutex<Times>,
    /// Whoever holds it fetches; the others wait for what comes of it.
    fetching: tokio::sync::Mutex<()>,
}

/// Measured by a clock that nobody sets.
#[derive(Default)]
struct Times {
    fetched: Option<Instant>,
    /// The last fetch, whatever came of it.
    tried: Option<Instant>,
    out_of_turn: Option<Instant>,
}

impl Source {
    #[must_use]
    pub fn new(at: Arc<KeysAt>, ask: Arc<dyn Ask>) -> Self {
        let (keys, times, fetching) = Default::default();
        Self { at, ask, keys, times, fetching }
    }

    /// Whether these are the keys that count now.
    #[must_use]
    pub fn holds(&self, keys: &Arc<Keyset>) -> bool {
        self.keys.load().as_ref().is_some_and(|now| Arc::ptr_eq(now, keys))
    }

    /// The keys. If none of them is `wanted`, the issuer is asked whether there are others, not too often. `None` if there
    /// are none and none can be had.
    pub async fn keys_with(&self, wanted: impl Fn(&Keyset) -> bool) -> Option<Arc<Keyset>> {
        let before = self.keys.load_full();
        if before.as_ref().is_some_and(|keys| wanted(keys)) {
            return before;
        }
        if !self.may_ask(before.is_some()) {
            return before;
        }
        let _one = self.fetching.lock().await;
        let now = self.keys.load_full();
        let changed = match (&before, &now) {
            (Some(before), Some(now)) => !Arc::ptr_eq(before, now),
            (before, now) => before.is_some() != now.is_some(),
        };
        // Somebody else may have fetched while we waited.
        if !changed && self.may_ask(now.is_some()) {
            if now.is_some() {
                self.times().out_of_turn = Some(Instant::now());
            }
            self.fetch().await;
        }
        self.keys.load_full()
    }

    /// Fetches the keys if it is time to, and gives up those that are too old.
    pub async fn keep_fresh(&self) {
        if self.is_due() {
            let _one = self.fetching.lock().await;
            if self.is_due() {
                self.fetch().await;
            }
        }
        let age = self.times().fetched.map(|at| at.elapsed());
        if age.is_some_and(|age| age > self.at.max_stale) && self.keys.swap(None).is_some() {
            tracing::error!(keys = %self.place(), "the keys of an issuer are too old: its tokens are refused");
        }
    }

    fn is_due(&self) -> bool {
        let times = self.times();
        match (times.fetched, times.tried) {
            (_, None) => true,
            (Some(fetched), Some(tried)) if fetched == tried => tried.elapsed() >= self.at.refresh,
            (Some(_), Some(tried)) => tried.elapsed() >= AGAIN.min(self.at.refresh),
            (None, Some(tried)) => tried.elapsed() >= AGAIN_AT_ONCE,
        }
    }

    /// Whether a token may cause a fetch now.
    fn may_ask(&self, has_keys: bool) -> bool {
        let times = self.times();
        match has_keys {
            true => times.out_of_turn.is_none_or(|at| at.elapsed() >= OUT_OF_TURN),
            false => times.tried.is_none_or(|at| at.elapsed() >= AGAIN_AT_ONCE),
        }
    }

    /// Fetches the keys. The caller holds `fetching`.
    async fn fetch(&self) {
        let fetched = self.fetched().await;
        let now = Instant::now();
        self.times().tried = Some(now);
        match fetched {
            Ok(keys) => {
                self.times().fetched = Some(now);
                // Tokens that are known stay so as long as the keys do.
                if !self.keys.load().as_ref().is_some_and(|held| held.is(&keys)) {
                    self.keys.store(Some(Arc::new(keys)));
                    tracing::info!(keys = %self.place(), "the keys of an issuer were fetched");
                }
            }
            Err(error) => {
                let kept = self.keys.load().is_some();
                tracing::warn!(keys = %self.place(), error, kept, "the keys of an issuer cannot be fetched");
            }
        }
    }

    async fn fetched(&self) -> Result<Keyset, String> {
        let at = match &self.at.place {
            KeysPlace::At(url) => url.clone(),
            KeysPlace::Discovered(issuer) => self.discovered(issuer).await?,
        };
        Keyset::read(&self.get(&at).await?).map_err(|why| format!("{at}: {why}"))
    }

    /// Asks the issuer where its keys are.
    async fn discovered(&self, issuer: &str) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Configuration {
            issuer: String,
            jwks_uri: String,
        }
        let at = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let said: Configuration =
            serde_json::from_slice(&self.get(&at).await?).map_err(|error| format!("{at}: {error}"))?;
        if said.issuer != issuer {
            return Err(format!("{at} is of the issuer `{}`, not of `{issuer}`", said.issuer.escape_default()));
        }
        let local = issuer.starts_with("http://") && said.jwks_uri.starts_with("http://");
        if !said.jwks_uri.starts_with("https://") && !local {
            return Err(format!("{at}: `jwks_uri` is no address that begins with https://"));
        }
        Ok(said.jwks_uri)
    }

    async fn get(&self, url: &str) -> Result<Bytes, String> {
        let mut request = Request::get(url).header(header::ACCEPT, "application/json, application/jwk-set+json");
        if let Some(file) = &self.at.token_file {
            let token = tokio::fs::read_to_string(file).await;
            let token = token.map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.trim()));
        }
        let request = request.body(Bytes::new()).map_err(|error| format!("{url}: {error}"))?;
        let answer = self.ask.ask(request).await.map_err(|error| error.to_string())?;
        match answer.status().as_u16() {
            200 => Ok(answer.into_body()),
            status => Err(format!("{url} answered with status {status}")),
        }
    }

    fn place(&self) -> &str {
        match &self.at.place {
            KeysPlace::At(place) | KeysPlace::Discovered(place) => place,
        }
    }

    fn times(&self) -> std::sync::MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
