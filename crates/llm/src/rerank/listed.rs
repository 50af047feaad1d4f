//! Cohere's shape and those that follow it: documents in a list, ranks in a list with their index. The vendors differ in
//! names, and names are data.

use serde_json::{Map, Value, json};

use super::{
    Format, Ranked, RerankCall, RerankReply,
    call::{text_of, write_extra},
};
use crate::{
    Loss,
    dialect::{
        Glance, Malformed,
        body::{count, json, no_answer, whole},
        field::Field,
    },
    json::Json,
    usage::Usage,
};

/// The names of one vendor.
struct Words {
    top: &'static str,
    /// Whether the answer can repeat the documents.
    returns: bool,
    truncate: Option<&'static str>,
    max_tokens: Option<&'static str>,
    /// Whether documents may be objects.
    objects: bool,
    /// The list of the answer.
    results: &'static str,
}

const COHERE: Words = Words {
    top: "top_n",
    returns: false,
    truncate: None,
    max_tokens: Some("max_tokens_per_doc"),
    objects: false,
    results: "results",
};
const JINA: Words = Words { returns: true, max_tokens: None, objects: true, ..COHERE };
const VOYAGE: Words =
    Words { top: "top_k", returns: true, truncate: Some("truncation"), max_tokens: None, results: "data", ..COHERE };

/// Beside what is Cohere's own, its clients of old send this.
const RETURN: &str = "return_documents";

impl Words {
    fn of(format: Format) -> &'static Self {
        match format {
            Format::Jina => &JINA,
            Format::Voyage => &VOYAGE,
            Format::Cohere | Format::BedrockCohere | Format::Tei => &COHERE,
        }
    }
}

pub(super) fn read_call(format: Format, body: &[u8]) -> Result<RerankCall, Malformed> {
    let words = Words::of(format);
    let value = json("the body", body)?;
    let root = Field::root(&value);
    let model = match format {
        Format::BedrockCohere => String::new(),
        _ => root.need("model", "the name of a model")?.string()?,
    };
    let documents = root.need("documents", "a list of strings")?;
    for document in documents.items()? {
        if document.value.as_str().is_none() && document.value.as_object().is_none() {
            return Err(document.wrong("a string, or an object with a text"));
        }
    }
    let flag = |name| root.get(name).map(|field| field.boolean()).transpose();
    let whole = |name| root.get(name).map(|field| field.whole(1, 1 << 32)).transpose();
    let known =
        ["model", "query", "documents", words.top, RETURN].into_iter().chain(words.truncate).chain(words.max_tokens);
    let known: Vec<&str> = known.collect();
    let extra = root.object()?.others(&known);
    Ok(RerankCall {
        model,
        query: root.need("query", "a string")?.string()?,
        documents: documents.items()?.map(|document| document.value.to_value()).collect(),
        top_n: whole(words.top)?,
        return_documents: flag(RETURN)?,
        max_tokens_per_doc: words.max_tokens.map(whole).transpose()?.flatten(),
        truncate: words.truncate.map(flag).transpose()?.flatten(),
        extra: (format, extra),
    })
}

pub(super) fn write_call(format: Format, call: &RerankCall) -> Result<(Vec<u8>, Loss), Malformed> {
    let words = Words::of(format);
    let mut loss = Loss::none();
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    if format != Format::BedrockCohere {
        put("model", json!(call.model));
    }
    put("query", json!(call.query));
    let documents = call.documents.iter().enumerate().map(|(at, document)| match document {
        Value::Object(_) if words.objects => Ok(document.clone()),
        document => text_of(document, at, format).map(|text| json!(text)),
    });
    put("documents", Value::Array(documents.collect::<Result<_, _>>()?));
    if let Some(top) = call.top_n {
        put(words.top, json!(top));
    }
    // Where it cannot be said, the documents are put into the answer here.
    if let (true, Some(wanted)) = (words.returns, call.return_documents) {
        put(RETURN, json!(wanted));
    }
    match (call.max_tokens_per_doc, words.max_tokens) {
        (None, _) => {}
        (Some(most), Some(name)) => put(name, json!(most)),
        (Some(_), None) => loss.note("rerank.max_tokens_per_doc", format!("{} has no such bound", format.as_str())),
    }
    match (call.truncate, words.truncate) {
        (None, _) => {}
        (Some(may), Some(name)) => put(name, json!(may)),
        (Some(_), None) => loss.note("rerank.truncate", format!("{} has no such choice", format.as_str())),
    }
    if format == Format::BedrockCohere {
        put("api_version", json!(2));
    }
    write_extra(call, format, &mut body, &mut loss);
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}

pub(super) fn read_reply(format: Format, body: &[u8]) -> Result<RerankReply, Malformed> {
    let value = json("the answer", body)?;
    let root = Field::root(&value);
    let results = root.need(Words::of(format).results, "a list of ranks")?;
    let text = |name: &str| value.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    Ok(RerankReply {
        id: text("id"),
        model: text("model"),
        results: results.items()?.map(|result| read_ranked(&result)).collect::<Result<_, _>>()?,
        usage: usage(&value),
    })
}

pub(super) fn read_ranked(result: &Field<'_, '_>) -> Result<Ranked, Malformed> {
    // `score` is what some self-hosted servers write.
    let score = match result.get("relevance_score").or_else(|| result.get("score")) {
        Some(score) => score.number(f64::MIN, f64::MAX)?,
        None => result.need("relevance_score", "a number")?.number(f64::MIN, f64::MAX)?,
    };
    let index = result.need("index", "the document's place")?.whole(0, 1 << 32)?;
    Ok(Ranked {
        index: usize::try_from(index).unwrap_or(usize::MAX),
        score,
        document: result.get("document").map(|document| document.value.to_value()),
    })
}

/// Cohere counts search units, the others tokens.
fn usage(answer: &Json<'_>) -> Option<Usage> {
    let queries = count(answer, "/meta/billed_units/search_units");
    let billed = count(answer, "/meta/billed_units/input_tokens");
    let tokens = count(answer, "/usage/total_tokens").or_else(|| count(answer, "/usage/prompt_tokens")).or(billed);
    queries.or(tokens)?;
    Some(Usage { input: tokens.unwrap_or(0), queries: queries.unwrap_or(0), ..Usage::default() })
}

pub(super) fn write_reply(format: Format, reply: &RerankReply) -> Vec<u8> {
    let results: Vec<Value> = reply.results.iter().map(write_ranked).collect();
    let usage = reply.usage.unwrap_or_default();
    let body = match format {
        Format::Voyage => json!({
            "object": "list", "data": results, "model": reply.model, "usage": {"total_tokens": usage.input},
        }),
        _ => json!({
            "id": reply.id,
            "model": reply.model,
            "results": results,
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": usage.queries}},
            "usage": {"total_tokens": usage.input, "prompt_tokens": usage.input},
        }),
    };
    body.to_string().into_bytes()
}

fn write_ranked(ranked: &Ranked) -> Value {
    let mut written = json!({"index": ranked.index, "relevance_score": ranked.score});
    if let (Some(document), Some(written)) = (&ranked.document, written.as_object_mut()) {
        written.insert("document".to_owned(), document.clone());
    }
    written
}

pub(super) fn glance(format: Format, body: &[u8]) -> Glance {
    let Ok(value) = Json::read(body) else { return no_answer("the answer is not JSON") };
    if value.get(Words::of(format).results).and_then(Json::as_array).is_none() {
        return no_answer("the answer holds no ranks");
    }
    let mut glance = whole(usage(&value));
    glance.served_by(value.get("model").and_then(Json::as_str).unwrap_or_default());
    glance
}
