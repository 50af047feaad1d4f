//! Problems as they are found, and the places of settings.

use std::collections::{HashMap, HashSet};

use super::problem::{Fault, Place, Problem, Severity};

/// More problems than this help nobody.
const MOST_PROBLEMS: usize = 200;

/// What a problem points at.
pub(super) enum At<'p> {
    /// The value of the setting with this path, or the nearest thing around it.
    Value(&'p str),
    /// The name of the setting.
    Name(&'p str),
    Place(&'p str, Place),
}

/// Collects the problems of one configuration.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<String>,
    problems: Vec<Problem>,
    values: HashMap<String, Place>,
    keys: HashMap<String, Place>,
    variables: HashSet<String>,
    secrets: Vec<String>,
}

impl Report {
    pub fn new(text: &str) -> Self {
        Self { lines: text.lines().map(str::to_owned).collect(), ..Self::default() }
    }

    /// Where the value at `path` stands.
    pub fn note_place(&mut self, path: &str, at: Place) {
        self.values.insert(path.to_owned(), at);
    }

    /// Where the name of the setting at `path` stands.
    pub fn note_key(&mut self, path: &str, at: Place) {
        self.keys.entry(path.to_owned()).or_insert(at);
    }

    /// The value at `path` came from the environment.
    pub fn note_variable(&mut self, path: &str) {
        self.variables.insert(path.to_owned());
    }

    pub fn is_from_environment(&self, path: &str) -> bool {
        self.variables.contains(path)
    }

    /// Whether the file has a value at `path`.
    pub fn stands_in_file(&self, path: &str) -> bool {
        self.values.contains_key(path)
    }

    /// Keeps a text out of every line that is shown.
    pub fn mask(&mut self, secret: &str) {
        // What is shorter is no secret, and would blot out half the line.
        if secret.len() >= 4 {
            self.secrets.push(secret.to_owned());
        }
    }

    pub fn error(&mut self, fault: Fault, at: At<'_>, message: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Error, fault, at, (message.into(), fix.into()));
    }

    pub fn warning(&mut self, fault: Fault, at: At<'_>, message: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Warning, fault, at, (message.into(), fix.into()));
    }

    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }

    /// All problems in the order of the file, errors before warnings on one line.
    pub fn finish(mut self) -> Vec<Problem> {
        for problem in &mut self.problems {
            let line = problem.place.and_then(|place| self.lines.get(place.line.checked_sub(1)?));
            problem.line = line.map(|line| masked(line, &self.secrets));
        }
        self.problems.sort_by_key(|problem| (problem.place.map(|at| (at.line, at.column)), !problem.is_error()));
        self.problems
    }

    /// The place of the value, or of the nearest thing around it.
    fn value_place(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.values.get(path).or_else(|| self.keys.get(path)) {
                return Some(*place);
            }
            path = match path.rfind(['.', '[']) {
                Some(at) => path.get(..at)?,
                None if path.is_empty() => return None,
                None => "",
            };
        }
    }

    fn add(&mut self, severity: Severity, fault: Fault, at: At<'_>, (message, fix): (String, String)) {
        let (path, place) = match at {
            At::Value(path) => (path, self.value_place(path)),
            At::Name(path) => (path, self.keys.get(path).copied().or_else(|| self.value_place(path))),
            At::Place(path, place) => (path, Some(place)),
        };
        // An error is never lost behind warnings.
        let full = self.problems.len() >= MOST_PROBLEMS && (severity == Severity::Warning || self.has_errors());
        if !full {
            let path = path.to_owned();
            self.problems.push(Problem { severity, fault, path, message, fix, place, line: None });
        }
    }
}

/// The line, cut to what a terminal shows, without known credentials and without anything that looks like one: a key
/// that stands where none belongs is not known as a credential.
fn masked(line: &str, secrets: &[String]) -> String {
    const MOST_CHARACTERS: usize = 200;
    let mut line = line.to_owned();
    for secret in secrets {
        line = line.replace(secret.as_str(), &"*".repeat(secret.chars().count()));
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let words: Vec<String> = line
        .split_inclusive(|c| !is_part(c))
        .map(|word| {
            let token = word.trim_end_matches(|c| !is_part(c));
            match looks_secret(token) {
                true => word.replacen(token, &"*".repeat(token.len()), 1),
                false => word.to_owned(),
            }
        })
        .collect();
    words.concat().chars().take(MOST_CHARACTERS).filter(|c| !c.is_control() || *c == '\t').collect()
}

/// Random text: sixteen letters and digits in a row, with both among them. Names of models are not like that.
fn looks_secret(token: &str) -> bool {
    token.split(['-', '_']).any(|run| {
        run.len() >= 16 && run.bytes().any(|b| b.is_ascii_digit()) && run.bytes().any(|b| b.is_ascii_alphabetic())
    })
}
