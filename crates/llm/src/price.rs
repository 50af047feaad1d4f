//! Prices: usage x price -> [`Money`], in integers from the catalogue's text to the last sum.
//!
//! A rate is a whole number of pico-dollars (10^-12) per token: the finest published price, a hundredth of a cent per
//! million tokens, is 100 of them. One request is summed in pico-dollars and rounded to nano-dollars once, at the end.

mod decimal;
mod money;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::usage::Usage;

pub use decimal::{Decimal, NotDecimal, parse as parse_decimal};
pub use money::Money;

/// What the tokens of a model cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Price {
    /// The rates unless one of the others applies.
    pub base: Rates,
    /// Rates for long prompts, by ascending `from`.
    pub long: Vec<Long>,
    /// Rates of other service tiers than the default one.
    pub tiers: Vec<Tier>,
}

/// Pico-dollars per token, by class; every class has a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    pub input: u64,
    pub input_audio: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub cache_write_1h: u64,
    /// Output that is neither thought nor sound.
    pub output: u64,
    pub reasoning: u64,
    pub output_audio: u64,
}

/// Rates for a whole request, output included, whose prompt has at least `from` tokens, cached ones included.
///
/// Vendors say "above N" or "from N on": the first prompt length that pays the rates says both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Long {
    pub from: u64,
    pub rates: Rates,
}

/// Rates of a service tier (`flex`, `priority`, `batch`), chosen by the tier that served the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    pub name: String,
    pub rates: Rates,
    /// As [`Price::long`]. Where it is empty, long prompts pay the price's own long rates: no discount is made up.
    pub long: Vec<Long>,
}

/// Rates as a price list gives them, in pico-dollars per token: what is not listed follows from what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_audio: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_audio: Option<u64>,
}

impl Price {
    /// A price without long rates and tiers; `None` unless input and output are listed.
    #[must_use]
    pub fn flat(listed: &Listed) -> Option<Self> {
        Some(Self { base: listed.rates(&Listed::default())?, ..Self::default() })
    }

    /// The cost of one attempt. `service_tier` is the tier that really served it.
    #[must_use]
    pub fn cost(&self, usage: &Usage, service_tier: Option<&str>) -> Money {
        Money::from_pico(self.rates(usage.prompt(), service_tier).total(usage))
    }

    /// The rates of a request with so long a prompt.
    #[must_use]
    pub fn rates(&self, prompt: u64, service_tier: Option<&str>) -> &Rates {
        let tier = service_tier.and_then(|name| self.tiers.iter().find(|tier| tier.name.eq_ignore_ascii_case(name)));
        let (short, long) = match tier {
            Some(tier) if tier.long.is_empty() => (&tier.rates, &self.long),
            Some(tier) => (&tier.rates, &tier.long),
            None => (&self.base, &self.long),
        };
        long.iter().rev().find(|long| prompt >= long.from).map_or(short, |long| &long.rates)
    }
}

impl Rates {
    /// Pico-dollars for all tokens; absurd counts saturate.
    fn total(&self, usage: &Usage) -> i128 {
        let audio = usage.output_audio.min(usage.output);
        let reasoning = usage.reasoning.min(usage.output - audio);
        [
            (usage.input, self.input),
            (usage.input_audio, self.input_audio),
            (usage.cache_read, self.cache_read),
            (usage.cache_write, self.cache_write),
            (usage.cache_write_1h, self.cache_write_1h),
            (usage.output - audio - reasoning, self.output),
            (reasoning, self.reasoning),
            (audio, self.output_audio),
        ]
        .into_iter()
        .fold(0, |sum, (tokens, rate)| sum.saturating_add(i128::from(tokens).saturating_mul(i128::from(rate))))
    }
}

impl Listed {
    /// These rates, and where they are silent those of `general`.
    #[must_use]
    pub fn or(&self, general: &Self) -> Self {
        Self {
            input: self.input.or(general.input),
            output: self.output.or(general.output),
            cache_read: self.cache_read.or(general.cache_read),
            cache_write: self.cache_write.or(general.cache_write),
            cache_write_1h: self.cache_write_1h.or(general.cache_write_1h),
            reasoning: self.reasoning.or(general.reasoning),
            input_audio: self.input_audio.or(general.input_audio),
            output_audio: self.output_audio.or(general.output_audio),
        }
    }

    /// The rates with every gap filled, or `None` without a rate for input or output.
    ///
    /// A gap takes the rate that `general` lists (the price's base, for long prompts and tiers); then a cache or audio
    /// rate is the input's, an hour's cache write a plain cache write's, thought and sound the output's. A listed 0 is
    /// free of charge.
    #[must_use]
    pub fn rates(&self, general: &Self) -> Option<Rates> {
        let listed = self.or(general);
        let (input, output) = (listed.input?, listed.output?);
        let cache_write = listed.cache_write.unwrap_or(input);
        Some(Rates {
            input,
            input_audio: listed.input_audio.unwrap_or(input),
            cache_read: listed.cache_read.unwrap_or(input),
            cache_write,
            cache_write_1h: listed.cache_write_1h.unwrap_or(cache_write),
            output,
            reasoning: listed.reasoning.unwrap_or(output),
            output_audio: listed.output_audio.unwrap_or(output),
        })
    }
}
