//! `usage`, both ways: cached tokens are counted inside the input, the canonical form counts them beside it.

use serde_json::{Value, json};

use crate::{
    dialect::body::count,
    json::Json,
    usage::{Usage, stated},
};

/// The counts of an answer (`{"usage": .., "tool_usage": ..}`); `None` if it reports none.
pub(super) fn read(answer: &Json<'_>) -> Option<Usage> {
    answer.get("usage").and_then(Json::as_object)?;
    let of = |path: &str| count(answer, path).unwrap_or(0);
    let input = of("/usage/input_tokens");
    let cache_read = of("/usage/input_tokens_details/cached_tokens");
    let cache_write_12h = of("/usage/input_tokens_details/cache_write_tokens_details/ttl_12h_tokens");
    let cache_write = of("/usage/input_tokens_details/cache_write_tokens").saturating_sub(cache_write_12h);
    let elsewhere = cache_read.saturating_add(cache_write).saturating_add(cache_write_12h);
    Some(Usage {
        input: input.saturating_sub(elsewhere),
        cache_read,
        cache_write,
        cache_write_12h,
        output: of("/usage/output_tokens"),
        reasoning: of("/usage/output_tokens_details/reasoning_tokens"),
        web_searches: of("/tool_usage/web_search/num_requests"),
        stated: answer.get("usage").and_then(|usage| stated(&usage.to_value())),
        ..Usage::default()
    })
}

/// The `usage` object that says these counts.
pub(super) fn write(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.prompt(),
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_written()},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total(),
    })
}
