//! `usage`, both ways: cached tokens are counted inside the input, the canonical form counts them beside it.

use serde_json::{Value, json};

use crate::{
    envelope::scan::Scan,
    json::Json,
    usage::{Statement, Usage},
};

/// The counts of an answer (`{"usage": .., "tool_usage": ..}`); `None` if it reports none.
pub(super) fn read(answer: &Json<'_>) -> Option<Usage> {
    let usage = pass(&mut Scan::of(&answer.get("usage")?.to_bytes()))?;
    let tools = answer.get("tool_usage").map(Json::to_bytes).unwrap_or_default();
    Some(Usage { web_searches: pass_searches(&mut Scan::of(&tools)).unwrap_or(0), ..usage })
}

/// Passes a `usage` object; `None` if it is none.
pub(super) fn pass(scan: &mut Scan<'_>) -> Option<Usage> {
    let (mut input, mut output, mut reasoning) = (0, 0, 0);
    let mut cached = Cached::default();
    let mut stated = Statement::default();
    scan.object(|scan, key| {
        let name = scan.key(key);
        match name {
            b"input_tokens" => input = scan.count()?.unwrap_or(0),
            b"output_tokens" => output = scan.count()?.unwrap_or(0),
            b"input_tokens_details" => cached = scan.look(Cached::pass)?.unwrap_or_default(),
            b"output_tokens_details" => reasoning = scan.counts(["reasoning_tokens"])?[0].unwrap_or(0),
            _ => stated.take(name, scan.raw()?),
        }
        Some(())
    })?;
    let cache_write = cached.written.saturating_sub(cached.written_12h);
    let elsewhere = cached.read.saturating_add(cache_write).saturating_add(cached.written_12h);
    Some(Usage {
        input: input.saturating_sub(elsewhere),
        cache_read: cached.read,
        cache_write,
        cache_write_12h: cached.written_12h,
        output,
        reasoning,
        stated: stated.money(),
        ..Usage::default()
    })
}

/// Passes a `tool_usage` object: how many searches of the web it counts.
pub(super) fn pass_searches(scan: &mut Scan<'_>) -> Option<u64> {
    let mut searches = 0;
    scan.object(|scan, key| {
        match scan.key(key) {
            b"web_search" => searches = scan.counts(["num_requests"])?[0].unwrap_or(0),
            _ => scan.value()?,
        }
        Some(())
    })?;
    Some(searches)
}

/// What of the input the cache knew or learnt.
#[derive(Default)]
struct Cached {
    read: u64,
    /// With those of any lifetime.
    written: u64,
    written_12h: u64,
}

impl Cached {
    fn pass(scan: &mut Scan<'_>) -> Option<Self> {
        let mut cached = Self::default();
        scan.object(|scan, key| {
            match scan.key(key) {
                b"cached_tokens" => cached.read = scan.count()?.unwrap_or(0),
                b"cache_write_tokens" => cached.written = scan.count()?.unwrap_or(0),
                b"cache_write_tokens_details" => {
                    cached.written_12h = scan.counts(["ttl_12h_tokens"])?[0].unwrap_or(0);
                }
                _ => scan.value()?,
            }
            Some(())
        })?;
        Some(cached)
    }
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
