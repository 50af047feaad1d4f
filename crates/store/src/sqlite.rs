//! SQLite: the embedded database, in `<data_dir>/tollgate.db`.

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{Error, database::Database, migrations, secret};

/// Longest wait for another process's write lock. The command line writes a row at a time, so seconds are plenty.
const BUSY: Duration = Duration::from_secs(5);

/// Connections that read at once: lists and key lookups, never a request's own path.
const READERS: u32 = 4;

/// Bytes of a page. Rows are appended by the hundred: larger pages than SQLite's own 4 KiB make a tenth less work of it.
const PAGE: u32 = 16_384;

/// Pages in the write-ahead log before they are moved into the database: 16 MiB, where SQLite's own figure means 4.
const CHECKPOINT_PAGES: &str = "1000";

/// Longest wait for another process that brings the schema up to date.
const SCHEMA_WAIT: Duration = Duration::from_secs(30);

/// Opens the database in this directory; makes the file, readable by its owner alone, if it does not exist, and brings the
/// schema up to date.
pub(crate) async fn open(dir: &Path) -> Result<Database, Error> {
    let file = dir.join("tollgate.db");
    secret::private_file(&file)?;
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .page_size(PAGE)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging();
    let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    {
        let _alone = schema_lock(dir).await?;
        migrations::sqlite().run(&write).await?;
    }
    let read =
        SqlitePoolOptions::new().max_connections(READERS).connect_with(options.pragma("query_only", "on")).await?;
    Ok(Database::Sqlite { read, write })
}

/// Steps that the database in this directory has not had.
pub(crate) async fn missing(dir: &Path) -> Result<Vec<(i64, String)>, Error> {
    let file = dir.join("tollgate.db");
    let steps = migrations::sqlite();
    if !file.exists() {
        return Ok(migrations::missing(&steps, &[]));
    }
    let mut connection = SqliteConnectOptions::new().filename(&file).busy_timeout(BUSY).connect().await?;
    let table: Option<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE name = '_sqlx_migrations'")
        .fetch_optional(&mut connection)
        .await?;
    let applied = match table {
        Some(_) => sqlx::query_as(migrations::APPLIED).fetch_all(&mut connection).await?,
        None => Vec::new(),
    };
    connection.close().await?;
    Ok(migrations::missing(&steps, &applied))
}

/// Keeps other processes from changing the schema until it is dropped: two that start at once would both run the same
/// step. (On PostgreSQL the migrator takes an advisory lock itself.)
async fn schema_lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("schema.lock");
    secret::private_file(&path)?;
    let failed = |source| Error::File { path: path.clone(), source };
    let file = File::options().write(true).open(&path).map_err(failed)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < SCHEMA_WAIT => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
}
