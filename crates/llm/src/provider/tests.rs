use std::{collections::HashSet, path::Path};

use super::*;
use crate::failure::Retry;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/provider");

const CHAT: Wire = Wire::Chat(Dialect::OpenAiChat);

const MODEL: &str = "some-model";

const OPERATIONS: [Operation; 11] = [
    Operation::Chat,
    Operation::CountTokens,
    Operation::Embed,
    Operation::Rerank,
    Operation::Image,
    Operation::ImageEdit,
    Operation::Speech,
    Operation::Transcribe,
    Operation::Translate,
    Operation::Moderate,
    Operation::Ocr,
];

/// Names by whose beginnings some vendors tell what a model speaks.
const MODELS: [&str; 6] =
    [MODEL, "claude-x", "mistral-x", "meta/llama-x", "databricks-gpt-5", "gpt-3.5-turbo-instruct"];

/// Everything that a provider speaks.
fn wires(provider: &dyn Provider) -> impl Iterator<Item = Wire> {
    MODELS.into_iter().flat_map(move |model| {
        OPERATIONS.into_iter().flat_map(move |operation| provider.speaks(operation, model)).copied()
    })
}

fn head(provider: &dyn Provider, wire: Wire) -> Head {
    let place = Place { region: Some("r1".into()), project: Some("p1".into()), api_version: Some("v1".into()) };
    provider.head(&Ask { wire, model: MODEL, stream: false, place: &place })
}

/// The source of a provider.
fn source(id: &str) -> String {
    std::fs::read_to_string(Path::new(FOLDER).join(format!("{id}.rs")))
        .unwrap_or_else(|error| panic!("{id}.rs: {error}"))
}

#[test]
fn ids_are_unique_snake_case_and_the_names_of_their_files() {
    let mut seen = HashSet::new();
    for provider in ALL {
        let id = provider.id();
        assert!(seen.insert(id), "{id} stands twice");
        assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{id}");
        assert!(source(id).starts_with("//! "), "{id} says nothing of itself");
        assert_eq!(find(id).map(Provider::id), Some(id));
    }
    assert!(find("nobody").is_none());
}

#[test]
fn every_file_of_the_folder_is_in_the_list() {
    for file in std::fs::read_dir(FOLDER).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let Some(id) =
            name.strip_suffix(".rs").filter(|id| !matches!(*id, "mod" | "cloud" | "place" | "tests" | "wires"))
        else {
            continue;
        };
        assert!(find(id).is_some(), "{name} is not in providers!");
    }
}

#[test]
fn every_provider_links_to_its_documentation() {
    for provider in ALL.iter().filter(|provider| provider.id() != "echo") {
        let head: String = source(provider.id()).lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(head.contains("<https://"), "{} has no link", provider.id());
    }
}

#[test]
fn base_urls_are_https_or_loopback_and_end_without_a_slash() {
    for provider in ALL {
        let Some(url) = provider.base_url() else { continue };
        assert!(url.starts_with("https://") || url.starts_with("http://127.0.0.1:"), "{url}");
        assert!(!url.ends_with('/'), "{url}");
        for path in wires(*provider).map(|wire| head(*provider, wire).path) {
            assert!(path.starts_with('/') && !path.ends_with('/') && !path.contains("//"), "{path}");
            assert!(!(url.ends_with("/v1") && path.starts_with("/v1")), "{url}{path} says /v1 twice");
        }
    }
}

#[test]
fn keys_are_looked_for_where_their_owners_put_them() {
    for provider in ALL {
        let ends = |name: &str| {
            ["_API_KEY", "_APIKEY", "_TOKEN", "_PAT", "_TOKEN_BEDROCK"].iter().any(|end| name.ends_with(end))
        };
        assert!(provider.key_env().is_none_or(ends), "{}", provider.id());
        let is_remote = provider.base_url().is_some_and(|url| url.starts_with("https://"));
        assert!(!is_remote || provider.key_env().is_some() || provider.cloud().is_some(), "{}", provider.id());
    }
}

#[test]
fn what_a_provider_speaks_is_of_the_operation_asked_for() {
    for provider in ALL {
        for operation in OPERATIONS {
            for model in MODELS {
                let spoken = provider.speaks(operation, model);
                assert!(spoken.iter().all(|wire| wire.operation() == operation), "{} {operation:?}", provider.id());
                let unique: HashSet<_> = spoken.iter().collect();
                assert_eq!(unique.len(), spoken.len(), "{} {operation:?}", provider.id());
            }
        }
        for wire in wires(*provider) {
            let head = head(*provider, wire);
            let names = head.headers.iter().map(|(name, _)| name).chain(head.forward);
            assert!(names.into_iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        }
        let is_local = provider.answer(CHAT, b"{}").is_some();
        assert_eq!(is_local, provider.id() == "echo", "{}", provider.id());
        // Replicate's forms are not modelled: it is there for pass-through.
        assert_eq!(wires(*provider).next().is_none(), provider.id() == "replicate", "{}", provider.id());
    }
}

#[test]
fn formats_of_one_operation_stand_side_by_side() {
    // `speaks` cuts a run out of a list: a format that stands apart would never be found.
    for provider in ALL {
        let text = source(provider.id());
        let Some(list) = text.split_once("speaks: &[").and_then(|(_, rest)| rest.split_once(']')) else { continue };
        let listed = list.0.split(',').filter(|name| !name.trim().is_empty()).count();
        let found = OPERATIONS.into_iter().map(|operation| provider.speaks(operation, MODEL).len()).sum::<usize>();
        assert_eq!(found, listed, "{}", provider.id());
    }
}

#[test]
fn every_vendor_that_was_promised_is_there() {
    let promised =
        "openai azure_openai azure_ai anthropic gemini bedrock sagemaker vertex cohere mistral groq xai deepseek together fireworks
        openrouter perplexity cerebras sambanova nvidia_nim huggingface databricks snowflake watsonx oci ai21 deepinfra
        novita nebius hyperbolic moonshot zai dashscope minimax volcengine cloudflare replicate baseten friendli voyage
        jina deepgram elevenlabs ollama vllm sglang triton tgi tei infinity llama_cpp lmstudio localai openai_like";
    for id in promised.split_whitespace() {
        assert!(find(id).is_some(), "{id}");
    }
}

/// Address and path of a request.
fn url(id: &str, wire: Wire, model: &str, stream: bool) -> (String, Head) {
    let provider = find(id).unwrap();
    let place = Place { region: Some("r1".into()), project: Some("p1".into()), api_version: None };
    let head = provider.head(&Ask { wire, model, stream, place: &place });
    (format!("{}{}", provider.address(&place).unwrap().unwrap_or_default(), head.path), head)
}

#[test]
fn vertex_names_the_maker_the_model_and_the_manner_in_the_path() {
    use wires::{COUNT, EMBED_GEMINI, EMBED_VERTEX, GEMINI, MESSAGES};
    let base = "https://r1-aiplatform.googleapis.com/v1/projects/p1/locations/r1";
    let (whole, head) = url("vertex", MESSAGES, "claude-sonnet-4-5@20250929", false);
    assert_eq!(whole, format!("{base}/publishers/anthropic/models/claude-sonnet-4-5%4020250929:rawPredict"));
    assert_eq!(head.set, [("anthropic_version", "vertex-2023-10-16".into())]);
    assert_eq!(head.remove, ["model"]);
    let (streamed, _) = url("vertex", MESSAGES, "claude-x", true);
    assert_eq!(streamed, format!("{base}/publishers/anthropic/models/claude-x:streamRawPredict"));
    let (count, head) = url("vertex", COUNT, "claude-x", false);
    assert_eq!(count, format!("{base}/publishers/anthropic/models/count-tokens:rawPredict"));
    assert!(head.remove.is_empty(), "the body names the model whose tokens are counted");
    let (mistral, head) = url("vertex", CHAT, "mistral-medium-3", true);
    assert_eq!(mistral, format!("{base}/publishers/mistralai/models/mistral-medium-3:streamRawPredict"));
    assert!(head.set.is_empty());
    for (asked, said) in [("llama-4-x-maas", "meta/llama-4-x-maas"), ("deepseek-ai/r1-maas", "deepseek-ai/r1-maas")] {
        let (other, head) = url("vertex", CHAT, asked, true);
        assert_eq!(other, format!("{base}/endpoints/openapi/chat/completions"));
        assert_eq!(head.set, [("model", said.into())]);
    }
    let (gemini, _) = url("vertex", GEMINI, "gemini-3-pro", true);
    assert_eq!(gemini, format!("{base}/publishers/google/models/gemini-3-pro:streamGenerateContent?alt=sse"));
    let (embeds, _) = url("vertex", EMBED_GEMINI, "gemini-embedding-001", false);
    assert_eq!(embeds, format!("{base}/publishers/google/models/gemini-embedding-001:batchEmbedContents"));
    let embedding = |model| find("vertex").unwrap().speaks(Operation::Embed, model).first().copied();
    assert_eq!(embedding("gemini-embedding-2"), Some(EMBED_GEMINI));
    assert_eq!(embedding("text-embedding-005"), Some(EMBED_VERTEX));
    let (embed, _) = url("vertex", EMBED_VERTEX, "text-embedding-005", false);
    assert_eq!(embed, format!("{base}/publishers/google/models/text-embedding-005:predict"));
    let address = |region: &str| {
        let place = Place { region: Some(region.into()), ..Place::default() };
        find("vertex").unwrap().address(&place).unwrap().unwrap()
    };
    assert_eq!(address("global"), "https://aiplatform.googleapis.com");
    assert_eq!(address("eu"), "https://aiplatform.eu.rep.googleapis.com");
    assert_eq!(find("vertex").unwrap().address(&Place::default()), Err("region"));
}

#[test]
fn azure_names_the_deployment_in_the_path_where_a_version_is_wanted() {
    use wires::RESPONSES;
    let path = |wire: Wire, version: Option<&str>| {
        let place = Place { api_version: version.map(str::to_owned), ..Place::default() };
        find("azure_openai").unwrap().head(&Ask { wire, model: "my 4o", stream: true, place: &place }).path
    };
    assert_eq!(path(CHAT, None), "/openai/v1/chat/completions");
    assert_eq!(path(CHAT, Some("2024-10-21")), "/openai/deployments/my%204o/chat/completions?api-version=2024-10-21");
    assert_eq!(path(RESPONSES, Some("2025-03-01-preview")), "/openai/responses?api-version=2025-03-01-preview");
    let claude = find("azure_ai").unwrap().speaks(Operation::Chat, "claude-opus-4-5");
    assert_eq!(claude, [wires::MESSAGES]);
}

#[test]
fn watsonx_is_told_model_and_project_in_its_own_words() {
    let (whole, head) = url("watsonx", CHAT, "ibm/granite-3-8b-instruct", false);
    assert_eq!(whole, "https://r1.ml.cloud.ibm.com/ml/v1/text/chat?version=2024-10-08");
    assert_eq!(head.set, [("model_id", "ibm/granite-3-8b-instruct".into()), ("project_id", "p1".into())]);
    assert_eq!(head.remove, ["model", "stream", "stream_options"]);
    assert!(url("watsonx", CHAT, "m", true).0.contains("/ml/v1/text/chat_stream?"));
}

#[test]
fn messages_are_spoken_where_a_vendor_has_them() {
    use wires::MESSAGES;
    for (id, path) in [
        ("deepseek", "/anthropic/v1/messages"),
        ("moonshot", "/../anthropic/v1/messages"),
        ("zai", "/../../anthropic/v1/messages"),
        ("dashscope", "/../../apps/anthropic/v1/messages"),
        ("vllm", "/messages"),
        ("openrouter", "/messages"),
    ] {
        let provider = find(id).unwrap();
        assert!(provider.speaks(Operation::Chat, MODEL).contains(&MESSAGES), "{id}");
        assert_eq!(provider.speaks(Operation::Chat, MODEL)[0], CHAT, "{id}");
        let head = head(provider, MESSAGES);
        assert_eq!((&*head.path, head.headers), (path, &[("anthropic-version", "2023-06-01")] as &[_]), "{id}");
    }
    assert_eq!(head(find("deepgram").unwrap(), wires::TRANSCRIBE_DEEPGRAM).path, "/listen?model=some-model");
}

#[test]
fn no_credential_is_forwarded_from_a_client() {
    for provider in ALL {
        let forward: Vec<&str> = wires(*provider).flat_map(|wire| head(*provider, wire).forward).copied().collect();
        for secret in ["authorization", "x-api-key", "api-key", "cookie", "proxy-authorization", "x-goog-api-key"] {
            assert!(!forward.contains(&secret), "{} forwards {secret}", provider.id());
        }
    }
}

#[test]
fn anthropic_clients_choose_their_version_and_translations_do_not() {
    let head = head(find("anthropic").unwrap(), Wire::Chat(Dialect::Anthropic));
    assert_eq!(head.headers, [("anthropic-version", "2023-06-01")]);
    assert_eq!(head.forward, ["anthropic-version", "anthropic-beta"]);
    assert_eq!(find("anthropic").unwrap().auth(), Auth::Header("x-api-key"));
}

#[test]
fn bare_statuses_mean_the_same_at_every_provider() {
    const MEANINGS: &[(u16, Kind, Retry)] = &[
        (400, Kind::BadRequest, Retry::Never),
        (401, Kind::Credential, Retry::Elsewhere),
        (402, Kind::Payment, Retry::Elsewhere),
        (403, Kind::Credential, Retry::Elsewhere),
        (404, Kind::ModelNotFound, Retry::Elsewhere),
        (405, Kind::BadRequest, Retry::Never),
        (408, Kind::Timeout, Retry::Here),
        (409, Kind::BadRequest, Retry::Never),
        (413, Kind::TooLarge, Retry::Elsewhere),
        (422, Kind::BadRequest, Retry::Never),
        (429, Kind::RateLimited, Retry::Here),
        (500, Kind::Server, Retry::Here),
        (502, Kind::Server, Retry::Here),
        (503, Kind::Overloaded, Retry::Here),
        (504, Kind::Timeout, Retry::Here),
        (529, Kind::Overloaded, Retry::Here),
        (301, Kind::Malformed, Retry::Here),
    ];
    for provider in ALL {
        for (status, kind, retry) in MEANINGS {
            for body in [b"".as_slice(), b"{}", b"<html>oops</html>", b"null", b"[1]", b"\xff\xfe"] {
                let failure = provider.failure(&BadAnswer {
                    wire: CHAT,
                    status: *status,
                    retry_after: None,
                    request_id: None,
                    body,
                });
                assert_eq!((failure.kind, failure.kind.retry()), (*kind, *retry), "{} {status}", provider.id());
                assert_eq!(failure.status, Some(*status));
            }
        }
    }
}

#[test]
fn quirks_reach_the_writer() {
    let write_for = |id: &str| find(id).unwrap().write_for("some-model", WriteFor::default());
    assert!(write_for("mistral").refuses_stream_options && !write_for("groq").refuses_stream_options);
    assert!(!write_for("openrouter").ignores_cache_marks && write_for("groq").ignores_cache_marks);
    assert!(!write_for("anthropic").ignores_cache_marks);
}

#[test]
fn a_code_that_is_no_code_is_not_passed_on() {
    let key: String = ["sk", "-", &"aB3".repeat(12)].concat();
    for code in [key.as_str(), "an essay about what went wrong", &"x".repeat(65)] {
        let body = serde_json::json!({"error": {"message": "no", "type": "", "code": code}}).to_string();
        let bad = BadAnswer { wire: CHAT, status: 400, retry_after: None, request_id: None, body: body.as_bytes() };
        assert_eq!(classify(Dialect::OpenAiChat, &bad).code, None, "{code}");
    }
}

#[test]
fn every_operation_is_listed_but_the_one_without_a_name() {
    let all: Vec<usize> = Operation::ALL.iter().map(|operation| *operation as usize).collect();
    assert_eq!(all, (0..Operation::Other as usize).collect::<Vec<_>>());
}
