//! What the catalogue could not carry.

use std::{collections::BTreeMap, fmt};

use anyhow::Result;
use llm::{
    catalog::{Mode, entry::Entry},
    price::parse_decimal,
};

/// Counts while figures are read; prints at the end.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows of the source.
    pub read: usize,
    /// Rows that price a size of a picture: they are variants of other models.
    pub sized: usize,
    /// Rows whose name another row has too.
    pub twice: usize,
    by_mode: BTreeMap<Mode, [usize; 2]>,
    providers: BTreeMap<String, usize>,
    modes: BTreeMap<String, usize>,
    fields: BTreeMap<String, (usize, String)>,
    rounded: Vec<String>,
    negative: usize,
    conflicts: Vec<String>,
    implausible: Vec<String>,
}

impl Report {
    /// A model that stands in the catalogue.
    pub fn carried(&mut self, entry: &Entry<'_>) {
        let [all, priced] = self.by_mode.entry(entry.mode).or_default();
        *all += 1;
        *priced += usize::from(entry.price().is_some());
        *self.providers.entry(entry.provider.to_owned()).or_default() += 1;
    }

    /// A model of a kind that is not known here.
    pub fn other_mode(&mut self, mode: &str) {
        *self.modes.entry(mode.to_owned()).or_default() += 1;
    }

    /// A field without a place in the catalogue.
    pub fn left(&mut self, field: &str, value: &str) {
        let entry = self.fields.entry(field.to_owned()).or_insert_with(|| (0, value.chars().take(48).collect()));
        entry.0 += 1;
    }

    /// A price that cannot be right.
    pub fn implausible(&mut self, provider: &str, id: &str, rate: u64) {
        self.implausible.push(format!("{provider} {id}: {rate} pico-dollars per token"));
    }

    /// Two entries for one name with different prices.
    pub fn conflict(&mut self, provider: &str, id: &str) {
        self.conflicts.push(format!("{provider} {id}"));
    }

    /// Dollars per 10^`scale` units as pico-dollars per unit; `None` for what is no price.
    pub fn rate(&mut self, field: &str, text: &str, scale: i32) -> Result<Option<u64>> {
        let decimal = parse_decimal(text, 12 - scale)?;
        if !decimal.exact {
            self.rounded.push(format!("{field} {text}"));
        }
        let rate = u64::try_from(decimal.value).ok();
        self.negative += usize::from(rate.is_none());
        Ok(rate)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [carried, priced] =
            self.by_mode.values().fold([0, 0], |[all, priced], [more, of_them]| [all + more, priced + of_them]);
        writeln!(
            f,
            "{} rows read: {carried} models of {} providers carried, {priced} of them priced",
            self.read,
            self.providers.len()
        )?;
        writeln!(
            f,
            "{} rows price a size of a picture and are variants of a model; {} name one again",
            self.sized, self.twice
        )?;
        writeln!(f, "\n models priced  mode")?;
        for (mode, [all, priced]) in &self.by_mode {
            writeln!(f, "{all:7} {priced:6}  {}", mode.as_str())?;
        }
        writeln!(f, "\nNot carried: models of a kind that is not known here")?;
        for (mode, count) in &self.modes {
            writeln!(f, "{count:6}  {mode}")?;
        }
        writeln!(f, "\nNot carried: fields without a place in the catalogue (count, name, an example)")?;
        for (field, (count, example)) in &self.fields {
            writeln!(f, "{count:6}  {field} {example}")?;
        }
        writeln!(f, "\n{} rates are no prices (negative or absurd) and were left out", self.negative)?;
        writeln!(f, "{} prices cannot be right and were left out", self.implausible.len())?;
        for implausible in &self.implausible {
            writeln!(f, "        {implausible}")?;
        }
        writeln!(f, "{} rates are finer than a pico-dollar and were rounded", self.rounded.len())?;
        for rounded in self.rounded.iter().take(5) {
            writeln!(f, "        {rounded}")?;
        }
        writeln!(f, "{} names stand twice with different prices; the fuller entry was kept", self.conflicts.len())?;
        for conflict in &self.conflicts {
            writeln!(f, "        {conflict}")?;
        }
        Ok(())
    }
}
