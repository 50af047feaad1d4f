//! `cargo xtask catalog`: published figures in, the project's own catalogue out, and a list of what was left behind.
//!
//! The source holds one model a line, prices in US dollars per unit. Prices are read from their text, never through a
//! float, and written as pico-dollars per token. What has no place in the catalogue is counted and printed: nothing is
//! dropped silently.

mod fields;
mod report;

use std::{collections::BTreeMap, fs, io::Write as _, path::PathBuf};

use anyhow::{Context as _, Result};
use llm::{
    catalog::{
        Ability, Mode,
        entry::{Entry, Header, LongEntry, Source, TierEntry},
    },
    price::{Listed, parse_decimal},
};
use serde_json::value::RawValue;

use fields::{Class, Field};
use report::Report;

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
    let mut entries = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let row: Row<'_> = serde_json::from_str(line).with_context(|| format!("line {} is not a model", number + 1))?;
        if let Some(entry) = entry(&row, &mut report).with_context(|| format!("line {}", number + 1))? {
            keep(&mut entries, entry, &mut report);
        }
    }
    let header = Header {
        about: "Models, one a line. Prices in pico-dollars per token. Written by `cargo xtask catalog`.",
        sources: vec![Source { name: &args.name, date: &args.date }],
    };
    let mut output = serde_json::to_vec(&header)?;
    output.push(b'\n');
    for entry in entries.values() {
        serde_json::to_writer(&mut output, entry)?;
        output.push(b'\n');
    }
    fs::write(&args.output, output).with_context(|| format!("cannot write {}", args.output.display()))?;
    report.carried = entries.len();
    report.priced = entries.values().filter(|entry| entry.price().is_some()).count();
    write!(std::io::stdout().lock(), "{report}")?;
    Ok(())
}

type Row<'a> = BTreeMap<String, &'a RawValue>;

/// The entry of a row, or `None` for a model that is not about tokens.
fn entry<'a>(row: &Row<'a>, report: &mut Report) -> Result<Option<Entry<'a>>> {
    let [id, provider, mode] = ["id", "provider", "mode"].map(|name| text(row, name));
    let (id, provider, mode) = (id?, provider?, mode?);
    let Some(mode) = fields::mode(mode) else {
        report.other_mode(mode);
        return Ok(None);
    };
    let (provider, id) = fields::name(provider, id);
    let mut entry = Entry {
        provider,
        id,
        mode,
        source: 0,
        max_input_tokens: None,
        max_output_tokens: None,
        abilities: vec![],
        refuses_sampling: false,
        deprecated: None,
        price: None,
        long: vec![],
        tiers: vec![],
    };
    let mut rates = Rates::default();
    for (name, raw) in row {
        match fields::field(name) {
            Field::Rate { class, above, tier } => match report.rate(name, raw.get())? {
                Some(rate) => rates.set(class, above.map(|above| fields::first(entry.provider, above)), tier, rate),
                None => continue,
            },
            Field::Ranges => ranges(raw, name, &mut rates, report)?,
            Field::Input => entry.max_input_tokens = Some(serde_json::from_str(raw.get())?),
            Field::Output => entry.max_output_tokens = Some(serde_json::from_str(raw.get())?),
            Field::Deprecated => entry.deprecated = Some(text(row, name)?),
            Field::Ability(ability) if raw.get() == "true" => entry.abilities.push(ability),
            Field::Sampling => entry.refuses_sampling = raw.get() == "false",
            Field::Ability(_) | Field::Name => {}
            Field::Unknown => report.left(name, raw.get()),
        }
    }
    entry.abilities.sort_unstable();
    entry.refuses_sampling |= thinks_always(&entry, row);
    rates.fill(&mut entry);
    Ok(Some(entry))
}

fn text<'a>(row: &Row<'a>, name: &str) -> Result<&'a str> {
    let raw: &'a RawValue = row.get(name).with_context(|| format!("`{name}` is missing"))?;
    serde_json::from_str(raw.get()).with_context(|| format!("`{name}` is not a plain text"))
}

/// OpenAI's reasoning models take sampling parameters only while they do not think, which most of them always do.
///
/// <https://platform.openai.com/docs/guides/latest-model>
fn thinks_always(entry: &Entry<'_>, row: &Row<'_>) -> bool {
    let rests = row.get("default_reasoning_effort").is_some_and(|raw| raw.get() == "\"none\"");
    let talks = entry.id.contains("-chat");
    entry.provider == "openai" && entry.abilities.contains(&Ability::Reasoning) && !rests && !talks
}

/// `[{"range": [0, 256000], "input_cost_per_token": ...}, ...]`: the end of a range belongs to it.
fn ranges(raw: &RawValue, name: &str, rates: &mut Rates, report: &mut Report) -> Result<()> {
    let rows: Vec<Row<'_>> = serde_json::from_str(raw.get())?;
    for row in rows {
        let Some(range) = row.get("range") else {
            report.left(name, raw.get());
            return Ok(());
        };
        let range: Vec<&RawValue> = serde_json::from_str(range.get())?;
        let start = parse_decimal(range.first().context("an empty range")?.get(), 0)?.value;
        let from = u64::try_from(start).ok().filter(|start| *start > 0).map(|start| start + 1);
        for (name, raw) in row.iter().filter(|(name, _)| *name != "range") {
            match (fields::field(name), report.rate(name, raw.get())?) {
                (Field::Rate { class, above: None, tier: None }, Some(rate)) => {
                    rates.set(class, from, None, rate);
                }
                _ => report.left(&format!("tiered_pricing.{name}"), raw.get()),
            }
        }
    }
    Ok(())
}

/// The rates of one model by tier and first prompt length.
#[derive(Default)]
struct Rates {
    listed: BTreeMap<(Option<&'static str>, Option<u64>), Listed>,
}

impl Rates {
    fn set(&mut self, class: Class, from: Option<u64>, tier: Option<&'static str>, rate: u64) {
        let listed = self.listed.entry((tier, from)).or_default();
        let slot = match class {
            Class::Input => &mut listed.input,
            Class::Output => &mut listed.output,
            Class::CacheRead => &mut listed.cache_read,
            Class::CacheWrite => &mut listed.cache_write,
            Class::CacheWrite1h => &mut listed.cache_write_1h,
            Class::Reasoning => &mut listed.reasoning,
            Class::InputAudio => &mut listed.input_audio,
            Class::OutputAudio => &mut listed.output_audio,
        };
        *slot = Some(rate);
    }

    fn fill(self, entry: &mut Entry<'_>) {
        // Ordered by tier, without one first, and within a tier by length, short prompts first.
        for ((tier, from), price) in self.listed {
            match (tier, from) {
                (None, None) => entry.price = Some(price),
                (None, Some(from)) => entry.long.push(LongEntry { from, price }),
                (Some(name), None) => entry.tiers.push(TierEntry { name, price, long: vec![] }),
                (Some(name), Some(from)) => match entry.tiers.last_mut().filter(|tier| tier.name == name) {
                    Some(tier) => tier.long.push(LongEntry { from, price }),
                    None => entry.tiers.push(TierEntry {
                        name,
                        price: Listed::default(),
                        long: vec![LongEntry { from, price }],
                    }),
                },
            }
        }
        // An embedding has no output to pay for.
        if let (Mode::Embedding, Some(price)) = (entry.mode, entry.price.as_mut()) {
            price.output = price.output.or(Some(0));
        }
    }
}

/// Keeps one entry per name. A source may know a model with and without its provider's name in front: the one with
/// more fields is the fuller one, and a difference in price is worth a look.
fn keep<'a>(entries: &mut BTreeMap<(&'a str, &'a str), Entry<'a>>, entry: Entry<'a>, report: &mut Report) {
    let key = (entry.provider, entry.id);
    if let Some(known) = entries.get(&key) {
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
