//! Answers about money, from the sums alone ([`crate::rollup`]): no list of records is ever read for them.

use govern::{
    Money,
    chargeback::{Figures, Place, place::DIMENSIONS},
};
use llm::usage::Unit;

use crate::{
    Error, Store,
    sql::{Row, Sql, sql},
};

/// By what spend is told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// One of [`DIMENSIONS`].
    Dimension(&'static str),
    /// A tag of callers, of those that spend is kept by.
    Tag(String),
    Hour,
    Day,
    Month,
}

/// What the sums of an answer must have: a dimension or tag, and its value. An empty value stands for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub by: By,
    pub value: String,
}

/// How long a sum lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    Hour,
    /// In UTC.
    Day,
}

/// From a time to before another, in hours or days since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub grain: Grain,
    pub from: i64,
    pub until: i64,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct SpendQuery {
    /// At most [`MOST_BY`].
    pub by: Vec<By>,
    pub when: Vec<Condition>,
    pub period: Period,
    /// The keys of the last row of the page before.
    pub after: Option<Vec<String>>,
    /// At most [`MOST_SPENT`] rows.
    pub limit: u32,
}

/// A sum of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// In the order of [`SpendQuery::by`]: texts, and hours, days or months as they are counted since 1970.
    pub keys: Vec<String>,
    pub figures: Figures,
}

/// Most things that spend is told apart by at once.
pub const MOST_BY: usize = 8;

/// Most rows of a page.
pub const MOST_SPENT: u32 = 1_000;

const KEYS: [&str; MOST_BY] = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"];

/// The join of each tag that is asked for, and its value.
const TAGS: [(&str, &str); MOST_BY] = [
    (" LEFT JOIN spend_tags t0 ON t0.place = f.place AND t0.name = ", "COALESCE(t0.value, '')"),
    (" LEFT JOIN spend_tags t1 ON t1.place = f.place AND t1.name = ", "COALESCE(t1.value, '')"),
    (" LEFT JOIN spend_tags t2 ON t2.place = f.place AND t2.name = ", "COALESCE(t2.value, '')"),
    (" LEFT JOIN spend_tags t3 ON t3.place = f.place AND t3.name = ", "COALESCE(t3.value, '')"),
    (" LEFT JOIN spend_tags t4 ON t4.place = f.place AND t4.name = ", "COALESCE(t4.value, '')"),
    (" LEFT JOIN spend_tags t5 ON t5.place = f.place AND t5.name = ", "COALESCE(t5.value, '')"),
    (" LEFT JOIN spend_tags t6 ON t6.place = f.place AND t6.name = ", "COALESCE(t6.value, '')"),
    (" LEFT JOIN spend_tags t7 ON t7.place = f.place AND t7.name = ", "COALESCE(t7.value, '')"),
];

/// The columns of [`DIMENSIONS`], in their order.
const COLUMNS: [&str; DIMENSIONS.len()] = [
    "p.organization",
    "p.division",
    "p.team",
    "p.project",
    "p.\"user\"",
    "p.virtual_account",
    "p.key",
    "p.model",
    "p.account",
    "p.target_model",
    "p.served_model",
    "p.outcome",
    "p.price",
];

impl Store {
    /// Sums of spend by what is asked, in the order of their keys.
    ///
    /// # Errors
    /// The database cannot be read; more is asked for at once than can be told apart.
    pub async fn spend(&self, query: &SpendQuery) -> Result<Vec<Spent>, Error> {
        let tags = tags(query)?;
        let keys: Vec<&'static str> =
            query.by.iter().map(|by| expression(by, query.period.grain, &tags)).collect::<Result<_, _>>()?;
        let mut text = sql("SELECT ");
        for (expression, name) in keys.iter().zip(KEYS) {
            text = text.push(expression).push(" AS ").push(name).push(", ");
        }
        text = select_figures(text).push(from(query.period.grain));
        for (tag, (join, _)) in tags.iter().zip(TAGS) {
            text = text.push(join).push_bind(*tag);
        }
        text = within(text, query.period);
        for condition in &query.when {
            let expression = expression(&condition.by, query.period.grain, &tags)?;
            text = text.push(" AND ").push(expression).push(" = ").push_bind(&condition.value);
        }
        if let Some(after) = &query.after {
            text = behind(text, &query.by, &keys, after);
        }
        const ORDINALS: [&str; MOST_BY] = ["1", ", 2", ", 3", ", 4", ", 5", ", 6", ", 7", ", 8"];
        let ordinals = || ORDINALS.iter().take(keys.len());
        if !keys.is_empty() {
            text = ordinals().fold(text.push(" GROUP BY "), |text, ordinal| text.push(ordinal));
        }
        // What was moved by a repricing leaves rows of nothing behind.
        text = text.push(" HAVING SUM(f.requests) <> 0 OR SUM(f.tries) <> 0 OR SUM(f.cost) <> 0");
        if !keys.is_empty() {
            text = ordinals().fold(text.push(" ORDER BY "), |text, ordinal| text.push(ordinal));
        }
        let rows = text.push(" LIMIT ").push_bind(query.limit.clamp(1, MOST_SPENT + 1)).all(&self.database).await?;
        rows.iter().map(|row| spent(row, &query.by)).collect()
    }

    /// Every sum of a period, with its place, by time. An account, if one is given, is the only one.
    ///
    /// # Errors
    /// The database cannot be read, or holds what was not put there.
    pub async fn sums_of(&self, period: Period, account: Option<&str>) -> Result<Vec<(i64, Place, Figures)>, Error> {
        let mut text = sql(match period.grain {
            Grain::Hour => "SELECT f.hour AS time, p.id, ",
            Grain::Day => "SELECT f.day AS time, p.id, ",
        });
        for column in COLUMNS {
            text = text.push(column).push(", ");
        }
        text = text.push("p.tags, p.basis, f.requests, f.tries, f.unpriced, f.estimated, f.cost");
        for unit in Unit::ALL {
            text = text.push(", f.").push(unit.name());
        }
        text = within(text.push(from(period.grain)), period);
        if let Some(account) = account {
            text = text.push(" AND p.account = ").push_bind(account);
        }
        let rows = text.push(" ORDER BY 1, 2").all(&self.database).await?;
        rows.iter().map(|row| Ok((row.try_get("time")?, place(row)?, figures(row)?))).collect()
    }

    /// Forgets the sums by the hour before this one. Those by the day are kept.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn forget_hours_before(&self, hour: i64) -> Result<u64, Error> {
        sql("DELETE FROM spend_hours WHERE hour < $1").bind(hour).run(&self.database).await
    }
}

/// The tags that are asked for, each once.
fn tags(query: &SpendQuery) -> Result<Vec<&String>, Error> {
    let mut tags: Vec<&String> = Vec::new();
    for by in query.by.iter().chain(query.when.iter().map(|condition| &condition.by)) {
        if let By::Tag(tag) = by
            && !tags.contains(&tag)
        {
            tags.push(tag);
        }
    }
    let most = query.by.len().max(tags.len());
    if most > MOST_BY {
        return Err(Error::Asked(format!("{most} things cannot be told apart at once, at most {MOST_BY}")));
    }
    Ok(tags)
}

fn expression(by: &By, grain: Grain, tags: &[&String]) -> Result<&'static str, Error> {
    let unknown = |what: &str| Error::Asked(format!("spend is not kept by {what}"));
    match (by, grain) {
        (By::Dimension(name), _) => {
            let at = DIMENSIONS.iter().position(|dimension| dimension == name);
            at.and_then(|at| COLUMNS.get(at)).copied().ok_or_else(|| unknown(name))
        }
        (By::Tag(name), _) => {
            let at = tags.iter().position(|tag| *tag == name);
            at.and_then(|at| TAGS.get(at)).map(|(_, value)| *value).ok_or_else(|| unknown(name))
        }
        (By::Hour, Grain::Hour) => Ok("f.hour"),
        (By::Day, Grain::Hour) => Ok("f.hour / 24"),
        (By::Day, Grain::Day) => Ok("f.day"),
        (By::Month, Grain::Day) => Ok("f.month"),
        (By::Hour, Grain::Day) => Err(Error::Asked("days are not told apart by the hour".to_owned())),
        (By::Month, Grain::Hour) => Err(Error::Asked("months are sums of whole days".to_owned())),
    }
}

fn from(grain: Grain) -> &'static str {
    match grain {
        Grain::Hour => " FROM spend_hours f JOIN spend_places p ON p.id = f.place",
        Grain::Day => " FROM spend_days f JOIN spend_places p ON p.id = f.place",
    }
}

fn within(text: Sql, period: Period) -> Sql {
    let (since, until) = match period.grain {
        Grain::Hour => (" WHERE f.hour >= ", " AND f.hour < "),
        Grain::Day => (" WHERE f.day >= ", " AND f.day < "),
    };
    text.push(since).push_bind(period.from).push(until).push_bind(period.until)
}

/// Only rows behind this one.
fn behind(text: Sql, by: &[By], keys: &[&'static str], after: &[String]) -> Sql {
    let mut text = text.push(" AND (");
    for (number, key) in keys.iter().enumerate() {
        text = text.push(if number == 0 { "" } else { ", " }).push(key);
    }
    text = text.push(") > (");
    for (number, (by, value)) in by.iter().zip(after).enumerate() {
        text = text.push(if number == 0 { "" } else { ", " });
        text = match by {
            By::Dimension(_) | By::Tag(_) => text.push_bind(value),
            By::Hour | By::Day | By::Month => text.push_bind(value.parse::<i64>().unwrap_or(i64::MAX)),
        };
    }
    text.push(")")
}

fn select_figures(text: Sql) -> Sql {
    let own = ["requests", "tries", "unpriced", "estimated", "cost"].into_iter();
    let names = own.chain(Unit::ALL.iter().map(|unit| unit.name())).enumerate();
    names.fold(text, |text, (number, name)| {
        let text = text.push(if number == 0 { "" } else { ", " }).push("CAST(COALESCE(SUM(f.").push(name);
        text.push("), 0) AS BIGINT) AS ").push(name)
    })
}

fn spent(row: &Row, by: &[By]) -> Result<Spent, Error> {
    let key = |(by, name): (&By, &str)| match by {
        By::Dimension(_) | By::Tag(_) => row.try_get::<String>(name),
        By::Hour | By::Day | By::Month => row.try_get::<i64>(name).map(|time| time.to_string()),
    };
    Ok(Spent { keys: by.iter().zip(KEYS).map(key).collect::<Result<_, _>>()?, figures: figures(row)? })
}

fn figures(row: &Row) -> Result<Figures, Error> {
    let mut figures = Figures {
        requests: row.try_get("requests")?,
        tries: row.try_get("tries")?,
        unpriced: row.try_get("unpriced")?,
        estimated: row.try_get("estimated")?,
        cost: Money(row.try_get("cost")?),
        ..Figures::default()
    };
    for unit in Unit::ALL {
        figures.set_unit(*unit, row.try_get(unit.name())?);
    }
    Ok(figures)
}

fn place(row: &Row) -> Result<Place, Error> {
    let id: String = row.try_get("id")?;
    let damaged = |error: serde_json::Error| Error::Damaged { what: format!("place {id}"), problem: error.to_string() };
    let mut place = Place {
        tags: serde_json::from_str(row.try_get("tags")?).map_err(damaged)?,
        basis: serde_json::from_str(row.try_get("basis")?).map_err(damaged)?,
        ..Place::default()
    };
    for name in DIMENSIONS {
        if let Some(text) = place.text_mut(name) {
            *text = row.try_get(name)?;
        }
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_has_its_own_column() {
        for (column, name) in COLUMNS.iter().zip(DIMENSIONS) {
            assert_eq!(column.trim_start_matches("p.").trim_matches('"'), *name);
        }
    }
}
