//! `GET /api/v1/prices/{version}`: a price that was in force, and `POST /api/v1/prices/apply`: records whose cost was not
//! known, priced now.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use gateway::{clock::now_micros, observe::Which};
use govern::{Money, audit::Author, config::shown::in_dollars};
use llm::{catalog, price::Terms};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Filter, MOST_REPRICED, Repricing, Step};

use crate::{
    problem::Problem,
    requests::{AS_DATA, TIME, time},
    routes::Call,
    strict,
};

/// Steps of one call: at most this many transactions, of [`MOST_REPRICED`] records each.
const MOST_STEPS: u32 = 20;

/// What shall be priced. Everything may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Apply {
    /// Times of arrival, as in the list of records.
    since: Option<String>,
    until: Option<String>,
    /// Also what was charged by a price: wants both times.
    reprice: bool,
    dry_run: bool,
    /// `next_cursor` of the call before.
    cursor: Option<String>,
}

/// What was done, as far as it came.
#[derive(Debug, Serialize)]
struct Applied {
    dry_run: bool,
    /// Records that were looked at.
    seen: u64,
    changed: u64,
    /// Of these, those of which nothing was known.
    unknown_before: u64,
    /// Records that have no known price still.
    left: u64,
    /// Nano-dollars of the changed ones.
    cost_before: Money,
    cost_after: Money,
    /// `cursor` of the call that goes on; `null` if all is done.
    next_cursor: Option<String>,
}

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    let version = call.param("version");
    let kept = call.admin.store.price(version).await?;
    let first_seen = kept.as_ref().map(|kept| kept.first_seen);
    let price = kept.map(|kept| kept.price).or_else(|| catalog::price(version).map(|price| (*price).clone()));
    let price = price.ok_or_else(|| Problem::not_found("no price of this version was ever in force here"))?;
    let shown = json!({
        "version": version,
        "first_seen": first_seen,
        "price": in_dollars(&price, &Terms::default()),
        "pico_dollars": price,
    });
    Ok((AS_DATA, Json(shown)).into_response())
}

pub(crate) async fn apply(call: Call) -> Result<Response, Problem> {
    let Call { admin, actor, body, .. } = call;
    let (apply, mut repricing, mut cursor) = read(&body)?;
    repricing.author = actor.author();
    let which = if apply.reprice { Which::All } else { Which::Unknown };
    let rules = (admin.rules)();
    let mut sum = Step::default();
    for _ in 0..MOST_STEPS {
        let step = admin
            .store
            .reprice(&repricing, cursor, MOST_REPRICED, |record| record.reprice(&rules, which, repricing.author.at))
            .await?;
        sum.add(&step);
        match step.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    if sum.changed > 0 && !apply.dry_run {
        tracing::info!(records = sum.changed, before = %sum.before, after = %sum.after, "records were priced");
    }
    let applied = Applied {
        dry_run: apply.dry_run,
        seen: sum.seen,
        changed: sum.changed,
        unknown_before: sum.unknown_before,
        left: sum.left,
        cost_before: sum.before,
        cost_after: sum.after,
        next_cursor: sum.next.map(|next| next.to_string()),
    };
    Ok((AS_DATA, Json(applied)).into_response())
}

/// Reads the body; none is as good as an empty one.
fn read(body: &[u8]) -> Result<(Apply, Repricing, i64), Problem> {
    let apply: Apply = strict::read(body)?;
    let read_time = |name: &str, text: &Option<String>| {
        let wrong = || Problem::bad_parameter(name, format!("{name} must be {TIME}"));
        text.as_deref().map(|text| time(text).ok_or_else(wrong)).transpose()
    };
    let filter = Filter {
        since: read_time("since", &apply.since)?,
        until: read_time("until", &apply.until)?,
        ..Filter::default()
    };
    if apply.reprice && (filter.since.is_none() || filter.until.is_none()) {
        let message = "reprice changes what was charged: say since and until, so that it is meant";
        return Err(Problem::bad_parameter("reprice", message));
    }
    let wrong = || Problem::bad_parameter("cursor", "cursor must be the next_cursor of the call before");
    let cursor = apply.cursor.as_deref().map(|text| text.parse().map_err(|_| wrong())).transpose()?.unwrap_or(0);
    let repricing = Repricing { filter, dry_run: apply.dry_run, author: Author::new("admin_token", now_micros()) };
    Ok((apply, repricing, cursor))
}
