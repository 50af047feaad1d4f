//! `GET /api/v1/audit`: who changed what, newest first.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use store::AuditFilter;

use crate::{
    problem::Problem,
    requests::{AS_DATA, TIME, pairs, time},
    routes::Call,
};

/// Entries on a page unless `limit` says otherwise.
const ROWS: u32 = 50;

/// Most entries on a page; a larger `limit` counts as this.
const MOST_ROWS: u32 = 1_000;

/// The longest name that is looked for.
const MOST_CHARS: usize = 256;

pub(crate) async fn list(Call { admin, query, .. }: Call) -> Result<Response, Problem> {
    let (filter, before, limit) = read(&query)?;
    // One entry more than asked for tells whether there is a next page, without a count.
    let mut entries = admin.store.audit(&filter, before, limit + 1).await?;
    let has_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let next_cursor = entries.last().filter(|_| has_more).map(|shown| shown.entry.seq.to_string());
    let entries: Vec<Value> = entries.iter().map(|shown| shown.json(false)).collect();
    Ok((AS_DATA, Json(json!({ "entries": entries, "next_cursor": next_cursor }))).into_response())
}

fn read(query: &str) -> Result<(AuditFilter, Option<i64>, u32), Problem> {
    let (mut filter, mut before, mut limit) = (AuditFilter::default(), None, ROWS);
    let mut seen = Vec::new();
    for (name, value) in pairs(query)? {
        if seen.contains(&name) {
            return Err(Problem::bad_parameter(&name, format!("{name} stands twice; send it once")));
        }
        let wrong = |right: &str| Problem::bad_parameter(&name, format!("{name} must be {right}"));
        if value.len() > MOST_CHARS {
            return Err(wrong("at most 256 characters long"));
        }
        match name.as_str() {
            "tenant" => filter.tenant = Some(value),
            "actor" => filter.actor = Some(value),
            "action" => filter.action = Some(value),
            "target" => filter.target = Some(value),
            "since" => filter.since = Some(time(&value).ok_or_else(|| wrong(TIME))?),
            "until" => filter.until = Some(time(&value).ok_or_else(|| wrong(TIME))?),
            "cursor" => before = Some(value.parse().map_err(|_| wrong("the next_cursor of the page before"))?),
            "limit" => {
                let most: u64 =
                    value.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| wrong("a number above 0"))?;
                limit = u32::try_from(most).unwrap_or(MOST_ROWS).min(MOST_ROWS);
            }
            _ => {
                let known = "tenant, actor, action, target, since, until, cursor and limit";
                return Err(Problem::bad_parameter(&name, format!("there is no parameter {name}; there are {known}")));
            }
        }
        seen.push(name);
    }
    Ok((filter, before, limit))
}
