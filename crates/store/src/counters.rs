//! Counters of limits: sums of the charges of records, added in the transaction that keeps the records. A record that is
//! there already adds nothing, however often it is brought.

use std::collections::BTreeMap;

use gateway::observe::Record;
use govern::limit::{Charge, expires};

use crate::{
    Error, Store,
    database::Change,
    sql::{Row, sql},
};

/// What was booked on a counter in a slot of its window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    pub counter: String,
    /// Microseconds since 1970.
    pub slot: i64,
    pub used: i64,
}

/// Values of a statement: below what either database takes.
const MOST_VALUES: usize = 500;

impl Store {
    /// What is booked in slots that count at `now` (microseconds since 1970).
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn counters(&self, now: i64) -> Result<Vec<Booked>, Error> {
        let rows = sql("SELECT name, slot, used FROM counters WHERE until > $1").bind(now).all(&self.database).await?;
        rows.iter().map(booked).collect()
    }

    /// Forgets slots that no longer count at `now` (microseconds since 1970). How many.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn forget_counters(&self, now: i64) -> Result<u64, Error> {
        sql("DELETE FROM counters WHERE until <= $1").bind(now).run(&self.database).await
    }
}

/// Adds the charges of records that are new to the counters.
pub(crate) async fn book(change: &mut Change, new: &[&Record]) -> Result<(), Error> {
    // In one order, so that two replicas do not wait for each other.
    let mut sums = BTreeMap::<(&str, i64), i64>::new();
    for record in new {
        for Charge { counter, slot, amount } in &record.charges {
            let sum = sums.entry((counter, *slot)).or_default();
            *sum = sum.saturating_add(i64::try_from(*amount).unwrap_or(i64::MAX));
        }
    }
    let sums: Vec<_> = sums.into_iter().collect();
    for some in sums.chunks(MOST_VALUES / 4) {
        let mut add = sql("INSERT INTO counters (name, slot, used, until) VALUES ");
        for (place, ((counter, slot), used)) in some.iter().enumerate() {
            add = add.push(if place > 0 { ", (" } else { "(" }).push_bind((*counter).to_owned()).push(", ");
            add = add
                .push_bind(*slot)
                .push(", ")
                .push_bind(*used)
                .push(", ")
                .push_bind(expires(counter, *slot))
                .push(")");
        }
        let add = add.push(" ON CONFLICT (name, slot) DO UPDATE SET used = counters.used + excluded.used");
        add.run(&mut *change).await?;
    }
    Ok(())
}

fn booked(row: &Row) -> Result<Booked, Error> {
    Ok(Booked { counter: row.try_get("name")?, slot: row.try_get("slot")?, used: row.try_get("used")? })
}
