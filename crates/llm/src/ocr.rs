//! Text of a document, read off its pages: <https://docs.mistral.ai/api/#tag/ocr>
//!
//! There is one format, so requests and answers pass as they are. It is sold by the page.

use crate::{
    dialect::{
        Glance,
        body::{count, no_answer, whole},
    },
    json::Json,
    usage::Usage,
};

/// Model and usage of an answer. Pages that were annotated, too, cost more: an answer with annotations has annotated all.
#[must_use]
pub fn glance(body: &[u8]) -> Glance {
    let Ok(value) = Json::read(body) else { return no_answer("the answer is not JSON") };
    let Some(listed) = value.get("pages").and_then(Json::as_array) else {
        return no_answer("the answer holds no pages");
    };
    let pages = count(&value, "/usage_info/pages_processed").unwrap_or(listed.len() as u64);
    let annotated = value.get("document_annotation").is_some_and(|annotation| !annotation.is_null());
    let pages_annotated = if annotated { pages } else { 0 };
    let mut glance = whole(Some(Usage { pages, pages_annotated, ..Usage::default() }));
    glance.served_by(value.get("model").and_then(Json::as_str).unwrap_or_default());
    glance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_as_the_provider_counts_them() {
        let plain = br#"{"pages":[{"index":0,"markdown":"A"}],"model":"mistral-ocr-latest","usage_info":{"pages_processed":29,"doc_size_bytes":3002783},"document_annotation":null}"#;
        assert_eq!(glance(plain).usage, Some(Usage { pages: 29, ..Usage::default() }));
        let annotated = br#"{"pages":[{"index":0}],"document_annotation":"{}"}"#;
        assert_eq!(glance(annotated).usage, Some(Usage { pages: 1, pages_annotated: 1, ..Usage::default() }));
        assert!(glance(br#"{"detail":"no"}"#).fault.is_some());
    }
}
