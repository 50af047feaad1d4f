//! `usage`, both ways. What is billed counts; cached tokens are among the input.

use serde_json::{Value, json};

use crate::{envelope::scan::Scan, json::Json, usage::Usage};

/// The counts in disjoint classes; `None` if there is none.
pub(super) fn read(usage: &Json<'_>) -> Option<Usage> {
    pass(&mut Scan::of(&usage.to_bytes()))
}

/// Passes a `usage` object; `None` if it counts nothing.
pub(super) fn pass(scan: &mut Scan<'_>) -> Option<Usage> {
    let (mut billed, mut tokens, mut cached) = ([None; 3], [None; 2], None);
    scan.object(|scan, key| {
        match scan.key(key) {
            b"billed_units" => billed = scan.counts(["input_tokens", "output_tokens", "search_units"])?,
            b"tokens" => tokens = scan.counts(["input_tokens", "output_tokens"])?,
            b"cached_tokens" => cached = scan.count()?,
            _ => scan.value()?,
        }
        Some(())
    })?;
    let ([input, output, searches], [all_input, all_output]) = (billed, tokens);
    let (input, output) = (input.or(all_input), output.or(all_output));
    input.or(output)?;
    let input = input.unwrap_or(0);
    let cached = cached.unwrap_or(0).min(input);
    Some(Usage {
        input: input - cached,
        cache_read: cached,
        output: output.unwrap_or(0),
        queries: searches.unwrap_or(0),
        ..Usage::default()
    })
}

/// The `usage` object that says these counts.
pub(super) fn write(usage: &Usage) -> Value {
    let counts = json!({"input_tokens": usage.prompt(), "output_tokens": usage.output});
    let mut written = json!({"billed_units": counts, "tokens": counts});
    if let (1.., Some(written)) = (usage.cache_read, written.as_object_mut()) {
        written.insert("cached_tokens".to_owned(), json!(usage.cache_read));
    }
    if let (1.., Some(billed)) = (usage.queries, written.get_mut("billed_units").and_then(Value::as_object_mut)) {
        billed.insert("search_units".to_owned(), json!(usage.queries));
    }
    written
}
