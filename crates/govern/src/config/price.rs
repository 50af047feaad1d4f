//! Prices as written, and what they mean.
//!
//! People write dollars as price pages print them: per million tokens or characters, per picture, second, page or search.

use std::collections::BTreeMap;

use llm::{price::parse_decimal, usage::Unit};
use schemars::JsonSchema;
use serde::Deserialize;

use super::raw::Items;

/// Lists the settings: name, unit, and the power of ten by which dollars become pico-dollars per unit.
macro_rules! rates {
    ($($(#[doc = $doc:literal])+ $name:ident: $unit:ident, $scale:expr;)+) => {
        /// What a model costs, in US dollars. Tokens and characters are priced per million.
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct RawPrice {
            $($(#[doc = $doc])+ pub $name: Option<f64>,)+
            /// For each request, besides what it uses.
            pub request: Option<f64>,
            /// A prompt that was searched for costs one search, however many the model made. Default: false.
            pub search_per_prompt: Option<bool>,
            /// Prices of whole requests with long prompts.
            #[schemars(with = "Vec<RawLongPrice>")]
            pub long: Items<RawLongPrice>,
            /// Prices of service tiers, by the name that the provider reports: `flex`, `priority`, `batch`.
            pub tiers: BTreeMap<String, RawTierPrice>,
            /// Prices that depend on what is asked for, such as the size of a picture.
            #[schemars(with = "Vec<RawVariantPrice>")]
            pub variants: Items<RawVariantPrice>,
            /// Factors on tokens by the account's region: `eu: 1.1`.
            pub regions: BTreeMap<String, f64>,
        }

        /// Rates in US dollars. Tokens and characters are priced per million.
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct RawRates {
            $($(#[doc = $doc])+ pub $name: Option<f64>,)+
        }

        impl RawPrice {
            /// The rates that hold unless others do.
            #[must_use]
            pub fn rates(&self) -> RawRates {
                RawRates { $($name: self.$name),+ }
            }
        }

        impl RawRates {
            /// The name of every rate.
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// Every rate: its name, its unit, and the power of ten by which dollars become pico-dollars per unit.
            pub const SETTINGS: &[(&str, Unit, i32)] = &[$((stringify!($name), Unit::$unit, $scale)),+];

            /// What is written, with the unit and the power of ten of each setting.
            #[must_use]
            pub fn written(&self) -> Vec<Written> {
                let all = [$(Written { name: stringify!($name), unit: Unit::$unit, scale: $scale, dollars: self.$name }),+];
                all.into_iter().filter(|rate| rate.dollars.is_some()).collect()
            }
        }
    };
}

const PER_MILLION: i32 = 6;
const EACH: i32 = 12;
/// Of milliseconds.
const PER_SECOND: i32 = 9;

rates! {
    /// Input tokens.
    input: Input, PER_MILLION;
    /// Output tokens.
    output: Output, PER_MILLION;
    /// Input tokens read from the provider's prompt cache. Default: as `input`.
    cache_read: CacheRead, PER_MILLION;
    /// Audio tokens read from the cache. Default: as `cache_read`.
    cache_read_audio: CacheReadAudio, PER_MILLION;
    /// Image tokens read from the cache. Default: as `cache_read`.
    cache_read_image: CacheReadImage, PER_MILLION;
    /// Input tokens written to a cache for five minutes. Default: as `input`.
    cache_write: CacheWrite, PER_MILLION;
    /// Input tokens written to a cache for one hour. Default: as `cache_write`.
    cache_write_1h: CacheWrite1h, PER_MILLION;
    /// Input tokens written to a cache for more than twelve hours. Default: as `cache_write_1h`.
    cache_write_12h: CacheWrite12h, PER_MILLION;
    /// Output tokens spent on thought. Default: as `output`.
    reasoning: Reasoning, PER_MILLION;
    /// Audio input tokens. Default: as `input`.
    input_audio: InputAudio, PER_MILLION;
    /// Image input tokens. Default: as `input`.
    input_image: InputImage, PER_MILLION;
    /// Video input tokens. Default: as `input`.
    input_video: InputVideo, PER_MILLION;
    /// Output tokens that are sound. Default: as `output`.
    output_audio: OutputAudio, PER_MILLION;
    /// Output tokens that are pictures. Default: as `output`.
    output_image: OutputImage, PER_MILLION;
    /// Output tokens that are film. Default: as `output`.
    output_video: OutputVideo, PER_MILLION;
    /// Tokens of quoted sources.
    citation: Citation, PER_MILLION;
    /// A picture read.
    images_in: ImagesIn, EACH;
    /// A picture made.
    images_out: ImagesOut, EACH;
    /// A second of sound heard.
    sound_in: SoundInMs, PER_SECOND;
    /// A second of sound made.
    sound_out: SoundOutMs, PER_SECOND;
    /// A second of film seen.
    video_in: VideoInMs, PER_SECOND;
    /// A second of film made.
    video_out: VideoOutMs, PER_SECOND;
    /// A second of machine time.
    compute: ComputeMs, PER_SECOND;
    /// Characters read.
    characters_in: CharactersIn, PER_MILLION;
    /// Characters written.
    characters_out: CharactersOut, PER_MILLION;
    /// A page read.
    pages: Pages, EACH;
    /// A page read and annotated. Default: as `pages`.
    pages_annotated: PagesAnnotated, EACH;
    /// A query answered: a rerank, a search.
    queries: Queries, EACH;
    /// A search of the web.
    web_searches: WebSearches, EACH;
    /// A search of maps.
    map_searches: MapSearches, EACH;
    /// A sandbox in which code ran.
    code_sessions: CodeSessions, EACH;
}

/// Prices of whole requests with long prompts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLongPrice {
    /// The first length of a prompt in tokens that pays them, cached ones included: 200001 where the provider says
    /// "above 200000".
    pub from: u32,
    /// The prices; those that are not listed stay as they are.
    pub rates: RawRates,
}

/// Prices of a service tier.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTierPrice {
    /// The prices; those that are not listed stay as they are.
    pub rates: RawRates,
    /// Prices of long prompts in this tier. Default: those of the model.
    #[schemars(with = "Vec<RawLongPrice>")]
    pub long: Items<RawLongPrice>,
}

/// Prices that depend on what is asked for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawVariantPrice {
    /// What must all be asked for, in the provider's words: `[1024x1024, hd]`, `[720p]`.
    #[schemars(with = "Vec<String>", length(min = 1, max = 8))]
    pub when: Items<String>,
    /// The prices.
    pub rates: RawRates,
}

/// Whose word counts on what an answer cost.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawCosts {
    /// The prices, and what the provider states where no price is known.
    Prices,
    /// What the provider states with its answer, and the prices where it states nothing.
    Provider,
}

/// A price as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    /// The name of the setting.
    pub name: &'static str,
    pub unit: Unit,
    /// Ten to this power makes pico-dollars per unit of it.
    pub scale: i32,
    pub dollars: Option<f64>,
}

impl Written {
    /// Pico-dollars per unit; `None` for what is no price: negative, or more than a million dollars.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        pico(self.dollars?, self.scale)
    }
}

/// Dollars times ten to a power; `None` for what is no price.
#[must_use]
pub fn pico(dollars: f64, scale: i32) -> Option<u64> {
    // A million dollars: beyond every price, short of every overflow. The text of a float is exact.
    let text = (0.0..=1_000_000.0).contains(&dollars).then(|| dollars.to_string())?;
    parse_decimal(&text, scale).ok().and_then(|rate| u64::try_from(rate.value).ok())
}
