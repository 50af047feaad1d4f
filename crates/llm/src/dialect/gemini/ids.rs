//! Ids of function calls, which Gemini often leaves out and other formats cannot do without.
//!
//! A result without an id belongs to the first call of its name that has none yet. A made id says that it was made, so
//! that Gemini, which never saw it, is not sent it.

use std::collections::VecDeque;

const MADE: &str = "call_gemini_";

/// An id for call number `at` of the answer `seed`, of characters that every format allows.
pub(super) fn make(seed: &str, at: usize) -> String {
    let seed: String = seed.chars().filter(|c| c.is_ascii_alphanumeric()).take(40).collect();
    format!("{MADE}{seed}_{at}")
}

/// The id, unless it was made here.
pub(super) fn given(id: &str) -> Option<&str> {
    (!id.is_empty() && !id.starts_with(MADE)).then_some(id)
}

/// Brings together the calls and results of a conversation.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    /// Calls without an answer: name and id.
    open: VecDeque<(String, String)>,
    made: usize,
}

impl Matcher {
    /// The id of the next call.
    pub fn call(&mut self, name: &str, id: Option<&str>) -> String {
        let id = id.map_or_else(|| self.next(), str::to_owned);
        self.open.push_back((name.to_owned(), id.clone()));
        id
    }

    /// The id of the call that a result answers.
    pub fn result(&mut self, name: &str, id: Option<&str>) -> String {
        let meant = |(called, open): &(String, String)| match id {
            Some(id) => open == id,
            None => called == name,
        };
        let at = self.open.iter().position(meant);
        let answered = at.and_then(|at| self.open.remove(at)).map(|(_, open)| open);
        answered.or_else(|| id.map(str::to_owned)).unwrap_or_else(|| self.next())
    }

    fn next(&mut self) -> String {
        self.made += 1;
        make("h", self.made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_find_their_calls() {
        let mut matcher = Matcher::default();
        let (first, second) = (matcher.call("f", None), matcher.call("f", None));
        let named = matcher.call("g", Some("x"));
        assert_ne!(first, second);
        assert_eq!(named, "x");
        assert_eq!(matcher.result("g", Some("x")), "x");
        assert_eq!(matcher.result("f", None), first);
        assert_eq!(matcher.result("f", None), second);
        assert_eq!(given(&matcher.result("f", None)), None);
        assert_eq!(given("x"), Some("x"));
    }
}
