//! Hugging Face's Text Embeddings Inference: one model a server, a bare list as the answer.

use serde_json::{Map, Value, json};

use super::{
    Format, RerankCall, RerankReply,
    call::{text_of, write_extra},
    listed::read_ranked,
};
use crate::{
    Loss,
    dialect::{
        Glance, Malformed,
        body::{json, no_answer, whole},
        field::Field,
    },
};

const KNOWN: &[&str] = &["query", "texts", "return_text", "truncate"];

pub(super) fn read_call(body: &[u8]) -> Result<RerankCall, Malformed> {
    let value = json("the body", body)?;
    let root = Field::root(&value);
    let texts = root.need("texts", "a list of strings")?;
    let documents = texts.items()?.map(|text| text.string().map(Value::from)).collect::<Result<_, _>>()?;
    let flag = |name| root.get(name).map(|field| field.boolean()).transpose();
    let extra = root.object()?.others(KNOWN);
    Ok(RerankCall {
        model: String::new(),
        query: root.need("query", "a string")?.string()?,
        documents,
        top_n: None,
        return_documents: flag("return_text")?,
        max_tokens_per_doc: None,
        truncate: flag("truncate")?,
        extra: (Format::Tei, extra),
    })
}

/// `top_n` is not said: the answer is cut here.
pub(super) fn write_call(call: &RerankCall) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    let mut body = Map::new();
    body.insert("query".to_owned(), json!(call.query));
    let texts = call.documents.iter().enumerate().map(|(at, document)| text_of(document, at, Format::Tei));
    body.insert("texts".to_owned(), json!(texts.collect::<Result<Vec<_>, _>>()?));
    let flags = [("return_text", call.return_documents), ("truncate", call.truncate)];
    body.extend(flags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
    if call.max_tokens_per_doc.is_some() {
        loss.note("rerank.max_tokens_per_doc", "tei has no such bound");
    }
    write_extra(call, Format::Tei, &mut body, &mut loss);
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}

pub(super) fn read_reply(body: &[u8]) -> Result<RerankReply, Malformed> {
    let value = json("the answer", body)?;
    let results = Field::root(&value).items()?.map(|result| read_ranked(&result)).collect::<Result<_, _>>()?;
    Ok(RerankReply { results, ..RerankReply::default() })
}

pub(super) fn write_reply(reply: &RerankReply) -> Vec<u8> {
    let results: Vec<Value> = reply
        .results
        .iter()
        .map(|ranked| match ranked.document.as_ref().and_then(|document| document.get("text")) {
            Some(text) => json!({"index": ranked.index, "score": ranked.score, "text": text}),
            None => json!({"index": ranked.index, "score": ranked.score}),
        })
        .collect();
    Value::Array(results).to_string().into_bytes()
}

pub(super) fn glance(body: &[u8]) -> Glance {
    match serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(body) {
        Ok(_) => whole(None),
        Err(_) => no_answer("the answer is no list of ranks"),
    }
}
