//! Bodies as JSON, and the counts in them: servers write whole numbers, fractions and text, and nothing may be large
//! enough to overflow a price.

use super::{Glance, Malformed};
use crate::{
    failure::{Failure, Kind},
    json::Json,
    usage::Usage,
};

/// A request body or an answer as JSON; `what` names it (`the body`).
pub(crate) fn json<'a>(what: &str, bytes: &'a [u8]) -> Result<Json<'a>, Malformed> {
    Json::read(bytes).map_err(|error| Malformed { field: None, message: format!("{what} is not JSON: {error}") })
}

/// Far above every real count.
const MOST: u64 = 1 << 40;

/// What is learnt of an answer that came whole.
pub(crate) fn whole(usage: Option<Usage>) -> Glance {
    Glance { usage, ended: true, content: true, ..Glance::default() }
}

/// What is learnt of an answer that is none.
pub(crate) fn no_answer(why: &'static str) -> Glance {
    Glance { fault: Some(Failure::new(Kind::Malformed, why)), ..Glance::default() }
}

/// The count at this place (`/usage/prompt_tokens`); `None` if no number stands there.
pub(crate) fn count(value: &Json<'_>, path: &str) -> Option<u64> {
    value.pointer(path).and_then(whole_number)
}

/// The same, in thousandths: seconds become milliseconds.
pub(crate) fn thousandths(value: &Json<'_>, path: &str) -> Option<u64> {
    scaled(value.pointer(path)?, 1000.0)
}

/// The count that a value means, however it is written; `None` if it is no number.
pub(crate) fn whole_number(value: &Json<'_>) -> Option<u64> {
    scaled(value, 1.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such casts saturate, NaN gives 0")]
fn scaled(number: &Json<'_>, factor: f64) -> Option<u64> {
    let number = number.as_f64().or_else(|| number.as_str()?.parse().ok())?;
    Some(((number * factor).round() as u64).min(MOST))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_however_they_are_written() {
        let body = Json::from(json!({"a": 7, "b": 7.0, "c": "7", "d": -1, "e": 1e300, "f": null, "g": 1.2345}));
        let read = |path: &str| count(&body, path);
        assert_eq!(
            [read("/a"), read("/b"), read("/c"), read("/d"), read("/e")].map(Option::unwrap),
            [7, 7, 7, 0, MOST]
        );
        assert_eq!((read("/f"), read("/h")), (None, None));
        assert_eq!(thousandths(&body, "/g"), Some(1235));
    }
}
