//! Prices: a line of the catalogue, then usage as JSON, then a decimal as people write it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llm::{Usage, catalog::entry::Entry, price::{Served, parse_decimal};

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let (entry, usage) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let _ = parse_decimal(lines.next().unwrap_or(text), 6);
    let Ok(entry) = serde_json::from_str::<Entry<'_>>(entry) else { return };
    let Some(price) = entry.price() else { return };
    let usage: Usage = serde_json::from_str(usage).unwrap_or_default();
    for tier in [None, Some("default"), Some("flex"), Some("priority"), Some("batch")] {
        let served = Served { tier, ..Served::default() };
        // Something that it used has no rate: that is not nothing, and it is no sum either.
        let Some(cost) = price.cost(&usage, &served) else { continue };
        assert!(cost.0 >= 0, "a negative cost: {cost}");
        let more = Usage { output: usage.output.saturating_add(1), ..usage };
        if let Some(dearer) = price.cost(&more, &served) {
            assert!(dearer >= cost, "more tokens cost less");
        }
    }
});
