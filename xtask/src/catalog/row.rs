//! One row of the source: its figures in our units.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use llm::{
    catalog::{
        Ability, Mode,
        entry::{Entry, LongEntry, TierEntry, UpliftEntry, VariantEntry},
    },
    price::{Rates, parse_decimal},
    usage::Unit,
};
use serde_json::value::RawValue;

use super::{
    fields::{self, Field},
    name::{self, Name},
    report::Report,
    units,
};

/// A row of the source as it stands there.
pub type Row<'a> = BTreeMap<String, &'a RawValue>;

/// A row that is read: a model, or what a model costs under some words.
pub struct Read<'a> {
    pub entry: Entry<'a>,
    /// Not empty: the price is for these words alone.
    pub words: Vec<String>,
}

/// The rates of one model by tier and first prompt length, and the rest of its price.
#[derive(Default)]
pub struct Prices<'a> {
    pub listed: BTreeMap<(Option<&'static str>, Option<u64>), Rates>,
    pub variants: Vec<VariantEntry>,
    pub uplifts: Vec<UpliftEntry<'a>>,
    pub request: u64,
    pub search_per_query: bool,
    /// Factor of the fast lane, in thousandths.
    pub fast: Option<u32>,
    /// Dollars by the pixel.
    pub pixel: Option<&'a str>,
}

/// Reads a row; `None` for a kind of model that is new to us.
pub fn read<'a>(row: &Row<'a>, report: &mut Report) -> Result<Option<Read<'a>>> {
    let [id, provider, mode] = ["id", "provider", "mode"].map(|name| text(row, name));
    let (id, provider, mode) = (id?, provider?, mode?);
    let Some(mode) = fields::mode(mode) else {
        report.other_mode(mode);
        return Ok(None);
    };
    let Name { provider, model, words } = name::name(provider, id);
    let mut entry = blank(provider, model, mode);
    let mut prices = Prices::default();
    for (name, raw) in row {
        let raw: &'a RawValue = raw;
        match fields::field(name) {
            Field::Input => entry.max_input_tokens = Some(whole(raw)?),
            Field::Output => entry.max_output_tokens = Some(whole(raw)?),
            Field::Dimensions => entry.dimensions = Some(whole(raw)?),
            Field::Deprecated => entry.deprecated = Some(text(row, name)?),
            Field::Ability(ability) if raw.get() == "true" => entry.abilities.push(ability),
            Field::Inputs => kinds(raw, INPUTS, &mut entry),
            Field::Outputs => kinds(raw, OUTPUTS, &mut entry),
            Field::Sampling => entry.refuses_sampling = raw.get() == "false",
            Field::Ability(_) | Field::Name => {}
            Field::Unknown => report.left(name, raw.get()),
            price => prices.take(price, &Said { provider, name, raw }, report)?,
        }
    }
    entry.abilities.sort_unstable();
    entry.abilities.dedup();
    entry.refuses_sampling |= thinks_always(&entry, row);
    units::settle(&mut prices, &entry, &words, report)?;
    prices.fill(&mut entry);
    Ok(Some(Read { entry, words }))
}

/// A field of a price, and where it was said.
struct Said<'s, 'a> {
    provider: &'s str,
    name: &'s str,
    raw: &'a RawValue,
}

impl<'a> Prices<'a> {
    fn take(&mut self, field: Field<'_>, said: &Said<'_, 'a>, report: &mut Report) -> Result<()> {
        let Said { provider, name, raw } = *said;
        match field {
            Field::Rate { unit, scale, above, tier } => {
                if let Some(rate) = report.rate(name, raw.get(), scale)? {
                    self.set(unit, above.map(|above| fields::first(provider, above)), tier, rate);
                }
            }
            Field::Variant(unit, scale, word) => {
                if let Some(rate) = report.rate(name, raw.get(), scale)? {
                    self.variants.push(VariantEntry { words: vec![word.to_owned()], price: one(unit, rate) });
                }
            }
            Field::Request => self.request = report.rate(name, raw.get(), 0)?.unwrap_or(0),
            Field::Pixel => self.pixel = Some(raw.get()),
            Field::Ranges => self.ranges(raw, name, report)?,
            Field::Searches => self.searches(raw, name, report)?,
            Field::SearchUnit => self.search_per_query = raw.get() == "\"per_query\"",
            Field::Uplift(region) => self.uplift(region, raw)?,
            Field::Factors => self.factors(raw, name, report)?,
            _ => report.left(name, raw.get()),
        }
        Ok(())
    }

    fn set(&mut self, unit: Unit, from: Option<u64>, tier: Option<&'static str>, rate: u64) {
        self.listed.entry((tier, from)).or_default().set(unit, rate);
    }

    /// `[{"range": [0, 256000], "input_cost_per_token": ...}, ...]`: the end of a range belongs to it.
    fn ranges(&mut self, raw: &RawValue, name: &str, report: &mut Report) -> Result<()> {
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
                match fields::field(name) {
                    Field::Rate { unit, scale, above: None, tier: None } => {
                        if let Some(rate) = report.rate(name, raw.get(), scale)? {
                            self.set(unit, from, None, rate);
                        }
                    }
                    _ => report.left(&format!("tiered_pricing.{name}"), raw.get()),
                }
            }
        }
        Ok(())
    }

    /// `{"search_context_size_low": 0.01, ...}`: searches cost what a medium one does, unless told otherwise.
    fn searches(&mut self, raw: &RawValue, name: &str, report: &mut Report) -> Result<()> {
        let sizes: Row<'_> = serde_json::from_str(raw.get())?;
        let mut medium = None;
        for (size, raw) in sizes {
            let Some(rate) = report.rate(name, raw.get(), 0)? else { continue };
            let word = size.trim_start_matches("search_context_size_").to_owned();
            if word == "medium" {
                medium = Some(rate);
                self.set(Unit::WebSearches, None, None, rate);
            } else {
                let words = vec![format!("search:{word}")];
                self.variants.push(VariantEntry { words, price: one(Unit::WebSearches, rate) });
            }
        }
        let same =
            |variant: &VariantEntry| variant.price.get(Unit::WebSearches).is_some_and(|rate| Some(rate) == medium);
        self.variants.retain(|variant| !same(variant));
        Ok(())
    }

    fn uplift(&mut self, region: &'static str, factor: &RawValue) -> Result<()> {
        self.uplifts.push(UpliftEntry { region, per_mille: per_mille(factor)? });
        Ok(())
    }

    /// `{"us": 1.1, "fast": 6.0}`
    fn factors(&mut self, raw: &RawValue, name: &str, report: &mut Report) -> Result<()> {
        let factors: Row<'_> = serde_json::from_str(raw.get())?;
        for (what, factor) in factors {
            match what.as_str() {
                "us" => self.uplift("us", factor)?,
                "fast" => self.fast = Some(per_mille(factor)?),
                other => report.left(&format!("{name}.{other}"), factor.get()),
            }
        }
        Ok(())
    }

    fn fill(self, entry: &mut Entry<'a>) {
        // Ordered by tier, without one first, and within a tier by length, short prompts first.
        for ((tier, from), price) in self.listed {
            match (tier, from) {
                (None, None) => entry.price = price,
                (None, Some(from)) => entry.long.push(LongEntry { from, price }),
                (Some(name), None) => entry.tiers.push(TierEntry { name, price, long: vec![] }),
                (Some(name), Some(from)) => match entry.tiers.last_mut().filter(|tier| tier.name == name) {
                    Some(tier) => tier.long.push(LongEntry { from, price }),
                    None => entry.tiers.push(TierEntry {
                        name,
                        price: Rates::default(),
                        long: vec![LongEntry { from, price }],
                    }),
                },
            }
        }
        if let Some(fast) = self.fast {
            let price = entry.price.iter().filter(|(unit, _)| unit.is_token());
            let price = price.map(|(unit, rate)| (unit, rate * u64::from(fast) / 1000)).collect();
            entry.tiers.push(TierEntry { name: "fast", price, long: vec![] });
        }
        entry.variants = self.variants;
        entry.uplifts = self.uplifts;
        entry.request = self.request;
        // Google sells searches by the prompt before Gemini 3, Perplexity by the answer.
        let by_prompt = match entry.provider {
            "gemini" | "vertex" => entry.id.starts_with("gemini") && !self.search_per_query,
            "perplexity" => !entry.id.contains("deep-research"),
            _ => false,
        };
        entry.search_per_prompt = by_prompt && entry.price.get(Unit::WebSearches).is_some();
    }
}

/// A list of one rate.
pub fn one(unit: Unit, rate: u64) -> Rates {
    [(unit, rate)].into_iter().collect()
}

/// A whole number, which the source may write as `2048.0`.
fn whole(raw: &RawValue) -> Result<u64> {
    Ok(u64::try_from(parse_decimal(raw.get(), 0)?.value)?)
}

fn per_mille(factor: &RawValue) -> Result<u32> {
    Ok(u32::try_from(parse_decimal(factor.get(), 3)?.value)?)
}

fn blank<'a>(provider: &'a str, id: &'a str, mode: Mode) -> Entry<'a> {
    Entry {
        provider,
        id,
        mode,
        source: 0,
        max_input_tokens: None,
        max_output_tokens: None,
        abilities: vec![],
        refuses_sampling: false,
        deprecated: None,
        dimensions: None,
        price: Rates::default(),
        long: vec![],
        tiers: vec![],
        variants: vec![],
        uplifts: vec![],
        request: 0,
        search_per_prompt: false,
    }
}

type Kinds = &'static [(&'static str, Ability)];

const INPUTS: Kinds = &[
    ("image", Ability::Vision),
    ("video", Ability::VideoInput),
    ("audio", Ability::AudioInput),
    ("pdf", Ability::Pdf),
];
const OUTPUTS: Kinds =
    &[("image", Ability::ImageOutput), ("video", Ability::VideoOutput), ("audio", Ability::AudioOutput)];

/// `["text", "image"]`
fn kinds(raw: &RawValue, meanings: Kinds, entry: &mut Entry<'_>) {
    let kinds: Vec<&str> = serde_json::from_str(raw.get()).unwrap_or_default();
    entry.abilities.extend(meanings.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, ability)| *ability));
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
    let openai = matches!(entry.provider, "openai" | "azure_openai");
    openai && entry.abilities.contains(&Ability::Reasoning) && !rests && !talks
}
