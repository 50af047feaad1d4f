//! What the fields of the source mean.

use llm::{
    catalog::{Ability, Mode},
    usage::Unit,
};

/// The meaning of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'f> {
    /// Dollars per unit, perhaps for prompts above a length, perhaps for a service tier.
    Rate {
        unit: Unit,
        /// Ten to this power of units make what the source prices: 3 for a second in milliseconds.
        scale: i32,
        above: Option<u64>,
        tier: Option<&'static str>,
    },
    /// A rate for a resolution: the unit, and the word for it.
    Variant(Unit, i32, &'f str),
    /// Pico-dollars for every request.
    Request,
    /// A picture by its pixels, where the name of the model says how many those are.
    Pixel,
    /// Rates by ranges of prompt length.
    Ranges,
    /// Dollars per search, by how much of the web is read.
    Searches,
    SearchUnit,
    /// A factor for a region.
    Uplift(&'static str),
    /// Factors for a region and for a fast lane.
    Factors,
    Input,
    Output,
    Dimensions,
    Deprecated,
    Ability(Ability),
    /// Kinds of content in questions.
    Inputs,
    /// Kinds of content in answers.
    Outputs,
    Sampling,
    /// Read elsewhere.
    Name,
    /// It has no place in the catalogue.
    Unknown,
}

/// The longer of two names with one beginning comes first.
const UNITS: &[(&str, Unit, i32)] = &[
    ("input_cost_per_token", Unit::Input, 0),
    ("output_cost_per_token", Unit::Output, 0),
    ("cache_read_input_token_cost", Unit::CacheRead, 0),
    ("cache_read_input_audio_token_cost", Unit::CacheReadAudio, 0),
    ("cache_read_input_image_token_cost", Unit::CacheReadImage, 0),
    ("cache_creation_input_token_cost_above_12hr", Unit::CacheWrite12h, 0),
    ("cache_creation_input_token_cost_above_1hr", Unit::CacheWrite1h, 0),
    ("cache_creation_input_token_cost", Unit::CacheWrite, 0),
    ("output_cost_per_reasoning_token", Unit::Reasoning, 0),
    ("input_cost_per_audio_token", Unit::InputAudio, 0),
    ("output_cost_per_audio_token", Unit::OutputAudio, 0),
    ("input_cost_per_image_token", Unit::InputImage, 0),
    ("output_cost_per_image_token", Unit::OutputImage, 0),
    ("input_cost_per_video_token", Unit::InputVideo, 0),
    ("output_cost_per_video_token", Unit::OutputVideo, 0),
    ("citation_cost_per_token", Unit::Citation, 0),
    ("input_cost_per_image", Unit::ImagesIn, 0),
    ("output_cost_per_image", Unit::ImagesOut, 0),
    ("input_cost_per_second", Unit::SoundInMs, 3),
    ("output_cost_per_second", Unit::SoundOutMs, 3),
    ("input_cost_per_audio_per_second", Unit::SoundInMs, 3),
    ("input_cost_per_video_per_second", Unit::VideoInMs, 3),
    ("output_cost_per_video_per_second", Unit::VideoOutMs, 3),
    ("input_cost_per_character", Unit::CharactersIn, 0),
    ("output_cost_per_character", Unit::CharactersOut, 0),
    ("input_cost_per_query", Unit::Queries, 0),
    ("ocr_cost_per_page", Unit::Pages, 0),
    ("annotation_cost_per_page", Unit::PagesAnnotated, 0),
    ("google_maps_grounding_cost_per_query", Unit::MapSearches, 0),
    ("code_interpreter_cost_per_session", Unit::CodeSessions, 0),
];

/// As the source calls them, as providers call them in their answers.
const TIERS: &[(&str, &str)] = &[
    ("batches", "batch"),
    ("flex", "flex"),
    ("priority", "priority"),
    ("ultrafast", "ultrafast"),
    ("balanced", "balanced"),
    ("decisions", "decisions"),
];

#[must_use]
pub fn field(name: &str) -> Field<'_> {
    match name {
        "id" | "provider" | "mode" => Field::Name,
        // Read together with `supports_reasoning`.
        "default_reasoning_effort" => Field::Name,
        "tiered_pricing" => Field::Ranges,
        "search_context_cost_per_query" => Field::Searches,
        "web_search_billing_unit" => Field::SearchUnit,
        "input_cost_per_request" => Field::Request,
        "input_cost_per_pixel" => Field::Pixel,
        "regional_processing_uplift_multiplier_eu" => Field::Uplift("eu"),
        "regional_processing_uplift_multiplier_us" => Field::Uplift("us"),
        "regional_endpoint_uplift_multiplier" => Field::Uplift("regional"),
        "provider_specific_entry" => Field::Factors,
        "max_input_tokens" => Field::Input,
        "max_output_tokens" => Field::Output,
        "output_vector_size" => Field::Dimensions,
        "deprecation_date" => Field::Deprecated,
        "supports_sampling_params" => Field::Sampling,
        "supported_modalities" => Field::Inputs,
        "supported_output_modalities" => Field::Outputs,
        _ => ability(name).map(Field::Ability).or_else(|| rate(name)).unwrap_or(Field::Unknown),
    }
}

fn ability(name: &str) -> Option<Ability> {
    if name == "thinking_always_on" {
        return Some(Ability::ThinkingAlwaysOn);
    }
    Some(match name.strip_prefix("supports_")? {
        "vision" | "image_input" => Ability::Vision,
        "pdf_input" => Ability::Pdf,
        "audio_input" => Ability::AudioInput,
        "audio_output" => Ability::AudioOutput,
        "video_input" => Ability::VideoInput,
        "function_calling" => Ability::Tools,
        "tool_choice" => Ability::ToolChoice,
        "parallel_function_calling" => Ability::ParallelTools,
        "response_schema" | "native_structured_output" => Ability::StructuredOutput,
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

/// `<unit>[_above_<n>k_tokens][_<tier>]` or `<unit>_<resolution>`
fn rate(name: &str) -> Option<Field<'_>> {
    let (unit, scale, mut rest) = UNITS.iter().find_map(|(prefix, unit, scale)| {
        let rest = name.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('_')).then_some((*unit, *scale, rest))
    })?;
    let mut above = None;
    if let Some(after) = rest.strip_prefix("_above_") {
        let (thousands, after) = after.split_once("k_tokens")?;
        above = Some(thousands.parse::<u64>().ok()? * 1000);
        rest = after;
    }
    let Some(suffix) = rest.strip_prefix('_') else {
        return Some(Field::Rate { unit, scale, above, tier: None });
    };
    if let Some((_, tier)) = TIERS.iter().find(|(theirs, _)| *theirs == suffix) {
        return Some(Field::Rate { unit, scale, above, tier: Some(tier) });
    }
    // 480p, 4k, 1K, 0.5K, 1024
    let is_resolution = suffix.starts_with(|c: char| c.is_ascii_digit()) && above.is_none();
    let sized = matches!(unit, Unit::ImagesOut | Unit::SoundOutMs);
    (is_resolution && sized).then_some(Field::Variant(unit, scale, suffix))
}

/// The first prompt length that pays the rates "above" a number of tokens. xAI's threshold is inclusive.
///
/// <https://docs.x.ai/docs/models>
#[must_use]
pub fn first(provider: &str, above: u64) -> u64 {
    if provider == "xai" { above } else { above + 1 }
}

/// What a model is for; `None` if the source calls it something new.
#[must_use]
pub fn mode(mode: &str) -> Option<Mode> {
    Some(match mode {
        "chat" => Mode::Chat,
        "responses" => Mode::Responses,
        "completion" => Mode::Completion,
        "embedding" => Mode::Embedding,
        "image_generation" => Mode::Image,
        "image_edit" => Mode::ImageEdit,
        "video_generation" => Mode::Video,
        "audio_transcription" => Mode::Transcription,
        "audio_speech" => Mode::Speech,
        "realtime" => Mode::Realtime,
        "rerank" => Mode::Rerank,
        "moderation" => Mode::Moderation,
        "ocr" => Mode::Ocr,
        "search" => Mode::Search,
        "evaluation" | "decisions" | "extraction" | "guardrail" | "vector_store" => Mode::Other,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_fields_are_taken_apart() {
        let rate = |unit, above, tier| Field::Rate { unit, scale: 0, above, tier };
        for (name, meaning) in [
            ("input_cost_per_token", rate(Unit::Input, None, None)),
            ("output_cost_per_token_above_272k_tokens_flex", rate(Unit::Output, Some(272_000), Some("flex"))),
            ("cache_read_input_token_cost_batches", rate(Unit::CacheRead, None, Some("batch"))),
            ("cache_creation_input_token_cost_above_1hr", rate(Unit::CacheWrite1h, None, None)),
            (
                "cache_creation_input_token_cost_above_1hr_above_100k_tokens",
                rate(Unit::CacheWrite1h, Some(100_000), None),
            ),
            ("cache_creation_input_token_cost_above_200k_tokens", rate(Unit::CacheWrite, Some(200_000), None)),
            (
                "cache_creation_input_token_cost_above_12hr_above_272k_tokens_flex",
                rate(Unit::CacheWrite12h, Some(272_000), Some("flex")),
            ),
            ("input_cost_per_image", rate(Unit::ImagesIn, None, None)),
            ("input_cost_per_image_token", rate(Unit::InputImage, None, None)),
            ("ocr_cost_per_page_batches", rate(Unit::Pages, None, Some("batch"))),
            ("input_cost_per_second", Field::Rate { unit: Unit::SoundInMs, scale: 3, above: None, tier: None }),
            ("output_cost_per_second_1080p", Field::Variant(Unit::SoundOutMs, 3, "1080p")),
            ("output_cost_per_image_4K", Field::Variant(Unit::ImagesOut, 0, "4K")),
            ("input_cost_per_token_cache_hit", Field::Unknown),
            ("input_cost_per_video_per_second_above_8s_interval", Field::Unknown),
            ("ocr_cost_per_credit", Field::Unknown),
        ] {
            assert_eq!(field(name), meaning, "{name}");
        }
    }

    #[test]
    fn only_xai_counts_the_threshold_itself() {
        assert_eq!([first("xai", 200_000), first("openai", 200_000)], [200_000, 200_001]);
    }
}
