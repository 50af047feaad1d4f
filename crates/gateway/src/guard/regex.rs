//! Patterns that may not be said: keys, account numbers, internal host names.
//!
//! The engine is linear in the text, whatever the pattern. A stream is searched through a window: a match of up to
//! `window` characters is found before any of it is let go. A longer one is stopped when it outgrows the window.

use ::regex::{Regex, RegexBuilder};
use govern::config::BadSetting;
use serde::Deserialize;
use serde_json::Value;

use super::{Guard, Match, bad, check_length, settings};

const MOST_PATTERNS: usize = 200;
const DEFAULT_WINDOW: usize = 200;
const LARGEST_WINDOW: usize = 10_000;
/// Bytes that a compiled pattern may take: `\w{1000}` is a mistake that is told rather than paid for.
const LARGEST_PATTERN: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Regular expressions: <https://docs.rs/regex/latest/regex/#syntax>
    patterns: Vec<String>,
    /// The longest match in characters that a stream is searched for; so many are held back. 200 unless said.
    window: Option<usize>,
}

struct Patterns {
    patterns: Vec<Regex>,
    window: usize,
}

pub(super) fn compile(value: Value) -> Result<Box<dyn Guard>, BadSetting> {
    let Settings { patterns, window } = settings(value)?;
    check_length("patterns", &patterns, MOST_PATTERNS)?;
    let window = window.unwrap_or(DEFAULT_WINDOW);
    if !(1..=LARGEST_WINDOW).contains(&window) {
        return Err(bad("window", format!("{window} is not between 1 and {LARGEST_WINDOW} characters")));
    }
    let mut compiled = Vec::with_capacity(patterns.len());
    for (index, pattern) in patterns.iter().enumerate() {
        let bad = |message: String| bad(format!("patterns[{index}]"), message);
        let pattern = RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).build();
        let pattern = pattern.map_err(|error| bad(error.to_string()))?;
        if pattern.is_match("") {
            return Err(bad("it matches the empty text, so it would block everything".to_owned()));
        }
        compiled.push(pattern);
    }
    Ok(Box::new(Patterns { patterns: compiled, window }))
}

impl Guard for Patterns {
    fn name(&self) -> &'static str {
        "regex"
    }

    fn reach(&self) -> usize {
        self.window
    }

    fn look_from(&self, text: &str, from: usize) -> Option<Match> {
        self.patterns.iter().enumerate().find_map(|(rule, pattern)| {
            let span = pattern.find_at(text, from)?.range();
            Some(Match { span, rule })
        })
    }
}
