//! Token counts in Bedrock's words: cached tokens stand beside `inputTokens`, thinking inside `outputTokens`.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>

use serde_json::{Value, json};

use crate::{
    json::Json,
    {dialect::body::count, usage::Usage},
};

/// Reads a `usage` object.
pub(super) fn read(usage: &Json<'_>) -> Usage {
    // The names of the counts before they were settled are still sent by some models.
    let cached = |name: &str, old: &str| count(usage, name).or_else(|| count(usage, old)).unwrap_or(0);
    let written = cached("/cacheWriteInputTokens", "/cacheWriteInputTokenCount");
    let long: u64 = details(usage).filter(|detail| ttl(detail) == Some("1h")).map(tokens).sum();
    Usage {
        input: count(usage, "/inputTokens").unwrap_or(0),
        cache_read: cached("/cacheReadInputTokens", "/cacheReadInputTokenCount"),
        cache_write: written.saturating_sub(long),
        cache_write_1h: long,
        output: count(usage, "/outputTokens").unwrap_or(0),
        ..Usage::default()
    }
}

/// The `usage` object of an answer.
pub(super) fn write(usage: &Usage) -> Value {
    let mut counts = json!({
        "inputTokens": usage.uncached(),
        "outputTokens": usage.output,
        "totalTokens": usage.total(),
    });
    let Some(fields) = counts.as_object_mut() else { return counts };
    if usage.cache_read > 0 || usage.cache_written() > 0 {
        fields.insert("cacheReadInputTokens".into(), usage.cache_read.into());
        fields.insert("cacheWriteInputTokens".into(), usage.cache_written().into());
    }
    let lifetimes = [("1h", usage.cache_write_1h), ("5m", usage.cache_write)];
    let details: Vec<Value> = lifetimes
        .into_iter()
        .filter(|(_, tokens)| *tokens > 0)
        .map(|(ttl, tokens)| json!({"ttl": ttl, "inputTokens": tokens}))
        .collect();
    if !details.is_empty() {
        fields.insert("cacheDetails".into(), details.into());
    }
    counts
}

fn details<'j>(usage: &'j Json<'j>) -> impl Iterator<Item = &'j Json<'j>> {
    usage.get("cacheDetails").and_then(Json::as_array).into_iter().flatten()
}

fn ttl<'j>(detail: &'j Json<'_>) -> Option<&'j str> {
    detail.get("ttl")?.as_str()
}

fn tokens(detail: &Json<'_>) -> u64 {
    count(detail, "/inputTokens").unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_stand_beside_the_input_and_are_split_by_lifetime() {
        let wire = json!({
            "inputTokens": 3, "outputTokens": 392, "totalTokens": 2208,
            "cacheReadInputTokens": 100, "cacheWriteInputTokens": 1713,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 1000}, {"ttl": "5m", "inputTokens": 713}],
        });
        let usage = read(&(&wire).into());
        assert_eq!((usage.input, usage.cache_read, usage.cache_write, usage.cache_write_1h), (3, 100, 713, 1000));
        assert_eq!((usage.output, usage.prompt()), (392, 1816));
        assert_eq!(write(&usage), wire);
        let old = read(&json!({"inputTokens": 1, "outputTokens": 2, "cacheReadInputTokenCount": 5}).into());
        assert_eq!((old.cache_read, old.total()), (5, 8));
    }
}
