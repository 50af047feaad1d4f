use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn guard(kind: &str, settings: Value) -> CompiledGuard {
    CompiledGuard::new("g", kind, settings).unwrap()
}

/// Where the first match in a text begins, by another way than the guard's.
type First = Box<dyn Fn(&str) -> Option<usize>>;

/// The guards whose verdict on a stream must not depend on how it is split. No match is longer than its reach.
fn guards() -> Vec<(CompiledGuard, First)> {
    let first = |pattern: &str| {
        let pattern = ::regex::Regex::new(pattern).unwrap();
        Box::new(move |text: &str| pattern.find(text).map(|found| found.start())) as First
    };
    let patterns = |pattern: &str, window: usize| guard("regex", json!({"patterns": [pattern], "window": window}));
    vec![
        (guard("keywords", json!({"words": ["aba", "B ä"]})), first("(?i)aba|b ä")),
        (guard("keywords", json!({"words": ["ab", "aba", "ä"], "whole_word": true})), first(r"(?i)\b(?:aba|ab|ä)\b")),
        (patterns(r"a\s{0,2}b", 4), first(r"a\s{0,2}b")),
        (patterns(r"\bab?\b|^b|(?m)^ä$", 2), first(r"\bab?\b|^b|(?m)^ä$")),
        (patterns(r"b{1,3}$", 3), first(r"b{1,3}$")),
        (patterns(r"\B(?:bä|ab\z)", 2), first(r"\B(?:bä|ab\z)")),
    ]
}

/// Screens `text` in pieces that end at `cuts` (byte positions between characters).
fn screen(guards: &Arc<[CompiledGuard]>, text: &str, cuts: &[usize]) -> (String, bool) {
    let mut screen = Screen::new(Arc::clone(guards));
    let mut out = String::new();
    let ends = cuts.iter().copied().chain([text.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    for (start, end) in starts.zip(ends) {
        match screen.push(&text[start..end]) {
            Ok(released) => out.push_str(&released),
            Err(blocked) => {
                assert_eq!(screen.push("more"), Err(blocked.clone()));
                assert_eq!(screen.finish(), Err(blocked));
                return (out, true);
            }
        }
    }
    match screen.finish() {
        Ok(rest) => (out + &rest, false),
        Err(_) => (out, true),
    }
}

fn check(guards: Arc<[CompiledGuard]>, first: &dyn Fn(&str) -> Option<usize>, text: &str, cuts: &[usize]) {
    let (out, blocked) = screen(&guards, text, cuts);
    match first(text) {
        None => assert_eq!((out.as_str(), blocked), (text, false), "{text:?} at {cuts:?}"),
        Some(start) => assert!(
            blocked && text.starts_with(&out) && out.len() <= start,
            "{text:?} at {cuts:?}: {out:?} went out, blocked: {blocked}, the first match is at {start}"
        ),
    }
    assert_eq!(guards[0].guard.look(text).is_some(), blocked, "{text:?}: whole and split differ");
}

fn positions(text: &str) -> Vec<usize> {
    text.char_indices().map(|(index, _)| index).skip(1).collect()
}

#[test]
fn every_split_of_short_texts_gives_the_same_verdict() {
    for (compiled, first) in guards() {
        let guards: Arc<[CompiledGuard]> = Arc::new([compiled]);
        for text in ["", "a", "aba", "xabay", "ab abä", "b\näb", "abbba b", "B Ä", "bbbb", " b a  ba", "äbäab"] {
            let positions = positions(text);
            for mask in 0..1_u32 << positions.len() {
                let chosen = |(bit, _): &(usize, &usize)| mask >> bit & 1 == 1;
                let cuts: Vec<usize> = positions.iter().enumerate().filter(chosen).map(|(_, at)| *at).collect();
                check(Arc::clone(&guards), &first, text, &cuts);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_split_of_any_text_gives_the_same_verdict(
        text in "[ab xäÄB\n]{0,40}",
        mask in any::<u64>(),
    ) {
        let positions = positions(&text);
        let cuts: Vec<usize> = positions.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, at)| *at).collect();
        for (compiled, first) in guards() {
            check(Arc::new([compiled]), &first, &text, &cuts);
        }
    }

    #[test]
    fn several_guards_hold_for_the_longest(text in "[abc ]{0,40}", mask in any::<u64>()) {
        let positions = positions(&text);
        let cuts: Vec<usize> = positions.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, at)| *at).collect();
        let guards: Arc<[CompiledGuard]> = Arc::new([
            guard("keywords", json!({"words": ["a"], "whole_word": true})),
            guard("regex", json!({"patterns": ["ab{0,6}c", "cc"], "window": 8})),
        ]);
        let (out, blocked) = screen(&guards, &text, &cuts);
        let first = ::regex::Regex::new(r"\ba\b|ab{0,6}c|cc").unwrap().find(&text).map(|found| found.start());
        prop_assert_eq!(blocked, first.is_some());
        prop_assert!(out.len() <= first.unwrap_or(text.len()));
    }
}

#[test]
fn no_more_is_held_back_than_the_longest_match() {
    let mut screen = Screen::new(Arc::new([guard("keywords", json!({"words": ["secret"]}))]));
    assert_eq!(screen.push("hello wörld").unwrap(), "hello");
    assert_eq!(screen.push("").unwrap(), "");
    assert_eq!(screen.push("!").unwrap(), " ");
    assert_eq!(screen.finish().unwrap(), "wörld!");

    let piece = "as it is";
    let mut open = Screen::new(Arc::new([]));
    assert!(matches!(open.push(piece), Ok(std::borrow::Cow::Borrowed("as it is"))));
    assert_eq!(open.finish().unwrap(), "");
}

#[test]
fn a_match_longer_than_the_window_is_stopped_when_it_outgrows_it() {
    let mut screen = Screen::new(Arc::new([guard("regex", json!({"patterns": ["k-[0-9]+"], "window": 5}))]));
    assert_eq!(screen.push("x k-1").unwrap(), "");
    assert_eq!(screen.push("23").unwrap(), "x ");
    assert_eq!(screen.push("4").unwrap_err(), Blocked { guard: "g".to_owned(), kind: "regex", rule: 0 });
}

#[test]
fn keywords_know_case_and_words() {
    let any = guard("keywords", json!({"words": ["Bomb", "ÉCLAIR", "İx"]})).guard;
    assert_eq!(any.look("the BOMBE"), Some(Match { span: 4..8, rule: 0 }));
    assert_eq!(any.look("ÀÀ éclair"), Some(Match { span: 5..12, rule: 1 }));
    assert_eq!(any.look("à İX"), Some(Match { span: 3..6, rule: 2 }));
    let whole = guard("keywords", json!({"words": ["foo", "foobar", "c++"], "whole_word": true})).guard;
    assert_eq!(whole.look("foobar"), Some(Match { span: 0..6, rule: 1 }));
    for text in ["foobars", "xfoo", "foo_", "äfoo", "fooä", "foo1", "c++1"] {
        assert_eq!(whole.look(text), None, "{text}");
    }
    assert_eq!(whole.look("(c++)"), Some(Match { span: 1..4, rule: 2 }));
    assert_eq!(whole.look_from("foo foo", 1), Some(Match { span: 4..7, rule: 0 }));
    assert_eq!(whole.look_from("xfoo", 1), None);
}

#[test]
fn hostile_text_costs_linear_time() {
    let begun = std::time::Instant::now();
    let text = "a".repeat(1 << 20);
    let backtracks = guard("regex", json!({"patterns": ["(a+)+b", "(a|aa)*c"]}));
    assert_eq!(backtracks.guard.look(&text), None);
    let words: Vec<String> = (1..100).map(|length| "a".repeat(length) + "b").collect();
    assert_eq!(guard("keywords", json!({"words": words, "whole_word": true})).guard.look(&text), None);
    let fails_everywhere = guard("keywords", json!({"words": ["a", "aa"], "whole_word": true}));
    assert_eq!(fails_everywhere.guard.look(&format!("é{text}é")), None);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_bad_setting_is_named() {
    let refused = |kind: &str, settings: Value| CompiledGuard::new("g", kind, settings).unwrap_err();
    assert_eq!(
        refused("keyword", json!({})).to_string(),
        r#"kind: there is no guard "keyword"; there are keywords, regex"#
    );
    assert_eq!(refused("keywords", json!({"words": []})).field, "words");
    assert_eq!(refused("keywords", json!({"words": ["a", " "]})).field, "words[1]");
    assert_eq!(refused("keywords", json!({"words": ["x".repeat(201)]})).field, "words[0]");
    assert!(refused("keywords", json!({"words": ["a"], "whole": true})).message.contains("whole"));
    assert_eq!(refused("regex", json!({"patterns": ["a", "("]})).field, "patterns[1]");
    assert_eq!(refused("regex", json!({"patterns": ["a*"]})).field, "patterns[0]");
    assert_eq!(refused("regex", json!({"patterns": [r"\w{1000}"]})).field, "patterns[0]");
    assert_eq!(refused("regex", json!({"patterns": ["a"], "window": 0})).field, "window");
}

#[test]
fn every_kind_says_its_own_name() {
    for (kind, settings) in [("keywords", json!({"words": ["a"]})), ("regex", json!({"patterns": ["a"]}))] {
        assert_eq!(guard(kind, settings).guard.name(), kind);
    }
    assert_eq!(KINDS.len(), 2);
}
