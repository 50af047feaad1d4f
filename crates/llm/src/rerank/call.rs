//! The canonical rerank request and answer.

use serde_json::{Map, Value, json};

use super::Format;
use crate::{Loss, dialect::Malformed, usage::Usage};

/// What is to be ranked.
#[derive(Debug, Clone, PartialEq)]
pub struct RerankCall {
    /// The model as the caller named it; empty where the path says it.
    pub model: String,
    pub query: String,
    /// Strings, or objects of which only some vendors know what to make (`{"text": ..}` is known to all).
    pub documents: Vec<Value>,
    /// How many results are wanted.
    pub top_n: Option<u64>,
    /// Whether the answer is to repeat the documents.
    pub return_documents: Option<bool>,
    /// Longer documents are cut to so many tokens (Cohere).
    pub max_tokens_per_doc: Option<u64>,
    /// Whether what is too long may be cut.
    pub truncate: Option<bool>,
    /// Fields without a canonical place, for the format that they came in.
    pub extra: (Format, Map<String, Value>),
}

/// The documents in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RerankReply {
    /// Empty where the format has none.
    pub id: String,
    /// Empty where the format does not say it.
    pub model: String,
    pub results: Vec<Ranked>,
    /// `None`: the provider did not say.
    pub usage: Option<Usage>,
}

/// One document's rank.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Its place among the documents that were sent.
    pub index: usize,
    pub score: f64,
    /// The document itself, if the answer repeats it.
    pub document: Option<Value>,
}

/// The answer as `call` wants it: best first, cut, with or without the documents.
pub(super) fn ranked(reply: &RerankReply, call: &RerankCall) -> Result<RerankReply, Malformed> {
    let mut ranked = reply.clone();
    ranked.results.sort_by(|a, b| b.score.total_cmp(&a.score));
    if let Some(top) = call.top_n {
        ranked.results.truncate(usize::try_from(top).unwrap_or(usize::MAX));
    }
    for result in &mut ranked.results {
        let sent = call.documents.get(result.index).ok_or_else(|| Malformed {
            field: None,
            message: format!("the provider ranked document {}, which was not sent", result.index),
        })?;
        let wanted = call.return_documents == Some(true);
        result.document = wanted.then(|| if sent.is_string() { json!({"text": sent}) } else { sent.clone() });
    }
    if ranked.model.is_empty() {
        ranked.model.clone_from(&call.model);
    }
    Ok(ranked)
}

/// A document as plain text.
pub(super) fn text_of(document: &Value, at: usize, format: Format) -> Result<&str, Malformed> {
    let text = document.as_str().or_else(|| {
        let object = document.as_object()?;
        object.get("text").filter(|_| object.len() == 1)?.as_str()
    });
    text.ok_or_else(|| {
        let field = format!("documents[{at}]");
        let message = format!("{field}: {} ranks text: send a string, or an object with a text alone", format.as_str());
        Malformed { field: Some(field), message }
    })
}

/// Writes the fields without a canonical place, if the call came in this very format.
pub(super) fn write_extra(call: &RerankCall, format: Format, body: &mut Map<String, Value>, loss: &mut Loss) {
    let (own, fields) = &call.extra;
    for (name, value) in fields {
        if *own == format {
            body.insert(name.clone(), value.clone());
        } else {
            loss.note(format!("extra.{name}"), format!("{} has no such field", format.as_str()));
        }
    }
}
