use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::*;

fn fixture(file: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/embed");
    fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

fn call(format: Format, body: &Value) -> EmbedCall {
    format.read_call(body.to_string().as_bytes()).unwrap()
}

/// What `from` asks, said in `to`; the loss beside it.
fn said(from: Format, body: &Value, to: Format) -> Result<(Value, String), String> {
    let (written, loss) = to.write_call(&call(from, body)).map_err(|refused| refused.to_string())?;
    Ok((json_of(&written), loss.to_string()))
}

#[test]
fn requests_come_back_as_they_were() {
    let mut files: Vec<(Format, String)> =
        Format::ALL.iter().map(|format| (*format, format.as_str().to_owned())).collect();
    files.extend(
        [("openai_tokens", Format::OpenAi), ("openai_one", Format::OpenAi), ("cohere_mixed", Format::Cohere)]
            .map(|(name, format)| (format, name.to_owned())),
    );
    for (format, name) in files {
        let bytes = fixture(&format!("{name}.request.json"));
        let call = format.read_call(&bytes).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        let (written, loss) = format.write_call(&call).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert!(loss.is_none(), "{name} lost {loss}");
        assert_eq!(json_of(&written), normal(&name, json_of(&bytes)), "{name}");
    }
}

/// One input is written as a string, whether or not it stood in a list.
fn normal(name: &str, mut body: Value) -> Value {
    if name == "mistral" {
        body["input"] = body["input"][0].take();
    }
    body
}

#[test]
fn replies_of_every_format_say_the_same() {
    for format in Format::ALL.iter().copied() {
        let bytes = fixture(&format!("{}.reply.json", format.as_str()));
        let reply = format.read_reply(&bytes).unwrap();
        let numbers: Vec<_> = reply.vectors.iter().map(|vector| vector.numbers().unwrap().into_owned()).collect();
        let single = matches!(format, Format::Titan | Format::GeminiSingle);
        let expected: &[&str] = if single { &["[0.5,-0.25]"] } else { &["[0.0023064255,-0.009327293]", "[0.5,-0.25]"] };
        assert_eq!(numbers, expected, "{format:?}");
        let tokens = if format == Format::BedrockCohere { None } else { Some(8) };
        assert_eq!(reply.usage.map(|usage| usage.input), tokens, "{format:?}");
        assert_eq!(format.glance(&bytes).usage, reply.usage, "{format:?}");
        // What it writes it reads.
        let asked = EmbedCall {
            inputs: vec![Input::Text("x".into()); numbers.len()],
            ..call(Format::OpenAi, &json!({"model": "m", "input": "x"}))
        };
        let again = format.read_reply(&format.write_reply(&reply, &asked).unwrap()).unwrap();
        let again: Vec<_> = again.vectors.iter().map(|vector| vector.numbers().unwrap().into_owned()).collect();
        assert_eq!(again, numbers, "{format:?}");
    }
}

#[test]
fn case_057_order_and_index_are_kept_and_the_form_is_the_clients() {
    let asked = json!({"model": "m", "input": ["a", "b"], "encoding_format": "base64"});
    for upstream in [Format::OpenAi, Format::Cohere, Format::Gemini, Format::Vertex, Format::Voyage, Format::Jina] {
        let reply = upstream.read_reply(&fixture(&format!("{}.reply.json", upstream.as_str()))).unwrap();
        let base64 = json_of(&Format::OpenAi.write_reply(&reply, &call(Format::OpenAi, &asked)).unwrap());
        assert_eq!(
            base64["data"][1],
            json!({"object": "embedding", "index": 1, "embedding": "AAAAPwAAgL4="}),
            "{upstream:?}"
        );
        assert_eq!(base64["usage"], json!({"prompt_tokens": 8, "total_tokens": 8}));
        // And back, from a provider that answers base64 to a client that wants numbers.
        let theirs = Format::OpenAi.read_reply(base64.to_string().as_bytes()).unwrap();
        let wanted = call(Format::OpenAi, &json!({"model": "m", "input": ["a", "b"]}));
        let numbers = json_of(&Format::OpenAi.write_reply(&theirs, &wanted).unwrap());
        assert_eq!(numbers["data"][0]["embedding"], json!([0.002_306_425_5, -0.009_327_293]), "{upstream:?}");
    }
}

#[test]
fn case_057_an_answer_in_the_other_form_is_seen() {
    let numbers = fixture("openai.reply.json");
    assert!(Format::OpenAi.has_form(&numbers, Forms::NUMBERS));
    assert!(!Format::OpenAi.has_form(&numbers, Forms::BASE64));
    let base64 = br#"{"data":[{"embedding": "AAAA","index":0}]}"#;
    assert!(Format::OpenAi.has_form(base64, Forms::BASE64) && !Format::OpenAi.has_form(base64, Forms::NUMBERS));
}

#[test]
fn a_call_is_said_in_every_vendors_words() {
    let body = json!({"model": "m", "input": ["a", "b"], "dimensions": 64, "input_type": "query", "user": "u"});
    let expected = [
        (Format::OpenAi, json!({"model": "m", "input": ["a", "b"], "dimensions": 64, "user": "u"}), "embed.purpose"),
        (
            Format::Voyage,
            json!({"model": "m", "input": ["a", "b"], "output_dimension": 64, "input_type": "query"}),
            "embed.user",
        ),
        (
            Format::Jina,
            json!({"model": "m", "input": ["a", "b"], "dimensions": 64, "task": "retrieval.query"}),
            "embed.user",
        ),
        (
            Format::Mistral,
            json!({"model": "m", "input": ["a", "b"], "output_dimension": 64}),
            "embed.purpose,embed.user",
        ),
        (
            Format::Cohere,
            json!({"model": "m", "texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["float"], "output_dimension": 64}),
            "embed.user",
        ),
        (
            Format::BedrockCohere,
            json!({"texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["float"], "output_dimension": 64}),
            "embed.user",
        ),
        (
            Format::Gemini,
            json!({"requests": [
                {"model": "models/m", "content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 64},
                {"model": "models/m", "content": {"parts": [{"text": "b"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 64},
            ]}),
            "embed.user",
        ),
        (
            Format::Vertex,
            json!({"instances": [{"content": "a", "task_type": "RETRIEVAL_QUERY"}, {"content": "b", "task_type": "RETRIEVAL_QUERY"}], "parameters": {"outputDimensionality": 64}}),
            "embed.user",
        ),
    ];
    for (format, written, lost) in expected {
        assert_eq!(said(Format::OpenAi, &body, format).unwrap(), (written, lost.to_owned()), "{format:?}");
    }
}

#[test]
fn what_would_change_the_vectors_is_refused_by_name() {
    let tokens = json!({"model": "m", "input": [[1, 2]]});
    for format in Format::ALL.iter().copied().filter(|format| *format != Format::OpenAi) {
        let refused = said(Format::OpenAi, &tokens, format).unwrap_err();
        assert!(refused.starts_with("input"), "{format:?}: {refused}");
    }
    let two = json!({"model": "m", "input": ["a", "b"]});
    assert_eq!(
        said(Format::OpenAi, &two, Format::Titan).unwrap_err(),
        "input: titan embeds one text a call: send one string"
    );
    let int8 = json!({"model": "m", "input": ["a"], "output_dtype": "int8"});
    assert_eq!(said(Format::Voyage, &int8, Format::OpenAi).unwrap_err(), "int8: openai answers floats only");
    assert_eq!(said(Format::Voyage, &int8, Format::Cohere).unwrap().0["embedding_types"], json!(["int8"]));
    let picture = json!({"model": "m", "input": [{"image": "https://i.example/a.png"}]});
    assert_eq!(
        said(Format::Jina, &picture, Format::Cohere).unwrap_err(),
        "input[0]: cohere takes pictures as data URLs only"
    );
}

#[test]
fn bad_requests_name_the_field() {
    let wrong = |format: Format, body: Value| format.read_call(body.to_string().as_bytes()).unwrap_err().to_string();
    assert_eq!(
        wrong(Format::OpenAi, json!({"model": "m"})),
        "input is missing: it must be a string, a list of strings, or tokens"
    );
    assert!(
        wrong(Format::OpenAi, json!({"model": "m", "input": []}))
            .starts_with("input must be a string, a list of strings")
    );
    assert!(wrong(Format::OpenAi, json!({"model": "m", "input": ["a", ""]})).starts_with("input[1] must be"));
    assert!(wrong(Format::OpenAi, json!({"model": "m", "input": ["a", 7]})).starts_with("input[1] must be"));
    assert_eq!(
        wrong(Format::OpenAi, json!({"model": "m", "input": "a", "encoding_format": "hex"})),
        "encoding_format must be float or base64, not \"hex\""
    );
    assert_eq!(
        wrong(Format::OpenAi, json!({"model": "m", "input": "a", "dimensions": 0})),
        "dimensions must be a whole number from 1 to 1048576, not 0"
    );
    assert!(
        wrong(Format::Cohere, json!({"model": "m", "texts": ["a"], "embedding_types": ["float", "int8"]}))
            .starts_with("embedding_types must be")
    );
    assert!(
        wrong(
            Format::Gemini,
            json!({"requests": [
                {"content": {"parts": [{"text": "a"}]}},
                {"content": {"parts": [{"text": "b"}]}, "taskType": "CLUSTERING"}
            ]})
        )
        .starts_with("requests[1] must be of the same taskType")
    );
}

#[test]
fn answers_that_are_none_are_faults() {
    for format in Format::ALL.iter().copied() {
        for body in ["", "[]", "{}", r#"{"error": {"message": "no"}}"#] {
            assert!(format.glance(body.as_bytes()).fault.is_some(), "{format:?} took {body}");
            assert!(format.read_reply(body.as_bytes()).is_err(), "{format:?} read {body}");
        }
    }
    let doubled = br#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[2]}]}"#;
    assert!(Format::OpenAi.read_reply(doubled).unwrap_err().to_string().contains("taken"));
    let reply = Format::OpenAi.read_reply(&fixture("openai.reply.json")).unwrap();
    let asked = call(Format::OpenAi, &json!({"model": "m", "input": "a"}));
    assert_eq!(
        Format::OpenAi.write_reply(&reply, &asked).unwrap_err().to_string(),
        "the provider answered 2 embeddings to 1 inputs"
    );
}
