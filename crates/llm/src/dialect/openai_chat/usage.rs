//! `usage`, both ways: OpenAI counts cached and audio tokens inside the prompt, the canonical form beside it.

use serde_json::Value;

use crate::{
    envelope::scan::Scan,
    json::{Json, Object, object},
    usage::{Statement, Usage},
};

/// The counts of a `usage` object; what is none counts nothing.
pub(super) fn read(usage: &Value) -> Usage {
    pass(&mut Scan::of(usage.to_string().as_bytes())).unwrap_or_default()
}

/// Passes a `usage` object; `None` if it is none.
pub(super) fn pass(scan: &mut Scan<'_>) -> Option<Usage> {
    let mut counts = Counts::default();
    scan.object(|scan, key| {
        let name = scan.key(key);
        let count = match name {
            b"prompt_tokens" => &mut counts.prompt,
            b"completion_tokens" => &mut counts.completion,
            b"total_tokens" => &mut counts.total,
            b"prompt_cache_hit_tokens" => &mut counts.cache_hit,
            b"cache_read_input_tokens" => &mut counts.cache_read_input,
            b"cache_creation_input_tokens" => &mut counts.cache_creation_input,
            b"citation_tokens" => &mut counts.citation,
            b"num_search_queries" => &mut counts.queries,
            b"prompt_tokens_details" => return counts.prompt_details(scan),
            b"completion_tokens_details" => return counts.completion_details(scan),
            b"server_tool_use" => {
                let [searches] = scan.counts(["web_search_requests"])?;
                counts.searches = searches.unwrap_or(0);
                return Some(());
            }
            _ => {
                counts.stated.take(name, scan.raw()?);
                return Some(());
            }
        };
        *count = scan.count()?.unwrap_or(0);
        Some(())
    })?;
    Some(counts.normalise())
}

/// What a `usage` object says, by the names of the vendors that speak this format.
///
/// OpenAI: <https://platform.openai.com/docs/api-reference/chat/object>; DeepSeek: `prompt_cache_hit_tokens`;
/// OpenRouter: `cache_write_tokens`, `server_tool_use`, `cost`; Perplexity: `citation_tokens`, `num_search_queries`; xAI:
/// `cost_in_usd_ticks`; LiteLLM: `cache_creation_tokens`, `cache_creation_input_tokens`.
#[derive(Default)]
struct Counts {
    prompt: u64,
    completion: u64,
    total: u64,
    cached: u64,
    cache_hit: u64,
    cache_read_input: u64,
    cache_write: u64,
    cache_creation: u64,
    cache_creation_input: u64,
    input_audio: u64,
    input_image: u64,
    reasoning: u64,
    output_audio: u64,
    output_image: u64,
    citation: u64,
    queries: u64,
    searches: u64,
    stated: Statement,
}

impl Counts {
    fn prompt_details(&mut self, scan: &mut Scan<'_>) -> Option<()> {
        let names = ["cached_tokens", "audio_tokens", "image_tokens", "cache_write_tokens", "cache_creation_tokens"];
        let counts = scan.counts(names)?.map(Option::unwrap_or_default);
        [self.cached, self.input_audio, self.input_image, self.cache_write, self.cache_creation] = counts;
        Some(())
    }

    fn completion_details(&mut self, scan: &mut Scan<'_>) -> Option<()> {
        let counts = scan.counts(["reasoning_tokens", "audio_tokens", "image_tokens"])?;
        [self.reasoning, self.output_audio, self.output_image] = counts.map(Option::unwrap_or_default);
        Some(())
    }

    /// The counts in disjoint classes.
    fn normalise(&self) -> Usage {
        let first = |counts: [u64; 3]| counts.into_iter().find(|count| *count > 0).unwrap_or(0);
        let cache_read = first([self.cached, self.cache_hit, self.cache_read_input]);
        let cache_write = first([self.cache_write, self.cache_creation, self.cache_creation_input]);
        // xAI and others count reasoning beside the completion; only the total tells.
        let beside = self.prompt.saturating_add(self.completion).saturating_add(self.reasoning);
        let is_beside = self.reasoning > 0 && self.total == beside;
        let elsewhere = cache_read.saturating_add(cache_write).saturating_add(self.input_audio);
        // xAI's pictures stand in the prompt, cached ones too: a part of what no cache knew.
        let image = self.input_image.min(self.prompt.saturating_sub(elsewhere));
        Usage {
            input: self.prompt.saturating_sub(elsewhere).saturating_sub(image),
            input_audio: self.input_audio,
            input_image: image,
            cache_read,
            cache_write,
            output: self.completion.saturating_add(if is_beside { self.reasoning } else { 0 }),
            reasoning: self.reasoning,
            output_audio: self.output_audio,
            output_image: self.output_image,
            citation: self.citation,
            web_searches: self.queries.max(self.searches),
            stated: self.stated.money(),
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
