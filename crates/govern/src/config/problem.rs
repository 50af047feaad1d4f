//! What is wrong with a configuration: a stable code, the place, and how to mend it.

use std::fmt::Write as _;

use serde_json::json;

/// Lists the problems: variant, stable code.
macro_rules! faults {
    ($($variant:ident $code:literal $meaning:literal;)+) => {
        /// What kind of problem it is. The name of its code never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault { $(#[doc = $meaning] $variant),+ }

        impl Fault {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable code.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// One sentence for the documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }
        }
    };
}

faults! {
    Syntax          "syntax"            "The file is not YAML, or is larger than 10 MiB.";
    UnknownField    "unknown_field"     "There is no such setting.";
    MissingField    "missing_field"     "A setting that is needed is not there.";
    Duplicate       "duplicate"         "A name or a setting stands twice.";
    WrongType       "wrong_type"        "The value has another type than the setting.";
    OutOfRange      "out_of_range"      "The number is too small or too large.";
    UnknownValue    "unknown_value"     "The value is none of those that the setting knows.";
    BadVariable     "bad_variable"      "A `${NAME}` is not well-formed or not set in the environment.";
    BadName         "bad_name"          "A name is empty, too long or has characters that it must not have.";
    BadDuration     "bad_duration"      "A duration is not written as `100ms`, `5s`, `10m`, `1h` or `1d`.";
    BadSize         "bad_size"          "A size is not written as `64KiB`, `32MiB` or `1GiB`.";
    BadAddress      "bad_address"       "An address to listen at is not `HOST:PORT` with a numeric host.";
    BadUrl          "bad_url"           "An address of a provider, collector or origin is not a plain `https://host/path`.";
    BadTime         "bad_time"          "A point in time is neither a date nor a time with its offset.";
    BadHeader       "bad_header"        "A header's name or value is not allowed in HTTP, or the header is the gateway's own.";
    BadOverride     "bad_override"      "A parameter that must not be forced, or a value that is no scalar.";
    UnknownProvider "unknown_provider"  "No provider has this name.";
    UnknownAccount  "unknown_account"   "A target names an account that is not under `providers`.";
    BadTarget       "bad_target"        "A target is not written as `account/model`, or its `*` has nothing to stand for.";
    NoWeight        "no_weight"         "All targets of a model have weight 0, so that none can be drawn.";
    BadGuardrail    "bad_guardrail"     "A guardrail is of an unknown kind, or its kind cannot use one of its settings.";
    MissingSecret   "missing_secret"    "An account has no credential.";
    SampleSecret    "sample_secret"     "A credential is empty, too short to be one, or a placeholder from an example.";
    BadKey          "bad_key"           "A gateway key is not one that `tollgate keys create` made, or is declared twice over.";
    UnknownModel    "unknown_model"     "An allow-list names something that is not configured.";
    UnknownReference "unknown_reference" "A setting names an organization, division, team, project, user or virtual account that is not declared.";
    Contradiction   "contradiction"     "Two settings of one object say different things.";
    Unpriced        "unpriced"          "No price is known for a target: its calls are flagged, estimated or refused, as `unpriced` says.";
    PlainHttp       "plain_http"        "A provider elsewhere is reached without encryption.";
    SecretInFile    "secret_in_file"    "A credential stands in the file itself.";
    Expired         "expired"           "A key has already expired.";
    NoEffect        "no_effect"         "A setting that changes nothing where it stands.";
}

/// Whether the configuration can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    /// Characters to underline.
    pub width: usize,
}

/// Something that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub fault: Fault,
    /// `models.fast.targets[1]`; empty for the whole file.
    pub path: String,
    pub message: String,
    /// What to do about it, in one line.
    pub fix: String,
    /// `None` where there is no file.
    pub place: Option<Place>,
    /// The line of the file, with credentials masked.
    pub line: Option<String>,
}

impl Problem {
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The problem for a terminal: what, where, the line with a caret, and the fix.
    #[must_use]
    pub fn explain(&self, file: &str) -> String {
        let mut text = format!("{}[{}]: {}\n", self.severity.as_str(), self.fault.as_str(), self.message);
        let at = if self.path.is_empty() { String::new() } else { format!(" at {}", self.path) };
        match self.place {
            Some(Place { line, column, .. }) => _ = writeln!(text, "  --> {file}:{line}:{column}{at}"),
            None => _ = writeln!(text, "  --> {file}{at}"),
        }
        if let (Some(Place { line, column, width }), Some(source)) = (self.place, &self.line) {
            let number = line.to_string();
            let gutter = " ".repeat(number.len());
            // Tabs are kept, so that the caret stands where the eye looks.
            let lead: String =
                source.chars().take(column.saturating_sub(1)).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let room = source.chars().count().saturating_sub(column.saturating_sub(1));
            let caret = "^".repeat(width.min(room).max(1));
            _ = writeln!(text, " {number} | {source}\n {gutter} | {lead}{caret}");
        }
        _ = writeln!(text, "  fix: {}", self.fix);
        text
    }

    /// The problem for a program.
    #[must_use]
    pub fn to_json(&self, file: &str) -> serde_json::Value {
        json!({
            "severity": self.severity.as_str(),
            "code": self.fault.as_str(),
            "path": self.path,
            "message": self.message,
            "fix": self.fix,
            "file": file,
            "line": self.place.map(|place| place.line),
            "column": self.place.map(|place| place.column),
        })
    }
}

/// The name that was probably meant.
pub(crate) fn closest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    /// A suggestion is for people: nobody has thousands of names in mind, and a distance costs time.
    const MOST_NAMES: usize = 2_000;
    let most = (written.chars().count() / 3).max(1);
    names
        .into_iter()
        .take(MOST_NAMES)
        .map(|name| (distance(&written.to_lowercase(), &name.to_lowercase(), most), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// Edit distance where swapping two neighbours counts as one; more than `most` may be any larger number.
fn distance(one: &str, other: &str, most: usize) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > most || one.len() > 256 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, from) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in other.iter().enumerate() {
            let get = |cells: &[usize], at: usize| cells.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut best = (get(&above, column) + usize::from(from != to))
                .min(get(&above, column + 1) + 1)
                .min(get(&current, column) + 1);
            let swapped = row > 0 && column > 0 && one.get(row - 1) == Some(to) && other.get(column - 1) == Some(from);
            if swapped {
                best = best.min(get(&before, column - 1) + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

/// `a`, `b` and `c` for a message.
pub(crate) fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_meant_is_found() {
        let names = ["openai", "anthropic", "mistral", "api_key"];
        assert_eq!(closest("opanai", names), Some("openai"));
        assert_eq!(closest("api_kye", names), Some("api_key"));
        assert_eq!(closest("OpenAI", names), Some("openai"));
        assert_eq!(closest("zzz", names), None);
        assert_eq!(closest("", names), None);
        assert_eq!(distance("ab", "ba", 2), 1);
        assert_eq!(distance("kitten", "sitting", 9), 3);
    }

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Fault::ALL.iter().map(|fault| fault.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Fault::ALL.len());
    }
}
