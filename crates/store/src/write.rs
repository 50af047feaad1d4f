//! Records go in by the batch: one transaction, few statements, few values per row.
//!
//! This runs beside the request path, tens of thousands of rows a second on one core. The cost of a row is mostly the
//! cost of its statement, so rows share statements, and the statements are few so that they stay prepared.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use gateway::{
    observe::{Record, compact},
    sink::{Sink, SinkError},
};
use govern::Principal;
use sqlx::{Arguments, AssertSqlSafe, Postgres, Sqlite, SqlitePool, error::BoxDynError, sqlite::SqliteArguments};
use uuid::Uuid;

use crate::{
    Error, Store,
    database::{Change, Database},
    sql::without_nul,
};

/// Rows per statement, largest first; each size is one prepared statement. More rows in one cost more each: SQLite walks
/// all values of a statement several times.
const SIZES: [usize; 3] = [32, 8, 1];

const COLUMNS: [&str; 7] = ["id", "key_id", "place", "model", "status", "outcome", "detail"];

/// The statement for each of [`SIZES`].
static INSERTS: LazyLock<[Arc<str>; SIZES.len()]> = LazyLock::new(|| SIZES.map(|rows| insert(rows).into()));

/// Values are numbered by their place (`?`): SQLite looks a `$n` up by name, which for hundreds of them costs more than
/// the rows do.
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
        match &self.database {
            Database::Sqlite { write, .. } => to_sqlite(write, &rows).await,
            Database::Postgres { .. } => to_postgres(self.database.patient_change(WAIT).await?, &rows).await,
        }
    }
}

/// By the statement, few rows in each.
async fn to_sqlite(write: &SqlitePool, rows: &[&Record]) -> Result<(), Error> {
    let mut transaction = write.begin_with("BEGIN IMMEDIATE").await?;
    let mut rest = rows;
    for (size, sql) in SIZES.iter().zip(INSERTS.iter()) {
        while let Some((rows, after)) = rest.split_at_checked(*size) {
            let mut values = SqliteArguments::default();
            values.reserve(rows.len() * COLUMNS.len(), 0);
            for record in rows {
                bind(&mut values, record).map_err(sqlx::Error::Encode)?;
            }
            sqlx::query_with::<Sqlite, _>(AssertSqlSafe(Arc::clone(sql)), values).execute(&mut *transaction).await?;
            rest = after;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// All in one statement, a column at a time. Writers take turns: whoever follows the list by `seq` would else miss a row
/// whose number was given out before another's and became visible after it.
async fn to_postgres(mut change: Change, rows: &[&Record]) -> Result<(), Error> {
    if let Change::Postgres(line) = &mut change {
        let insert = sqlx::query::<Postgres>(BULK)
            .bind(TURN)
            .bind(rows.iter().map(|record| record.id.to_string()).collect::<Vec<_>>())
            .bind(texts(rows, |record| &record.key_id))
            .bind(rows.iter().map(|record| place(record).map(without_nul)).collect::<Vec<_>>())
            .bind(texts(rows, |record| &record.model))
            .bind(rows.iter().map(|record| i64::from(record.status)).collect::<Vec<_>>())
            .bind(rows.iter().map(|record| compact::outcome_number(record.outcome)).collect::<Vec<_>>())
            .bind(rows.iter().map(|record| compact::write(record)).collect::<Vec<_>>());
        line.ask(async |line| insert.execute(line).await).await?;
    }
    change.commit().await
}

fn texts(rows: &[&Record], of: impl Fn(&Record) -> &Option<String>) -> Vec<Option<String>> {
    rows.iter().map(|record| of(record).clone().map(without_nul)).collect()
}

const BULK: &str = "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock($1)) \
    INSERT INTO requests (id, key_id, place, model, status, outcome, detail) \
    SELECT row.* FROM turn, \
    UNNEST($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bytea[]) AS row \
    ON CONFLICT (id) DO NOTHING";

/// The advisory lock of those who write records: any number that nothing else takes.
const TURN: i64 = 0x746f_6c6c_0001;

/// Longest wait for PostgreSQL to take a batch: longer than anybody's patience, since nobody waits.
const WAIT: Duration = Duration::from_secs(20);

/// The caller's place in the tree, to list by.
fn place(record: &Record) -> Option<String> {
    record.principal.as_deref().map(Principal::to_path)
}

/// Binds a record in the order of [`COLUMNS`].
fn bind(values: &mut SqliteArguments, record: &Record) -> Result<(), BoxDynError> {
    values.add(shared(record.id.hyphenated().encode_lower(&mut Uuid::encode_buffer())))?;
    values.add(record.key_id.as_deref().map(shared))?;
    values.add(place(record).map(Arc::<str>::from))?;
    values.add(record.model.as_deref().map(shared))?;
    values.add(i64::from(record.status))?;
    values.add(compact::outcome_number(record.outcome))?;
    values.add(compact::write(record))
}

/// A bound `&str` is copied and boxed; this is one allocation.
fn shared(text: &str) -> Arc<str> {
    Arc::from(text)
}
