//! Models: limits, abilities, prices.
//!
//! The figures live in `data/catalog.jsonl`, written by `cargo xtask catalog`, and are read once, when first asked for.
//! Names and texts point into that file, so that a few thousand models weigh about a megabyte.

pub mod entry;
mod name;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use crate::{
    dialect::WriteFor,
    price::{Price, zone},
};

pub use entry::{Ability, Mode};

/// What is known of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The provider's own name for it.
    pub id: &'static str,
    /// As [`Provider::id`](crate::provider::Provider::id) where there is one.
    pub provider: &'static str,
    pub mode: Mode,
    pub max_input_tokens: Option<u64>,
    pub max_output_tokens: Option<u64>,
    abilities: u32,
    /// It answers `temperature` and its kin with an error.
    pub refuses_sampling: bool,
    /// The day from which the provider may refuse it, as `2026-12-31`.
    pub deprecated: Option<&'static str>,
    /// Numbers of a vector that it makes.
    pub dimensions: Option<u64>,
    /// `None`: the source knows no price. That is not "free of charge".
    pub price: Option<Arc<Price>>,
    /// Who said so.
    pub source: &'static str,
    /// When it was said: `2026-11`.
    pub date: &'static str,
}

impl Model {
    /// Whether the source says that it can. Silence is a no: sources list what they are sure of.
    #[must_use]
    pub fn can(&self, ability: Ability) -> bool {
        self.abilities & ability.bit() != 0
    }

    /// Whether its name says a region too, for which it has a price of its own: callers do not ask for it by this name.
    #[must_use]
    pub fn is_regional(&self) -> bool {
        matches!(self.provider, "azure_openai" | "bedrock") && self.id.contains('/')
    }

    /// What it can, in the order of lists.
    pub fn abilities(&self) -> impl Iterator<Item = Ability> + '_ {
        Ability::ALL.iter().copied().filter(|ability| self.can(*ability))
    }

    /// What a writer must know of it, apart from its provider's ways
    /// ([`Provider::write_for`](crate::provider::Provider::write_for)).
    #[must_use]
    pub fn write_for(&self) -> WriteFor {
        WriteFor {
            max_output_tokens: self.max_output_tokens,
            refuses_sampling: self.refuses_sampling,
            takes_system_turns: self.can(Ability::MidConversationSystem),
            thinks_by_budget: self.can(Ability::Reasoning) && !self.can(Ability::AdaptiveThinking),
            thinks_always: self.can(Ability::ThinkingAlwaysOn),
            ..WriteFor::default()
        }
    }
}

/// The model of a provider, by the provider's own name for it.
///
/// A name that is not listed is tried without what does not change the model: the provider's name in front, the owner
/// of a fine-tune, then `-latest` or a date at its end. A model that OpenRouter passes on to its maker is the maker's, and so
/// is one of Anthropic's in a cloud of which nothing is listed: the clouds charge what Anthropic does.
#[must_use]
pub fn find(provider: &str, model: &str) -> Option<&'static Model> {
    find_at(provider, None, model)
}

/// As [`find`], at the prices of a region where the provider has several.
#[must_use]
pub fn find_at(provider: &str, region: Option<&str>, model: &str) -> Option<&'static Model> {
    let own = model.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model);
    if provider == "openrouter" {
        return resold(own);
    }
    if let Some(region) = region {
        let regional = [Some(region), zone(region)].into_iter().flatten();
        if let Some(found) = regional.filter_map(|region| exact(provider, &format!("{region}/{own}"))).next() {
            return Some(found);
        }
    }
    [model, own].into_iter().find_map(|name| exact(provider, name)).or_else(|| {
        let names = name::candidates(provider, own);
        let lent = || name::of_anthropic(provider, own).and_then(|name| find("anthropic", name));
        names.iter().find_map(|name| exact(provider, name)).or_else(lent)
    })
}

/// All models, by provider and id.
#[must_use]
pub fn all() -> &'static [Model] {
    &MODELS
}

/// The price of this version ([`Price::version`]).
#[must_use]
pub fn price(version: &str) -> Option<Arc<Price>> {
    MODELS
        .iter()
        .filter_map(|model| model.price.as_ref())
        .find(|price| price.version.as_deref() == Some(version))
        .cloned()
}

static MODELS: LazyLock<Vec<Model>> = LazyLock::new(|| entry::models(include_str!("../data/catalog.jsonl")));

fn exact(provider: &str, model: &str) -> Option<&'static Model> {
    let at = MODELS.binary_search_by(|known| (known.provider, known.id).cmp(&(provider, model))).ok()?;
    MODELS.get(at)
}

/// The model behind OpenRouter's name for it. OpenRouter charges what the maker charges, so the makers that serve their
/// models themselves lend it their figures; a variant (`:free`, `:nitro`) is another offer with another price.
///
/// <https://openrouter.ai/docs/faq>
fn resold(model: &str) -> Option<&'static Model> {
    const MAKERS: &[(&str, &str, &str)] = &[
        ("openai/", "openai", ""),
        ("anthropic/", "anthropic", "claude-"),
        ("google/", "gemini", "gemini-"),
        ("x-ai/", "xai", "grok-"),
    ];
    let (provider, id) = MAKERS.iter().find_map(|(vendor, provider, family)| {
        model.strip_prefix(vendor).filter(|id| id.starts_with(family)).map(|id| (*provider, id))
    })?;
    // OpenRouter writes claude-sonnet-4.5, Anthropic claude-sonnet-4-5.
    exact(provider, id).or_else(|| exact(provider, &id.replace('.', "-")))
}
