//! A credential that is kept: fetched once for all who want it, renewed ahead of its end, never shown after it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use super::{CredentialError, Source};
use crate::{
    clock::{micros, now_micros},
    tasks::Tasks,
};

/// A credential of one account. Cheap to clone.
pub struct Kept<T>(Arc<Inner<T>>);

struct Inner<T> {
    source: Box<dyn Source<T>>,
    tasks: Tasks,
    now: fn() -> i64,
    held: RwLock<Held<T>>,
    /// Whoever holds it fetches; the others wait for what comes of it, or go on with what there is.
    fetching: tokio::sync::Mutex<()>,
}

struct Held<T> {
    value: Option<Arc<T>>,
    /// When it ends, and from when on it is renewed; in microseconds since 1970.
    expires: i64,
    renew: i64,
    /// The last fetch failed: when, and why.
    failed: Option<(i64, CredentialError)>,
}

/// How long before its end a credential is renewed; AWS replaces those of its metadata services five minutes before.
/// Of a short-lived one, the last fifth.
const AHEAD: Duration = Duration::from_secs(300);

/// After a failure the source is left alone for so long: a burst of calls is not a burst of questions.
const PAUSE: Duration = Duration::from_secs(2);

impl<T: Send + Sync + 'static> Kept<T> {
    /// Keeps what this source yields; nothing is fetched before it is wanted.
    pub fn new(source: impl Source<T> + 'static, tasks: Tasks) -> Self {
        Self::with_clock(source, tasks, now_micros)
    }

    fn with_clock(source: impl Source<T> + 'static, tasks: Tasks, now: fn() -> i64) -> Self {
        let held = RwLock::new(Held { value: None, expires: 0, renew: 0, failed: None });
        Self(Arc::new(Inner { source: Box::new(source), tasks, now, held, fetching: tokio::sync::Mutex::default() }))
    }

    /// The credential, which has not ended yet.
    ///
    /// # Errors
    /// There is none, and the source has none.
    pub async fn get(&self) -> Result<Arc<T>, CredentialError> {
        match self.0.look() {
            Look::Good(value) => Ok(value),
            Look::Ageing(value) => {
                self.renew_aside();
                Ok(value)
            }
            Look::Nothing => self.wait().await,
        }
    }

    /// Renews what still holds, without anybody waiting for it.
    fn renew_aside(&self) {
        let inner = self.0.clone();
        let fetch = async move {
            let Ok(_one) = inner.fetching.try_lock() else { return };
            if let Look::Ageing(_) = inner.look()
                && let Err(error) = inner.fetch().await
            {
                tracing::warn!(%error, "a credential could not be renewed yet; the old one still holds");
            }
        };
        drop(self.0.tasks.spawn(fetch));
    }

    async fn wait(&self) -> Result<Arc<T>, CredentialError> {
        let _one = self.0.fetching.lock().await;
        match self.0.look() {
            Look::Good(value) | Look::Ageing(value) => Ok(value),
            Look::Nothing => match self.0.recent_failure() {
                Some(error) => Err(error),
                None => self.0.fetch().await,
            },
        }
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What there is at the moment.
enum Look<T> {
    Good(Arc<T>),
    /// Good for now, and to be renewed.
    Ageing(Arc<T>),
    Nothing,
}

impl<T> Inner<T> {
    fn look(&self) -> Look<T> {
        let now = (self.now)();
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let paused = held.failed.as_ref().is_some_and(|(at, _)| now < at.saturating_add(micros(PAUSE)));
        match &held.value {
            Some(value) if now < held.renew || (paused && now < held.expires) => Look::Good(value.clone()),
            Some(value) if now < held.expires => Look::Ageing(value.clone()),
            _ => Look::Nothing,
        }
    }

    fn recent_failure(&self) -> Option<CredentialError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let (at, error) = held.failed.as_ref()?;
        ((self.now)() < at.saturating_add(micros(PAUSE))).then(|| error.clone())
    }

    /// Asks the source and keeps what it says. The caller holds `fetching`.
    async fn fetch(&self) -> Result<Arc<T>, CredentialError> {
        let fetched = self.source.fetch().await;
        let now = (self.now)();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(fresh) => {
                let value = Arc::new(fresh.value);
                held.expires = fresh.expires.unwrap_or(i64::MAX);
                let life = held.expires.saturating_sub(now);
                held.renew = held.expires.saturating_sub((life / 5).min(micros(AHEAD)));
                held.value = Some(value.clone());
                held.failed = None;
                Ok(value)
            }
            Err(error) => {
                held.failed = Some((now, error.clone()));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};

    use futures_util::future::{BoxFuture, join_all};

    use super::*;
    use crate::upstream::credential::Fresh;

    /// Yields the number of the fetch, valid for 1000 s; fails where told.
    struct Counting {
        fetched: Arc<AtomicUsize>,
        fails: fn(usize) -> bool,
    }

    impl Source<usize> for Counting {
        fn fetch(&self) -> BoxFuture<'_, Result<Fresh<usize>, CredentialError>> {
            let number = self.fetched.fetch_add(1, SeqCst);
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if (self.fails)(number) {
                    return Err(CredentialError::new(format!("failure {number}")));
                }
                Ok(Fresh { value: number, expires: Some(now() + 1_000_000_000) })
            })
        }
    }

    thread_local! { static NOW: AtomicI64 = const { AtomicI64::new(0) } }

    fn now() -> i64 {
        NOW.with(|now| now.load(SeqCst))
    }

    /// The clock, so many seconds after the start of the test.
    fn set(seconds: i64) {
        NOW.with(|now| now.store(seconds * 1_000_000, SeqCst));
    }

    fn kept(fails: fn(usize) -> bool) -> (Kept<usize>, Arc<AtomicUsize>) {
        set(0);
        let fetched = Arc::new(AtomicUsize::new(0));
        (Kept::with_clock(Counting { fetched: fetched.clone(), fails }, Tasks::default(), now), fetched)
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_callers_are_one_fetch() {
        let (kept, fetched) = kept(|_| false);
        let got = join_all((0..100).map(|_| kept.get())).await;
        assert!(got.into_iter().all(|value| *value.unwrap() == 0));
        assert_eq!(fetched.load(SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_renewed_ahead_while_nobody_waits_and_never_shown_after_its_end() {
        let (kept, fetched) = kept(|_| false);
        assert_eq!(*kept.get().await.unwrap(), 0);
        set(799);
        assert_eq!((*kept.get().await.unwrap(), fetched.load(SeqCst)), (0, 1));
        // The last fifth of its life has begun.
        set(801);
        assert_eq!(*kept.get().await.unwrap(), 0, "the old one is shown meanwhile");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((*kept.get().await.unwrap(), fetched.load(SeqCst)), (1, 2));
        set(10_000);
        assert_eq!(*kept.get().await.unwrap(), 2, "an ended one is not shown");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_renewal_keeps_what_still_holds() {
        let (kept, fetched) = kept(|number| number > 0);
        assert_eq!(*kept.get().await.unwrap(), 0);
        set(900);
        assert_eq!(*kept.get().await.unwrap(), 0);
        tokio::time::sleep(Duration::from_millis(50)).await;
        for _ in 0..10 {
            assert_eq!(*kept.get().await.unwrap(), 0);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(fetched.load(SeqCst), 2, "the source is left alone after a failure");
        set(1001);
        assert_eq!(kept.get().await.unwrap_err().to_string(), "failure 2");
    }

    #[tokio::test(start_paused = true)]
    async fn callers_behind_a_failure_share_it() {
        let (kept, fetched) = kept(|_| true);
        let got = join_all((0..50).map(|_| kept.get())).await;
        assert!(got.into_iter().all(|value| value.unwrap_err().to_string() == "failure 0"));
        assert_eq!(fetched.load(SeqCst), 1);
        set(3);
        assert_eq!(kept.get().await.unwrap_err().to_string(), "failure 1");
    }
}
