//! The two databases behind one face: reading, writing, and changes of several statements.
//!
//! SQLite waits in our own queues and answers from memory or disk. PostgreSQL is across a network and may be slow or
//! gone, so every wait for it has an end, and a connection that was left in the middle of something is closed, never
//! given to the next: whoever waits is told that the database is down, and nothing hangs.

use std::time::Duration;

use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqlitePool, Transaction, pool::PoolConnection};

use crate::{
    Error,
    sql::{Row, Sql},
};

/// Longest wait for what is read, from the queue for a connection to the last row: somebody is waiting.
pub(crate) const READ_WAIT: Duration = Duration::from_millis(2_500);

/// Longest wait for a step of a change.
const CHANGE_WAIT: Duration = Duration::from_secs(5);

/// An open database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// Many connections that read, and one that writes: SQLite has one writer at a time, and waiting in our queue is
    /// fairer than its lock.
    Sqlite { read: SqlitePool, write: SqlitePool },
    /// Those that read give up sooner, and can change nothing.
    Postgres { read: PgPool, write: PgPool },
}

impl Database {
    /// Begins a change: all of it is done at its [`Change::commit`], or none.
    pub(crate) async fn change(&self) -> Result<Change, Error> {
        self.patient_change(CHANGE_WAIT).await
    }

    /// Begins a change that waits this long for each step.
    pub(crate) async fn patient_change(&self, wait: Duration) -> Result<Change, Error> {
        match self {
            Self::Sqlite { write, .. } => Ok(Change::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)),
            Self::Postgres { write, .. } => {
                let mut line = Line::of(write, wait).await?;
                line.ask(async |line| sqlx::query("BEGIN").execute(line).await).await?;
                Ok(Change::Postgres(line))
            }
        }
    }

    pub(crate) async fn read(&self, sql: Sql) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite { read, .. } => {
                let (text, values) = sql.for_sqlite()?;
                let rows = sqlx::query_with::<Sqlite, _>(text, values).fetch_all(read).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres { read, .. } => {
                let mut line = Line::of(read, READ_WAIT).await?;
                let rows = line.read(sql).await?;
                line.done();
                Ok(rows)
            }
        }
    }

    pub(crate) async fn write(&self, sql: Sql) -> Result<u64, Error> {
        match self {
            Self::Sqlite { write, .. } => {
                let (text, values) = sql.for_sqlite()?;
                Ok(sqlx::query_with::<Sqlite, _>(text, values).execute(write).await?.rows_affected())
            }
            Self::Postgres { write, .. } => {
                let mut line = Line::of(write, CHANGE_WAIT).await?;
                let rows = line.write(sql).await?;
                line.done();
                Ok(rows)
            }
        }
    }

    /// From now on what is deleted is overwritten too. (PostgreSQL does so in its own time, by VACUUM.)
    pub(crate) async fn overwrite_deleted(&self) -> Result<(), Error> {
        if let Self::Sqlite { write, .. } = self {
            sqlx::query("PRAGMA secure_delete = ON").execute(write).await?;
        }
        Ok(())
    }

    /// Takes what was deleted out of the write-ahead log, as far as no reader is in the way.
    pub(crate) async fn forget_deleted(&self) -> Result<(), Error> {
        if let Self::Sqlite { write, .. } = self {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(write).await?;
            sqlx::query("PRAGMA secure_delete = OFF").execute(write).await?;
        }
        Ok(())
    }

    /// Makes what was written survive a loss of power. SQLite's log is synced when it is moved into the database
    /// (<https://www.sqlite.org/pragma.html#pragma_synchronous>); PostgreSQL has synced what it has committed. Says false if
    /// somebody else is moving it.
    pub(crate) async fn flush(&self) -> Result<bool, Error> {
        let Self::Sqlite { write, .. } = self else { return Ok(true) };
        let (busy,): (i64,) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(write).await?;
        Ok(busy == 0)
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres { read, write } => {
                let closed = async { tokio::join!(read.close(), write.close()) };
                // A server that does not answer is left as it is.
                let _ = tokio::time::timeout(CHANGE_WAIT, closed).await;
            }
        }
    }
}

/// Statements that are done together. Dropped without [`Change::commit`], nothing of it was done.
pub(crate) enum Change {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Line),
}

impl Change {
    /// Whether each statement is a way to somewhere else and back.
    pub(crate) fn is_across_a_network(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.commit().await?),
            Self::Postgres(mut line) => {
                line.ask(async |line| sqlx::query("COMMIT").execute(line).await).await?;
                line.done();
                Ok(())
            }
        }
    }

    pub(crate) async fn read(&mut self, sql: Sql) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite(transaction) => {
                let (text, values) = sql.for_sqlite()?;
                let rows = sqlx::query_with::<Sqlite, _>(text, values).fetch_all(&mut **transaction).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(line) => line.read(sql).await,
        }
    }

    pub(crate) async fn write(&mut self, sql: Sql) -> Result<u64, Error> {
        match self {
            Self::Sqlite(transaction) => {
                let (text, values) = sql.for_sqlite()?;
                let done = sqlx::query_with::<Sqlite, _>(text, values).execute(&mut **transaction).await?;
                Ok(done.rows_affected())
            }
            Self::Postgres(line) => line.write(sql).await,
        }
    }
}

/// A connection to PostgreSQL that is in the middle of something until [`Line::done`]. Dropped before, it is closed: it
/// may wait for a server that is gone, and its next user would too.
pub(crate) struct Line {
    connection: PoolConnection<Postgres>,
    /// Longest wait for an answer.
    wait: Duration,
    idle: bool,
}

impl Line {
    pub(crate) async fn of(pool: &PgPool, wait: Duration) -> Result<Self, Error> {
        let connection = tokio::time::timeout(wait, pool.acquire()).await.map_err(|_| Error::Slow(wait))??;
        Ok(Self { connection, wait, idle: false })
    }

    /// Asks something of the database, with an end to the wait.
    pub(crate) async fn ask<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Error> {
        let wait = self.wait;
        Ok(tokio::time::timeout(wait, ask(&mut self.connection)).await.map_err(|_| Error::Slow(wait))??)
    }

    /// Nothing is under way any more: the connection may serve others.
    pub(crate) fn done(mut self) {
        self.idle = true;
    }

    async fn read(&mut self, sql: Sql) -> Result<Vec<Row>, Error> {
        let (text, values) = sql.for_postgres()?;
        let query = sqlx::query_with::<Postgres, _>(text, values);
        let rows = self.ask(async |line| query.fetch_all(line).await).await?;
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }

    async fn write(&mut self, sql: Sql) -> Result<u64, Error> {
        let (text, values) = sql.for_postgres()?;
        let query = sqlx::query_with::<Postgres, _>(text, values);
        Ok(self.ask(async |line| query.execute(line).await).await?.rows_affected())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.idle {
            self.connection.close_on_drop();
        }
    }
}
