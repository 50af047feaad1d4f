use serde_json::{Value, json};

use super::*;
use crate::usage::Usage;

fn call(format: Format, body: &Value) -> RerankCall {
    format.read_call(body.to_string().as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn request(format: Format) -> Value {
    match format {
        Format::Cohere => {
            json!({"model": "rerank-v4.0-pro", "query": "q", "documents": ["a", "b"], "top_n": 1, "max_tokens_per_doc": 512, "priority": 1})
        }
        Format::BedrockCohere => json!({"query": "q", "documents": ["a", "b"], "top_n": 1, "api_version": 2}),
        Format::Jina => {
            json!({"model": "jina-reranker-v3", "query": "q", "documents": ["a", {"image": "https://i.example/b.png"}], "top_n": 1, "return_documents": true})
        }
        Format::Voyage => {
            json!({"model": "rerank-2.5", "query": "q", "documents": ["a", "b"], "top_k": 1, "return_documents": false, "truncation": true})
        }
        Format::Tei => {
            json!({"query": "q", "texts": ["a", "b"], "return_text": true, "truncate": true, "raw_scores": false})
        }
    }
}

/// What the vendors' documentation shows.
fn answer(format: Format) -> Value {
    match format {
        Format::Cohere => {
            json!({"id": "07734bd2", "results": [{"index": 1, "relevance_score": 0.999071}, {"index": 0, "relevance_score": 0.32713068}], "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}})
        }
        Format::BedrockCohere => {
            json!({"results": [{"index": 1, "relevance_score": 0.999071}, {"index": 0, "relevance_score": 0.32713068}]})
        }
        Format::Jina => {
            json!({"model": "jina-reranker-v3", "usage": {"total_tokens": 9}, "results": [{"index": 1, "relevance_score": 0.999071, "document": {"text": "b"}}, {"index": 0, "relevance_score": 0.32713068}]})
        }
        Format::Voyage => {
            json!({"object": "list", "data": [{"relevance_score": 0.32713068, "index": 0}, {"relevance_score": 0.999071, "index": 1}], "model": "rerank-2.5", "usage": {"total_tokens": 9}})
        }
        Format::Tei => json!([{"index": 1, "score": 0.999071, "text": "b"}, {"index": 0, "score": 0.32713068}]),
    }
}

#[test]
fn requests_come_back_as_they_were() {
    for format in Format::ALL.iter().copied() {
        let (written, loss) = format.write_call(&call(format, &request(format))).unwrap();
        assert_eq!(json_of(&written), request(format), "{format:?}");
        assert!(loss.is_none(), "{format:?} lost {loss}");
    }
}

#[test]
fn answers_of_every_vendor_reach_clients_of_coheres() {
    let asked = json!({"model": "m", "query": "q", "documents": ["a", "b"], "return_documents": true});
    for format in Format::ALL.iter().copied() {
        let reply = format.read_reply(answer(format).to_string().as_bytes()).unwrap();
        let told = json_of(&Format::Cohere.write_reply(&reply, &call(Format::Cohere, &asked)).unwrap());
        let expected = json!([
            {"index": 1, "relevance_score": 0.999_071, "document": {"text": "b"}},
            {"index": 0, "relevance_score": 0.327_130_68, "document": {"text": "a"}},
        ]);
        assert_eq!(told["results"], expected, "{format:?}");
        let usage = match format {
            Format::Cohere => Some(Usage { queries: 1, ..Usage::default() }),
            Format::Jina | Format::Voyage => Some(Usage { input: 9, ..Usage::default() }),
            Format::BedrockCohere | Format::Tei => None,
        };
        assert_eq!(
            (reply.usage, format.glance(answer(format).to_string().as_bytes()).usage),
            (usage, usage),
            "{format:?}"
        );
    }
}

#[test]
fn a_call_is_said_in_every_vendors_words() {
    let asked =
        json!({"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": true});
    let expected = [
        (Format::Cohere, json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1})),
        (Format::BedrockCohere, json!({"query": "q", "documents": ["a", "b"], "top_n": 1, "api_version": 2})),
        (
            Format::Jina,
            json!({"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": true}),
        ),
        (
            Format::Voyage,
            json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_k": 1, "return_documents": true}),
        ),
        (Format::Tei, json!({"query": "q", "texts": ["a", "b"], "return_text": true})),
    ];
    for (format, body) in expected {
        let (written, loss) = format.write_call(&call(Format::Cohere, &asked)).unwrap();
        assert_eq!((json_of(&written), loss.to_string()), (body, String::new()), "{format:?}");
    }
}

#[test]
fn no_more_results_come_than_were_wanted() {
    let reply = Format::Tei.read_reply(answer(Format::Tei).to_string().as_bytes()).unwrap();
    let asked = call(Format::Cohere, &json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1}));
    let told = json_of(&Format::Cohere.write_reply(&reply, &asked).unwrap());
    assert_eq!(told["results"], json!([{"index": 1, "relevance_score": 0.999_071}]));
    assert_eq!(told["model"], "m");
}

#[test]
fn what_is_wrong_is_named() {
    let wrong = |body: Value| Format::Cohere.read_call(body.to_string().as_bytes()).unwrap_err().to_string();
    assert_eq!(wrong(json!({"model": "m", "query": "q"})), "documents is missing: it must be a list of strings");
    assert_eq!(
        wrong(json!({"model": "m", "query": "q", "documents": [1]})),
        "documents[0] must be a string, or an object with a text, not 1"
    );
    assert_eq!(
        wrong(json!({"model": "m", "query": "q", "documents": [], "top_n": 0})),
        "top_n must be a whole number from 1 to 4294967296, not 0"
    );
    let picture = call(Format::Jina, &request(Format::Jina));
    let refused = Format::Voyage.write_call(&picture).unwrap_err().to_string();
    assert_eq!(refused, "documents[1]: voyage ranks text: send a string, or an object with a text alone");
    let stray = Format::Tei.read_reply(br#"[{"index": 7, "score": 1}]"#).unwrap();
    let asked = call(Format::Cohere, &json!({"model": "m", "query": "q", "documents": ["a"]}));
    assert!(Format::Cohere.write_reply(&stray, &asked).unwrap_err().to_string().contains("document 7"));
    for format in Format::ALL.iter().copied() {
        for body in ["", r#"{"message":"no"}"#, "7"] {
            assert!(format.glance(body.as_bytes()).fault.is_some(), "{format:?} {body}");
        }
    }
}
