//! Token counts in Bedrock's words: cached tokens stand beside `inputTokens`, thinking inside `outputTokens`.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>

use serde_json::{Value, json};

use crate::{envelope::scan::Scan, json::Json, usage::Usage};

/// Reads a `usage` object; what is none counts nothing.
pub(super) fn read(usage: &Json<'_>) -> Usage {
    pass(&mut Scan::of(&usage.to_bytes())).unwrap_or_default()
}

/// Passes a `usage` object; `None` if it is none.
pub(super) fn pass(scan: &mut Scan<'_>) -> Option<Usage> {
    // The names of the counts before they were settled are still sent by some models.
    let (mut read, mut old_read, mut written, mut old_written) = (None, None, None, None);
    let (mut usage, mut long) = (Usage::default(), 0);
    scan.object(|scan, key| {
        match scan.key(key) {
            b"inputTokens" => usage.input = scan.count()?.unwrap_or(0),
            b"outputTokens" => usage.output = scan.count()?.unwrap_or(0),
            b"cacheReadInputTokens" => read = scan.count()?,
            b"cacheReadInputTokenCount" => old_read = scan.count()?,
            b"cacheWriteInputTokens" => written = scan.count()?,
            b"cacheWriteInputTokenCount" => old_written = scan.count()?,
            b"cacheDetails" => long = scan.look(pass_long)?.unwrap_or(0),
            _ => scan.value()?,
        }
        Some(())
    })?;
    usage.cache_read = read.or(old_read).unwrap_or(0);
    usage.cache_write = written.or(old_written).unwrap_or(0).saturating_sub(long);
    usage.cache_write_1h = long;
    Some(usage)
}

/// Passes `cacheDetails`: the tokens that are kept for an hour.
fn pass_long(scan: &mut Scan<'_>) -> Option<u64> {
    let mut long = 0_u64;
    scan.list(|scan| {
        let (mut is_long, mut tokens) = (false, 0);
        scan.object(|scan, key| {
            match scan.key(key) {
                b"ttl" => is_long = scan.raw()? == b"\"1h\"",
                b"inputTokens" => tokens = scan.count()?.unwrap_or(0),
                _ => scan.value()?,
            }
            Some(())
        })?;
        long = long.saturating_add(if is_long { tokens } else { 0 });
        Some(())
    })?;
    Some(long)
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
