//! `cargo xtask catalog`: published figures in, the project's own catalogue out, and a list of what was left behind.
//!
//! The source holds one model a line, prices in US dollars per unit. Prices are read from their text, never through a
//! float, and written as pico-dollars per unit. What has no place in the catalogue is counted and printed: nothing is
//! dropped silently.

mod fields;
mod name;
mod report;
mod row;
mod units;

use std::{collections::BTreeMap, fs, io::Write as _, path::PathBuf};

use anyhow::{Context as _, Result};
use llm::{
    catalog::entry::{Entry, Header, Source, VariantEntry},
    price::Rates,
};

use report::Report;
use row::{Read, Row};

/// Rewrites the model catalogue from a file of published figures.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One model a line, prices in US dollars per unit.
    #[arg(long, default_value = "../shared/data/catalogue/models.jsonl")]
    source: PathBuf,
    /// What the figures are, for the catalogue.
    #[arg(long, default_value = "published prices of the providers, as collected by open price maps")]
    name: String,
    /// When the figures were collected.
    #[arg(long, default_value = "2026-11")]
    date: String,
    #[arg(long, default_value = "crates/llm/data/catalog.jsonl")]
    output: PathBuf,
}

/// # Errors
/// The source cannot be read or is not JSON lines, or the output cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let text = fs::read_to_string(&args.source).with_context(|| format!("cannot read {}", args.source.display()))?;
    let mut report = Report::default();
    let (mut entries, mut sized) = (BTreeMap::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let row: Row<'_> = serde_json::from_str(line).with_context(|| format!("line {} is not a model", number + 1))?;
        report.read += 1;
        match row::read(&row, &mut report).with_context(|| format!("line {}", number + 1))? {
            Some(read) if !read.words.is_empty() => sized.push(read),
            Some(read) => keep(&mut entries, read.entry, &mut report),
            None => {}
        }
    }
    report.sized = sized.len();
    sized.into_iter().for_each(|read| attach(&mut entries, read));
    let header = Header {
        about: "Models, one a line. Prices in pico-dollars per unit. Written by `cargo xtask catalog`.",
        sources: vec![Source { name: &args.name, date: &args.date }],
    };
    let mut output = serde_json::to_vec(&header)?;
    output.push(b'\n');
    for entry in entries.values() {
        serde_json::to_writer(&mut output, entry)?;
        output.push(b'\n');
    }
    fs::write(&args.output, output).with_context(|| format!("cannot write {}", args.output.display()))?;
    entries.values().for_each(|entry| report.carried(entry));
    write!(std::io::stdout().lock(), "{report}")?;
    Ok(())
}

type Entries<'a> = BTreeMap<(&'a str, &'a str), Entry<'a>>;

/// Keeps one entry per name. A source may know a model with and without its provider's name in front: the one with
/// more fields is the fuller one, and a difference in price is worth a look.
fn keep<'a>(entries: &mut Entries<'a>, entry: Entry<'a>, report: &mut Report) {
    let key = (entry.provider, entry.id);
    if let Some(known) = entries.get(&key) {
        report.twice += 1;
        if known.price() != entry.price() {
            report.conflict(key.0, key.1);
        }
        let weight = |entry: &Entry<'_>| serde_json::to_string(entry).map_or(0, |text| text.len());
        if weight(known) >= weight(&entry) {
            return;
        }
    }
    entries.insert(key, entry);
}

/// Gives a model its price for a size; the model itself, if nothing else is said of it.
fn attach<'a>(entries: &mut Entries<'a>, read: Read<'a>) {
    let Read { entry, mut words } = read;
    words.sort_unstable();
    let variant = VariantEntry { words, price: entry.price.clone() };
    let model = entries.entry((entry.provider, entry.id)).or_insert_with(|| Entry { price: Rates::default(), ..entry });
    if !variant.price.is_empty() {
        model.variants.push(variant);
    }
}
