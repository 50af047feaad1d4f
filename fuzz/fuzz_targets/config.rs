//! Configurations: refused with at least one explained problem, or compiled.
#![no_main]

use govern::{config::build, key::Pepper};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lookup = |name: &str| (name != "UNSET").then(|| name.to_lowercase());
    let checked = build::check(text, &lookup, &|_| Ok(()), 1_764_000_000_000_000);
    for problem in &checked.problems {
        let _ = problem.explain("config.yaml");
        let _ = problem.to_json("config.yaml");
    }
    match checked.draft {
        Some(draft) => drop(draft.into_rules(&Pepper::new(&[7; 32]), 1)),
        None => assert!(!checked.problems.is_empty(), "refused without a reason"),
    }
});
