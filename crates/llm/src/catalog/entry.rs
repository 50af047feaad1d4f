//! The catalogue's own form: a line that names the sources, then one model a line.
//!
//! Whole tokens, pico-dollars per token, no floats: what a reviewer sees in a diff is what is charged. `xtask catalog`
//! writes these types, [`models`] reads them.

use serde::{Deserialize, Serialize};

use super::Model;
use crate::price::{Listed, Long, Price, Tier};

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Listed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub long: Vec<LongEntry>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierEntry<'a>>,
}

/// As [`Long`], with gaps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongEntry {
    pub from: u64,
    pub price: Listed,
}

/// As [`Tier`], with gaps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierEntry<'a> {
    pub name: &'a str,
    pub price: Listed,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub long: Vec<LongEntry>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
        price: entry.price(),
        id: entry.id,
        provider: entry.provider,
        mode: entry.mode,
        max_input_tokens: entry.max_input_tokens,
        max_output_tokens: entry.max_output_tokens,
        abilities: entry.abilities.iter().fold(0, |bits, ability| bits | ability.bit()),
        refuses_sampling: entry.refuses_sampling,
        deprecated: entry.deprecated,
        source: source.name,
        date: source.date,
    })
}

impl Entry<'_> {
    /// The price with every gap filled; `None` unless input and output have a rate.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        let base = self.price?;
        let long = |entries: &[LongEntry], general: &Listed| -> Option<Vec<Long>> {
            entries.iter().map(|entry| Some(Long { from: entry.from, rates: entry.price.rates(general)? })).collect()
        };
        let tiers = self.tiers.iter().map(|tier| {
            let general = tier.price.or(&base);
            Some(Tier { name: tier.name.to_owned(), rates: general.rates(&base)?, long: long(&tier.long, &general)? })
        });
        Some(Price {
            base: base.rates(&Listed::default())?,
            long: long(&self.long, &base)?,
            tiers: tiers.collect::<Option<_>>()?,
        })
    }
}
