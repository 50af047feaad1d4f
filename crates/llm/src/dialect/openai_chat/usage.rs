//! `usage`, both ways: OpenAI counts cached and audio tokens inside the prompt, the canonical form beside it.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::{
    json::{Json, Object, object},
    usage::{Cost, Ticks, Usage},
};

/// A `usage` object with the names of the vendors that speak this format.
///
/// OpenAI: <https://platform.openai.com/docs/api-reference/chat/object>; DeepSeek: `prompt_cache_hit_tokens`;
/// OpenRouter: `cache_write_tokens`, `cost`; Perplexity: `citation_tokens`, `num_search_queries`; xAI: `cost_in_usd_ticks`; LiteLLM: `cache_creation_tokens`, `cache_creation_input_tokens`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wire {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    prompt_cache_hit_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    citation_tokens: Count,
    num_search_queries: Count,
    server_tool_use: Option<ServerToolUse>,
    cost: Cost,
    cost_in_usd_ticks: Ticks,
}

/// OpenRouter's count of what a model did on the provider's side.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServerToolUse {
    web_search_requests: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
    cache_write_tokens: Count,
    cache_creation_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

impl Wire {
    /// The counts in disjoint classes.
    pub fn normalise(&self) -> Usage {
        let none = (PromptDetails::default(), CompletionDetails::default());
        let prompt = self.prompt_tokens_details.as_ref().unwrap_or(&none.0);
        let completion = self.completion_tokens_details.as_ref().unwrap_or(&none.1);
        let first = |counts: &[Count]| counts.iter().map(|count| count.0).find(|count| *count > 0).unwrap_or(0);
        let cache_read = first(&[prompt.cached_tokens, self.prompt_cache_hit_tokens, self.cache_read_input_tokens]);
        let cache_write =
            first(&[prompt.cache_write_tokens, prompt.cache_creation_tokens, self.cache_creation_input_tokens]);
        let reasoning = completion.reasoning_tokens.0;
        // xAI and others count reasoning beside the completion; only the total tells.
        let beside = self.prompt_tokens.0.saturating_add(self.completion_tokens.0).saturating_add(reasoning);
        let output = if reasoning > 0 && self.total_tokens.0 == beside {
            self.completion_tokens.0.saturating_add(reasoning)
        } else {
            self.completion_tokens.0
        };
        let elsewhere = cache_read.saturating_add(cache_write).saturating_add(prompt.audio_tokens.0);
        // xAI's pictures stand in the prompt, cached ones too: a part of what no cache knew.
        let image = prompt.image_tokens.0.min(self.prompt_tokens.0.saturating_sub(elsewhere));
        let searched = self.server_tool_use.as_ref().map_or(0, |tools| tools.web_search_requests.0);
        Usage {
            input: self.prompt_tokens.0.saturating_sub(elsewhere).saturating_sub(image),
            input_audio: prompt.audio_tokens.0,
            input_image: image,
            cache_read,
            cache_write,
            output,
            reasoning,
            output_audio: completion.audio_tokens.0,
            output_image: completion.image_tokens.0,
            citation: self.citation_tokens.0,
            web_searches: self.num_search_queries.0.max(searched),
            stated: self.cost_in_usd_ticks.0.or(self.cost.0),
            ..Usage::default()
        }
    }
}

/// The `usage` object that says these counts. What is not OpenAI's own (`cache_write_tokens`, `cost`: OpenRouter's names)
/// stands there only if there is any of it.
pub(in crate::dialect) fn write(usage: &Usage) -> Json<'static> {
    let mut prompt =
        Object::of([("cached_tokens", usage.cache_read.into()), ("audio_tokens", usage.input_audio.into())]);
    let mut completion =
        Object::of([("reasoning_tokens", usage.reasoning.into()), ("audio_tokens", usage.output_audio.into())]);
    put(&mut prompt, "image_tokens", usage.input_image);
    put(&mut prompt, "cache_write_tokens", usage.cache_written());
    put(&mut completion, "image_tokens", usage.output_image);
    let mut counts = Object::of([
        ("prompt_tokens", usage.prompt().into()),
        ("completion_tokens", usage.output.into()),
        ("total_tokens", usage.total().into()),
        ("prompt_tokens_details", prompt.into()),
        ("completion_tokens_details", completion.into()),
    ]);
    put(&mut counts, "citation_tokens", usage.citation);
    if usage.web_searches > 0 {
        counts.set("server_tool_use", object! {"web_search_requests": usage.web_searches});
    }
    if let Some(cost) = usage.stated.and_then(|cost| serde_json::from_str::<Value>(&cost.to_string()).ok()) {
        counts.set("cost", cost);
    }
    counts.into()
}

/// Writes a count that is not zero.
fn put(counts: &mut Object<'_>, name: &'static str, count: u64) {
    if count > 0 {
        counts.set(name, count);
    }
}

/// A token count that survives what servers write in its place: null, fractions, negatives, text count as what they
/// can mean, and nothing is large enough to overflow a price.
#[derive(Debug, Clone, Copy, Default)]
struct Count(u64);

impl Count {
    /// Far above every real count, far below every overflow.
    const MOST: u64 = 1 << 40;
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor).map(|count| Self(count.min(Self::MOST)))
    }
}

struct CountVisitor;

impl<'de> de::Visitor<'de> for CountVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token count")
    }

    fn visit_u64<E>(self, count: u64) -> Result<u64, E> {
        Ok(count)
    }

    fn visit_i64<E>(self, count: i64) -> Result<u64, E> {
        Ok(u64::try_from(count).unwrap_or(0))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such casts saturate, NaN gives 0")]
    fn visit_f64<E>(self, count: f64) -> Result<u64, E> {
        Ok(count as u64)
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_bool<E>(self, _: bool) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_str<E>(self, text: &str) -> Result<u64, E> {
        Ok(text.parse().unwrap_or(0))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        while items.next_element::<de::IgnoredAny>()?.is_some() {}
        Ok(0)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<u64, A::Error> {
        while entries.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
        Ok(0)
    }
}
