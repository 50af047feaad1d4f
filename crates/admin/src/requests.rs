//! `GET /api/v1/requests` and `GET /api/v1/requests/{id}`: the records, newest first.
//!
//! Their fields are those of [`gateway::observe::Record`].

use axum::{
    Json,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use gateway::observe::{Outcome, Record};
use govern::{
    directory::Kind,
    principal::PlaceFilter,
    role::{Permission, Powers},
};
use serde::Serialize;
use store::{Change, Filter, Page, StatusClass};
use uuid::Uuid;

use crate::{problem::Problem, routes::Call};

/// Records on a page unless `limit` says otherwise.
const ROWS: u32 = 50;

/// Most records on a page; a larger `limit` counts as this.
const MOST_ROWS: u32 = 200;

/// A page of records.
#[derive(Serialize)]
struct List {
    requests: Vec<Record>,
    /// `cursor` of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// A record, and how its cost was changed after the call.
#[derive(Serialize)]
struct One {
    #[serde(flatten)]
    record: Record,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cost_changes: Vec<Change>,
}

/// Records are data: a browser must neither guess at them nor keep them.
pub(crate) const AS_DATA: [(HeaderName, &str); 2] =
    [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::CACHE_CONTROL, "no-store")];

pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let (mut filter, page) = read(&call.query)?;
    filter.within = scopes(&call.actor.powers);
    // One row more than asked for tells whether there is a next page, without a count.
    let mut rows = call.admin.store.requests(&filter, Page { limit: page.limit + 1, ..page }).await?;
    let has_more = rows.len() > page.limit as usize;
    rows.truncate(page.limit as usize);
    let next_cursor = rows.last().filter(|_| has_more).map(|row| row.record.id.to_string());
    let requests = rows.into_iter().map(|row| row.record).collect();
    Ok((AS_DATA, Json(List { requests, next_cursor })).into_response())
}

pub(crate) async fn one(call: Call) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("no record has this id; a record is there once its request has ended");
    let id: Uuid = call.param("id").parse().map_err(|_| unknown())?;
    let row = call.admin.store.request(id).await?.ok_or_else(unknown)?;
    if !call.actor.may(Permission::RecordsRead, row.record.principal.as_deref()) {
        return Err(unknown());
    }
    let cost_changes = match row.record.repriced {
        Some(_) => call.admin.store.repricings(id).await?,
        None => Vec::new(),
    };
    Ok((AS_DATA, Json(One { record: row.record, cost_changes })).into_response())
}

/// Where the caller may read records; `None`: everywhere.
fn scopes(powers: &Powers) -> Option<Vec<PlaceFilter>> {
    if powers.everywhere().has(Permission::RecordsRead) {
        return None;
    }
    let held = powers.0.iter().filter(|(_, held)| held.has(Permission::RecordsRead));
    let place = |(kind, id): &(Kind, std::sync::Arc<str>)| {
        let (id, none) = (Some(id.to_string()), PlaceFilter::default());
        Some(match kind {
            Kind::Organization => PlaceFilter { organization: id, ..none },
            Kind::Division => PlaceFilter { division: id, ..none },
            Kind::Team => PlaceFilter { team: id, ..none },
            Kind::Project => PlaceFilter { project: id, ..none },
            Kind::User => PlaceFilter { user: id, ..none },
            Kind::VirtualAccount => PlaceFilter { virtual_account: id, ..none },
            Kind::Role | Kind::Binding => return None,
        })
    };
    Some(held.filter_map(|(scope, _)| place(scope.as_ref()?)).collect())
}

/// Reads the query. What is unknown, wrong or there twice is refused: a filter that silently did nothing would lie.
fn read(query: &str) -> Result<(Filter, Page), Problem> {
    let mut filter = Filter::default();
    let mut page = Page { after: None, limit: ROWS };
    let mut seen = Vec::new();
    for (name, value) in pairs(query)? {
        if seen.contains(&name) {
            return Err(Problem::bad_parameter(&name, format!("{name} stands twice; send it once")));
        }
        let wrong = |right: &str| Problem::bad_parameter(&name, format!("{name} must be {right}"));
        match name.as_str() {
            "key" => filter.key_id = Some(value),
            "organization" => filter.place.organization = Some(value),
            "division" => filter.place.division = Some(value),
            "team" => filter.place.team = Some(value),
            "project" => filter.place.project = Some(value),
            "user" => filter.place.user = Some(value),
            "virtual_account" => filter.place.virtual_account = Some(value),
            "model" => filter.model = Some(value),
            "status" => filter.status = Some(status(&value).ok_or_else(|| wrong("2xx, 3xx, 4xx or 5xx"))?),
            "outcome" => {
                let known = serde_json::from_value::<Outcome>(value.into());
                let right = "success, refused, failed, partial, client_disconnected or interrupted";
                filter.outcome = Some(known.map_err(|_| wrong(right))?);
            }
            "since" => filter.since = Some(time(&value).ok_or_else(|| wrong(TIME))?),
            "until" => filter.until = Some(time(&value).ok_or_else(|| wrong(TIME))?),
            "cursor" => page.after = Some(value.parse().map_err(|_| wrong("the next_cursor of the page before"))?),
            "limit" => {
                let limit: u64 =
                    value.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| wrong("a number above 0"))?;
                page.limit = u32::try_from(limit).unwrap_or(MOST_ROWS).min(MOST_ROWS);
            }
            _ => {
                let known = "key, organization, division, team, project, user, virtual_account, model, status, \
                             outcome, since, until, cursor and limit";
                return Err(Problem::bad_parameter(&name, format!("there is no parameter {name}; there are {known}")));
            }
        }
        seen.push(name);
    }
    Ok((filter, page))
}

pub(crate) const TIME: &str = "a time such as 2027-01-31T12:00:00Z";

/// Microseconds since 1970.
pub(crate) fn time(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
}

fn status(text: &str) -> Option<StatusClass> {
    match text {
        "2xx" => Some(StatusClass(2)),
        "3xx" => Some(StatusClass(3)),
        "4xx" => Some(StatusClass(4)),
        "5xx" => Some(StatusClass(5)),
        _ => None,
    }
}

pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let uri = format!("/?{query}").parse().map_err(|_| Problem::bad_parameter("", "the query is not well-formed"))?;
    axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map(|axum::extract::Query(pairs)| pairs)
        .map_err(|_| Problem::bad_parameter("", "the query is not well-formed"))
}
