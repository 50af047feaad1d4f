//! Prices: usage x price -> [`Money`], in integers from the catalogue's text to the last sum.
//!
//! A rate is a whole number of pico-dollars (10^-12) per unit: the finest published price, a hundredth of a cent per
//! million tokens, is 100 of them. One request is summed in pico-dollars and rounded to nano-dollars once, at the end.

mod charge;
#[cfg(test)]
mod costs;
mod decimal;
mod estimate;
mod lines;
mod money;
mod rates;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::usage::Unit;

pub use charge::{Charge, Served, Terms};
pub use decimal::{Decimal, NotDecimal, parse as parse_decimal};
pub use lines::Line;
pub use money::Money;
pub use rates::Rates;

/// What a model costs. As JSON it is kept for good: what is empty is left out, and a field is never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Price {
    /// The rates unless one of the others applies. A unit without a rate follows another ([`follows`]) or has no price.
    #[serde(skip_serializing_if = "Rates::is_empty")]
    pub base: Rates,
    /// Rates for long prompts, by ascending `from`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub long: Vec<Long>,
    /// Rates of other service tiers than the default one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Rates that depend on what was asked for: the size of a picture, the resolution of a film.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// Surcharges by where the model runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uplifts: Vec<Uplift>,
    /// Pico-dollars for each request, besides what it uses.
    #[serde(skip_serializing_if = "is_default")]
    pub request: u64,
    /// A prompt that was searched for costs one search, however many were made.
    #[serde(skip_serializing_if = "is_default")]
    pub search_per_prompt: bool,
    /// Which price this is, for records: where it is from and a digest of it (`2026-11/1f0a33c2`).
    #[serde(skip)]
    pub version: Option<Arc<str>>,
}

/// Rates for a whole request, output included, whose prompt has at least `from` tokens, cached ones included.
///
/// Vendors say "above N" or "from N on": the first prompt length that pays the rates says both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Long {
    pub from: u64,
    pub rates: Rates,
}

/// Rates of a service tier (`flex`, `priority`, `batch`), chosen by the tier that served the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    pub name: String,
    pub rates: Rates,
    /// As [`Price::long`]. Where it is empty, long prompts pay the price's own long rates: no discount is made up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub long: Vec<Long>,
}

/// Rates that hold when all of these words were asked for: `1024x1024` and `high`, or `720p`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    pub words: Vec<String>,
    pub rates: Rates,
}

/// What a region adds to the price of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplift {
    /// `eu` for all regions of that zone, `eu-west-1` for one, `regional` for every region that is not `global`.
    pub region: String,
    /// The factor in thousandths: 1100 makes it a tenth dearer.
    pub per_mille: u32,
}

impl Price {
    /// A price with these rates alone.
    #[must_use]
    pub fn flat(base: Rates) -> Self {
        Self { base, ..Self::default() }
    }

    /// Free of charge, which is not the same as of unknown price.
    #[must_use]
    pub fn free() -> Self {
        Self::flat(Unit::ALL.iter().map(|unit| (*unit, 0)).collect())
    }

    /// What a unit costs by default, in pico-dollars; `None` if that is not known.
    #[must_use]
    pub fn rate(&self, unit: Unit) -> Option<u64> {
        rates::find(&[Some(&self.base)], unit)
    }

    /// The rate of a unit in a request with so long a prompt that was served so.
    #[must_use]
    pub fn rate_for(&self, unit: Unit, prompt: u64, served: &Served<'_>) -> Option<u64> {
        rates::find(&self.lists(prompt, served), unit).or_else(|| self.dearest(unit))
    }

    /// Whether anything has a rate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let lists = [self.long.is_empty(), self.tiers.is_empty(), self.variants.is_empty()];
        self.base.is_empty() && self.request == 0 && lists == [true; 3]
    }

    /// The price with its version: where it is from, and a digest, so that another price has another version.
    #[must_use]
    pub fn versioned(mut self, from: &str) -> Self {
        self.version = None;
        let digest =
            format!("{self:?}").bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
        self.version = Some(format!("{from}/{digest:016x}").into());
        self
    }

    /// The lists that hold, the most particular first.
    fn lists(&self, prompt: u64, served: &Served<'_>) -> [Option<&Rates>; 4] {
        fn at(long: &[Long], prompt: u64) -> Option<&Rates> {
            long.iter().rfind(|long| prompt >= long.from).map(|long| &long.rates)
        }
        let variant = self.variant(served).map(|variant| &variant.rates);
        let (long, tier) = match self.tier(served) {
            Some(tier) if !tier.long.is_empty() => (at(&tier.long, prompt), Some(&tier.rates)),
            Some(tier) => (at(&self.long, prompt).or(Some(&tier.rates)), None),
            None => (at(&self.long, prompt), None),
        };
        [variant, long, tier, Some(&self.base)]
    }

    fn tier(&self, served: &Served<'_>) -> Option<&Tier> {
        served.tier.and_then(|name| self.tiers.iter().find(|tier| tier.name.eq_ignore_ascii_case(name)))
    }

    /// The variant of which most was asked for.
    fn variant(&self, served: &Served<'_>) -> Option<&Variant> {
        let asked = |word: &String| served.words.iter().any(|asked| asked.eq_ignore_ascii_case(word));
        let fitting = self.variants.iter().filter(|variant| variant.words.iter().all(asked));
        fitting.max_by_key(|variant| variant.words.len())
    }

    /// Of a unit that only variants price, where none of them was asked for: never too low.
    fn dearest(&self, unit: Unit) -> Option<u64> {
        self.variants.iter().filter_map(|variant| variant.rates.get(unit)).max()
    }

    /// The factor of a region, in thousandths; 1000 where it adds nothing.
    #[must_use]
    pub fn uplift(&self, region: Option<&str>) -> u32 {
        let Some(region) = region else { return 1000 };
        let exact = |uplift: &&Uplift| uplift.region.eq_ignore_ascii_case(region);
        let zone = |uplift: &&Uplift| zone(region).is_some_and(|zone| uplift.region == zone);
        let regional = |uplift: &&Uplift| uplift.region == "regional" && region != "global";
        let all = || self.uplifts.iter();
        let found = all().find(exact).or_else(|| all().find(zone)).or_else(|| all().find(regional));
        found.map_or(1000, |uplift| uplift.per_mille)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The digest of Fowler, Noll and Vo: the same on every machine and in every build. It names, it does not protect.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The part of the world of a cloud's region: `eu` for `eu-west-1` and `europe-west4`.
#[must_use]
pub fn zone(region: &str) -> Option<&'static str> {
    const ZONES: &[(&str, &str)] = &[
        ("europe", "eu"),
        ("eu", "eu"),
        ("us-gov", "us-gov"),
        ("us", "us"),
        ("asia", "apac"),
        ("apac", "apac"),
        ("ap", "apac"),
    ];
    let is = |name: &str| region.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    ZONES.iter().find(|(name, _)| is(name)).map(|(_, zone)| *zone)
}

/// Where the rate of a unit comes from if a price does not list it. A listed 0 is free of charge.
#[must_use]
pub const fn follows(unit: Unit) -> Option<Unit> {
    use Unit as U;
    match unit {
        U::InputAudio | U::InputImage | U::InputVideo | U::CacheRead | U::CacheWrite => Some(U::Input),
        U::CacheReadAudio | U::CacheReadImage => Some(U::CacheRead),
        U::CacheWrite1h => Some(U::CacheWrite),
        U::CacheWrite12h => Some(U::CacheWrite1h),
        U::Reasoning | U::OutputAudio | U::OutputImage | U::OutputVideo => Some(U::Output),
        U::PagesAnnotated => Some(U::Pages),
        U::Input
        | U::Output
        | U::Citation
        | U::ImagesIn
        | U::ImagesOut
        | U::SoundInMs
        | U::SoundOutMs
        | U::VideoInMs
        | U::VideoOutMs
        | U::ComputeMs
        | U::CharactersIn
        | U::CharactersOut
        | U::Pages
        | U::Queries
        | U::WebSearches
        | U::MapSearches
        | U::CodeSessions => None,
    }
}
