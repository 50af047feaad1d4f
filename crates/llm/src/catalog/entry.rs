//! The catalogue's own form: a line that names the sources, then one model a line.
//!
//! Whole units, pico-dollars per unit, no floats: what a reviewer sees in a diff is what is charged. `xtask catalog`
//! writes these types, [`models`] reads them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Model;
use crate::{
    price::{Long, Price, Rates, Tier, Uplift, Variant},
    provider::Operation,
    usage::Unit,
};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header<'a> {
    /// What the file is, for people who open it.
    pub about: &'a str,
    /// Entries name theirs by its place in this list.
    pub sources: Vec<Source<'a>>,
}

/// Where figures come from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source<'a> {
    pub name: &'a str,
    /// When they were collected: `2026-11` or `2026-11-30`.
    pub date: &'a str,
}

/// One model.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<'a> {
    pub provider: &'a str,
    pub id: &'a str,
    pub mode: Mode,
    /// Place in [`Header::sources`].
    pub source: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abilities: Vec<Ability>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refuses_sampling: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<&'a str>,
    /// Numbers of a vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u64>,
    /// `None`: no price is known.
    #[serde(default, skip_serializing_if = "Rates::is_empty")]
    pub price: Rates,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub long: Vec<LongEntry>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierEntry<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantEntry>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub uplifts: Vec<UpliftEntry<'a>>,
    /// As [`Price::request`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub request: u64,
    /// As [`Price::search_per_prompt`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub search_per_prompt: bool,
}

/// As [`Long`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongEntry {
    pub from: u64,
    pub price: Rates,
}

/// As [`Tier`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierEntry<'a> {
    pub name: &'a str,
    pub price: Rates,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub long: Vec<LongEntry>,
}

/// As [`Variant`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantEntry {
    pub words: Vec<String>,
    pub price: Rates,
}

/// As [`Uplift`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpliftEntry<'a> {
    pub region: &'a str,
    pub per_mille: u32,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Conversations.
    Chat,
    /// Conversations by OpenAI's Responses API alone.
    Responses,
    /// Plain continuation of a text.
    Completion,
    /// Vectors.
    Embedding,
    /// Pictures.
    Image,
    /// Pictures out of pictures.
    ImageEdit,
    /// Films.
    Video,
    /// Text out of sound.
    Transcription,
    /// Sound out of text.
    Speech,
    /// Conversations by sound, over a connection that stays open.
    Realtime,
    /// Texts in the order in which they answer a query.
    Rerank,
    /// Whether a text is harmful.
    Moderation,
    /// Text out of pages.
    Ocr,
    /// Pages of the web.
    Search,
    /// Something that the gateway passes through at most.
    Other,
}

impl Mode {
    /// What is asked of such a model; `None` if the gateway has no operation for it.
    #[must_use]
    pub const fn operation(self) -> Option<Operation> {
        Some(match self {
            Self::Chat | Self::Responses | Self::Completion => Operation::Chat,
            Self::Embedding => Operation::Embed,
            Self::Image => Operation::Image,
            Self::ImageEdit => Operation::ImageEdit,
            Self::Transcription => Operation::Transcribe,
            Self::Speech => Operation::Speech,
            Self::Rerank => Operation::Rerank,
            Self::Moderation => Operation::Moderate,
            Self::Ocr => Operation::Ocr,
            Self::Video | Self::Realtime | Self::Search | Self::Other => return None,
        })
    }

    /// The word in the catalogue and in lists of models.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Completion => "completion",
            Self::Embedding => "embedding",
            Self::Image => "image",
            Self::ImageEdit => "image_edit",
            Self::Video => "video",
            Self::Transcription => "transcription",
            Self::Speech => "speech",
            Self::Realtime => "realtime",
            Self::Rerank => "rerank",
            Self::Moderation => "moderation",
            Self::Ocr => "ocr",
            Self::Search => "search",
            Self::Other => "other",
        }
    }

    /// Whether it is sold by the token, in and out.
    #[must_use]
    pub const fn converses(self) -> bool {
        matches!(self, Self::Chat | Self::Responses | Self::Completion)
    }
}

/// Something that not every model can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Ability {
    Vision,
    Pdf,
    AudioInput,
    AudioOutput,
    VideoInput,
    Tools,
    ToolChoice,
    ParallelTools,
    StructuredOutput,
    Reasoning,
    PromptCaching,
    Prefill,
    WebSearch,
    ComputerUse,
    /// Anthropic: it decides itself how much to think, and takes an effort in place of a budget.
    AdaptiveThinking,
    /// Anthropic: its thinking cannot be switched off.
    ThinkingAlwaysOn,
    /// Anthropic: it takes messages of role `system` amid the conversation.
    MidConversationSystem,
    ImageOutput,
    VideoOutput,
}

impl Ability {
    /// Every ability, in the order of lists.
    pub const ALL: &[Self] = &[
        Self::Vision,
        Self::Pdf,
        Self::AudioInput,
        Self::VideoInput,
        Self::AudioOutput,
        Self::ImageOutput,
        Self::VideoOutput,
        Self::Tools,
        Self::ToolChoice,
        Self::ParallelTools,
        Self::StructuredOutput,
        Self::Reasoning,
        Self::PromptCaching,
        Self::Prefill,
        Self::WebSearch,
        Self::ComputerUse,
        Self::AdaptiveThinking,
        Self::ThinkingAlwaysOn,
        Self::MidConversationSystem,
    ];

    /// The word in the catalogue and in lists of models.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vision => "vision",
            Self::Pdf => "pdf",
            Self::AudioInput => "audio_input",
            Self::AudioOutput => "audio_output",
            Self::VideoInput => "video_input",
            Self::Tools => "tools",
            Self::ToolChoice => "tool_choice",
            Self::ParallelTools => "parallel_tools",
            Self::StructuredOutput => "structured_output",
            Self::Reasoning => "reasoning",
            Self::PromptCaching => "prompt_caching",
            Self::Prefill => "prefill",
            Self::WebSearch => "web_search",
            Self::ComputerUse => "computer_use",
            Self::AdaptiveThinking => "adaptive_thinking",
            Self::ThinkingAlwaysOn => "thinking_always_on",
            Self::MidConversationSystem => "mid_conversation_system",
            Self::ImageOutput => "image_output",
            Self::VideoOutput => "video_output",
        }
    }
}

impl Ability {
    pub(super) const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// Reads the file. A line that this version does not understand is left out: a test sees to it that there is none.
pub(super) fn models(text: &'static str) -> Vec<Model> {
    let mut lines = text.lines();
    let Some(header) = lines.next().and_then(|line| serde_json::from_str::<Header<'static>>(line).ok()) else {
        return Vec::new();
    };
    let mut models: Vec<Model> = lines
        .filter_map(|line| serde_json::from_str::<Entry<'static>>(line).ok())
        .filter_map(|entry| model(entry, &header.sources))
        .collect();
    models.sort_unstable_by_key(|model| (model.provider, model.id));
    models.shrink_to_fit();
    models
}

fn model(entry: Entry<'static>, sources: &[Source<'static>]) -> Option<Model> {
    let source = sources.get(entry.source)?;
    Some(Model {
        price: entry.price().map(|price| Arc::new(price.versioned(source.date))),
        id: entry.id,
        provider: entry.provider,
        mode: entry.mode,
        max_input_tokens: entry.max_input_tokens,
        max_output_tokens: entry.max_output_tokens,
        abilities: entry.abilities.iter().fold(0, |bits, ability| bits | ability.bit()),
        refuses_sampling: entry.refuses_sampling,
        deprecated: entry.deprecated,
        dimensions: entry.dimensions,
        source: source.name,
        date: source.date,
    })
}

impl Entry<'_> {
    /// The price; `None` if nothing of it is known. A conversation is priced both ways or not at all.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        let long = |entries: &[LongEntry]| {
            entries.iter().map(|entry| Long { from: entry.from, rates: entry.price.clone() }).collect()
        };
        let tier = |tier: &TierEntry<'_>| Tier {
            name: tier.name.to_owned(),
            rates: tier.price.clone(),
            long: long(&tier.long),
        };
        let variant = |entry: &VariantEntry| Variant { words: entry.words.clone(), rates: entry.price.clone() };
        let uplift = |entry: &UpliftEntry<'_>| Uplift { region: entry.region.to_owned(), per_mille: entry.per_mille };
        let price = Price {
            base: self.price.clone(),
            long: long(&self.long),
            tiers: self.tiers.iter().map(tier).collect(),
            variants: self.variants.iter().map(variant).collect(),
            uplifts: self.uplifts.iter().map(uplift).collect(),
            request: self.request,
            search_per_prompt: self.search_per_prompt,
            version: None,
        };
        let whole =
            !self.mode.converses() || [Unit::Input, Unit::Output].iter().all(|unit| price.rate(*unit).is_some());
        (whole && !price.is_empty()).then_some(price)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
