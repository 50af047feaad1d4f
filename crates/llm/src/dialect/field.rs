//! A JSON value that knows where it stands, so that every complaint about a body names the field.
//!
//! Readers of request bodies walk [`Field`]s. A path costs nothing until a complaint is worded.

use std::fmt;

use super::Malformed;
use crate::json::{Json, Object};

/// A value of a body and the way to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'v, 'p> {
    pub value: &'v Json<'v>,
    way: Option<(&'p Field<'v, 'p>, Step<'v>)>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

impl<'v> Field<'v, '_> {
    /// The body itself.
    pub fn root(value: &'v Json<'v>) -> Self {
        Self { value, way: None }
    }

    /// The field of this object with this name; a field that is `null` counts as not sent.
    pub fn get<'s>(&'s self, name: &'static str) -> Option<Field<'v, 's>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Field { value, way: Some((self, Step::Key(name))) })
    }

    /// The same, but it must be there; `right` says what it should be.
    pub fn need<'s>(&'s self, name: &'static str, right: &str) -> Result<Field<'v, 's>, Malformed> {
        if self.value.as_object().is_none() {
            return Err(self.wrong("an object"));
        }
        self.get(name).ok_or_else(|| {
            let field = Field { value: &Json::Null, way: Some((self, Step::Key(name))) }.to_string();
            Malformed { message: format!("{field} is missing: it must be {right}"), field: Some(field) }
        })
    }

    /// The elements, if this is an array.
    pub fn items<'s>(&'s self) -> Result<impl Iterator<Item = Field<'v, 's>>, Malformed> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("an array"))?;
        Ok(items.iter().enumerate().map(|(at, value)| Field { value, way: Some((self, Step::Index(at))) }))
    }

    pub fn object(&self) -> Result<&'v Object<'v>, Malformed> {
        self.value.as_object().ok_or_else(|| self.wrong("an object"))
    }

    pub fn text(&self) -> Result<&'v str, Malformed> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    pub fn string(&self) -> Result<String, Malformed> {
        self.text().map(str::to_owned)
    }

    pub fn boolean(&self) -> Result<bool, Malformed> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// A whole number within bounds. `3.0` is one: some clients write every number with a fraction.
    pub fn whole(&self, least: u64, most: u64) -> Result<u64, Malformed> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and in range")]
        let whole = |number: f64| (number.fract() == 0.0 && (0.0..1e15).contains(&number)).then_some(number as u64);
        let number = self.value.as_u64().or_else(|| self.value.as_f64().and_then(whole));
        number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            let right = if most == u64::MAX {
                format!("a whole number of at least {least}")
            } else {
                format!("a whole number from {least} to {most}")
            };
            self.wrong(&right)
        })
    }

    /// A finite number within bounds.
    pub fn number(&self, least: f64, most: f64) -> Result<f64, Malformed> {
        let number = self.value.as_f64().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.wrong(&format!("a number from {least} to {most}")))
    }

    /// The complaint that this value is not what it should be.
    pub fn wrong(&self, right: &str) -> Malformed {
        let (field, got) = (self.to_string(), Shown(self.value));
        if field.is_empty() {
            return Malformed { field: None, message: format!("the body must be {right}, not {got}") };
        }
        Malformed { message: format!("{field} must be {right}, not {got}"), field: Some(field) }
    }
}

impl fmt::Display for Field<'_, '_> {
    /// The path: `messages[3].content[0].type`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((parent, step)) = self.way else { return Ok(()) };
        parent.fmt(f)?;
        match step {
            Step::Key(key) if parent.way.is_none() => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(at) => write!(f, "[{at}]"),
        }
    }
}

/// A value as a complaint quotes it: short, and never a whole prompt.
struct Shown<'v>(&'v Json<'v>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST_CHARS: usize = 40;
        match self.0 {
            Json::Object(_) => f.write_str("an object"),
            Json::Array(_) => f.write_str("an array"),
            Json::String(text) if text.chars().nth(MOST_CHARS).is_some() => f.write_str("a long string"),
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn complaints_name_the_field_what_is_wrong_and_what_is_right() {
        let body = Json::from(json!({"a": [{"b": "x", "n": -1, "s": "y".repeat(100)}]}));
        let root = Field::root(&body);
        let a = root.need("a", "a list").unwrap();
        let first = a.items().unwrap().next().unwrap();
        let say = |wrong: Malformed| wrong.to_string();
        assert_eq!(say(first.need("b", "").unwrap().boolean().unwrap_err()), "a[0].b must be true or false, not \"x\"");
        assert_eq!(say(first.need("c", "a string").unwrap_err()), "a[0].c is missing: it must be a string");
        assert_eq!(
            say(first.get("n").unwrap().whole(1, 8).unwrap_err()),
            "a[0].n must be a whole number from 1 to 8, not -1"
        );
        assert_eq!(say(first.get("s").unwrap().items().err().unwrap()), "a[0].s must be an array, not a long string");
        assert_eq!(say(root.text().unwrap_err()), "the body must be a string, not an object");
    }
}
