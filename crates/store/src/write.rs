//! Records go in by the batch: one transaction, few statements, few values per row.
//!
//! This runs beside the request path, tens of thousands of rows a second on one core. The cost of a row is mostly the
//! cost of its statement, so rows share statements, and the statements are few so that they stay prepared.

use std::sync::{Arc, LazyLock};

use futures_util::future::BoxFuture;
use gateway::{
    observe::Record,
    sink::{Sink, SinkError},
};
use sqlx::{AssertSqlSafe, Sqlite, query::Query, sqlite::SqliteArguments};

use crate::{Error, Store};

/// Rows per statement, largest first; each size is one prepared statement.
const SIZES: [usize; 3] = [64, 8, 1];

const COLUMNS: [&str; 10] =
    ["id", "at", "key_id", "model", "target", "status", "outcome", "cost", "unpriced", "detail"];

/// The statement for each of [`SIZES`].
static INSERTS: LazyLock<[Arc<str>; SIZES.len()]> = LazyLock::new(|| SIZES.map(|rows| insert(rows).into()));

/// Values are numbered by their place (`?`): SQLite looks a `$n` up by name, which for 640 of them costs more than the
/// rows do. PostgreSQL's writer numbers them.
fn insert(rows: usize) -> String {
    let row = format!("({})", vec!["?"; COLUMNS.len()].join(","));
    let (columns, values) = (COLUMNS.join(", "), vec![row; rows].join(","));
    format!("INSERT INTO requests ({columns}) VALUES {values} ON CONFLICT (id) DO NOTHING")
}

impl Sink for Store {
    fn name(&self) -> &'static str {
        "store"
    }

    fn write<'a>(&'a self, batch: &'a [Record]) -> BoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move { self.keep(batch).await.map_err(|error| SinkError(error.to_string())) })
    }
}

impl Store {
    /// Keeps these records, all or none. A record that is there already stays as it is.
    ///
    /// # Errors
    /// The database did not take them.
    pub async fn keep(&self, batch: &[Record]) -> Result<(), Error> {
        let mut transaction = self.write.begin_with("BEGIN IMMEDIATE").await?;
        let mut rest = batch;
        for (size, sql) in SIZES.iter().zip(INSERTS.iter()) {
            while let Some((rows, after)) = rest.split_at_checked(*size) {
                let mut query = sqlx::query::<Sqlite>(AssertSqlSafe(Arc::clone(sql)));
                for record in rows {
                    query = bind(query, record)?;
                }
                query.execute(&mut *transaction).await?;
                rest = after;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Binds a record in the order of [`COLUMNS`].
fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    record: &Record,
) -> Result<Query<'q, Sqlite, SqliteArguments>, Error> {
    let detail = serde_json::to_string(record)
        .map_err(|error| Error::Damaged { what: format!("record {}", record.id), problem: error.to_string() })?;
    Ok(query
        .bind(record.id.to_string())
        .bind(record.at)
        .bind(shared(record.key_id.as_deref()))
        .bind(shared(record.model.as_deref()))
        .bind(shared(record.target.as_deref()))
        .bind(i64::from(record.status))
        .bind(record.outcome.as_str())
        .bind(record.cost.map(|cost| cost.0))
        .bind(i64::from(record.unpriced))
        .bind(detail))
}

/// A bound `&str` is copied and boxed; this is one allocation.
fn shared(text: Option<&str>) -> Option<Arc<str>> {
    text.map(Arc::from)
}
