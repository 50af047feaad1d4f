//! Tables: one line per day and model with a column for each class, or one line per class.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use super::{BadReport, Gathered, Theirs, class_named};
use crate::{
    Money,
    chargeback::{
        calendar::{DAY, day_of},
        csv,
        reconcile::CLASSES,
    },
};

/// What a column may hold, and what providers call it.
const USUAL: &[(&str, &[&str])] = &[
    (
        "day",
        &["day", "date", "start_time_iso", "start_time", "usage_date_utc", "usage_date", "starting_at", "timestamp"],
    ),
    ("model", &["model", "model_version", "snapshot_id", "model_name"]),
    ("line_item", &["line_item"]),
    ("class", &["class", "token_type", "type"]),
    ("tokens", &["tokens", "token_count", "quantity"]),
    ("all_input", &["input_tokens"]),
    ("input", &["input", "uncached_input_tokens", "usage_input_tokens_no_cache"]),
    ("cache_read", &["cache_read", "input_cached_tokens", "cache_read_input_tokens", "usage_input_tokens_cache_read"]),
    ("cache_write", &["cache_write", "cache_creation_5m_input_tokens", "usage_input_tokens_cache_write_5m"]),
    ("cache_write_1h", &["cache_write_1h", "cache_creation_1h_input_tokens", "usage_input_tokens_cache_write_1h"]),
    ("output", &["output", "output_tokens", "usage_output_tokens"]),
    ("cost", &["cost", "cost_usd", "amount_value", "amount", "cost_in_usd"]),
    ("currency", &["currency", "amount_currency"]),
    ("requests", &["requests", "num_model_requests", "num_requests", "request_count"]),
];

/// Reads a table.
pub(super) fn read(text: &str, told: &BTreeMap<String, String>, gathered: &mut Gathered) -> Result<(), BadReport> {
    let rows = csv::read(text).map_err(|error| BadReport(error.to_string()))?;
    let Some((head, rows)) = rows.split_first() else {
        return Err(BadReport("it is empty".to_owned()));
    };
    let columns = columns(head, told)?;
    for (number, row) in rows.iter().enumerate() {
        let row = Row { cells: row, columns: &columns };
        line(&row, gathered).map_err(|BadReport(problem)| BadReport(format!("row {}: {problem}", number + 2)))?;
    }
    Ok(())
}

/// The place of each column by our name for it.
fn columns(head: &[String], told: &BTreeMap<String, String>) -> Result<BTreeMap<&'static str, usize>, BadReport> {
    let plain = |name: &str| name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    for (ours, theirs) in told {
        let known: Vec<&str> = USUAL.iter().map(|(name, _)| *name).collect();
        if !known.contains(&ours.as_str()) {
            return Err(BadReport(format!("there is no column `{ours}` to tell; there are {}", known.join(", "))));
        }
        if !head.iter().any(|name| plain(name) == plain(theirs)) {
            return Err(BadReport(format!("the table has no column `{theirs}`; it has {}", head.join(", "))));
        }
    }
    let find = |ours: &str, usual: &[&str]| match told.get(ours) {
        Some(theirs) => head.iter().position(|name| plain(name) == plain(theirs)),
        None => usual.iter().find_map(|usual| head.iter().position(|name| plain(name) == *usual)),
    };
    let columns: BTreeMap<_, _> = USUAL.iter().filter_map(|(ours, usual)| Some((*ours, find(ours, usual)?))).collect();
    let missing = |what: &str| {
        let has = head.join(", ");
        BadReport(format!(
            "the table has no column for the {what}; it has {has}. Tell which it is: --column {what}=NAME"
        ))
    };
    if !columns.contains_key("day") {
        return Err(missing("day"));
    }
    if !columns.contains_key("model") && !columns.contains_key("line_item") {
        return Err(missing("model"));
    }
    let figures = ["all_input", "input", "output", "tokens", "cost"];
    if !figures.iter().any(|what| columns.contains_key(what)) {
        return Err(missing("cost"));
    }
    Ok(columns)
}

struct Row<'a> {
    cells: &'a [String],
    columns: &'a BTreeMap<&'static str, usize>,
}

impl Row<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        let cell = self.cells.get(*self.columns.get(name)?)?.trim();
        (!cell.is_empty()).then_some(cell)
    }

    fn count(&self, name: &str) -> Result<Option<i64>, BadReport> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let digits: String = text.chars().filter(|c| !matches!(c, ',' | '_' | ' ')).collect();
        let digits = digits.strip_suffix(".0").unwrap_or(&digits);
        match digits.parse::<i64>() {
            Ok(count) if count >= 0 => Ok(Some(count)),
            _ => Err(BadReport(format!("`{text}` in the column for {name} is no whole number"))),
        }
    }
}

fn line(row: &Row<'_>, gathered: &mut Gathered) -> Result<(), BadReport> {
    let text = row.text("day").ok_or_else(|| BadReport("it has no day".to_owned()))?;
    let day = day(text).ok_or_else(|| BadReport(format!("`{text}` is no day; a day is written 2026-11-23")))?;
    if let Some(currency) = row.text("currency").filter(|currency| !currency.eq_ignore_ascii_case("usd")) {
        return Err(BadReport(format!("the currency is `{currency}`; only USD can be compared")));
    }
    let cost = row.text("cost").map(|text| gathered.money(text, false)).transpose()?;
    if let (Some(item), Some(cost), None) = (row.text("line_item"), cost, row.text("model")) {
        line_item(item, cost, day, gathered);
        return Ok(());
    }
    let Some(model) = row.text("model").or(row.text("line_item")) else {
        // A day on which nothing was used is written so.
        gathered.cover(day);
        return Ok(());
    };
    let mut more = Theirs { requests: row.count("requests")?, ..Theirs::empty(day, model) };
    if let Some(class) = row.text("class") {
        let class = class_named(class)
            .ok_or_else(|| BadReport(format!("`{class}` is no class of tokens; there are {}", CLASSES.join(", "))))?;
        if let Some(held) = more.tokens.get_mut(class) {
            *held = row.count("tokens")?;
        }
        gathered.line(day, model).merge(&more);
        if let Some(cost) = cost {
            gathered.cost(day, model, Some(class), cost);
        }
        return Ok(());
    }
    for (class, name) in CLASSES.iter().enumerate() {
        if let Some(held) = more.tokens.get_mut(class) {
            *held = row.count(name)?;
        }
    }
    if let Some(all) = row.count("all_input")?.filter(|_| row.text("input").is_none()) {
        // OpenAI's exports have the cached ones inside.
        let [input, cached, ..] = &mut more.tokens;
        *input = Some((all - cached.unwrap_or(0)).max(0));
    }
    gathered.line(day, model).merge(&more);
    if let Some(cost) = cost {
        gathered.cost(day, model, None, cost);
    }
    Ok(())
}

/// A cost by what OpenAI calls a line item: `gpt-4o-2024-08-06, cached input`.
pub(super) fn line_item(item: &str, cost: Money, day: i64, gathered: &mut Gathered) {
    let (model, class) = match item.rsplit_once(", ") {
        Some((model, word)) => match class_named(word) {
            Some(class) => (model, Some(class)),
            None => (item, None),
        },
        None => (item, None),
    };
    gathered.cost(day, model, class, cost);
}

/// A date, a time with its offset, or seconds since 1970.
fn day(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_microsecond().div_euclid(DAY));
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return (seconds > 100_000_000).then(|| seconds.div_euclid(86_400));
    }
    let date = text.split(['T', ' ']).next()?;
    date.parse::<Date>().ok().map(day_of)
}
