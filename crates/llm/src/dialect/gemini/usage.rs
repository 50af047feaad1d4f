//! `usageMetadata`, both ways: cached tokens stand inside the prompt, thoughts and what tools read beside it.
//!
//! <https://ai.google.dev/api/generate-content#UsageMetadata>

use serde::Deserialize;
use serde_json::{Map, Number, Value, json};

use crate::usage::Usage;

/// A `usageMetadata` object.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Counts {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    tool_use_prompt_token_count: Count,
    total_token_count: Count,
    prompt_tokens_details: Vec<Kind>,
    cache_tokens_details: Vec<Kind>,
    candidates_tokens_details: Vec<Kind>,
    service_tier: Option<String>,
    traffic_type: Option<String>,
}

/// The tokens of one kind of content.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Kind {
    modality: String,
    token_count: Count,
}

/// A count; what is no number counts nothing.
type Count = Option<Number>;

/// Far above every real count, far below every overflow.
const MOST: u64 = 1 << 40;

fn whole(count: &Count) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such casts saturate")]
    let whole = |number: &Number| number.as_u64().or_else(|| number.as_f64().map(|count| count as u64));
    count.as_ref().and_then(whole).unwrap_or(0).min(MOST)
}

fn of(kinds: &[Kind], modality: &str) -> u64 {
    kinds.iter().filter(|kind| kind.modality == modality).map(|kind| whole(&kind.token_count)).sum::<u64>().min(MOST)
}

impl Counts {
    /// Every token in its class.
    pub fn usage(&self) -> Usage {
        let cached = |modality| of(&self.cache_tokens_details, modality);
        let fresh = |modality| of(&self.prompt_tokens_details, modality).saturating_sub(cached(modality));
        let (audio, image, video) = (fresh("AUDIO"), fresh("IMAGE"), fresh("VIDEO"));
        let cache_read = whole(&self.cached_content_token_count);
        let (prompt, tools) = (whole(&self.prompt_token_count), whole(&self.tool_use_prompt_token_count));
        let (candidates, thoughts) = (whole(&self.candidates_token_count), whole(&self.thoughts_token_count));
        // The total tells where thoughts are counted inside the candidates after all.
        let inside = thoughts > 0 && whole(&self.total_token_count) == prompt + tools + candidates;
        Usage {
            input: (prompt + tools).saturating_sub(cache_read + audio + image + video),
            input_audio: audio,
            input_image: image,
            input_video: video,
            cache_read,
            cache_read_audio: cached("AUDIO"),
            cache_read_image: cached("IMAGE"),
            output: if inside { candidates } else { candidates + thoughts },
            reasoning: thoughts,
            output_audio: of(&self.candidates_tokens_details, "AUDIO"),
            output_image: of(&self.candidates_tokens_details, "IMAGE"),
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
