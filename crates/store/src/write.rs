//! Records go in by the batch: one transaction, few statements, few values per row.
//!
//! This runs beside the request path, tens of thousands of rows a second on one core. The cost of a row is mostly the
//! cost of its statement, so rows share statements, and the statements are few so that they stay prepared.

use std::sync::{Arc, LazyLock};

use futures_util::future::BoxFuture;
use gateway::{
    observe::{Record, compact},
    sink::{Sink, SinkError},
};
use sqlx::{Arguments, AssertSqlSafe, Sqlite, error::BoxDynError, sqlite::SqliteArguments};
use uuid::Uuid;

use crate::{Error, Store};

/// Rows per statement, largest first; each size is one prepared statement. More rows in one cost more each: SQLite walks
/// all values of a statement several times.
const SIZES: [usize; 3] = [32, 8, 1];

const COLUMNS: [&str; 6] = ["id", "key_id", "model", "status", "outcome", "detail"];

/// The statement for each of [`SIZES`].
static INSERTS: LazyLock<[Arc<str>; SIZES.len()]> = LazyLock::new(|| SIZES.map(|rows| insert(rows).into()));

/// Values are numbered by their place (`?`): SQLite looks a `$n` up by name, which for hundreds of them costs more than
/// the rows do. PostgreSQL's writer numbers them.
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
        // By arrival: the index on ids then grows at its end, and SQLite need not look for the place.
        let mut rows: Vec<&Record> = batch.iter().collect();
        rows.sort_unstable_by_key(|record| record.id);
        let mut transaction = self.write.begin_with("BEGIN IMMEDIATE").await?;
        let mut rest = rows.as_slice();
        for (size, sql) in SIZES.iter().zip(INSERTS.iter()) {
            while let Some((rows, after)) = rest.split_at_checked(*size) {
                let mut values = SqliteArguments::default();
                values.reserve(rows.len() * COLUMNS.len(), 0);
                for record in rows {
                    bind(&mut values, record).map_err(sqlx::Error::Encode)?;
                }
                sqlx::query_with::<Sqlite, _>(AssertSqlSafe(Arc::clone(sql)), values)
                    .execute(&mut *transaction)
                    .await?;
                rest = after;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Binds a record in the order of [`COLUMNS`].
fn bind(values: &mut SqliteArguments, record: &Record) -> Result<(), BoxDynError> {
    values.add(shared(record.id.hyphenated().encode_lower(&mut Uuid::encode_buffer())))?;
    values.add(record.key_id.as_deref().map(shared))?;
    values.add(record.model.as_deref().map(shared))?;
    values.add(i64::from(record.status))?;
    values.add(compact::outcome_number(record.outcome))?;
    values.add(compact::write(record))
}

/// A bound `&str` is copied and boxed; this is one allocation.
fn shared(text: &str) -> Arc<str> {
    Arc::from(text)
}
