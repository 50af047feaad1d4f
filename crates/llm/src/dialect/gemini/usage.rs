//! `usageMetadata`, both ways: cached tokens stand inside the prompt, thoughts and what tools read beside it.
//!
//! <https://ai.google.dev/api/generate-content#UsageMetadata>

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    envelope::scan::{Scan, bare},
    usage::Usage,
};

/// A `usageMetadata` object. What is no number counts nothing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Value")]
pub(super) struct Counts {
    prompt: u64,
    cached: u64,
    candidates: u64,
    thoughts: u64,
    tool_use_prompt: u64,
    total: u64,
    prompt_kinds: Kinds,
    cached_kinds: Kinds,
    candidates_kinds: Kinds,
    service_tier: Option<String>,
    traffic_type: Option<String>,
}

/// The tokens of each kind of content that is not text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Kinds {
    audio: u64,
    image: u64,
    video: u64,
}

impl From<Value> for Counts {
    fn from(counts: Value) -> Self {
        Self::pass(&mut Scan::of(counts.to_string().as_bytes())).unwrap_or_default()
    }
}

impl Kinds {
    /// Passes a list of `{"modality": .., "tokenCount": ..}`.
    fn pass(scan: &mut Scan<'_>) -> Option<Self> {
        let mut kinds = Self::default();
        scan.list(|scan| {
            let (mut modality, mut count) = (&b""[..], 0);
            scan.object(|scan, key| {
                match scan.key(key) {
                    b"modality" => modality = scan.raw()?,
                    b"tokenCount" => count = scan.count()?.unwrap_or(0),
                    _ => scan.value()?,
                }
                Some(())
            })?;
            let sum = match bare(modality) {
                b"AUDIO" => &mut kinds.audio,
                b"IMAGE" => &mut kinds.image,
                b"VIDEO" => &mut kinds.video,
                _ => return Some(()),
            };
            *sum = sum.saturating_add(count);
            Some(())
        })?;
        Some(kinds)
    }
}

impl Counts {
    /// Passes a `usageMetadata` object; `None` if it is none.
    pub fn pass(scan: &mut Scan<'_>) -> Option<Self> {
        let mut counts = Self::default();
        let kinds = |scan: &mut Scan<'_>| Some(scan.look(Kinds::pass)?.unwrap_or_default());
        scan.object(|scan, key| {
            let count = match scan.key(key) {
                b"promptTokenCount" => &mut counts.prompt,
                b"cachedContentTokenCount" => &mut counts.cached,
                b"candidatesTokenCount" => &mut counts.candidates,
                b"thoughtsTokenCount" => &mut counts.thoughts,
                b"toolUsePromptTokenCount" => &mut counts.tool_use_prompt,
                b"totalTokenCount" => &mut counts.total,
                other => {
                    match other {
                        b"promptTokensDetails" => counts.prompt_kinds = kinds(scan)?,
                        b"cacheTokensDetails" => counts.cached_kinds = kinds(scan)?,
                        b"candidatesTokensDetails" => counts.candidates_kinds = kinds(scan)?,
                        b"serviceTier" => counts.service_tier = scan.text()?.map(Cow::into_owned),
                        b"trafficType" => counts.traffic_type = scan.text()?.map(Cow::into_owned),
                        _ => scan.value()?,
                    }
                    return Some(());
                }
            };
            *count = scan.count()?.unwrap_or(0);
            Some(())
        })?;
        Some(counts)
    }

    /// Every token in its class.
    pub fn usage(&self) -> Usage {
        let (said, cached) = (self.prompt_kinds, self.cached_kinds);
        let audio = said.audio.saturating_sub(cached.audio);
        let image = said.image.saturating_sub(cached.image);
        let video = said.video.saturating_sub(cached.video);
        let (prompt, candidates) = (self.prompt.saturating_add(self.tool_use_prompt), self.candidates);
        // The total tells where thoughts are counted inside the candidates after all.
        let inside = self.thoughts > 0 && self.total == prompt.saturating_add(candidates);
        let elsewhere = [audio, image, video].into_iter().fold(self.cached, u64::saturating_add);
        Usage {
            input: prompt.saturating_sub(elsewhere),
            input_audio: audio,
            input_image: image,
            input_video: video,
            cache_read: self.cached,
            cache_read_audio: cached.audio,
            cache_read_image: cached.image,
            output: if inside { candidates } else { candidates.saturating_add(self.thoughts) },
            reasoning: self.thoughts,
            output_audio: self.candidates_kinds.audio,
            output_image: self.candidates_kinds.image,
            ..Usage::default()
        }
    }

    /// The tier that served the call, in canonical words. Vertex AI says it as a kind of traffic.
    pub fn tier(&self) -> Option<String> {
        let tier = match (self.service_tier.as_deref(), self.traffic_type.as_deref()) {
            (Some(tier), _) => tier.strip_prefix("SERVICE_TIER_").unwrap_or(tier),
            (None, Some("ON_DEMAND_PRIORITY")) => "priority",
            (None, Some("ON_DEMAND_FLEX")) => "flex",
            (None, Some("ON_DEMAND")) => "standard",
            _ => return None,
        };
        let tier = tier.to_ascii_lowercase();
        Some(if tier == "standard" { "default".to_owned() } else { tier })
    }
}

/// What of `groundingMetadata` is paid for: searches, by the query from Gemini 3 on and by the answer before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Grounding {
    web: u64,
    maps: u64,
}

impl Grounding {
    /// Takes over what a candidate says. Later chunks repeat what earlier ones said.
    pub fn see(&mut self, grounding: &Value, by_query: bool) {
        let list = |name: &str| grounding.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let queries = list("webSearchQueries").len() as u64;
        self.web = self.web.max(if by_query { queries } else { queries.min(1) });
        let mapped = list("groundingChunks").iter().any(|chunk| chunk.get("maps").is_some());
        self.maps = self.maps.max(u64::from(mapped));
    }

    /// Adds them to the counts of tokens.
    pub fn count(self, usage: Usage) -> Usage {
        Usage { web_searches: self.web, map_searches: self.maps, ..usage }
    }
}

/// The `usageMetadata` object that says these counts.
pub(super) fn write(usage: &Usage, tier: Option<&str>) -> Value {
    let mut counts = Map::new();
    let mut put = |name: &str, value: Value| counts.insert(name.to_owned(), value);
    let spoken = usage.output.saturating_sub(usage.reasoning);
    put("promptTokenCount", json!(usage.prompt()));
    put("candidatesTokenCount", json!(spoken));
    put("totalTokenCount", json!(usage.total()));
    if usage.cache_read > 0 {
        put("cachedContentTokenCount", json!(usage.cache_read));
    }
    if usage.reasoning > 0 {
        put("thoughtsTokenCount", json!(usage.reasoning));
    }
    let kinds = |whole: u64, kinds: &[(&str, u64)]| {
        let text = kinds.iter().fold(whole, |text, (_, count)| text.saturating_sub(*count));
        let all = std::iter::once(("TEXT", text)).chain(kinds.iter().copied()).filter(|(_, count)| *count > 0);
        Value::Array(all.map(|(modality, count)| json!({"modality": modality, "tokenCount": count})).collect())
    };
    let (audio, image) = (usage.input_audio + usage.cache_read_audio, usage.input_image + usage.cache_read_image);
    let prompt = [("AUDIO", audio), ("IMAGE", image), ("VIDEO", usage.input_video)];
    put("promptTokensDetails", kinds(usage.prompt(), &prompt));
    if usage.cache_read_audio + usage.cache_read_image > 0 {
        let cached = [("AUDIO", usage.cache_read_audio), ("IMAGE", usage.cache_read_image)];
        put("cacheTokensDetails", kinds(usage.cache_read, &cached));
    }
    if usage.output_audio + usage.output_image > 0 {
        let made = [("AUDIO", usage.output_audio), ("IMAGE", usage.output_image)];
        put("candidatesTokensDetails", kinds(spoken, &made));
    }
    if let Some(tier) = tier {
        put("serviceTier", json!(if tier == "default" { "standard" } else { tier }));
    }
    Value::Object(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(counts: Value) -> Counts {
        serde_json::from_value(counts).unwrap()
    }

    #[test]
    fn case_062_thoughts_beside_the_candidates_are_priced_once() {
        let beside = json!({"promptTokenCount": 10, "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "totalTokenCount": 60});
        let usage = read(beside).usage();
        assert_eq!((usage.input, usage.output, usage.reasoning), (10, 50, 30));
        let inside = json!({"promptTokenCount": 10, "candidatesTokenCount": 50, "thoughtsTokenCount": 30, "totalTokenCount": 60});
        assert_eq!(read(inside).usage(), usage);
    }

    #[test]
    fn cached_tokens_stand_inside_the_prompt_and_each_kind_is_counted_once() {
        let usage = read(json!({
            "promptTokenCount": 1000, "cachedContentTokenCount": 600, "toolUsePromptTokenCount": 7,
            "candidatesTokenCount": 5, "totalTokenCount": 1012,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 500}, {"modality": "AUDIO", "tokenCount": 300},
                {"modality": "IMAGE", "tokenCount": 200},
            ],
            "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 500}, {"modality": "AUDIO", "tokenCount": 100}],
        }))
        .usage();
        assert_eq!(usage.prompt(), 1007);
        assert_eq!((usage.input, usage.input_audio, usage.input_image, usage.cache_read), (7, 200, 200, 600));
        assert_eq!(usage.cache_read_audio, 100);
        assert_eq!(read(write(&usage, None)).usage(), usage);
    }

    #[test]
    fn tiers_and_searches_are_read() {
        let tier = |counts| read(counts).tier();
        assert_eq!(tier(json!({"serviceTier": "priority"})).as_deref(), Some("priority"));
        assert_eq!(tier(json!({"serviceTier": "standard"})).as_deref(), Some("default"));
        assert_eq!(tier(json!({"trafficType": "ON_DEMAND_FLEX"})).as_deref(), Some("flex"));
        assert_eq!(tier(json!({"trafficType": "PROVISIONED_THROUGHPUT"})), None);
        let mut grounding = Grounding::default();
        let said = json!({"webSearchQueries": ["a", "b"], "groundingChunks": [{"maps": {}}]});
        grounding.see(&said, true);
        grounding.see(&said, true);
        let usage = grounding.count(Usage::default());
        assert_eq!((usage.web_searches, usage.map_searches), (2, 1));
    }
}
