//! `tollgate logs`: the records, read from the database itself, so that it works while the gateway runs and when not.

use std::{io::Write, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use gateway::observe::{self, Record};
use govern::{Principal, principal::PlaceFilter};
use store::{Filter, StatusClass, Store};

use super::{Outcome, config::Data, table};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows the last requests, then each one as it ends.
    Tail(Tail),
    /// Shows everything that is known of one request.
    Show {
        /// The `x-request-id` of its answer.
        id: uuid::Uuid,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, clap::Args)]
pub struct Tail {
    /// How many to begin with.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub lines: u32,
    /// Ends instead of waiting for more.
    #[arg(long)]
    pub once: bool,
    /// Only of the key with this id.
    #[arg(long)]
    pub key: Option<String>,
    /// Only of this team.
    #[arg(long)]
    pub team: Option<String>,
    /// Only of this project.
    #[arg(long)]
    pub project: Option<String>,
    /// Only of this person.
    #[arg(long)]
    pub user: Option<String>,
    /// Only of this virtual account.
    #[arg(long)]
    pub virtual_account: Option<String>,
    /// Only those that asked for this model.
    #[arg(long)]
    pub model: Option<String>,
    /// Only with a status of this class.
    #[arg(long, value_enum)]
    pub status: Option<Class>,
    /// One JSON document per line.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Class {
    #[value(name = "2xx")]
    Success,
    #[value(name = "3xx")]
    Redirect,
    #[value(name = "4xx")]
    Caller,
    #[value(name = "5xx")]
    Server,
}

/// How often the database is asked for more: soon enough for eyes.
const POLL: Duration = Duration::from_millis(300);

/// Rows of one look; a busy gateway is followed in several.
const STEP: u32 = 1_000;

const HEAD: &str = "TIME                 STATUS  MODEL                     TARGET                              KEY               TOKENS         COST        TIME      FIRST     ID";

pub async fn run(args: Args, out: &mut dyn Write) -> Outcome {
    let store = args.data.store().await?;
    match args.command {
        Command::Tail(tail) => follow(&store, &tail, out).await?,
        Command::Show { id, json } => {
            let kept = store
                .request(id)
                .await?
                .with_context(|| format!("no record has the id {id}; a record is there once its request has ended"))?;
            if json {
                writeln!(out, "{}", serde_json::to_string_pretty(&kept.record)?)?;
            } else {
                show(&kept.record, out)?;
                for change in store.repricings(id).await? {
                    changed(&change, out)?;
                }
            }
        }
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn follow(store: &Store, tail: &Tail, out: &mut dyn Write) -> anyhow::Result<()> {
    let status = tail.status.map(|class| {
        StatusClass(match class {
            Class::Success => 2,
            Class::Redirect => 3,
            Class::Caller => 4,
            Class::Server => 5,
        })
    });
    let place = PlaceFilter {
        team: tail.team.clone(),
        project: tail.project.clone(),
        user: tail.user.clone(),
        virtual_account: tail.virtual_account.clone(),
        ..PlaceFilter::default()
    };
    let filter = Filter { key_id: tail.key.clone(), place, model: tail.model.clone(), status, ..Filter::default() };
    if !tail.json {
        writeln!(out, "{HEAD}")?;
    }
    let mut rows = store.tail(&filter, None, tail.lines).await?;
    let mut last = 0;
    loop {
        for kept in &rows {
            if tail.json {
                writeln!(out, "{}", serde_json::to_string(&kept.record)?)?;
            } else {
                line(&kept.record, out)?;
            }
        }
        out.flush()?;
        last = rows.last().map_or(last, |row| row.seq);
        if tail.once {
            return Ok(());
        }
        if rows.len() < STEP as usize {
            tokio::time::sleep(POLL).await;
        }
        rows = store.tail(&filter, Some(last), STEP).await?;
    }
}

/// One record on one line. The id comes last, where it is never cut.
fn line(record: &Record, out: &mut dyn Write) -> anyhow::Result<()> {
    let key = record.key_name.as_deref().or(record.key_id.as_deref());
    writeln!(
        out,
        "{:19}  {:>6}  {:24}  {:34}  {:16}  {:>13}  {:>10}  {:>8}  {:>8}  {}",
        table::time(record.at),
        record.status,
        cut(&table::or_dash(record.model.as_deref()), 24),
        cut(&table::or_dash(record.target.as_deref()), 34),
        cut(&table::or_dash(key), 16),
        format!("{}+{}", record.usage.prompt(), record.usage.output),
        cost(record),
        millis(record.latency),
        record.time_to_first_token.map_or_else(|| "-".to_owned(), millis),
        record.id,
    )?;
    Ok(())
}

fn show(record: &Record, out: &mut dyn Write) -> anyhow::Result<()> {
    let usage = &record.usage;
    let tokens = format!(
        "{} in ({} from cache, {} to cache), {} out ({} thought)",
        usage.prompt(),
        usage.cache_read,
        usage.cache_written(),
        usage.output,
        usage.reasoning
    );
    let other: Vec<_> = usage.counted().filter(|(unit, _)| unit.role() == llm::usage::Role::Beside).collect();
    let other: Vec<_> = other.iter().map(|(unit, count)| format!("{} {count}", unit.name())).collect();
    let key =
        [record.key_name.as_deref(), record.key_id.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let rows = [
        ("id", record.id.to_string()),
        ("time", table::time(record.at)),
        ("surface", table::plain(&record.surface)),
        ("outcome", format!("{} {}", record.status, record.outcome.as_str())),
        ("error", table::or_dash(record.error.as_deref())),
        ("key", table::or_dash(Some(key.as_str()).filter(|key| !key.is_empty()))),
        ("of", record.principal.as_deref().map_or_else(|| "-".to_owned(), place)),
        ("end user", table::or_dash(record.user.as_deref())),
        ("tags", table::plain(&record.tags.iter().map(|(name, value)| format!("{name}={value} ")).collect::<String>())),
        ("model", table::or_dash(record.model.as_deref())),
        ("target", table::or_dash(record.target.as_deref())),
        ("served by", table::or_dash(record.served_model.as_deref())),
        ("tokens", tokens),
        ("other units", table::or_dash(Some(other.join(", ").as_str()).filter(|units| !units.is_empty()))),
        ("cost", format!("{}{}", cost(record), if record.estimated { " (an estimate)" } else { "" })),
        ("time taken", millis(record.latency)),
        ("first token", record.time_to_first_token.map_or_else(|| "-".to_owned(), millis)),
        ("overhead", record.overhead.map_or_else(|| "-".to_owned(), |micros| format!("{micros} µs"))),
        ("lost", table::or_dash(Some(record.loss.join(", ").as_str()).filter(|loss| !loss.is_empty()))),
        ("trace", table::or_dash(record.trace_id.as_deref())),
    ];
    for (name, value) in rows {
        writeln!(out, "{name:12} {}", value.trim_end())?;
    }
    for (number, attempt) in record.attempts.iter().enumerate() {
        writeln!(out, "attempt {:<4} {}", number + 1, attempt_line(attempt))?;
    }
    Ok(())
}

/// The caller's place in the tree, from the person or service up.
fn place(principal: &Principal) -> String {
    let Principal { organization, division, team, project, user, virtual_account } = principal;
    let levels = [
        ("user", user.as_ref()),
        ("virtual account", virtual_account.as_ref()),
        ("project", project.as_ref()),
        ("team", team.as_ref()),
        ("division", division.as_ref()),
        ("organization", Some(organization)),
    ];
    let named = levels.iter().filter_map(|(level, id)| Some(format!("{level} {}", table::plain(id.as_deref()?))));
    named.collect::<Vec<_>>().join(", ")
}

fn attempt_line(attempt: &observe::Attempt) -> String {
    let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    format!(
        "{} at {}: {status} {} after {}, id {}, {}",
        table::plain(&attempt.target),
        millis(attempt.started),
        attempt.failure.as_deref().map_or_else(|| "served".to_owned(), table::plain),
        millis(attempt.latency),
        table::or_dash(attempt.upstream_id.as_deref()),
        charged(attempt),
    )
}

/// A change of the cost after the call.
fn changed(change: &store::Change, out: &mut dyn Write) -> anyhow::Result<()> {
    let cost = |priced: &observe::Priced| {
        let cost = priced.cost.map_or_else(|| "unknown".to_owned(), |cost| format!("${cost}"));
        if priced.estimated { format!("~{cost}") } else { cost }
    };
    let (before, after) = (cost(&change.before), cost(&change.after));
    let (at, author) = (table::time(change.at), table::plain(&change.author));
    Ok(writeln!(out, "{:12} {before} to {after}, {at}, {author}", "repriced")?)
}

/// What an attempt cost, and by which price.
fn charged(attempt: &observe::Attempt) -> String {
    let basis = &attempt.basis;
    let cost = attempt.cost.map_or_else(|| "no known cost".to_owned(), |cost| format!("${cost}"));
    let by = attempt.price.as_deref().map(|price| format!("by {}", table::plain(price)));
    let tier = basis.tier.as_deref().map(|tier| format!("tier {}", table::plain(tier)));
    let region = basis.region.as_deref().map(|region| format!("in {}", table::plain(region)));
    let words = Some(basis.words.join(" ")).filter(|words| !words.is_empty()).map(|words| table::plain(&words));
    let percent = |hundredths: u32| f64::from(hundredths) / 100.0;
    let discount = Some(basis.terms.discount).filter(|discount| *discount > 0);
    let discount = discount.map(|discount| format!("less {}%", percent(discount)));
    let margin =
        Some(basis.terms.margin).filter(|margin| *margin > 0).map(|margin| format!("plus {}%", percent(margin)));
    [Some(cost), by, tier, region, words, discount, margin].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn cost(record: &Record) -> String {
    match record.cost {
        Some(cost) if record.unpriced => format!("{}{}+?", about(record), table::dollars(cost)),
        Some(cost) => format!("{}{}", about(record), table::dollars(cost)),
        None => "?".to_owned(),
    }
}

/// An estimate does not look like a cost.
fn about(record: &Record) -> &'static str {
    if record.estimated { "~" } else { "" }
}

fn millis(micros: i64) -> String {
    format!("{} ms", micros / 1000)
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
