//! The JSON of usage and cost APIs: pages of buckets of results. Several pages in one file: a list of them, or one after
//! the other.

use serde_json::{Map, Value};

use super::{BadReport, Gathered, class_named};
use crate::chargeback::calendar::DAY;

/// Reads a file.
pub(super) fn read(text: &str, gathered: &mut Gathered) -> Result<(), BadReport> {
    let pages: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    let pages = pages.map_err(|error| BadReport(format!("it is not JSON: {error}")))?;
    for page in &pages {
        match page {
            Value::Array(pages) => {
                for page in pages {
                    self::page(page, gathered)?;
                }
            }
            page => self::page(page, gathered)?,
        }
    }
    Ok(())
}

fn page(page: &Value, gathered: &mut Gathered) -> Result<(), BadReport> {
    let Some(buckets) = page.get("data").and_then(Value::as_array) else {
        return Err(BadReport("it has no list `data`: export the answer of the usage or cost API as it is".to_owned()));
    };
    gathered.pages += 1;
    gathered.followed += usize::from(page.get("has_more") == Some(&Value::Bool(true)));
    for (number, bucket) in buckets.iter().enumerate() {
        let place = format!("data[{number}]");
        let day =
            day(bucket).ok_or_else(|| BadReport(format!("{place} has neither `start_time` nor `starting_at`")))?;
        gathered.cover(day);
        // OpenAI's reference calls the list by both names.
        let results = ["results", "result"].iter().find_map(|name| bucket.get(name)?.as_array());
        for (number, result) in results.into_iter().flatten().enumerate() {
            let place = format!("{place}.results[{number}]");
            let Some(result) = result.as_object() else { return Err(BadReport(format!("{place} is no object"))) };
            self::result(result, day, gathered)
                .map_err(|BadReport(problem)| BadReport(format!("{place}: {problem}")))?;
        }
    }
    Ok(())
}

fn day(bucket: &Value) -> Option<i64> {
    if let Some(seconds) = bucket.get("start_time").and_then(Value::as_i64) {
        return Some(seconds.div_euclid(86_400));
    }
    let text = bucket.get("starting_at").or_else(|| bucket.get("start_time"))?.as_str()?;
    Some(text.parse::<jiff::Timestamp>().ok()?.as_microsecond().div_euclid(DAY))
}

fn result(result: &Map<String, Value>, day: i64, gathered: &mut Gathered) -> Result<(), BadReport> {
    match result.get("amount") {
        Some(Value::Object(amount)) => openai_cost(result, amount, day, gathered),
        Some(amount) => anthropic_cost(result, amount, day, gathered),
        None => usage(result, day, gathered),
    }
}

/// Counts: OpenAI has cached tokens inside `input_tokens`, Anthropic beside the uncached ones.
fn usage(result: &Map<String, Value>, day: i64, gathered: &mut Gathered) -> Result<(), BadReport> {
    let model = model(result.get("model"), "model")?;
    let count = |map: &Map<String, Value>, name: &str| match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_i64()
            .filter(|count| *count >= 0)
            .map(Some)
            .ok_or_else(|| BadReport(format!("`{name}` is {value}; it must be a whole number of tokens"))),
    };
    let cached = count(result, "input_cached_tokens")?;
    let (input, cached) = match count(result, "input_tokens")? {
        Some(input) => (Some((input - cached.unwrap_or(0)).max(0)), cached),
        None => (count(result, "uncached_input_tokens")?, count(result, "cache_read_input_tokens")?),
    };
    let none = Map::new();
    let creation = result.get("cache_creation").and_then(Value::as_object).unwrap_or(&none);
    let either = |one: Option<i64>, other: Option<i64>| one.or(other);
    let written =
        either(count(creation, "ephemeral_5m_input_tokens")?, count(result, "cache_creation_5m_input_tokens")?);
    let written_1h =
        either(count(creation, "ephemeral_1h_input_tokens")?, count(result, "cache_creation_1h_input_tokens")?);
    let counts = [input, cached, written, written_1h, count(result, "output_tokens")?];
    let requests = count(result, "num_model_requests")?;
    if counts == [None; 5] && requests.is_none() {
        return Err(BadReport("it has neither counts of tokens nor an `amount`".to_owned()));
    }
    let line = gathered.line(day, model);
    let more = super::Theirs { tokens: counts, requests, ..super::Theirs::empty(day, model) };
    line.merge(&more);
    Ok(())
}

/// `{"amount": {"value": 0.06, "currency": "usd"}, "line_item": "gpt-4o-2024-08-06, input"}`
fn openai_cost(
    result: &Map<String, Value>,
    amount: &Map<String, Value>,
    day: i64,
    gathered: &mut Gathered,
) -> Result<(), BadReport> {
    let currency = amount.get("currency").and_then(Value::as_str).unwrap_or("usd");
    in_dollars(currency)?;
    let item = model(result.get("line_item"), "line_item")?;
    let cost = gathered.money(&plain(amount.get("value")), false)?;
    super::table::line_item(item, cost, day, gathered);
    Ok(())
}

/// `{"amount": "123.45", "currency": "USD", "model": ..., "token_type": "output_tokens"}`, in cents.
fn anthropic_cost(
    result: &Map<String, Value>,
    amount: &Value,
    day: i64,
    gathered: &mut Gathered,
) -> Result<(), BadReport> {
    in_dollars(result.get("currency").and_then(Value::as_str).unwrap_or("USD"))?;
    let cost = gathered.money(&plain(Some(amount)), true)?;
    if result.get("cost_type").and_then(Value::as_str).is_some_and(|kind| kind != "tokens") {
        let kind = result.get("cost_type").and_then(Value::as_str).unwrap_or("other");
        gathered.line(day, kind).merge(&super::Theirs { whole_cost: Some(cost), ..super::Theirs::empty(day, kind) });
        return Ok(());
    }
    let model = model(result.get("model"), "description")?;
    let class = result.get("token_type").and_then(Value::as_str).and_then(class_named);
    gathered.cost(day, model, class, cost);
    Ok(())
}

fn in_dollars(currency: &str) -> Result<(), BadReport> {
    if currency.eq_ignore_ascii_case("usd") {
        return Ok(());
    }
    Err(BadReport(format!("the currency is `{currency}`; only USD can be compared")))
}

fn model<'a>(value: Option<&'a Value>, group: &str) -> Result<&'a str, BadReport> {
    value
        .and_then(Value::as_str)
        .filter(|model| !model.is_empty())
        .ok_or_else(|| BadReport(format!("it is not said of which model it is; export the report grouped by {group}")))
}

/// A number or text as it was written.
fn plain(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}
