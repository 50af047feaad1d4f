//! The suite on the embedded database, and what is particular to it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod suite;

use store::Store;

/// A store in a directory of its own, which goes with it.
pub struct Fixture {
    pub store: Store,
    pub dir: tempfile::TempDir,
}

impl Fixture {
    pub async fn new() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        Some(Self { store: Store::open(dir.path()).await.unwrap(), dir })
    }

    /// The same data through another handle, as another process has it.
    pub async fn another(&self) -> Store {
        Store::open(self.dir.path()).await.unwrap()
    }
}

store_suite!(Fixture);

#[tokio::test]
async fn the_data_directory_and_the_file_are_private() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let store = Store::open(&dir).await.unwrap();
    store.keep(&[suite::record(1)]).await.unwrap();
    #[cfg(unix)]
    for (path, mode) in [(dir.clone(), 0o700), (dir.join("tollgate.db"), 0o600), (dir.join("tollgate.db-wal"), 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tollgate.db"), "a letter to my aunt, in no way a database".repeat(30)).unwrap();
    let error = Store::open(dir.path()).await.unwrap_err().to_string();
    assert!(error.contains("not a database"), "{error}");
}

#[tokio::test]
async fn many_handles_may_open_a_new_directory_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let opened = futures_util::future::join_all((0..4).map(|_| Store::open(dir.path()))).await;
    for store in opened {
        assert_eq!(store.unwrap().keys().await.unwrap(), []);
    }
}

#[tokio::test]
async fn steps_that_are_missing_are_named_and_then_none_are() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Store::missing_steps(dir.path(), None).await.unwrap()[0], (1, "requests, keys, meta".to_owned()));
    Store::open(dir.path()).await.unwrap().close().await;
    assert_eq!(Store::missing_steps(dir.path(), None).await.unwrap(), []);
}

#[tokio::test]
async fn keys_bind_a_database_to_their_pepper() {
    let fixture = Fixture::new().await.unwrap();
    let pepper = |byte| govern::key::Pepper::new(&[byte; 32]);
    fixture.store.belongs_to(&pepper(1)).await.unwrap();
    fixture.store.belongs_to(&pepper(2)).await.unwrap();
    fixture.store.create_key(&suite::author(), &pepper(2), &suite::keys::key("a")).await.unwrap();
    assert!(matches!(fixture.store.belongs_to(&pepper(1)).await, Err(store::Error::OtherPepper)));
    fixture.store.belongs_to(&pepper(2)).await.unwrap();
}

/// What a row costs beside the request path. Run with
/// `cargo test --release -p store --test sqlite -- --ignored --nocapture cost_of_a_row`.
#[tokio::test(flavor = "current_thread")]
#[ignore = "a measurement, not a check"]
async fn cost_of_a_row() {
    let fixture = Fixture::new().await.unwrap();
    for batch in [1_u64, 64, 256, 1024] {
        let rounds = (100_000 / batch).min(5_000);
        let records: Vec<_> = (0..rounds * batch).map(suite::realistic).collect();
        let (wall, cpu) = (std::time::Instant::now(), cpu_micros());
        for batch in records.chunks(batch as usize) {
            fixture.store.keep(batch).await.unwrap();
        }
        let rows = records.len() as f64;
        println!(
            "batches of {batch:>4}: {:6.2} µs of wall, {:6.2} µs of CPU per row",
            wall.elapsed().as_micros() as f64 / rows,
            (cpu_micros() - cpu) as f64 / rows,
        );
    }
    let bytes = std::fs::metadata(fixture.dir.path().join("tollgate.db")).unwrap().len();
    println!("database: {} MiB", bytes >> 20);
}

/// CPU time of this process so far, all threads, by `/proc/self/stat` (fields 14 and 15, in ticks of 10 ms).
fn cpu_micros() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10_000
}

/// The first entry with which verification finds fault, in a copy of a log of ten entries that was touched by `touch`.
async fn fault_after(touch: &[&'static str], checkpoints: &[i64]) -> Option<i64> {
    use govern::audit::{CheckpointKey, Deed, Finding, Verifier};
    let fixture = Fixture::new().await.unwrap();
    let key = CheckpointKey::new(&[5; 32]).unwrap();
    let mut signed = Vec::new();
    for seq in 1..=10 {
        fixture.store.note(&suite::author(), &Deed::new("keys.create", "key", &seq.to_string())).await.unwrap();
        if checkpoints.contains(&seq) {
            let (seq, hash) = fixture.store.audit_head().await.unwrap();
            signed.push(key.sign(seq, &hash, 0));
        }
    }
    fixture.store.close().await;
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(fixture.dir.path().join("tollgate.db"));
    let pool = sqlx::SqlitePool::connect_with(file).await.unwrap();
    for statement in touch {
        sqlx::query(*statement).execute(&pool).await.unwrap();
    }
    pool.close().await;

    let store = fixture.another().await;
    let (mut verifier, mut after) = (Verifier::new(signed), 0);
    let mut verify = async || -> Result<(), Finding> {
        while let Some(lines) = store.audit_lines(after).await.unwrap() {
            verifier.take(&lines.text)?;
            after = lines.next;
        }
        Ok(())
    };
    if let Err(found) = verify().await {
        return Some(found.seq);
    }
    if let Some((seq, _)) = store.audit_party_fault().await.unwrap() {
        return Some(seq);
    }
    verifier.finish(Some(store.audit_head().await.unwrap().0)).err().map(|found| found.seq)
}

#[tokio::test]
async fn sec_037_what_was_done_to_the_file_is_found_at_its_first_entry() {
    assert_eq!(fault_after(&[], &[4, 10]).await, None);
    let touches: &[(&[&str], i64)] = &[
        (&["UPDATE audit SET action = 'keys.delete' WHERE seq = 5"], 5),
        (&["UPDATE audit SET actor = 'x' WHERE seq = 1"], 1),
        (&["UPDATE audit SET at = at + 1 WHERE seq = 10"], 10),
        (&["UPDATE audit SET tenant = CAST(X'ff00fe' AS TEXT) WHERE seq = 3"], 3),
        (&["UPDATE audit SET target = 'key/5' || char(10) WHERE seq = 5"], 5),
        (&["UPDATE audit SET hash = prev_hash WHERE seq = 5"], 5),
        (&["DELETE FROM audit WHERE seq = 5"], 5),
        (&["DELETE FROM audit WHERE seq <= 2"], 1),
        (
            &[
                "DELETE FROM audit WHERE seq = 5",
                "UPDATE audit SET seq = -seq WHERE seq > 5",
                "UPDATE audit SET seq = -seq - 1 WHERE seq < 0",
            ],
            5,
        ),
        (
            &[
                "UPDATE audit SET seq = -1 WHERE seq = 4",
                "UPDATE audit SET seq = 4 WHERE seq = 7",
                "UPDATE audit SET seq = 7 WHERE seq = -1",
            ],
            4,
        ),
        // The number of entries is kept beside them.
        (&["DELETE FROM audit WHERE seq > 7"], 8),
        (&["DELETE FROM audit"], 1),
        (&["UPDATE audit_parties SET name = 'user:mallory'"], 1),
        (&["DELETE FROM audit_parties"], 1),
    ];
    for (touch, seq) in touches {
        assert_eq!(fault_after(touch, &[]).await, Some(*seq), "{touch:?}");
    }
    // As an old copy of the database is: all in it agrees, and the checkpoints outside know more.
    let old: &[&str] = &[
        "DELETE FROM audit WHERE seq > 6",
        "UPDATE audit_head SET seq = 6, hash = (SELECT hash FROM audit WHERE seq = 6)",
    ];
    assert_eq!(fault_after(old, &[]).await, None);
    assert_eq!(fault_after(old, &[4, 9]).await, Some(7));
}

/// What an entry costs, and how fast a log is verified. Run with
/// `cargo test --release -p store --test sqlite -- --ignored --nocapture audit_speed`.
#[tokio::test]
#[ignore = "a measurement, not a check"]
async fn audit_speed() {
    use govern::audit::{Deed, Verifier};
    let fixture = Fixture::new().await.unwrap();
    let deeds: Vec<Deed<'_>> = (0..1_000).map(|_| Deed::new("keys.create", "key", "0123456789ab")).collect();
    let begun = std::time::Instant::now();
    for _ in 0..300 {
        fixture.store.note_all(&suite::author(), &deeds).await.unwrap();
    }
    println!("{:.2} µs per entry written, 1000 in a transaction", begun.elapsed().as_secs_f64() / 0.3);
    let begun = std::time::Instant::now();
    let (mut verifier, mut after) = (Verifier::new(vec![]), 0);
    while let Some(lines) = fixture.store.audit_lines(after).await.unwrap() {
        verifier.take(&lines.text).unwrap();
        after = lines.next;
    }
    let verified = verifier.finish(None).unwrap();
    println!("{:.2} M entries verified a second", verified.entries as f64 / 1e6 / begun.elapsed().as_secs_f64());
}
