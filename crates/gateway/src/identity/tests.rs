use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use govern::identity::{Algorithm, KeysPlace};
use http::{Request, Response};
use serde_json::json;

use super::*;
use crate::upstream::credential::CredentialError;

/// A key set with one key of P-256, its base point.
fn keys(kid: &str) -> Vec<u8> {
    let key = json!({
        "kty": "EC", "crv": "P-256", "kid": kid,
        "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    });
    json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "kid": kid }, key] }).to_string().into_bytes()
}

fn head(kid: &str) -> Head {
    Head { alg: "ES256".to_owned(), kid: Some(kid.to_owned()), crit: None }
}

/// Answers with keys, or not at all, and counts.
#[derive(Default)]
struct Page {
    asked: AtomicUsize,
    down: AtomicBool,
}

impl Ask for Page {
    fn ask(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, CredentialError>> {
        self.asked.fetch_add(1, SeqCst);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            match self.down.load(SeqCst) {
                true => Err(CredentialError::new("nobody answers")),
                false => Ok(Response::new(keys("one").into())),
            }
        })
    }
}

fn source() -> (Arc<Page>, Source) {
    let page = Arc::new(Page::default());
    let at = KeysAt {
        place: KeysPlace::At("https://example.com/keys".to_owned()),
        ca_file: None,
        token_file: None,
        refresh: Duration::from_secs(600),
        max_stale: Duration::from_secs(3_600),
    };
    (page.clone(), Source::new(Arc::new(at), page))
}

/// Ticks as [`Tokens::follow`] does.
async fn live(source: &Source, time: Duration) {
    for _ in 0..time.as_secs() {
        source.keep_fresh().await;
        tokio::time::sleep(TICK).await;
    }
}

fn knows(source: &Source, kid: &'static str) -> impl Future<Output = bool> {
    let wanted = move |keys: &Keyset| keys.have_one_for(&head(kid), Algorithm::ES256);
    async move { source.keys_with(wanted).await.is_some_and(|keys| wanted(&keys)) }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_tokens_are_one_fetch() {
    let (page, source) = source();
    let known = futures_util::future::join_all((0..100).map(|_| knows(&source, "one"))).await;
    assert!(known.into_iter().all(|known| known));
    assert_eq!(page.asked.load(SeqCst), 1);
    let unknown = futures_util::future::join_all((0..100).map(|_| knows(&source, "two"))).await;
    assert!(!unknown.into_iter().any(|known| known));
    assert_eq!(page.asked.load(SeqCst), 2, "one out of turn");
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(!knows(&source, "two").await && page.asked.load(SeqCst) == 2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!knows(&source, "two").await && page.asked.load(SeqCst) == 3, "one a minute");
}

#[tokio::test(start_paused = true)]
async fn fault_032_keys_are_fetched_ahead_and_count_until_they_are_too_old() {
    let (page, source) = source();
    live(&source, Duration::from_secs(3_000)).await;
    let asked = page.asked.load(SeqCst);
    assert!((5..=6).contains(&asked), "every ten minutes: {asked}");
    let held = source.keys_with(|_| true).await.unwrap();

    page.down.store(true, SeqCst);
    live(&source, Duration::from_secs(2_900)).await;
    assert!(source.holds(&held), "the same keys: what is known stays known");
    let asked = page.asked.load(SeqCst) - asked;
    assert!((30..=60).contains(&asked), "it is asked once a minute: {asked}");
    live(&source, Duration::from_secs(900)).await;
    assert!(!source.holds(&held), "too old");
    assert!(source.keys_with(|_| true).await.is_none());

    page.down.store(false, SeqCst);
    live(&source, Duration::from_secs(61)).await;
    assert!(knows(&source, "one").await, "it is asked again by itself");
}

#[test]
fn a_key_is_used_for_what_it_is_made_for_alone() {
    let set = Keyset::read(&keys("one")).unwrap();
    assert!(set.have_one_for(&head("one"), Algorithm::ES256));
    for algorithm in Algorithm::ALL.iter().filter(|algorithm| **algorithm != Algorithm::ES256) {
        assert!(!set.have_one_for(&head("one"), *algorithm), "{algorithm:?}");
    }
    let none = Head { kid: None, ..head("one") };
    assert!(set.have_one_for(&none, Algorithm::ES256), "a token that names no key");

    for (bad, why) in [
        (json!({ "keys": [] }), "holds no key"),
        (json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] }), "holds no key"),
        (json!({ "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc" }] }), "holds no key"),
        (json!({ "keys": [7, { "kty": "new", "x": 1 }] }), "holds no key"),
        (json!({ "error": "no" }), "no key set"),
    ] {
        let said = Keyset::read(bad.to_string().as_bytes()).unwrap_err();
        assert!(said.contains(why), "{bad}: {said}");
    }
}
