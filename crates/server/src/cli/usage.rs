//! `tollgate usage`: what was spent, by whom and for what, as a table, CSV, JSON or FOCUS.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, bail};
use clap::ValueEnum;
use gateway::clock::now_micros;
use govern::{Rules, chargeback::csv, key::Pepper};
use serde_json::{Value, json};
use store::{By, Condition, Grain, MOST_BY, MOST_SPENT, Period, SpendQuery, Spent, Store};

use super::{Outcome, config::Data, table};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    /// What spend is told apart by, with commas: organization, division, team, project, user, virtual_account, key, model,
    /// account, target_model, served_model, outcome, price, tag.NAME, hour, day, month.
    #[arg(long, value_delimiter = ',', default_value = "model")]
    pub by: Vec<String>,
    /// Only spend of which this is so, such as team=research or tag.feature=search. Several must all hold.
    #[arg(long = "where", value_name = "NAME=VALUE")]
    pub conditions: Vec<String>,
    /// From then on: a month, a date or a full hour, in UTC. Default: this month.
    #[arg(long)]
    pub since: Option<String>,
    /// Before then. Default: now.
    #[arg(long)]
    pub until: Option<String>,
    /// How it is written. `focus` is CSV in the columns of FOCUS 1.2, by day and class of tokens.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Adds the records up again and says whether the sums are theirs. Wants --since and --until as dates of which all
    /// records are still kept.
    #[arg(long, requires_all = ["since", "until"])]
    pub check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
    Focus,
}

pub async fn run(args: Args, out: &mut dyn Write) -> Outcome {
    let by: Vec<By> =
        args.by.iter().map(|name| By::named(name.trim())).collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
    if by.len() > MOST_BY {
        bail!("--by: at most {MOST_BY} things can be told apart at once");
    }
    let when = args.conditions.iter().map(|text| condition(text)).collect::<anyhow::Result<Vec<_>>>()?;
    // FOCUS is by the day, whatever else is asked.
    let apart = if args.format == Format::Focus || args.check { &[] } else { by.as_slice() };
    let period = Period::between(args.since.as_deref(), args.until.as_deref(), apart, now_micros())
        .map_err(|(name, problem)| anyhow::anyhow!("--{name}: {problem}"))?;
    let store = args.data.store().await?;
    let code = if args.check {
        check(&store, period, out).await?
    } else if args.format == Format::Focus {
        if !when.is_empty() {
            bail!("--where: a FOCUS export is of everything; choose from its rows by SubAccountId or Tags");
        }
        // No key is looked at here, so any pepper does.
        let rules = args.data.file.load()?.into_rules(&Pepper::new(&[0; 32]), 1);
        export(&store, &rules, period, out).await?
    } else {
        print(&store, SpendQuery { by, when, period, after: None, limit: MOST_SPENT }, args.format, out).await?
    };
    store.close().await;
    Ok(code)
}

fn condition(text: &str) -> anyhow::Result<Condition> {
    let (name, value) = text.split_once('=').with_context(|| format!("--where: {text:?} is not NAME=VALUE"))?;
    let by = By::named(name.trim()).map_err(|problem| anyhow::anyhow!("--where: {problem}"))?;
    if matches!(by, By::Hour | By::Day | By::Month) {
        bail!("--where: {name} is chosen by --since and --until");
    }
    Ok(Condition { by, value: value.to_owned() })
}

async fn print(store: &Store, mut query: SpendQuery, format: Format, out: &mut dyn Write) -> Outcome {
    let mut rows: Vec<Spent> = Vec::new();
    loop {
        let page = store.spend(&query).await?;
        let more = page.len() == query.limit as usize && !query.by.is_empty();
        query.after = page.last().map(|spent| spent.keys.clone());
        rows.extend(page);
        if !more {
            break;
        }
    }
    match format {
        Format::Json => {
            let rows: Vec<Value> = rows.iter().map(|row| row.to_json(&query.by)).collect();
            writeln!(out, "{:#}", json!({ "spend": rows }))?;
        }
        Format::Csv => {
            let mut text = String::new();
            csv::line(&mut text, head(&query.by).iter().map(String::as_str));
            for row in &rows {
                csv::line(&mut text, cells(row, &query.by).iter().map(String::as_str));
            }
            out.write_all(text.as_bytes())?;
        }
        _ => {
            let head = head(&query.by).iter().map(|name| name.to_uppercase()).collect();
            // What costs most comes first for people; times stay in their order.
            if !query.by.iter().any(|by| matches!(by, By::Hour | By::Day | By::Month)) {
                rows.sort_by_key(|row| std::cmp::Reverse(row.figures.cost));
            }
            let lines = rows.iter().map(|row| {
                cells(row, &query.by)
                    .iter()
                    .map(|cell| table::or_dash(Some(cell).filter(|cell| !cell.is_empty()).map(String::as_str)))
                    .collect()
            });
            let all: Vec<Vec<String>> = std::iter::once(head).chain(lines).collect();
            table::print(out, &all)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

const FIGURES: [&str; 9] = [
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "cost_usd",
    "unpriced",
    "estimated",
    "tries",
];

fn head(by: &[By]) -> Vec<String> {
    by.iter().map(By::name).chain(FIGURES.map(str::to_owned)).collect()
}

fn cells(row: &Spent, by: &[By]) -> Vec<String> {
    let usage = row.figures.usage();
    let figures = [
        row.figures.requests.to_string(),
        usage.uncached().to_string(),
        usage.cache_read.to_string(),
        usage.cache_written().to_string(),
        usage.output.to_string(),
        row.figures.cost.to_string(),
        row.figures.unpriced.to_string(),
        row.figures.estimated.to_string(),
        row.figures.tries.to_string(),
    ];
    by.iter().zip(&row.keys).map(|(by, key)| by.shown(key)).chain(figures).collect()
}

async fn export(store: &Store, rules: &Rules, period: Period, out: &mut dyn Write) -> Outcome {
    if period.grain != Grain::Day {
        bail!("--since and --until: FOCUS is by the day; give dates");
    }
    let provider = |account: &str| rules.accounts.get(account).map(|account| account.provider.id().to_owned());
    let mut first = true;
    // A day at a time: what is in memory does not grow with the period.
    for day in period.from..period.until {
        let text = store.focus(day, &rules.settings.chargeback.issuer, &provider).await?;
        let text = if first { text.as_str() } else { text.split_once("\r\n").map_or("", |(_, rows)| rows) };
        out.write_all(text.as_bytes())?;
        first = false;
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(store: &Store, period: Period, out: &mut dyn Write) -> Outcome {
    if period.grain != Grain::Day {
        bail!("--since and --until: whole days are checked; give dates");
    }
    let drift = store.check_spend(period.from, period.until).await?;
    writeln!(out, "records   {}, ${}", drift.records, drift.of_records)?;
    writeln!(out, "sums      {}, {} of them wrong", drift.sums, drift.wrong)?;
    writeln!(out, "drift     ${}", drift.cost)?;
    Ok(if drift.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
