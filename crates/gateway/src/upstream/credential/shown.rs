//! The pool with every account's credential shown: whoever calls a provider, calls it through here.
//!
//! An account may have several keys. Calls are shared among them by weight; a key that is refused or over its limit is
//! set aside, and the call goes on with the next one at once, without its target being blamed.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use govern::{
    Rules,
    config::{self, Secret, snapshot::Account},
};
use http::{HeaderName, Request, Response, StatusCode, header};
use llm::provider::{Auth, Cloud};

use super::{Ask, Credential, CredentialError, Kept, aws::Aws, azure::Azure, google::Google, ibm::Ibm};
use crate::{
    clock::{micros, now_micros},
    tasks::Tasks,
    upstream::{RequestBody, SendError, TlsError, UpstreamBody, UpstreamPool, retry_after, sign::Scope},
};

/// A pool whose requests carry their accounts' credentials.
pub struct Shown<P> {
    pool: P,
    ask: Arc<dyn Ask>,
    tasks: Tasks,
    accounts: RwLock<HashMap<Arc<str>, Arc<Held>>>,
}

/// Provider, credential and, where requests are signed, region and base URL.
type MadeFrom = (&'static str, config::Credential, Option<(Option<String>, String)>);

/// What one account has to show.
struct Held {
    /// What it was made from; a change makes a new one.
    made_from: MadeFrom,
    /// Empty for a provider that wants none.
    keys: Vec<Key>,
    turn: AtomicU64,
}

struct Key {
    name: Arc<str>,
    weight: u64,
    credential: Credential,
    /// Microseconds since 1970 until when it is set aside; 0 if it is not.
    aside_until: AtomicI64,
}

/// How long a key rests that was refused, and the longest rest of one that is over its limit.
const REST: Duration = Duration::from_secs(60);

/// The rest of a key that is over its limit and was not told for how long.
const BRIEF_REST: Duration = Duration::from_secs(1);

impl<P: UpstreamPool> Shown<P> {
    /// # Errors
    /// A credential cannot be sent.
    pub fn new(pool: P, ask: Arc<dyn Ask>, tasks: Tasks, rules: &Rules) -> Result<Self, TlsError> {
        let shown = Self { pool, ask, tasks, accounts: RwLock::default() };
        shown.hold(rules)?;
        Ok(shown)
    }

    /// Takes over the credentials of a configuration. What has not changed keeps its tokens and its standing.
    fn hold(&self, rules: &Rules) -> Result<(), TlsError> {
        let before = self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut next = HashMap::with_capacity(rules.accounts.len());
        for (name, account) in &rules.accounts {
            // AWS's signatures are good in one region, at one host.
            let is_signed = account.provider.cloud() == Some(Cloud::Aws);
            let scope = is_signed.then(|| (account.place.region.clone(), account.base_url.clone()));
            let made_from = (account.provider.id(), account.credential.clone(), scope);
            let held = match before.get(name) {
                Some(held) if held.made_from == made_from => held.clone(),
                _ => {
                    let keys = self.keys(account).map_err(|error| TlsError::account(name, &error))?;
                    Arc::new(Held { made_from, keys, turn: AtomicU64::new(0) })
                }
            };
            next.insert(name.clone(), held);
        }
        *self.accounts.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    fn keys(&self, account: &Account) -> Result<Vec<Key>, CredentialError> {
        let ask = || self.ask.clone();
        let identity =
            |credential| vec![Key { name: "identity".into(), weight: 1, credential, aside_until: AtomicI64::new(0) }];
        Ok(match account.credential.clone() {
            config::Credential::None => Vec::new(),
            config::Credential::Aws(from) => {
                let region = account.place.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
                // AWS's providers bear the names that their services sign by.
                let url = account.base_url.parse().unwrap_or_default();
                let scope = Scope::at(&url, region.clone(), account.provider.id());
                let keys = Kept::new(Aws { identity: from, region, ask: ask() }, self.tasks.clone());
                identity(Credential::Signature(keys, scope))
            }
            config::Credential::Google(from) => identity(self.bearer(Google { identity: from, ask: ask() })),
            config::Credential::Azure(from) => identity(self.bearer(Azure { identity: from, ask: ask() })),
            config::Credential::Keys(keys) => {
                let keys = keys.into_iter().map(|key| {
                    let credential = match account.provider.cloud() {
                        Some(Cloud::Ibm) => self.bearer(Ibm { key: key.secret, ask: ask() }),
                        _ => fixed(account.provider.auth(), &key.secret)?,
                    };
                    Ok(Key { name: key.name, weight: key.weight.into(), credential, aside_until: AtomicI64::new(0) })
                });
                keys.collect::<Result<_, CredentialError>>()?
            }
        })
    }

    fn bearer(&self, source: impl super::Source<Secret> + 'static) -> Credential {
        Credential::Bearer(Kept::new(source, self.tasks.clone()))
    }

    fn held(&self, account: &Account) -> Result<Arc<Held>, SendError> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let held = accounts.get(&account.name);
        held.cloned().ok_or_else(|| SendError::Connect("the account has left the configuration".into()))
    }

    /// Sends a request with the key whose turn it is, and with the next one if that is refused.
    async fn send_with_one_of(
        &self,
        held: &Held,
        account: &Account,
        mut request: Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, SendError> {
        let order = held.order(now_micros());
        let Some((last, before)) = order.split_last() else { return self.pool.send(account, request).await };
        for key in before {
            let Some(again) = copy(&request) else { break };
            key.credential.show(&mut request).await?;
            let answer = self.pool.send(account, std::mem::replace(&mut request, again)).await?;
            match key.rest(&answer) {
                None => return Ok(answer),
                Some(rest) => key.set_aside(rest, account, answer.status()),
            }
        }
        // A body that cannot be sent twice goes with the first key.
        let key = if request.body().whole().is_some() { last } else { order.first().unwrap_or(last) };
        key.credential.show(&mut request).await?;
        let answer = self.pool.send(account, request).await?;
        if let Some(rest) = key.rest(&answer) {
            key.set_aside(rest, account, answer.status());
        }
        Ok(answer)
    }
}

impl<P: UpstreamPool> UpstreamPool for Shown<P> {
    async fn send(
        &self,
        account: &Account,
        mut request: Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, SendError> {
        let held = self.held(account)?;
        if let [only] = &*held.keys {
            only.credential.show(&mut request).await?;
            return self.pool.send(account, request).await;
        }
        Box::pin(self.send_with_one_of(&held, account, request)).await
    }

    fn renew(&self, rules: &Rules) -> Result<(), TlsError> {
        self.pool.renew(rules)?;
        self.hold(rules)
    }
}

impl Held {
    /// The keys in the order in which they are tried: those in good standing, beginning with the one whose turn it is;
    /// of those set aside only the one that returns first, if there is no other.
    fn order(&self, now: i64) -> Vec<&Key> {
        let standing = |key: &&Key| key.aside_until.load(Ordering::Relaxed) <= now;
        let (mut shared, spare): (Vec<_>, Vec<_>) = self.keys.iter().filter(standing).partition(|key| key.weight > 0);
        let total: u64 = shared.iter().map(|key| key.weight).sum();
        if total > 0 && shared.len() > 1 {
            let mut ticket = self.turn.fetch_add(1, Ordering::Relaxed) % total;
            let chosen = shared.iter().position(|key| {
                let hit = ticket < key.weight;
                ticket = ticket.saturating_sub(key.weight);
                hit
            });
            shared.rotate_left(chosen.unwrap_or_default());
        }
        shared.extend(spare);
        if shared.is_empty() {
            shared.extend(self.keys.iter().min_by_key(|key| key.aside_until.load(Ordering::Relaxed)));
        }
        shared
    }
}

impl Key {
    /// How long the key must rest after this answer; `None`: it is as good as before.
    fn rest(&self, answer: &Response<UpstreamBody>) -> Option<Duration> {
        match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => Some(REST),
            StatusCode::TOO_MANY_REQUESTS => Some(retry_after(answer.headers()).unwrap_or(BRIEF_REST).min(REST)),
            _ => None,
        }
    }

    fn set_aside(&self, rest: Duration, account: &Account, status: StatusCode) {
        self.aside_until.store(now_micros().saturating_add(micros(rest)), Ordering::Relaxed);
        let (status, seconds) = (status.as_u16(), rest.as_secs());
        tracing::warn!(account.name = %account.name, account.key = %self.name, status, seconds, "a key is set aside");
    }
}

fn fixed(auth: Auth, key: &Secret) -> Result<Credential, CredentialError> {
    match auth {
        Auth::Header(name) => Credential::fixed(HeaderName::from_static(name), key.expose()),
        Auth::Scheme(scheme) => Credential::fixed(header::AUTHORIZATION, &format!("{scheme} {}", key.expose())),
        Auth::Bearer | Auth::None => Credential::fixed(header::AUTHORIZATION, &format!("Bearer {}", key.expose())),
    }
}

/// The request once more, if its body is held whole.
fn copy(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    let mut copy = Request::new(request.body().whole()?.clone().into());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

#[cfg(test)]
mod tests;
