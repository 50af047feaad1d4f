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
