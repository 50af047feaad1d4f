//! The suite on PostgreSQL, and what is particular to it. Without an installed PostgreSQL every test says that it is skipped.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod suite;

use std::sync::Arc;

use govern::config::Secret;
use store::Store;
use testkit::Postgres;

/// A store in a database of its own, on a server that the tests share.
pub struct Fixture {
    pub store: Store,
    url: Secret,
    // Directories are per process: so each handle has one.
    dirs: [tempfile::TempDir; 2],
    _server: Arc<Postgres>,
}

impl Fixture {
    pub async fn new() -> Option<Self> {
        let server = Postgres::shared()?;
        let url = Secret::new(server.database());
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let store = Store::connect(dirs[0].path(), Some(&url)).await.unwrap();
        Some(Self { store, url, dirs, _server: server })
    }

    /// The same data through another handle, as another replica has it.
    pub async fn another(&self) -> Store {
        Store::connect(self.dirs[1].path(), Some(&self.url)).await.unwrap()
    }
}

store_suite!(Fixture);

#[tokio::test]
async fn many_replicas_may_start_on_a_new_database_at_once() {
    let Some(server) = Postgres::shared() else { return };
    let (url, dir) = (Secret::new(server.database()), tempfile::tempdir().unwrap());
    let opened = futures_util::future::join_all((0..5).map(|_| Store::connect(dir.path(), Some(&url)))).await;
    for store in opened {
        assert_eq!(store.unwrap().keys().await.unwrap(), []);
    }
}

#[tokio::test]
async fn no_secret_is_in_a_dump() {
    let Some(server) = Postgres::shared() else { return };
    let (url, dir) = (server.database(), tempfile::tempdir().unwrap());
    let store = Store::connect(dir.path(), Some(&Secret::new(url.clone()))).await.unwrap();
    let minted = store.create_key(&suite::author(), &suite::keys::pepper(), &suite::keys::key("a")).await.unwrap();
    let name = url.rsplit('/').next().unwrap();
    let dump = server.ask(name, "SELECT keys::text FROM keys");
    let secret = minted.text.expose().split('_').nth(3).unwrap();
    assert!(dump.contains(&minted.id.0) && !dump.contains(secret), "{dump}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_being_told() {
    let dir = tempfile::tempdir().unwrap();
    for url in ["mysql://u:hidden@h/n", "postgres://u:hidden@h:port/n", "postgres://u:hidden@127.0.0.1:1/n"] {
        let error = Store::connect(dir.path(), Some(&Secret::new(url))).await.unwrap_err().to_string();
        assert!(!error.contains("hidden"), "{error}");
    }
}
