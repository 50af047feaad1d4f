//! Sums of a batch, and how they go into the database.

use std::{collections::HashMap, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use gateway::observe::Record;
use govern::chargeback::{Figures, Place, calendar, place::DIMENSIONS};
use llm::usage::Unit;

use super::{
    Rollup,
    part::{Spot, parts},
};
use crate::{
    Error,
    database::Change,
    sql::{Sql, sql},
};

const HOUR: i64 = 3_600_000_000;

/// Figures by place and hour, gathered before they are written.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    tags: Arc<[String]>,
    /// By the id of the place and the hour since 1970.
    hours: HashMap<(String, i64), Figures>,
    places: HashMap<String, Place>,
}

impl Sums {
    pub(super) fn new(tags: Arc<[String]>) -> Self {
        Self { tags, hours: HashMap::new(), places: HashMap::new() }
    }

    /// With what these records come to.
    pub(crate) fn of<'a>(mut self, rollup: &Rollup, records: impl IntoIterator<Item = &'a Record>) -> Self {
        self.add(rollup, records);
        self
    }

    /// Adds what these records come to.
    pub(crate) fn add<'a>(&mut self, rollup: &Rollup, records: impl IntoIterator<Item = &'a Record>) {
        self.count(rollup, records, |figures| figures);
    }

    /// Takes away what these records came to.
    pub(crate) fn take<'a>(&mut self, rollup: &Rollup, records: impl IntoIterator<Item = &'a Record>) {
        self.count(rollup, records, Figures::negated);
    }

    fn count<'a>(
        &mut self,
        rollup: &Rollup,
        records: impl IntoIterator<Item = &'a Record>,
        signed: impl Fn(Figures) -> Figures,
    ) {
        let tags = Arc::clone(&self.tags);
        // By the texts of the records themselves: a copy and a digest are made once for each place of the batch.
        let mut spots: HashMap<(Spot<'_>, i64), Figures> = HashMap::new();
        for record in records {
            let hour = record.at.div_euclid(HOUR);
            parts(record, &tags, rollup, |spot, figures| {
                spots.entry((spot, hour)).or_default().add(&figures);
            });
        }
        for ((spot, hour), figures) in spots {
            let id = id(&spot);
            if !self.places.contains_key(&id) {
                self.places.insert(id.clone(), spot.to_place());
            }
            self.hours.entry((id, hour)).or_default().add(&signed(figures));
        }
    }

    /// The figures by hour and place.
    pub(super) fn into_places(self) -> impl Iterator<Item = (i64, Place, Figures)> {
        let Self { hours, places, .. } = self;
        hours.into_iter().filter_map(move |((id, hour), figures)| Some((hour, places.get(&id)?.clone(), figures)))
    }

    /// Writes the sums into the transaction of the records. Gives the places that are new; they are to be noted
    /// ([`Rollup::note`]) after the commit.
    pub(crate) async fn write(self, rollup: &Rollup, change: &mut Change) -> Result<Vec<String>, Error> {
        let mut new: Vec<(String, Place)> = self.places.into_iter().filter(|(id, _)| !rollup.is_known(id)).collect();
        new.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (id, place) in &new {
            write_place(id, place, change).await?;
        }
        let mut days: HashMap<(String, i64), Figures> = HashMap::new();
        for ((place, hour), figures) in &self.hours {
            days.entry((place.clone(), hour.div_euclid(24))).or_default().add(figures);
        }
        for (table, sums) in [(&HOURS, self.hours), (&DAYS, days)] {
            let mut sums: Vec<_> = sums.into_iter().filter(|(_, figures)| !figures.is_zero()).collect();
            // Writers of one database touch its rows in one order.
            sums.sort_unstable_by(|(one, _), (other, _)| (one.1, &one.0).cmp(&(other.1, &other.0)));
            let columns = Columns::of(sums.iter().map(|(_, figures)| figures));
            let mut rest = sums.as_slice();
            for size in if change.is_across_a_network() { FAR.as_slice() } else { NEAR.as_slice() } {
                while let Some((rows, after)) = rest.split_at_checked(*size) {
                    table.upsert(rows, &columns).run(&mut *change).await?;
                    rest = after;
                }
            }
        }
        Ok(new.into_iter().map(|(id, _)| id).collect())
    }
}

/// Rows per statement, largest first; each size is a prepared statement. SQLite looks every `$n` up by its name, and
/// PostgreSQL is a round trip away.
const NEAR: [usize; 2] = [4, 1];
const FAR: [usize; 4] = [256, 32, 4, 1];

/// A table of sums.
struct Table {
    insert: &'static str,
    conflict: &'static str,
    /// `spend_hours.`
    own: &'static str,
    has_month: bool,
}

static HOURS: Table = Table {
    insert: "INSERT INTO spend_hours (hour, place",
    conflict: " ON CONFLICT (hour, place) DO UPDATE SET ",
    own: " = spend_hours.",
    has_month: false,
};

static DAYS: Table = Table {
    insert: "INSERT INTO spend_days (day, month, place",
    conflict: " ON CONFLICT (day, place) DO UPDATE SET ",
    own: " = spend_days.",
    has_month: true,
};

/// The columns that these sums need besides those of every sum.
struct Columns(Vec<Unit>);

impl Columns {
    fn of<'a>(sums: impl Iterator<Item = &'a Figures>) -> Self {
        let mut used = Figures::default();
        for figures in sums {
            for (unit, _) in figures.counted() {
                used.set_unit(unit, 1);
            }
        }
        Self(used.counted().map(|(unit, _)| unit).collect())
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        ["requests", "tries", "unpriced", "estimated", "cost"].into_iter().chain(self.0.iter().map(|unit| unit.name()))
    }

    fn values(&self, figures: &Figures) -> impl Iterator<Item = i64> {
        let own = [figures.requests, figures.tries, figures.unpriced, figures.estimated, figures.cost.0];
        own.into_iter().chain(self.0.iter().map(|unit| figures.unit(*unit)))
    }
}

impl Table {
    fn upsert(&self, rows: &[((String, i64), Figures)], columns: &Columns) -> Sql {
        let mut query = sql(self.insert);
        for name in columns.names() {
            query = query.push(", ").push(name);
        }
        query = query.push(") VALUES ");
        for (number, ((place, time), figures)) in rows.iter().enumerate() {
            query = query.push(if number == 0 { "(" } else { ", (" }).push_bind(*time).push(", ");
            if self.has_month {
                query = query.push_bind(calendar::month_of(*time)).push(", ");
            }
            query = query.push_bind(place);
            for value in columns.values(figures) {
                query = query.push(", ").push_bind(value);
            }
            query = query.push(")");
        }
        query = query.push(self.conflict);
        for (number, name) in columns.names().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            query = query.push(comma).push(name).push(self.own).push(name).push(" + excluded.").push(name);
        }
        query
    }
}

async fn write_place(id: &str, place: &Place, change: &mut Change) -> Result<(), Error> {
    let mut query =
        sql("INSERT INTO spend_places (id, organization, division, team, project, \"user\", virtual_account, \
        key, model, account, target_model, served_model, outcome, price, tags, basis) VALUES (")
        .push_bind(id);
    for text in place.texts() {
        query = query.push(", ").push_bind(text);
    }
    let json = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
    query = query.push(", ").push_bind(json(serde_json::to_string(&place.tags)));
    query = query.push(", ").push_bind(json(serde_json::to_string(&place.basis)));
    query.push(") ON CONFLICT (id) DO NOTHING").run(&mut *change).await?;
    for (name, value) in &place.tags {
        sql("INSERT INTO spend_tags (place, name, value) VALUES ($1, $2, $3) ON CONFLICT (place, name) DO NOTHING")
            .bind(id)
            .bind(name)
            .bind(value)
            .run(&mut *change)
            .await?;
    }
    Ok(())
}

/// The id of a place: a digest of what it is made of, the same in every process. Half of SHA-256 is beyond all accidents.
fn id(spot: &Spot<'_>) -> String {
    let mut bytes = Vec::with_capacity(256);
    let mut put = |text: &str| {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    };
    debug_assert_eq!(spot.texts.len(), DIMENSIONS.len());
    for text in spot.texts {
        put(text);
    }
    // Each list with its length before it: what stands in one is never taken for a part of the next.
    put(&spot.tags.len().to_string());
    for (name, value) in &spot.tags {
        put(name);
        put(value);
    }
    put(&spot.words.len().to_string());
    for word in spot.words {
        put(word);
    }
    for text in [spot.tier, spot.region] {
        put(if text.is_some() { "some" } else { "none" });
        put(text.unwrap_or_default());
    }
    for number in [spot.long_from, spot.discount.into(), spot.margin.into()] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let digest = digest(&SHA256, &bytes);
    digest.as_ref().iter().take(16).fold(String::with_capacity(32), |mut id, byte| {
        for digit in [byte >> 4, byte & 15] {
            id.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
        id
    })
}
