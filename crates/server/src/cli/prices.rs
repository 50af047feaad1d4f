//! `tollgate prices`: what was charged by which price, and records that are priced when a price has become known.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, bail};
use clap::Subcommand;
use gateway::observe::Which;
use govern::{config::shown::in_dollars, key::Pepper};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use llm::{catalog, price::Terms};
use serde_json::json;
use store::{Filter, MOST_REPRICED, Repricing, Step, Store};

use super::{
    Outcome,
    config::{Data, author, sign_audit},
    table,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows a price that was in force, in dollars as the configuration takes them.
    Show {
        /// As records name it: `2026-11/1f0a...`, `config/...`, `estimate/...`.
        version: String,
    },
    /// Prices records whose cost was not known or estimated, by the prices that the configuration and the catalogue have
    /// now. What was charged by a price stays as it is.
    Apply(Apply),
}

#[derive(Debug, Clone, clap::Args)]
pub struct Apply {
    /// Only calls that arrived from then on: 2027-01-31, or a time with its offset.
    #[arg(long)]
    pub since: Option<String>,
    /// Only calls that arrived before.
    #[arg(long)]
    pub until: Option<String>,
    /// Also calls that were charged by a price. Wants --since and --until.
    #[arg(long, requires_all = ["since", "until"])]
    pub reprice: bool,
    /// Says what would change, and changes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
}

pub async fn run(args: Args, out: &mut dyn Write) -> Outcome {
    let store = args.data.store().await?;
    match &args.command {
        Command::Show { version } => show(&store, version, out).await?,
        Command::Apply(apply) => {
            self::apply(&store, &args.data, apply, out).await?;
            sign_audit(&store).await?;
        }
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn show(store: &Store, version: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let kept = store.price(version).await?;
    let first_seen = kept.as_ref().map(|kept| kept.first_seen);
    let price = kept.map(|kept| kept.price).or_else(|| catalog::price(version).map(|price| (*price).clone()));
    let price =
        price.with_context(|| format!("no price of the version {} was ever in force here", table::plain(version)))?;
    let shown = json!({
        "version": version,
        "first_seen": first_seen.and_then(|micros| Timestamp::from_microsecond(micros).ok()).map(|time| time.to_string()),
        "price": in_dollars(&price, &Terms::default()),
        "pico_dollars": price,
    });
    Ok(writeln!(out, "{shown:#}")?)
}

async fn apply(store: &Store, data: &Data, apply: &Apply, out: &mut dyn Write) -> anyhow::Result<()> {
    // No key is looked at here, so any pepper does.
    let rules = data.file.load()?.into_rules(&Pepper::new(&[0; 32]), 1);
    store.keep_spend_by(&rules.settings.chargeback.tags);
    let time = |name: &str, text: &Option<String>| text.as_deref().map(|text| micros(name, text)).transpose();
    let filter =
        Filter { since: time("--since", &apply.since)?, until: time("--until", &apply.until)?, ..Filter::default() };
    let repricing = Repricing { filter, dry_run: apply.dry_run, author: author() };
    let which = if apply.reprice { Which::All } else { Which::Unknown };
    let mut sum = Step { next: Some(0), ..Step::default() };
    while let Some(after) = sum.next {
        let price = |record: &mut gateway::observe::Record| record.reprice(&rules, which, repricing.author.at);
        sum.add(&store.reprice(&repricing, after, MOST_REPRICED, price).await?);
    }
    if apply.json {
        let report = json!({
            "dry_run": apply.dry_run,
            "seen": sum.seen,
            "changed": sum.changed,
            "unknown_before": sum.unknown_before,
            "left": sum.left,
            "cost_before": sum.before,
            "cost_after": sum.after,
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    let done = if apply.dry_run { "would be priced" } else { "priced" };
    writeln!(out, "looked at      {}", sum.seen)?;
    writeln!(out, "{done:14} {} ({} of them had no known cost)", sum.changed, sum.unknown_before)?;
    writeln!(out, "cost           ${} before, ${} after", sum.before, sum.after)?;
    Ok(writeln!(out, "still unknown  {}", sum.left)?)
}

/// A point in time, in microseconds since 1970. A date begins at midnight, in UTC.
fn micros(name: &str, text: &str) -> anyhow::Result<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_microsecond());
    }
    match text.parse::<Date>() {
        Ok(date) => Ok(date.to_zoned(TimeZone::UTC)?.timestamp().as_microsecond()),
        Err(_) => bail!("{name}: {text:?} is neither 2027-01-31 nor 2027-01-31T12:00:00Z"),
    }
}
