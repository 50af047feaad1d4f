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
async fn a_schema_that_a_newer_version_extended_serves_this_one() {
    let Some(server) = Postgres::shared() else { return };
    let (url, dir) = (server.database(), tempfile::tempdir().unwrap());
    let name = url.rsplit('/').next().unwrap();
    let url = Secret::new(url.clone());
    let store = Store::connect(dir.path(), Some(&url)).await.unwrap();
    store.create_key(&suite::author(), &suite::keys::pepper(), &suite::keys::key("a")).await.unwrap();
    assert_eq!(store.keys().await.unwrap().len(), 1);
    // While it runs, and has its statements prepared, a newer one adds a column to every table, and a table.
    for table in ["requests", "keys", "meta", "prices", "repricings", "responses", "seals"] {
        server.ask(name, &format!("ALTER TABLE {table} ADD COLUMN of_tomorrow BIGINT"));
    }
    server.ask(
        name,
        "CREATE TABLE tomorrow (id TEXT); INSERT INTO _sqlx_migrations \
         (version, description, success, checksum, execution_time) VALUES (9999, 'of tomorrow', true, 'x', 1)",
    );
    let again = Store::connect(dir.path(), Some(&url)).await.unwrap();
    assert_eq!(Store::missing_steps(dir.path(), Some(&url)).await.unwrap(), []);
    for store in [store, again] {
        store.create_key(&suite::author(), &suite::keys::pepper(), &suite::keys::key("b")).await.unwrap();
        store.keep(&[suite::record(1)]).await.unwrap();
        assert_eq!(store.tail(&Default::default(), None, 5).await.unwrap().len(), 1);
        assert!(store.keys().await.unwrap().len() >= 2);
    }
}

#[tokio::test]
async fn rows_are_numbered_in_the_order_in_which_they_can_be_seen() {
    let Some(fixture) = Fixture::new().await else { return };
    let another = fixture.another().await;
    let writers = [&fixture.store, &another].into_iter().enumerate().map(|(writer, store)| async move {
        for batch in 0..40 {
            let first = (batch * 2 + writer as u64) * 20;
            store.keep(&(first..first + 20).map(suite::record).collect::<Vec<_>>()).await.unwrap();
        }
    });
    let follow = async {
        let (mut last, mut seen) = (0, 0);
        while seen < 1_600 {
            for row in another.tail(&Default::default(), Some(last), 1_000).await.unwrap() {
                (last, seen) = (row.seq, seen + 1);
            }
        }
    };
    let all = async { tokio::join!(futures_util::future::join_all(writers), follow) };
    tokio::time::timeout(std::time::Duration::from_secs(60), all).await.expect("a follower misses no row");
}

#[tokio::test]
async fn a_change_is_heard_at_once() {
    let Some(fixture) = Fixture::new().await else { return };
    let another = fixture.another().await;
    let heard = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let mut waits = Vec::new();
        for _ in 0..10 {
            let begun = std::time::Instant::now();
            tokio::join!(another.may_have_changed(), async {
                fixture
                    .store
                    .create_key(&suite::author(), &suite::keys::pepper(), &suite::keys::key("a"))
                    .await
                    .unwrap();
            });
            waits.push(begun.elapsed());
        }
        waits.sort_unstable();
        waits[5]
    };
    let median = tokio::select! { () = another.listen() => unreachable!(), median = heard => median };
    assert!(median < std::time::Duration::from_millis(250), "{median:?}: by a notice, not by asking");
}

#[tokio::test]
async fn sec_002_a_replica_with_another_pepper_is_refused() {
    let Some(fixture) = Fixture::new().await else { return };
    let another = fixture.another().await;
    let pepper = |byte| govern::key::Pepper::new(&[byte; 32]);
    fixture.store.belongs_to(&pepper(1)).await.unwrap();
    another.belongs_to(&pepper(1)).await.unwrap();
    let error = another.belongs_to(&pepper(2)).await.unwrap_err().to_string();
    assert!(error.contains("TOLLGATE_PEPPER"), "{error}");
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
