//! Lists in pages: by a keyset, capped, and every parameter of the query either understood or refused.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    problem::Problem,
    requests::{AS_DATA, pairs},
};

/// Objects on a page unless `limit` says otherwise.
const ROWS: usize = 50;

/// Most objects on a page; a larger `limit` counts as this.
const MOST_ROWS: usize = 200;

/// A page of objects, each with the text that it is ordered by: `cursor` is that of the last one of the page before.
pub(crate) fn paged(name: &str, mut all: Vec<(String, Value)>, query: &str) -> Result<Response, Problem> {
    let (mut after, mut limit) = (None, ROWS);
    for (parameter, value) in pairs(query)? {
        match parameter.as_str() {
            "cursor" => after = Some(value),
            "limit" => {
                let wrong = || Problem::bad_parameter("limit", "limit must be a number above 0");
                let asked: u64 = value.parse().ok().filter(|limit| *limit > 0).ok_or_else(wrong)?;
                limit = usize::try_from(asked).unwrap_or(MOST_ROWS).min(MOST_ROWS);
            }
            _ => {
                let message = format!("there is no parameter {parameter}; there are cursor and limit");
                return Err(Problem::bad_parameter(&parameter, message));
            }
        }
    }
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut rest = all.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let next_cursor = rest.next().and(page.last().map(|(key, _)| key.clone()));
    let objects: Vec<Value> = page.into_iter().map(|(_, object)| object).collect();
    Ok((AS_DATA, Json(json!({ name: objects, "next_cursor": next_cursor }))).into_response())
}
