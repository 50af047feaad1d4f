//! Records go in by the batch: one transaction, few statements, few values per row.
//!
//! This runs beside the request path, tens of thousands of rows a second on one core. The cost of a row is mostly the
//! cost of its statement, so rows share statements, and the statements are few so that they stay prepared.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use gateway::{
    observe::{Record, compact},
    sink::{Sink, SinkError},
};
use govern::Principal;
use sqlx::{Arguments, AssertSqlSafe, Postgres, Sqlite, Transaction, error::BoxDynError, sqlite::SqliteArguments};
use uuid::Uuid;

use crate::{
    Error, Store, counters,
    database::{Change, Line},
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

    fn must_keep(&self) -> bool {
        true
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), SinkError>> {
        Box::pin(async move {
            match self.database.flush().await {
                Ok(true) => Ok(()),
                Ok(false) => Err(SinkError("another process is at the database's log".to_owned())),
                Err(error) => Err(SinkError(error.to_string())),
            }
        })
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
        let sums = self.sums(batch).await?;
        let (mut change, new) = self.insert(&rows).await?;
        counters::book(&mut change, &new).await?;
        let places = sums.of(&self.rollup, new).write(&self.rollup, &mut change).await?;
        change.commit().await?;
        self.rollup.note(places);
        Ok(())
    }

    /// Writes the records. Gives the change that is not yet done, and the records that are new.
    async fn insert<'r>(&self, rows: &[&'r Record]) -> Result<(Change, Vec<&'r Record>), Error> {
        let mut change = self.database.patient_change(WAIT).await?;
        match &mut change {
            Change::Sqlite(transaction) => {
                if to_sqlite(transaction, rows, &SIZES).await? == rows.len() {
                    return Ok((change, rows.to_vec()));
                }
            }
            Change::Postgres(line) => {
                let new = to_postgres(line, rows).await?;
                return Ok((change, new));
            }
        }
        // Some were there already, which is rare: which ones is found out one by one.
        drop(change);
        let mut change = self.database.patient_change(WAIT).await?;
        let mut new = Vec::new();
        if let Change::Sqlite(transaction) = &mut change {
            for record in rows {
                if to_sqlite(transaction, std::slice::from_ref(record), &[1]).await? == 1 {
                    new.push(*record);
                }
            }
        }
        Ok((change, new))
    }
}

/// By the statement, few rows in each. Says how many are new.
async fn to_sqlite(
    transaction: &mut Transaction<'static, Sqlite>,
    rows: &[&Record],
    sizes: &[usize],
) -> Result<usize, Error> {
    let (mut rest, mut new) = (rows, 0);
    for (size, sql) in SIZES.iter().zip(INSERTS.iter()).filter(|(size, _)| sizes.contains(size)) {
        while let Some((rows, after)) = rest.split_at_checked(*size) {
            let mut values = SqliteArguments::default();
            values.reserve(rows.len() * COLUMNS.len(), 0);
            for record in rows {
                bind(&mut values, record).map_err(sqlx::Error::Encode)?;
            }
            let insert = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(Arc::clone(sql)), values);
            new += insert.execute(&mut **transaction).await?.rows_affected();
            rest = after;
        }
    }
    Ok(usize::try_from(new).unwrap_or(usize::MAX))
}

/// All in one statement, a column at a time. Writers take turns: whoever follows the list by `seq` would else miss a row
/// whose number was given out before another's and became visible after it. Gives the records that are new.
async fn to_postgres<'r>(line: &mut Line, rows: &[&'r Record]) -> Result<Vec<&'r Record>, Error> {
    let insert = sqlx::query_scalar::<Postgres, String>(BULK)
        .bind(TURN)
        .bind(rows.iter().map(|record| record.id.to_string()).collect::<Vec<_>>())
        .bind(texts(rows, |record| &record.key_id))
        .bind(rows.iter().map(|record| place(record).map(without_nul)).collect::<Vec<_>>())
        .bind(texts(rows, |record| &record.model))
        .bind(rows.iter().map(|record| i64::from(record.status)).collect::<Vec<_>>())
        .bind(rows.iter().map(|record| compact::outcome_number(record.outcome)).collect::<Vec<_>>())
        .bind(rows.iter().map(|record| compact::write(record)).collect::<Vec<_>>());
    let mut new: HashSet<String> = line.ask(async |line| insert.fetch_all(line).await).await?.into_iter().collect();
    // Of a record that is in the batch twice, the first counts.
    Ok(rows.iter().filter(|record| new.remove(&record.id.to_string())).copied().collect())
}

fn texts(rows: &[&Record], of: impl Fn(&Record) -> &Option<String>) -> Vec<Option<String>> {
    rows.iter().map(|record| of(record).clone().map(without_nul)).collect()
}

const BULK: &str = "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock($1)) \
    INSERT INTO requests (id, key_id, place, model, status, outcome, detail) \
    SELECT row.* FROM turn, \
    UNNEST($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bytea[]) AS row \
    ON CONFLICT (id) DO NOTHING RETURNING id";

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
