//! Reads records, and forgets old ones. Lists go by keyset: never by offset, never with a count.

use std::fmt::Display;

use gateway::observe::{Outcome, Record, compact};
use govern::principal::PlaceFilter;
use uuid::Uuid;

use crate::{
    Error, Store,
    sql::{Row, Sql, sql},
};

/// Most rows of a page. A caller that asks for more gets this many.
pub const MOST_ROWS: u32 = 1_000;

/// Rows deleted in one transaction, so that a batch of new records never waits long behind old ones.
pub(crate) const DELETE_STEP: i64 = 500;

/// A record as kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Ascends in the order of writing.
    pub seq: i64,
    pub record: Record,
}

/// Which records. Every condition that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub key_id: Option<String>,
    /// Of the caller.
    pub place: PlaceFilter,
    /// Of a caller in any of these places; `None`: wherever.
    pub within: Option<Vec<PlaceFilter>>,
    pub model: Option<String>,
    pub status: Option<StatusClass>,
    pub outcome: Option<Outcome>,
    /// Microseconds since 1970, inclusive. Times of arrival are compared by the millisecond, as ids have them.
    pub since: Option<i64>,
    /// Microseconds since 1970, exclusive.
    pub until: Option<i64>,
}

/// The hundreds of an HTTP status: 2 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusClass(pub u8);

/// A page of a list, newest arrival first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// The id of the last row of the page before.
    pub after: Option<Uuid>,
    /// At most [`MOST_ROWS`]; 0 stands for that.
    pub limit: u32,
}

impl Store {
    /// Records by arrival, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn requests(&self, filter: &Filter, page: Page) -> Result<Vec<Kept>, Error> {
        let mut query = select(filter);
        if let Some(after) = page.after {
            query = query.push(" AND id < ").push_bind(after.to_string());
        }
        self.fetch(query.push(" ORDER BY id DESC LIMIT ").push_bind(at_most(page.limit))).await
    }

    /// The record of one request.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn request(&self, id: Uuid) -> Result<Option<Kept>, Error> {
        let row = sql(SELECT).push(" WHERE id = ").push_bind(id.to_string()).first(&self.database).await?;
        row.as_ref().map(kept).transpose()
    }

    /// Records written after this one, in the order of writing. `None`: the last ones.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn tail(&self, filter: &Filter, after: Option<i64>, limit: u32) -> Result<Vec<Kept>, Error> {
        let query = select(filter);
        let query = match after {
            Some(after) => query.push(" AND seq > ").push_bind(after).push(" ORDER BY seq LIMIT "),
            None => query.push(" ORDER BY seq DESC LIMIT "),
        };
        let mut rows = self.fetch(query.push_bind(at_most(limit))).await?;
        if after.is_none() {
            rows.reverse();
        }
        Ok(rows)
    }

    /// Forgets records that arrived before this time (microseconds since 1970), in small steps. Says how many.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn forget_before(&self, time: i64) -> Result<u64, Error> {
        let mut forgotten = 0;
        loop {
            let step =
                sql("DELETE FROM requests WHERE seq IN (SELECT seq FROM requests WHERE id < $1 ORDER BY id LIMIT $2)")
                    .bind(first_id_at(time))
                    .bind(DELETE_STEP)
                    .run(&self.database)
                    .await?;
            if step == 0 {
                self.forget_repricings_before(time).await?;
                return Ok(forgotten);
            }
            forgotten += step;
        }
    }

    async fn fetch(&self, query: Sql) -> Result<Vec<Kept>, Error> {
        query.all(&self.database).await?.iter().map(kept).collect()
    }
}

pub(crate) const SELECT: &str = "SELECT seq, id, key_id, model, status, outcome, detail FROM requests";

fn select(filter: &Filter) -> Sql {
    let mut query = sql(SELECT).push(" WHERE 1 = 1");
    if let Some(key_id) = &filter.key_id {
        query = query.push(" AND key_id = ").push_bind(key_id);
    }
    for piece in filter.place.pieces() {
        // Says "holds" in both databases, where LIKE would take `_` for any letter and differs in case.
        query = query.push(" AND replace(place, ").push_bind(piece).push(", '') <> place");
    }
    if let Some(places) = &filter.within {
        query = query.push(" AND (1 = 0");
        for place in places {
            query = query.push(" OR (1 = 1");
            for piece in place.pieces() {
                query = query.push(" AND replace(place, ").push_bind(piece).push(", '') <> place");
            }
            query = query.push(")");
        }
        query = query.push(")");
    }
    if let Some(model) = &filter.model {
        query = query.push(" AND model = ").push_bind(model);
    }
    if let Some(StatusClass(class)) = filter.status {
        let first = i64::from(class) * 100;
        query = query.push(" AND status >= ").push_bind(first).push(" AND status < ").push_bind(first + 100);
        if class != 2 {
            // Follows from the condition before; said so that the index of what went wrong can be used.
            query = query.push(" AND status <> 200");
        }
    }
    if let Some(outcome) = filter.outcome {
        query = query.push(" AND outcome = ").push_bind(compact::outcome_number(outcome));
    }
    if let Some(since) = filter.since {
        query = query.push(" AND id >= ").push_bind(first_id_at(since));
    }
    if let Some(until) = filter.until {
        query = query.push(" AND id < ").push_bind(first_id_at(until));
    }
    query
}

/// The least UUIDv7 of this time: its first 48 bits are milliseconds since 1970 (RFC 9562, section 5.7).
pub(crate) fn first_id_at(micros: i64) -> String {
    let millis = u64::try_from(micros / 1000).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128(u128::from(millis) << 80).to_string()
}

fn at_most(limit: u32) -> u32 {
    if limit == 0 { MOST_ROWS } else { limit.min(MOST_ROWS) }
}

pub(crate) fn kept(row: &Row) -> Result<Kept, Error> {
    let id: &str = row.try_get("id")?;
    let damaged = |problem: &dyn Display| Error::Damaged { what: format!("record {id}"), problem: problem.to_string() };
    let mut record = Record {
        id: id.parse().map_err(|error: uuid::Error| damaged(&error))?,
        key_id: row.try_get("key_id")?,
        model: row.try_get("model")?,
        status: u16::try_from(row.try_get::<i64>("status")?).map_err(|error| damaged(&error))?,
        outcome: compact::outcome_of(row.try_get("outcome")?).ok_or_else(|| damaged(&"its outcome is unknown"))?,
        ..Record::default()
    };
    compact::read(row.try_get("detail")?, &mut record).map_err(|problem| damaged(&problem))?;
    Ok(Kept { seq: row.try_get("seq")?, record })
}
