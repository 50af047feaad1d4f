//! `tollgate models`: what callers can ask for, who answers and what it costs.

use std::{io::Write, process::ExitCode, sync::Arc};

use govern::{
    Rules,
    config::snapshot::{Account, Target},
    key::Pepper,
};
use llm::{catalog, price::Price, usage::Unit};
use serde_json::{Value, json};

use super::{Outcome, config::File, table};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub file: File,
    /// Also every model that the catalogue knows of the configured accounts, as `account/model`.
    #[arg(long)]
    pub all: bool,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
}

/// A line: a name that callers can use, and one target behind it.
struct Line {
    name: String,
    target: String,
    price: Option<Arc<Price>>,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    // No key is looked at here, so any pepper does.
    let rules = args.file.load()?.into_rules(&Pepper::new(&[0; 32]), 1);
    let lines = lines(&rules, args.all);
    if args.json {
        let models: Vec<Value> = lines.iter().map(describe).collect();
        writeln!(out, "{:#}", json!({ "models": models }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["MODEL", "TARGET", "INPUT $/M", "CACHED $/M", "OUTPUT $/M"].map(str::to_owned).to_vec();
    let rows = lines.iter().map(|line| {
        let rate = |unit| {
            let rate = line.price.as_ref().and_then(|price| price.rate(unit));
            rate.map_or_else(|| "?".to_owned(), per_million)
        };
        vec![
            table::plain(&line.name),
            table::plain(&line.target),
            rate(Unit::Input),
            rate(Unit::CacheRead),
            rate(Unit::Output),
        ]
    });
    table::print(out, &std::iter::once(head).chain(rows).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

fn lines(rules: &Rules, all: bool) -> Vec<Line> {
    let mut routes: Vec<_> = rules.models.values().chain(rules.wildcards.iter().map(|(_, route)| route)).collect();
    routes.sort_by(|one, other| one.name.cmp(&other.name));
    let of_target = |name: &Arc<str>, target: &Arc<Target>| Line {
        name: name.to_string(),
        target: target.name.to_string(),
        price: target.price.clone(),
    };
    let mut lines: Vec<Line> =
        routes.iter().flat_map(|route| route.targets.iter().map(|target| of_target(&route.name, target))).collect();
    if all {
        let mut accounts: Vec<&Arc<Account>> = rules.accounts.values().collect();
        accounts.sort_by(|one, other| one.name.cmp(&other.name));
        lines.extend(accounts.into_iter().flat_map(|account| known(account)));
    }
    lines
}

/// What the catalogue knows of an account's provider, under the account's own prices.
fn known(account: &Account) -> impl Iterator<Item = Line> {
    catalog::all().iter().filter(|model| model.provider == account.provider.id()).map(|model| {
        let name = format!("{}/{}", account.name, model.id);
        let price = account.prices.get(model.id).cloned().or_else(|| model.price.clone());
        Line { target: name.clone(), name, price }
    })
}

fn describe(line: &Line) -> Value {
    let rate = |unit| line.price.as_ref().and_then(|price| price.rate(unit)).map(|pico| pico as f64 / 1e6);
    json!({
        "model": line.name,
        "target": line.target,
        "usd_per_million": line.price.as_ref().map(|_| json!({
            "input": rate(Unit::Input),
            "cache_read": rate(Unit::CacheRead),
            "cache_write": rate(Unit::CacheWrite),
            "output": rate(Unit::Output),
        })),
        "price": line.price.as_ref().and_then(|price| price.version.as_deref()),
    })
}

/// Dollars per million tokens, of pico-dollars per token.
fn per_million(pico: u64) -> String {
    format!("{}", pico as f64 / 1e6)
}
