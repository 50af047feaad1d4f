//! What the catalogue could not carry.

use std::{collections::BTreeMap, fmt};

use anyhow::Result;
use llm::price::parse_decimal;

/// Counts while figures are read; prints at the end.
#[derive(Debug, Default)]
pub struct Report {
    pub carried: usize,
    pub priced: usize,
    modes: BTreeMap<String, usize>,
    fields: BTreeMap<String, (usize, String)>,
    rounded: Vec<String>,
    negative: usize,
    conflicts: Vec<String>,
}

impl Report {
    /// A model of a kind that is not sold by the token.
    pub fn other_mode(&mut self, mode: &str) {
        *self.modes.entry(mode.to_owned()).or_default() += 1;
    }

    /// A field without a place in the catalogue.
    pub fn left(&mut self, field: &str, value: &str) {
        let entry = self.fields.entry(field.to_owned()).or_insert_with(|| (0, value.chars().take(48).collect()));
        entry.0 += 1;
    }

    /// Two entries for one name with different prices.
    pub fn conflict(&mut self, provider: &str, id: &str) {
        self.conflicts.push(format!("{provider} {id}"));
    }

    /// Dollars per token as pico-dollars; `None` for what is no price.
    pub fn rate(&mut self, field: &str, text: &str) -> Result<Option<u64>> {
        let decimal = parse_decimal(text, 12)?;
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
        writeln!(f, "{} models carried, {} of them priced by the token", self.carried, self.priced)?;
        writeln!(f, "\nNot carried: models that are not sold by the token")?;
        for (mode, count) in &self.modes {
            writeln!(f, "{count:6}  {mode}")?;
        }
        writeln!(f, "\nNot carried: fields without a place in the catalogue (count, name, an example)")?;
        for (field, (count, example)) in &self.fields {
            writeln!(f, "{count:6}  {field} {example}")?;
        }
        writeln!(f, "\n{} rates are no prices (negative or absurd) and were left out", self.negative)?;
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
