//! Words that may not be said, in any case: product names, slurs, code names.
//!
//! One automaton finds all words in one pass, so ten thousand words cost what one costs. Letters are compared by their
//! lower case, character by character, so that a text reads the same however it is split.

use std::{borrow::Cow, ops::Range};

use aho_corasick::{AhoCorasick, MatchKind};
use govern::config::BadSetting;
use serde::Deserialize;
use serde_json::Value;

use super::{Guard, Match, bad, check_length, settings};

const MOST_WORDS: usize = 10_000;
const MOST_CHARACTERS: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Words or phrases; upper and lower case are the same.
    words: Vec<String>,
    /// Match only where no letter, digit or underscore stands before or after.
    #[serde(default)]
    whole_word: bool,
}

struct Keywords {
    words: AhoCorasick,
    whole_word: bool,
    reach: usize,
}

pub(super) fn compile(value: Value) -> Result<Box<dyn Guard>, BadSetting> {
    let Settings { words, whole_word } = settings(value)?;
    check_length("words", &words, MOST_WORDS)?;
    let mut reach = 0;
    for (index, word) in words.iter().enumerate() {
        let characters = fold(word).chars().count();
        if word.trim().is_empty() || characters > MOST_CHARACTERS {
            let message = format!("a word has 1 to {MOST_CHARACTERS} characters, not only spaces");
            return Err(bad(format!("words[{index}]"), message));
        }
        reach = reach.max(characters);
    }
    let words = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .build(words.iter().map(|word| fold(word).into_owned()))
        .map_err(|error| bad("words", error.to_string()))?;
    Ok(Box::new(Keywords { words, whole_word, reach }))
}

impl Guard for Keywords {
    fn name(&self) -> &'static str {
        "keywords"
    }

    fn reach(&self) -> usize {
        self.reach
    }

    fn look_from(&self, text: &str, from: usize) -> Option<Match> {
        let (before, text) = text.split_at_checked(from)?;
        let folded = fold(text);
        let before = before.chars().next_back().and_then(|character| character.to_lowercase().last());
        // Overlapping: a word that fails for its neighbours must not hide another that starts inside it.
        for found in self.words.find_overlapping_iter(folded.as_ref()) {
            let left = folded.get(..found.start()).and_then(|text| text.chars().next_back()).or(before);
            let right = folded.get(found.end()..).and_then(|text| text.chars().next());
            if !self.whole_word || !(left.is_some_and(is_word) || right.is_some_and(is_word)) {
                let span = unfold(text, found.range());
                return Some(Match { span: from + span.start..from + span.end, rule: found.pattern().as_usize() });
            }
        }
        None
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The text in lower case, each character by itself: `str::to_lowercase` looks at neighbours (final sigma).
fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
}

/// The bytes of `text` of which `span` is the folded form, in whole characters.
fn unfold(text: &str, span: Range<usize>) -> Range<usize> {
    if text.is_ascii() {
        return span;
    }
    let (mut folded, mut start) = (0, 0);
    for (index, character) in text.char_indices() {
        if folded <= span.start {
            start = index;
        }
        if folded >= span.end {
            return start..index;
        }
        folded += character.to_lowercase().map(char::len_utf8).sum::<usize>();
    }
    start..text.len()
}
