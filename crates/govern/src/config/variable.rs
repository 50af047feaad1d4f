//! `${NAME}`, `${NAME:-default}` and `$$` in a text.

/// Looks a variable of the environment up.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A text with its variables filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expanded {
    pub text: String,
    /// A variable stood in it.
    pub from_environment: bool,
}

/// What is wrong with a `${...}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadVariable {
    /// Not set, and without a default.
    Unset(String),
    /// Not a name, or without an end.
    Malformed(String),
}

/// Fills in the variables of a text. A `$` before anything but `{` and `$` is itself.
pub(super) fn expand(text: &str, lookup: Lookup<'_>) -> Result<Expanded, BadVariable> {
    let mut out = Expanded { text: String::with_capacity(text.len()), from_environment: false };
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.text.push_str(before);
        if let Some(after) = from.strip_prefix("$$") {
            out.text.push('$');
            rest = after;
        } else if let Some(inner) = from.strip_prefix("${") {
            let (written, after) =
                inner.split_once('}').ok_or_else(|| BadVariable::Malformed(format!("${{{inner}")))?;
            out.text.push_str(&value(written, lookup)?);
            out.from_environment = true;
            rest = after;
        } else {
            out.text.push('$');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.text.push_str(rest);
    Ok(out)
}

fn value(written: &str, lookup: Lookup<'_>) -> Result<String, BadVariable> {
    let (name, default) = match written.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (written, None),
    };
    let mut characters = name.chars();
    let is_name = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(BadVariable::Malformed(format!("${{{written}}}")));
    }
    // As in a shell, `:-` stands in for an empty variable too.
    match (lookup(name).filter(|value| default.is_none() || !value.is_empty()), default) {
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(BadVariable::Unset(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, BadVariable> {
        expand(text, &|name| match name {
            "HOST" => Some("example.com".into()),
            "EMPTY" => Some(String::new()),
            "LOOP" => Some("${HOST}".into()),
            _ => None,
        })
        .map(|expanded| expanded.text)
    }

    #[test]
    fn variables_are_filled_in() {
        for (text, right) in [
            ("https://${HOST}/v1", "https://example.com/v1"),
            ("${NONE:-fall back}", "fall back"),
            ("${EMPTY:-other}", "other"),
            ("${EMPTY}", ""),
            ("${NONE:-}", ""),
            ("$$5 and $${HOST}", "$5 and ${HOST}"),
            ("$HOME costs $", "$HOME costs $"),
            ("${LOOP}", "${HOST}"),
            ("${NONE:-a:-b}", "a:-b"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(right), "{text}");
        }
    }

    #[test]
    fn a_wrong_variable_is_named() {
        assert_eq!(expanded("x ${NONE}"), Err(BadVariable::Unset("NONE".into())));
        for bad in ["${", "${}", "${A B}", "${1A}", "${HOST", "${A:?x}"] {
            assert!(matches!(expanded(bad), Err(BadVariable::Malformed(_))), "{bad}");
        }
    }
}
