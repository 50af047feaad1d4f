//! `usage`, both ways. What is billed counts; cached tokens are among the input.

use serde_json::{Value, json};

use crate::{
    json::Json,
    {dialect::body::count, usage::Usage},
};

/// The counts in disjoint classes; `None` if there is none.
pub(super) fn read(usage: &Json<'_>) -> Option<Usage> {
    let of = |name: &str| {
        count(usage, &format!("/billed_units/{name}")).or_else(|| count(usage, &format!("/tokens/{name}")))
    };
    let (input, output) = (of("input_tokens"), of("output_tokens"));
    input.or(output)?;
    let input = input.unwrap_or(0);
    let cached = count(usage, "/cached_tokens").unwrap_or(0).min(input);
    Some(Usage {
        input: input - cached,
        cache_read: cached,
        output: output.unwrap_or(0),
        queries: count(usage, "/billed_units/search_units").unwrap_or(0),
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
