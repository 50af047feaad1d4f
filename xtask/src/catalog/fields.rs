//! What the fields of the source mean.

use llm::catalog::{Ability, Mode};

/// A token class with a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    CacheWrite1h,
    Reasoning,
    InputAudio,
    OutputAudio,
}

/// The meaning of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Dollars per token, perhaps for prompts above a length, perhaps for a service tier.
    Rate {
        class: Class,
        above: Option<u64>,
        tier: Option<&'static str>,
    },
    /// Rates by ranges of prompt length.
    Ranges,
    Input,
    Output,
    Deprecated,
    Ability(Ability),
    Sampling,
    /// Read elsewhere.
    Name,
    /// It has no place in the catalogue.
    Unknown,
}

/// The longer of two names with one beginning comes first.
const CLASSES: &[(&str, Class)] = &[
    ("input_cost_per_token", Class::Input),
    ("output_cost_per_token", Class::Output),
    ("cache_read_input_token_cost", Class::CacheRead),
    ("cache_creation_input_token_cost_above_1hr", Class::CacheWrite1h),
    ("cache_creation_input_token_cost", Class::CacheWrite),
    ("output_cost_per_reasoning_token", Class::Reasoning),
    ("input_cost_per_audio_token", Class::InputAudio),
    ("output_cost_per_audio_token", Class::OutputAudio),
];

/// As the source calls them, as providers call them in their answers.
const TIERS: &[(&str, &str)] = &[
    ("batches", "batch"),
    ("flex", "flex"),
    ("priority", "priority"),
    ("ultrafast", "ultrafast"),
    ("balanced", "balanced"),
];

#[must_use]
pub fn field(name: &str) -> Field {
    match name {
        "id" | "provider" | "mode" => Field::Name,
        // Read together with `supports_reasoning`.
        "default_reasoning_effort" => Field::Name,
        "tiered_pricing" => Field::Ranges,
        "max_input_tokens" => Field::Input,
        "max_output_tokens" => Field::Output,
        "deprecation_date" => Field::Deprecated,
        "supports_sampling_params" => Field::Sampling,
        _ => ability(name).map(Field::Ability).or_else(|| rate(name)).unwrap_or(Field::Unknown),
    }
}

fn ability(name: &str) -> Option<Ability> {
    if name == "thinking_always_on" {
        return Some(Ability::ThinkingAlwaysOn);
    }
    Some(match name.strip_prefix("supports_")? {
        "vision" => Ability::Vision,
        "pdf_input" => Ability::Pdf,
        "audio_input" => Ability::AudioInput,
        "audio_output" => Ability::AudioOutput,
        "video_input" => Ability::VideoInput,
        "function_calling" => Ability::Tools,
        "tool_choice" => Ability::ToolChoice,
        "parallel_function_calling" => Ability::ParallelTools,
        "response_schema" => Ability::StructuredOutput,
        "reasoning" => Ability::Reasoning,
        "prompt_caching" => Ability::PromptCaching,
        "assistant_prefill" => Ability::Prefill,
        "web_search" => Ability::WebSearch,
        "computer_use" => Ability::ComputerUse,
        "adaptive_thinking" => Ability::AdaptiveThinking,
        "mid_conversation_system" => Ability::MidConversationSystem,
        _ => return None,
    })
}

/// `<class>[_above_<n>k_tokens][_<tier>]`
fn rate(name: &str) -> Option<Field> {
    let (class, mut rest) =
        CLASSES.iter().find_map(|(prefix, class)| name.strip_prefix(prefix).map(|rest| (*class, rest)))?;
    let mut above = None;
    if let Some(after) = rest.strip_prefix("_above_") {
        let (thousands, after) = after.split_once("k_tokens")?;
        above = Some(thousands.parse::<u64>().ok()? * 1000);
        rest = after;
    }
    let tier = match rest.strip_prefix('_') {
        Some(suffix) => Some(TIERS.iter().find(|(theirs, _)| *theirs == suffix)?.1),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some(Field::Rate { class, above, tier })
}

/// The first prompt length that pays the rates "above" a number of tokens. xAI's threshold is inclusive.
///
/// <https://docs.x.ai/docs/models>
#[must_use]
pub fn first(provider: &str, above: u64) -> u64 {
    if provider == "xai" { above } else { above + 1 }
}

#[must_use]
pub fn mode(mode: &str) -> Option<Mode> {
    Some(match mode {
        "chat" => Mode::Chat,
        "responses" => Mode::Responses,
        "completion" => Mode::Completion,
        "embedding" => Mode::Embedding,
        _ => return None,
    })
}

/// Our provider id and the provider's own name of the model. The source puts its provider names in front of most.
#[must_use]
pub fn name<'a>(provider: &'a str, id: &'a str) -> (&'a str, &'a str) {
    let own = id.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(id);
    (if provider == "together_ai" { "together" } else { provider }, own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_fields_are_taken_apart() {
        let rate = |class, above, tier| Field::Rate { class, above, tier };
        for (name, meaning) in [
            ("input_cost_per_token", rate(Class::Input, None, None)),
            ("output_cost_per_token_above_272k_tokens_flex", rate(Class::Output, Some(272_000), Some("flex"))),
            ("cache_read_input_token_cost_batches", rate(Class::CacheRead, None, Some("batch"))),
            ("cache_creation_input_token_cost_above_1hr", rate(Class::CacheWrite1h, None, None)),
            (
                "cache_creation_input_token_cost_above_1hr_above_100k_tokens",
                rate(Class::CacheWrite1h, Some(100_000), None),
            ),
            ("cache_creation_input_token_cost_above_200k_tokens", rate(Class::CacheWrite, Some(200_000), None)),
            ("cache_creation_input_token_cost_above_12hr", Field::Unknown),
            ("input_cost_per_token_cache_hit", Field::Unknown),
            ("input_cost_per_image", Field::Unknown),
        ] {
            assert_eq!(field(name), meaning, "{name}");
        }
    }

    #[test]
    fn names_lose_the_provider_in_front() {
        assert_eq!(name("groq", "groq/openai/gpt-oss-120b"), ("groq", "openai/gpt-oss-120b"));
        assert_eq!(name("together_ai", "together_ai/zai-org/GLM-5"), ("together", "zai-org/GLM-5"));
        assert_eq!(name("openai", "gpt-5"), ("openai", "gpt-5"));
    }

    #[test]
    fn only_xai_counts_the_threshold_itself() {
        assert_eq!([first("xai", 200_000), first("openai", 200_000)], [200_000, 200_001]);
    }
}
