//! What one attempt used, normalised: every input token stands in exactly one class, and what is not sold by the token
//! is counted in its own unit.
//!
//! OpenAI and Gemini count cached tokens inside the prompt, Anthropic and Bedrock beside it; some vendors count
//! reasoning outside the completion. The dialects' readers bring all of them into this one form, so that a price is
//! a plain sum of products.

mod estimate;
mod stated;

use serde::{Deserialize, Serialize};

use crate::price::Money;

pub use estimate::{Delivered, estimate_tokens};
pub(crate) use estimate::{Weight, weigh};
pub(crate) use stated::Statement;
pub use stated::stated;

/// Lists the units: a field of [`Usage`] and its name in [`Unit`], and where its count stands.
macro_rules! units {
    ($($(#[doc = $doc:literal])+ $field:ident: $unit:ident, $role:expr;)+) => {
        /// Counts by unit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Usage {
            $($(#[doc = $doc])+ #[serde(skip_serializing_if = "is_default")] pub $field: u64,)+
            /// What the provider says that it costs.
            #[serde(skip_serializing_if = "is_default")]
            pub stated: Option<Money>,
            /// Whether the provider said so or we reckoned.
            #[serde(skip_serializing_if = "is_default")]
            pub source: Source,
        }

        /// What is counted and priced. Its name in JSON is that of its field in [`Usage`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Unit {
            $($(#[doc = $doc])+ $unit,)+
        }

        impl Unit {
            /// Every unit, in the order in which prices are shown.
            pub const ALL: &[Self] = &[$(Self::$unit),+];

            /// `cache_read`, `sound_in_ms`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$unit => stringify!($field),)+
                }
            }

            /// Where its count stands.
            #[must_use]
            pub const fn role(self) -> Role {
                match self {
                    $(Self::$unit => $role,)+
                }
            }
        }

        impl Usage {
            /// The count of a unit.
            #[must_use]
            pub const fn get(&self, unit: Unit) -> u64 {
                match unit {
                    $(Unit::$unit => self.$field,)+
                }
            }

            /// The count of a unit, to be changed.
            pub const fn get_mut(&mut self, unit: Unit) -> &mut u64 {
                match unit {
                    $(Unit::$unit => &mut self.$field,)+
                }
            }

            /// All input tokens, cached ones included (OpenAI's `prompt_tokens`).
            #[must_use]
            pub const fn prompt(&self) -> u64 {
                let mut sum: u64 = 0;
                $(if matches!($role, Role::Prompt) {
                    sum = sum.saturating_add(self.$field);
                })+
                sum
            }

            fn add_counts(&mut self, other: &Self) {
                $(if other.$field > 0 {
                    self.$field = self.$field.saturating_add(other.$field);
                })+
            }
        }
    };
}

units! {
    /// Input tokens neither read from nor written to a cache; text, and whatever the provider does not count apart.
    input: Input, Role::Prompt;
    /// Audio input tokens, not contained in `input`.
    input_audio: InputAudio, Role::Prompt;
    /// Image input tokens counted apart, not contained in `input`.
    input_image: InputImage, Role::Prompt;
    /// Video input tokens counted apart, not contained in `input`.
    input_video: InputVideo, Role::Prompt;
    /// Input tokens read from the provider's prompt cache.
    cache_read: CacheRead, Role::Prompt;
    /// Audio tokens read from the cache. Part of `cache_read`.
    cache_read_audio: CacheReadAudio, Role::PartOf(Unit::CacheRead);
    /// Image tokens read from the cache. Part of `cache_read`.
    cache_read_image: CacheReadImage, Role::PartOf(Unit::CacheRead);
    /// Input tokens written to a cache with the default (five-minute) lifetime.
    cache_write: CacheWrite, Role::Prompt;
    /// Input tokens written to a cache with a lifetime of one hour.
    cache_write_1h: CacheWrite1h, Role::Prompt;
    /// Input tokens written to a cache with a lifetime of more than twelve hours.
    cache_write_12h: CacheWrite12h, Role::Prompt;
    /// All output tokens; `reasoning`, `output_audio`, `output_image` and `output_video` are parts of it.
    output: Output, Role::Output;
    /// Output tokens spent on thought. Part of `output`.
    reasoning: Reasoning, Role::PartOf(Unit::Output);
    /// Output tokens that are sound. Part of `output`.
    output_audio: OutputAudio, Role::PartOf(Unit::Output);
    /// Output tokens that are pictures. Part of `output`.
    output_image: OutputImage, Role::PartOf(Unit::Output);
    /// Output tokens that are film. Part of `output`.
    output_video: OutputVideo, Role::PartOf(Unit::Output);
    /// Tokens of sources that were quoted, neither in the prompt nor in the output (Perplexity).
    citation: Citation, Role::Beside;
    /// Pictures read, where they are sold by the piece.
    images_in: ImagesIn, Role::Beside;
    /// Pictures made.
    images_out: ImagesOut, Role::Beside;
    /// Milliseconds of sound heard.
    sound_in_ms: SoundInMs, Role::Beside;
    /// Milliseconds of sound made.
    sound_out_ms: SoundOutMs, Role::Beside;
    /// Milliseconds of film seen.
    video_in_ms: VideoInMs, Role::Beside;
    /// Milliseconds of film made.
    video_out_ms: VideoOutMs, Role::Beside;
    /// Milliseconds for which a machine worked, where that is what is sold.
    compute_ms: ComputeMs, Role::Beside;
    /// Characters read (Unicode scalar values), such as the text of a speech.
    characters_in: CharactersIn, Role::Beside;
    /// Characters written.
    characters_out: CharactersOut, Role::Beside;
    /// Pages read.
    pages: Pages, Role::Beside;
    /// Pages that were annotated too. Part of `pages`.
    pages_annotated: PagesAnnotated, Role::PartOf(Unit::Pages);
    /// Queries answered: reranks (a provider's "search unit"), searches.
    queries: Queries, Role::Beside;
    /// Searches of the web that a model made.
    web_searches: WebSearches, Role::Beside;
    /// Searches of maps that a model made.
    map_searches: MapSearches, Role::Beside;
    /// Sandboxes in which a model ran code.
    code_sessions: CodeSessions, Role::Beside;
}

impl Unit {
    /// Whether it counts tokens of the prompt or of the answer.
    #[must_use]
    pub const fn is_token(self) -> bool {
        match self.role() {
            Role::Prompt | Role::Output => true,
            Role::PartOf(whole) => matches!(whole.role(), Role::Prompt | Role::Output),
            Role::Beside => false,
        }
    }

    /// The parts of it that have a count of their own: they stand behind it.
    pub fn parts(self) -> impl Iterator<Item = Self> {
        let behind = Self::ALL.iter().copied().skip(self as usize + 1);
        behind.take_while(move |part| part.role() == Role::PartOf(self))
    }

    /// The unit of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|unit| unit.name() == name)
    }
}

impl Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::find(&name).ok_or_else(|| serde::de::Error::custom(format!("there is no unit `{name}`")))
    }
}

/// Where the count of a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Tokens of the prompt, in this class alone.
    Prompt,
    /// Tokens of the answer.
    Output,
    /// Counted in another unit too.
    PartOf(Unit),
    /// Counted for itself.
    Beside,
}

/// Where a count comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The provider reported it.
    #[default]
    Reported,
    /// Reckoned by the gateway: the provider reported nothing, or the stream was cut.
    Estimated,
}

impl Usage {
    /// Input and output together (OpenAI's `total_tokens`).
    #[must_use]
    pub fn total(&self) -> u64 {
        self.prompt().saturating_add(self.output)
    }

    /// Input tokens that met no cache, whatever they stood for.
    #[must_use]
    pub fn uncached(&self) -> u64 {
        self.prompt().saturating_sub(self.cache_read).saturating_sub(self.cache_written())
    }

    /// Tokens written to a cache, whatever their lifetime.
    #[must_use]
    pub fn cache_written(&self) -> u64 {
        [self.cache_write_1h, self.cache_write_12h].into_iter().fold(self.cache_write, u64::saturating_add)
    }

    /// What is not zero.
    pub fn counted(&self) -> impl Iterator<Item = (Unit, u64)> + '_ {
        Unit::ALL.iter().map(|unit| (*unit, self.get(*unit))).filter(|(_, count)| *count > 0)
    }

    /// Adds the counts of another attempt. A sum with a reckoned part is reckoned.
    pub fn add(&mut self, other: &Self) {
        self.add_counts(other);
        self.stated = match (self.stated, other.stated) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        if other.source == Source::Estimated {
            self.source = Source::Estimated;
        }
    }

    /// True if nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counted().next().is_none()
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_behind_their_whole() {
        for unit in Unit::ALL {
            let all: Vec<Unit> = Unit::ALL.iter().copied().filter(|part| part.role() == Role::PartOf(*unit)).collect();
            assert_eq!(unit.parts().collect::<Vec<_>>(), all, "{unit:?}");
        }
    }

    #[test]
    fn every_unit_is_reached_summed_and_written_under_its_own_name() {
        for unit in Unit::ALL {
            let mut usage = Usage::default();
            *usage.get_mut(*unit) = 3;
            let written = serde_json::to_value(usage).unwrap();
            assert_eq!(written, serde_json::json!({ unit.name(): 3 }));
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.name());
            assert_eq!(serde_json::from_value::<Usage>(written).unwrap(), usage);
            let mut sum = usage;
            sum.add(&usage);
            assert_eq!((sum.get(*unit), sum.counted().count()), (6, 1));
            assert!(!usage.is_empty());
            assert_eq!(usage.prompt(), if unit.role() == Role::Prompt { 3 } else { 0 }, "{unit:?}");
        }
        assert!(Usage { source: Source::Estimated, ..Usage::default() }.is_empty());
    }
}
