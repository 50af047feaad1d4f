//! Which models a key may call.
//!
//! An entry of an allow-list that is exactly the name of a configured model grants that model with all its targets.
//! Every other entry, `*` included, is held against each resolved target, as `account/model` and as the provider's own
//! name for the model: an alias or a wildcard never opens what its target would not.

use std::sync::Arc;

use crate::{
    Code, Error,
    config::snapshot::{Route, Target},
};

/// A name with at most one `*`, which stands for any text, the empty one included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub text: String,
}

/// A pattern with more than one `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pattern has at most one `*`")]
pub struct TwoStars;

impl Pattern {
    /// # Errors
    /// More than one `*`.
    pub fn new(text: impl Into<String>) -> Result<Self, TwoStars> {
        let text = text.into();
        if text.matches('*').count() > 1 { Err(TwoStars) } else { Ok(Self { text }) }
    }

    /// What `*` stands for in `name`, if the pattern matches. Without a `*` the captured text is empty.
    #[must_use]
    pub fn captures<'n>(&self, name: &'n str) -> Option<&'n str> {
        captures(&self.text, name)
    }

    /// How much of the pattern is literal: the longer, the more precise.
    #[must_use]
    pub fn literal_len(&self) -> usize {
        self.text.len() - self.text.matches('*').count()
    }
}

/// The targets of `route` that a key with this allow-list may use, in their order.
///
/// # Errors
/// `ModelNotAllowed` if there is none.
pub fn permitted(models: &[String], route: &Route) -> Result<Vec<Arc<Target>>, Error> {
    let targets: Vec<_> =
        route.targets.iter().filter(|target| allows(models, &route.name, target)).map(Arc::clone).collect();
    if targets.is_empty() {
        return Err(Error::new(Code::ModelNotAllowed, "this key may not use the model that was asked for").at("model"));
    }
    Ok(targets)
}

/// Whether an allow-list opens `target` for a caller that asked for `route`.
#[must_use]
pub fn allows(models: &[String], route: &str, target: &Target) -> bool {
    models.iter().any(|entry| {
        entry == route || captures(entry, &target.name).is_some() || captures(entry, &target.model).is_some()
    })
}

fn captures<'n>(pattern: &str, name: &'n str) -> Option<&'n str> {
    match pattern.split_once('*') {
        None => (pattern == name).then_some(""),
        Some((head, tail)) => name.strip_prefix(head)?.strip_suffix(tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{route, target};

    fn names(models: &[&str], route: &Route) -> Vec<String> {
        let models: Vec<String> = models.iter().map(ToString::to_string).collect();
        match permitted(&models, route) {
            Ok(targets) => targets.iter().map(|target| target.name.to_string()).collect(),
            Err(error) => {
                assert_eq!(error.code, Code::ModelNotAllowed);
                vec![]
            }
        }
    }

    #[test]
    fn a_pattern_captures_what_the_star_stands_for() {
        for (pattern, name, captured) in [
            ("gpt-*", "gpt-4o", Some("4o")),
            ("gpt-*", "gpt-", Some("")),
            ("*", "anything", Some("anything")),
            ("*-mini", "gpt-4o-mini", Some("gpt-4o")),
            ("a*a", "a", None),
            ("a*a", "aa", Some("")),
            ("gpt-4o", "gpt-4o", Some("")),
            ("gpt-4o", "gpt-4o ", None),
            ("gpt-4o", "GPT-4o", None),
            ("openai/*", "openai/gpt-4o", Some("gpt-4o")),
            ("openai/*", "openai2/gpt-4o", None),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().captures(name), captured, "{pattern} on {name}");
        }
        assert_eq!(Pattern::new("a*b*c"), Err(TwoStars));
    }

    #[test]
    fn case_093_the_allow_list_is_checked_on_the_resolved_target() {
        let fast = route("fast", vec![target("openai/gpt-4o-mini"), target("groq/llama-3.1-8b")]);
        assert_eq!(names(&["fast"], &fast), ["openai/gpt-4o-mini", "groq/llama-3.1-8b"], "the name grants all of it");
        assert_eq!(names(&["openai/*"], &fast), ["openai/gpt-4o-mini"], "an alias opens only what its targets open");
        assert_eq!(names(&["llama-*"], &fast), ["groq/llama-3.1-8b"], "the provider's own name counts");
        assert_eq!(names(&["fa*"], &fast), Vec::<String>::new(), "a pattern is never held against the alias");
        assert_eq!(names(&["*"], &fast).len(), 2);
        assert_eq!(names(&[], &fast), Vec::<String>::new());
        assert_eq!(names(&["Fast", "fast ", "openai"], &fast), Vec::<String>::new(), "names are exact");

        let any = route("gpt-*", vec![target("openai/gpt-4o"), target("azure/gpt-4o")]);
        assert_eq!(names(&["azure/gpt-4o"], &any), ["azure/gpt-4o"]);
        assert_eq!(names(&["gpt-4o-mini"], &any), Vec::<String>::new());
        assert_eq!(names(&["gpt-*"], &any).len(), 2);
    }
}
