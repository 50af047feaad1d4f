//! `tollgate statement`: what somebody owes for a month, to be printed or sent.

use std::{fmt::Write as _, io::Write, process::ExitCode};

use anyhow::{Context, bail};
use clap::ValueEnum;
use govern::{
    Money,
    chargeback::{
        calendar::month_named,
        csv,
        plan::{LEVELS, Owner},
        statement::Statement,
    },
    key::Pepper,
};

use super::{Outcome, config::Data, table};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    /// Whose: the kind and the id, such as team/research or organization/default.
    #[arg(value_name = "KIND/ID", required_unless_present = "team")]
    pub of: Option<String>,
    /// The same as team/ID.
    #[arg(long, conflicts_with = "of", value_name = "ID")]
    pub team: Option<String>,
    /// The month, such as 2026-11, in UTC.
    #[arg(long)]
    pub month: String,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Html,
    Csv,
    Json,
}

pub async fn run(args: Args, out: &mut dyn Write) -> Outcome {
    let owner = owner(&args)?;
    let month = month_named(&args.month)
        .with_context(|| format!("--month: {:?} is no month; write it as 2026-11", args.month))?;
    // No key is looked at here, so any pepper does.
    let rules = args.data.file.load()?.into_rules(&Pepper::new(&[0; 32]), 1);
    let store = args.data.store().await?;
    let statement = store.statement(&rules.settings.chargeback, &owner, month).await?;
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&statement)?)?,
        Format::Csv => out.write_all(as_csv(&statement).as_bytes())?,
        Format::Html => out.write_all(as_html(&statement).as_bytes())?,
        Format::Text => as_text(&statement, out)?,
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn owner(args: &Args) -> anyhow::Result<Owner> {
    if let Some(team) = &args.team {
        return Ok(Owner { level: "team", id: team.clone() });
    }
    let text = args.of.as_deref().unwrap_or_default();
    let known = || format!("{text:?} names nobody: write KIND/ID, where KIND is one of {}", LEVELS.join(", "));
    let (kind, id) = text.split_once('/').with_context(known)?;
    match LEVELS.into_iter().find(|level| *level == kind) {
        Some(level) if !id.is_empty() => Ok(Owner { level, id: id.to_owned() }),
        _ => bail!(known()),
    }
}

/// What comes below the lines: a name and an amount each.
fn sums(statement: &Statement) -> Vec<(String, Money)> {
    let mut sums = vec![("Usage".to_owned(), statement.usage)];
    if statement.margin != Money::ZERO {
        sums.push(("Margin".to_owned(), statement.margin));
    }
    for share in &statement.shared_costs {
        sums.push((format!("Share of {} (${} in all)", share.name, share.of), share.amount));
    }
    if !statement.credits.is_empty() {
        sums.push(("Before credits".to_owned(), statement.gross));
    }
    for drawn in &statement.credits {
        let until = drawn.until.as_ref().map_or_else(String::new, |until| format!(", ends with {until}"));
        sums.push((format!("Credit {} (${} left{until})", drawn.name, drawn.left), Money(-drawn.amount.0)));
    }
    sums.push(("Due".to_owned(), statement.due));
    sums
}

/// What the reader must know of the figures.
fn remarks(statement: &Statement) -> Vec<String> {
    let mut remarks = vec!["Amounts are US dollars, days are those of UTC.".to_owned()];
    if statement.unpriced > 0 {
        remarks.push(format!("{} requests have no known price yet and are not charged.", statement.unpriced));
    }
    if statement.estimated > 0 {
        remarks.push(format!("{} requests are charged by an estimate.", statement.estimated));
    }
    remarks
}

const HEAD: [&str; 6] = ["Account", "Model", "Requests", "Input tokens", "Output tokens", "Cost"];

fn lines(statement: &Statement) -> Vec<[String; 6]> {
    let cells = |line: &govern::chargeback::statement::Line| {
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        [
            or(&line.account, "(not answered)"),
            or(&line.model, "-"),
            line.requests.to_string(),
            line.input_tokens.to_string(),
            line.output_tokens.to_string(),
            line.cost.to_string(),
        ]
    };
    statement.lines.iter().map(cells).collect()
}

fn as_text(statement: &Statement, out: &mut dyn Write) -> anyhow::Result<()> {
    let (issuer, id) = (table::plain(&statement.issuer), table::plain(&statement.id));
    writeln!(out, "{issuer}\nStatement of {} {id} for {}\n", statement.level, statement.month)?;
    let lines = lines(statement).into_iter().map(|line| line.iter().map(|cell| table::plain(cell)).collect());
    let rows: Vec<Vec<String>> =
        std::iter::once(HEAD.iter().map(|name| name.to_uppercase()).collect()).chain(lines).collect();
    table::print(out, &rows)?;
    writeln!(out)?;
    let sums: Vec<(String, String)> =
        sums(statement).iter().map(|(name, amount)| (table::plain(name), format!("${amount}"))).collect();
    let width = sums.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, amount) in sums {
        writeln!(out, "{name:width$}  {amount}")?;
    }
    writeln!(out)?;
    for remark in remarks(statement) {
        writeln!(out, "{remark}")?;
    }
    Ok(())
}

fn as_csv(statement: &Statement) -> String {
    let mut text = String::new();
    csv::line(
        &mut text,
        ["kind", "id", "month", "item", "account", "model", "requests", "input_tokens", "output_tokens", "amount_usd"],
    );
    let whose = [statement.level, statement.id.as_str(), statement.month.as_str()];
    for line in &statement.lines {
        let counts = [line.requests.to_string(), line.input_tokens.to_string(), line.output_tokens.to_string()];
        let cost = line.cost.to_string();
        let cells = whose.into_iter().chain(["usage", &line.account, &line.model]);
        csv::line(&mut text, cells.chain(counts.iter().map(String::as_str)).chain([cost.as_str()]));
    }
    // The lines say what was used: its sum would count it twice.
    for (name, amount) in
        sums(statement).iter().filter(|(name, _)| !matches!(name.as_str(), "Usage" | "Before credits"))
    {
        let amount = amount.to_string();
        csv::line(&mut text, whose.into_iter().chain([name.as_str(), "", "", "", "", "", &amount]));
    }
    text
}

fn as_html(statement: &Statement) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Statement</title>\n<style>body{font:14px/1.5 \
         system-ui,sans-serif;margin:3em auto;max-width:50em}table{border-collapse:collapse;width:100%}td,th{padding:.3em \
         .6em;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child,td:nth-child(2),th:nth-child(2)\
         {text-align:left}tfoot td{border:0}tfoot tr:last-child{font-weight:bold}</style></head><body>\n",
    );
    let (issuer, level, id) = (escaped(&statement.issuer), statement.level, escaped(&statement.id));
    let _ = write!(
        html,
        "<p>{issuer}</p>\n<h1>Statement of {level} {id}</h1>\n<p>{}</p>\n<table><thead><tr>",
        statement.month
    );
    for name in HEAD {
        let _ = write!(html, "<th>{name}</th>");
    }
    html.push_str("</tr></thead><tbody>\n");
    for line in lines(statement) {
        html.push_str("<tr>");
        for cell in line {
            let _ = write!(html, "<td>{}</td>", escaped(&cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody><tfoot>\n");
    for (name, amount) in sums(statement) {
        let _ = writeln!(html, "<tr><td colspan=\"5\">{}</td><td>${amount}</td></tr>", escaped(&name));
    }
    html.push_str("</tfoot></table>\n");
    for remark in remarks(statement) {
        let _ = writeln!(html, "<p>{}</p>", escaped(&remark));
    }
    html.push_str("</body></html>\n");
    html
}

/// A text as a browser shows it, never as markup, and without what turns the direction of writing.
fn escaped(text: &str) -> String {
    table::plain(text).chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}
