//! Moderation: whether a content is harmful. <https://platform.openai.com/docs/api-reference/moderations>
//!
//! There is one format, so requests and answers pass as they are. Most vendors ask nothing for it and say no usage: it is
//! a query.

use crate::{
    dialect::{
        Glance,
        body::{count, no_answer, whole},
    },
    json::Json,
    usage::Usage,
};

/// Model and usage of an answer.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    let Ok(value) = Json::read(body) else { return no_answer("the answer is not JSON") };
    let Some(results) = value.get("results").and_then(Json::as_array) else {
        return no_answer("the answer holds no results");
    };
    let input = count(&value, "/usage/prompt_tokens").unwrap_or(0);
    let mut glance = whole(Some(Usage { input, queries: results.len() as u64, ..Usage::default() }));
    glance.served_by(value.get("model").and_then(Json::as_str).unwrap_or_default());
    glance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_content_that_was_judged_is_a_query() {
        let glance = glance(
            br#"{"id":"modr-1","model":"omni-moderation-latest","results":[{"flagged":false},{"flagged":true}]}"#,
        );
        assert_eq!(glance.usage, Some(Usage { queries: 2, ..Usage::default() }));
        assert_eq!(glance.model.as_deref(), Some("omni-moderation-latest"));
    }

    #[test]
    fn what_is_no_answer_is_a_fault() {
        for body in [&b""[..], b"{}", b"[]", br#"{"error":{"message":"no"}}"#] {
            assert!(glance(body).fault.is_some());
        }
    }
}
