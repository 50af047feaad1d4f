//! `GET /api/v1/spend`: what was spent, told apart by anything that it is kept by, and `GET /api/v1/spend/focus`: the same in
//! the columns of FOCUS 1.2. Both read sums alone.

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use gateway::clock::now_micros;
use serde_json::json;
use store::{By, Condition, Grain, MOST_BY, Period, SpendQuery};

use crate::{
    problem::Problem,
    requests::{AS_DATA, pairs},
    routes::Call,
};

/// Rows on a page unless `limit` says otherwise.
const ROWS: u32 = 100;

/// Most rows on a page; a larger `limit` counts as this.
const MOST_ROWS: u32 = 1_000;

/// Most days of one FOCUS export: it is made in memory.
const MOST_DAYS: i64 = 92;

pub(crate) async fn list(Call { admin, query, .. }: Call) -> Result<Response, Problem> {
    let mut query = read(&query)?;
    let limit = query.limit as usize;
    // One row more than asked for tells whether there is a next page.
    query.limit += 1;
    let mut rows = admin.store.spend(&query).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| has_more);
    let next_cursor = last.map(|last| serde_json::to_string(&last.keys)).transpose().ok().flatten();
    let spend: Vec<_> = rows.iter().map(|row| row.to_json(&query.by)).collect();
    Ok((AS_DATA, Json(json!({ "spend": spend, "next_cursor": next_cursor }))).into_response())
}

pub(crate) async fn focus(Call { admin, query, .. }: Call) -> Result<Response, Problem> {
    let asked = read(&query)?;
    let wrong = |name: &str, problem: &str| Err(Problem::bad_parameter(name, problem.to_owned()));
    if asked.period.grain != Grain::Day {
        return wrong("since", "FOCUS is by the day: since and until must be dates");
    }
    if asked.period.until - asked.period.from > MOST_DAYS {
        return wrong("until", "an export is of at most 92 days: ask for the rest separately");
    }
    if !asked.when.is_empty() || !asked.by.is_empty() || asked.after.is_some() {
        return wrong("by", "a FOCUS export takes since and until alone: choose from its rows by SubAccountId or Tags");
    }
    let rules = (admin.rules)();
    let provider = |account: &str| rules.accounts.get(account).map(|account| account.provider.id().to_owned());
    let mut whole = String::new();
    for day in asked.period.from..asked.period.until {
        let text = admin.store.focus(day, &rules.settings.chargeback.issuer, &provider).await?;
        whole.push_str(if whole.is_empty() { &text } else { text.split_once("\r\n").map_or("", |(_, rows)| rows) });
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"focus.csv\""),
    ];
    Ok((AS_DATA, headers, whole).into_response())
}

/// Reads the query. What is unknown, wrong or there twice is refused: a filter that silently did nothing would lie.
fn read(query: &str) -> Result<SpendQuery, Problem> {
    let (mut by, mut when, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    let (mut since, mut until, mut after, mut limit) = (None, None, None, ROWS);
    for (name, value) in pairs(query)? {
        if seen.contains(&name) {
            return Err(Problem::bad_parameter(&name, format!("{name} stands twice; send it once")));
        }
        let wrong = |right: String| Problem::bad_parameter(&name, right);
        match name.as_str() {
            "by" => {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                by = names.map(By::named).collect::<Result<_, _>>().map_err(wrong)?;
                if by.len() > MOST_BY {
                    return Err(wrong(format!("at most {MOST_BY} things can be told apart at once")));
                }
            }
            "since" => since = Some(value),
            "until" => until = Some(value),
            "limit" => {
                limit = value
                    .parse()
                    .ok()
                    .filter(|limit| *limit > 0)
                    .ok_or_else(|| wrong("limit must be a number from 1 to 1000".to_owned()))?;
            }
            "cursor" => {
                let keys: Result<Vec<String>, _> = serde_json::from_str(&value);
                after = Some(keys.map_err(|_| wrong("cursor must be the next_cursor of the page before".to_owned()))?);
            }
            condition => match By::named(condition) {
                Ok(by @ (By::Dimension(_) | By::Tag(_))) => when.push(Condition { by, value }),
                _ => {
                    let known = "by, since, until, limit, cursor and what spend is kept by (team, model, tag.NAME ...)";
                    return Err(wrong(format!("there is no parameter {name}; there are {known}")));
                }
            },
        }
        seen.push(name);
    }
    if after.as_ref().is_some_and(|keys| keys.len() != by.len()) {
        return Err(Problem::bad_parameter("cursor", "cursor must be of a page with the same by"));
    }
    let period = Period::between(since.as_deref(), until.as_deref(), &by, now_micros())
        .map_err(|(name, problem)| Problem::bad_parameter(name, problem))?;
    Ok(SpendQuery { by, when, period, after, limit: limit.min(MOST_ROWS) })
}
