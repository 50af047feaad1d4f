//! Prices that were in force, and costs that were changed after the call.

use std::{collections::HashSet, sync::Arc};

use gateway::observe::{Priced, Record, Repriced, compact};
use govern::{
    Money,
    audit::{Author, Deed},
};
use llm::price::Price;
use serde::Serialize;
use serde_json::json as value;
use uuid::Uuid;

use crate::{
    Error, Filter, Kept, Store,
    requests::{SELECT, first_id_at, kept},
    sql::{Row, sql},
};

/// Rows of one step of [`Store::reprice`] at most: the transaction that writes them is over in milliseconds.
pub const MOST_REPRICED: u32 = 500;

/// A price of the past or the present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPrice {
    /// With its version.
    pub price: Price,
    /// When it was first in force here, in microseconds since 1970.
    pub first_seen: i64,
}

/// Which records are priced anew, and on whose word.
#[derive(Debug, Clone)]
pub struct Repricing {
    pub filter: Filter,
    /// Says what would change, and changes nothing.
    pub dry_run: bool,
    /// Who asked for it, for the books.
    pub author: Author,
}

/// What one step of a repricing did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Records that were looked at.
    pub seen: u64,
    /// Records of which the cost changed, or would in a dry run.
    pub changed: u64,
    /// Of these, those whose cost was not known at all.
    pub unknown_before: u64,
    /// Records that have no known price still.
    pub left: u64,
    /// The cost of the changed ones, as far as it was known.
    pub before: Money,
    pub after: Money,
    /// Where the next step begins; `None`: there are no more records.
    pub next: Option<i64>,
}

impl Step {
    /// Adds the figures of the step that followed.
    pub fn add(&mut self, step: &Self) {
        self.seen += step.seen;
        self.changed += step.changed;
        self.unknown_before += step.unknown_before;
        self.left += step.left;
        self.before += step.before;
        self.after += step.after;
        self.next = step.next;
    }
}

/// A change of a record's cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Microseconds since 1970.
    pub at: i64,
    pub author: String,
    pub before: Priced,
    pub after: Priced,
}

impl Store {
    /// Keeps these prices by their versions; those without one, and those that are there, are passed over. Says how many are
    /// new.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub async fn keep_prices(&self, prices: impl IntoIterator<Item = Arc<Price>>, now: i64) -> Result<u64, Error> {
        let rows = sql("SELECT version FROM prices").all(&self.database).await?;
        let mut known = rows.iter().map(Row::value).collect::<Result<HashSet<String>, Error>>()?;
        let is_new =
            |price: &Arc<Price>| price.version.as_ref().is_some_and(|version| known.insert((**version).into()));
        let new: Vec<Arc<Price>> = prices.into_iter().filter(is_new).collect();
        for step in new.chunks(MOST_REPRICED as usize) {
            let mut transaction = self.database.change().await?;
            for price in step {
                sql(
                    "INSERT INTO prices (version, price, first_seen) VALUES ($1, $2, $3) ON CONFLICT (version) DO NOTHING",
                )
                .bind(price.version.as_deref())
                .bind(json(&**price)?)
                .bind(now)
                .run(&mut transaction)
                .await?;
            }
            transaction.commit().await?;
        }
        Ok(new.len() as u64)
    }

    /// The price of this version, if it was ever in force here.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn price(&self, version: &str) -> Result<Option<KeptPrice>, Error> {
        let row =
            sql("SELECT price, first_seen FROM prices WHERE version = $1").bind(version).first(&self.database).await?;
        let Some(row) = row else { return Ok(None) };
        let price: Price = read(row.try_get("price")?, || format!("price {version}"))?;
        let price = Price { version: Some(version.into()), ..price };
        Ok(Some(KeptPrice { price, first_seen: row.try_get("first_seen")? }))
    }

    /// One step of a repricing: looks at records written after `after`, in the order of writing, and changes those that
    /// `price` changes. A step is done whole or not at all; one that is repeated finds nothing to do.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub async fn reprice(
        &self,
        repricing: &Repricing,
        after: i64,
        limit: u32,
        mut price: impl FnMut(&mut Record) -> Repriced,
    ) -> Result<Step, Error> {
        let limit = limit.clamp(1, MOST_REPRICED);
        let rows = self.tail(&repricing.filter, Some(after), limit).await?;
        let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.seq);
        let mut step = Step { seen: rows.len() as u64, next, ..Step::default() };
        let mut changes = Vec::new();
        for kept in rows {
            let mut record = kept.record.clone();
            match price(&mut record) {
                Repriced::Same => {}
                Repriced::Unknown => step.left += 1,
                Repriced::Changed => changes.push((kept, record)),
            }
        }
        if !repricing.dry_run {
            changes = self.write_changes(repricing, changes).await?;
        }
        for (old, new) in &changes {
            step.changed += 1;
            step.unknown_before += u64::from(old.record.cost.is_none());
            step.before += old.record.cost.unwrap_or_default();
            step.after += new.cost.unwrap_or_default();
        }
        Ok(step)
    }

    /// Changes records and notes each change. Gives those that were still as they had been read.
    async fn write_changes(
        &self,
        repricing: &Repricing,
        changes: Vec<(Kept, Record)>,
    ) -> Result<Vec<(Kept, Record)>, Error> {
        if changes.is_empty() {
            return Ok(changes);
        }
        let mut done = Vec::with_capacity(changes.len());
        let mut sums = self.sums(changes.iter().flat_map(|(old, new)| [&old.record, new])).await?;
        let mut act = self.act(&repricing.author).await?;
        for (old, new) in changes {
            let row = sql(SELECT).push(" WHERE seq = ").push_bind(old.seq).first(&mut act).await?;
            if !row.as_ref().map(|row| is_still(row, &old.record)).transpose()?.unwrap_or(false) {
                continue;
            }
            sql("UPDATE requests SET detail = $1 WHERE seq = $2")
                .bind(compact::write(&new))
                .bind(old.seq)
                .run(&mut act)
                .await?;
            sql("INSERT INTO repricings (request, at, author, before, after) VALUES ($1, $2, $3, $4, $5)")
                .bind(old.record.id.to_string())
                .bind(repricing.author.at)
                .bind(&repricing.author.actor)
                .bind(json(&old.record.priced())?)
                .bind(json(&new.priced())?)
                .run(&mut act)
                .await?;
            done.push((old, new));
        }
        sums.take(&self.rollup, done.iter().map(|(old, _)| &old.record));
        sums.add(&self.rollup, done.iter().map(|(_, new)| new));
        let places = sums.write(&self.rollup, act.change()).await?;
        // Nothing was written if all had changed meanwhile.
        if let Some((first, _)) = done.first() {
            let cost = |records: &mut dyn Iterator<Item = &Record>| -> Money {
                records.fold(Money::default(), |sum, record| sum + record.cost.unwrap_or_default())
            };
            let before = cost(&mut done.iter().map(|(old, _)| &old.record));
            let after = cost(&mut done.iter().map(|(_, new)| new));
            let id = first.record.id.to_string();
            let deed = Deed::new("requests.reprice", "request", &id)
                .before(value!({ "records": done.len(), "cost": before }))
                .after(value!({ "records": done.len(), "cost": after }));
            act.commit(&deed).await?;
            self.rollup.note(places);
        }
        Ok(done)
    }

    /// The changes of a record's cost, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn repricings(&self, request: Uuid) -> Result<Vec<Change>, Error> {
        let rows = sql("SELECT at, author, before, after FROM repricings WHERE request = $1 ORDER BY seq")
            .bind(request.to_string())
            .all(&self.database)
            .await?;
        let what = || format!("the changes of record {request}");
        let changes = rows.iter().map(|row| {
            Ok(Change {
                at: row.try_get("at")?,
                author: row.try_get("author")?,
                before: read(row.try_get("before")?, what)?,
                after: read(row.try_get("after")?, what)?,
            })
        });
        changes.collect()
    }

    /// Forgets the changes of records that arrived before this time.
    pub(crate) async fn forget_repricings_before(&self, time: i64) -> Result<(), Error> {
        sql("DELETE FROM repricings WHERE request < $1").bind(first_id_at(time)).run(&self.database).await?;
        Ok(())
    }
}

/// Whether a row is as it was read, and holds nothing that a newer version put there: that would be lost.
fn is_still(row: &Row, record: &Record) -> Result<bool, Error> {
    let bytes: &[u8] = row.try_get("detail")?;
    Ok(bytes.len() == compact::write(record).len() && kept(row)?.record == *record)
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Damaged { what: "a price".into(), problem: error.to_string() })
}

fn read<T: serde::de::DeserializeOwned>(text: &str, what: impl Fn() -> String) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Damaged { what: what(), problem: error.to_string() })
}
