//! `tollgate reconcile`: a provider's own report against what is recorded here, with every difference explained.

use std::{
    collections::{BTreeMap, HashSet},
    io::Write,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use govern::{
    Money,
    chargeback::{
        calendar::date_of,
        csv,
        reconcile::{Finding, Kind, Reconciliation, compare, report},
    },
    key::Pepper,
};

use super::{Outcome, config::Data, table};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    /// The provider whose report it is, such as openai or anthropic: all of its accounts are compared.
    #[arg(long, required_unless_present = "account")]
    pub provider: Option<String>,
    /// Only this account. May be given several times.
    #[arg(long)]
    pub account: Vec<String>,
    /// The report: JSON of the provider's usage and cost APIs, or CSV. Usage and costs may be files of their own.
    #[arg(required = true)]
    pub report: Vec<PathBuf>,
    /// What a column of a CSV is called: day, model, line_item, class, tokens, all_input, input, cache_read, cache_write,
    /// cache_write_1h, output, cost, currency or requests, and the table's name for it.
    #[arg(long = "column", value_name = "OURS=THEIRS")]
    pub columns: Vec<String>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Ends with exit code 2 if anything differs beyond rounding and time zones.
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Csv,
    Json,
}

pub async fn run(args: Args, out: &mut dyn Write) -> Outcome {
    let mut columns = BTreeMap::new();
    for text in &args.columns {
        let (ours, theirs) = text.split_once('=').with_context(|| format!("--column: {text:?} is not OURS=THEIRS"))?;
        columns.insert(ours.trim().to_owned(), theirs.to_owned());
    }
    let mut files = Vec::new();
    for path in &args.report {
        files.push((path.display().to_string(), super::config::read(path)?));
    }
    let report = report::read(&files, &columns).map_err(|error| anyhow::anyhow!("{error}"))?;
    let accounts = accounts(&args)?;
    let store = args.data.store().await?;
    // A day more on either side: the report's days may begin at another hour.
    let ours = store.used_of(&accounts, report.first_day - 1, report.last_day + 2).await?;
    store.close().await;
    let found = compare(&ours, &report);
    let days = (date_of(report.first_day).to_string(), date_of(report.last_day).to_string());
    match args.format {
        Format::Json => {
            let kinds: BTreeMap<&str, serde_json::Value> = Kind::ALL
                .iter()
                .map(|kind| {
                    let (count, tokens, cost) = found.sum(*kind);
                    (kind.as_str(), serde_json::json!({ "findings": count, "tokens": tokens, "cost": cost }))
                })
                .collect();
            let mut whole = serde_json::to_value(&found)?;
            if let Some(whole) = whole.as_object_mut() {
                whole.insert("by_kind".to_owned(), serde_json::to_value(kinds)?);
                whole.insert("days".to_owned(), serde_json::json!([days.0, days.1]));
            }
            writeln!(out, "{whole:#}")?;
        }
        Format::Csv => out.write_all(as_csv(&found.findings).as_bytes())?,
        Format::Text => as_text(&found, &days, out)?,
    }
    let harmless = |finding: &Finding| matches!(finding.kind, Kind::Rounding | Kind::TimeZoneShift);
    Ok(if args.strict && !found.findings.iter().all(harmless) { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// The accounts that the report is of.
fn accounts(args: &Args) -> anyhow::Result<HashSet<String>> {
    let mut accounts: HashSet<String> = args.account.iter().cloned().collect();
    if let Some(provider) = &args.provider {
        // No key is looked at here, so any pepper does.
        let rules = args.data.file.load()?.into_rules(&Pepper::new(&[0; 32]), 1);
        let of = rules.accounts.values().filter(|account| account.provider.id() == provider);
        let names: HashSet<String> = of.map(|account| account.name.to_string()).collect();
        if names.is_empty() {
            let known: HashSet<&str> = rules.accounts.values().map(|account| account.provider.id()).collect();
            let known: Vec<&str> = known.into_iter().collect();
            bail!("--provider: the configuration has no account with {provider:?}; it has {}", known.join(", "));
        }
        match accounts.is_empty() {
            true => accounts = names,
            false => accounts.retain(|account| names.contains(account)),
        }
        if accounts.is_empty() {
            bail!("--account: none of these is an account with {provider}");
        }
    }
    Ok(accounts)
}

fn as_text(found: &Reconciliation, days: &(String, String), out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{} to {}: {} cells compared, {} agree\n", days.0, days.1, found.compared, found.agreeing)?;
    let row = |name: &str, tokens: i64, cost: Money| vec![name.to_owned(), tokens.to_string(), format!("${cost}")];
    let difference = found.theirs.cost - found.ours.cost;
    let mut rows = vec![
        vec!["".to_owned(), "TOKENS".to_owned(), "COST".to_owned()],
        row("reported there", found.theirs.tokens, found.theirs.cost),
        row("recorded here", found.ours.tokens, found.ours.cost),
        row("difference", found.theirs.tokens - found.ours.tokens, difference),
    ];
    for kind in Kind::ALL {
        let (count, tokens, cost) = found.sum(kind);
        if count > 0 {
            rows.push(row(&format!("  {} ({count})", kind.as_str().replace('_', " ")), tokens, cost));
        }
    }
    table::print(out, &rows)?;
    if found.findings.is_empty() {
        return Ok(writeln!(out, "\nnothing differs")?);
    }
    writeln!(out)?;
    let head = ["DAY", "MODEL", "CLASS", "TOKENS", "COST", "KIND", "BECAUSE"].map(str::to_owned).to_vec();
    let lines = found.findings.iter().map(|finding| cells(finding).iter().map(|cell| table::plain(cell)).collect());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(lines).collect();
    Ok(table::print(out, &rows)?)
}

/// Theirs less ours.
fn cells(finding: &Finding) -> [String; 7] {
    [
        date_of(finding.day).to_string(),
        finding.model.clone(),
        finding.class.unwrap_or("all").to_owned(),
        finding.tokens.to_string(),
        finding.cost.to_string(),
        finding.kind.as_str().to_owned(),
        finding.because.clone(),
    ]
}

fn as_csv(findings: &[Finding]) -> String {
    let mut text = String::new();
    csv::line(&mut text, ["day", "model", "class", "tokens_difference", "cost_difference_usd", "kind", "because"]);
    for finding in findings {
        csv::line(&mut text, cells(finding).iter().map(String::as_str));
    }
    text
}
