use std::{collections::HashSet, path::Path};

use super::*;
use crate::failure::Retry;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/provider");

const CHAT: Wire = Wire::Chat(Dialect::OpenAiChat);

const MODEL: &str = "some-model";

/// Everything that a provider speaks.
fn wires(provider: &dyn Provider) -> impl Iterator<Item = Wire> {
    [Operation::Chat, Operation::CountTokens]
        .into_iter()
        .flat_map(|operation| provider.speaks(operation, MODEL))
        .copied()
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
        let Some(id) = name.strip_suffix(".rs").filter(|id| !matches!(*id, "mod" | "cloud" | "tests")) else {
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
        let path = head(*provider, CHAT).path;
        assert!(path.starts_with('/') && !path.ends_with('/'), "{path}");
        assert!(!(url.ends_with("/v1") && path.starts_with("/v1")), "{url}{path} says /v1 twice");
    }
}

#[test]
fn keys_are_looked_for_where_their_owners_put_them() {
    for provider in ALL {
        let expected = format!("{}_API_KEY", provider.id().to_uppercase());
        assert!(provider.key_env().is_none_or(|name| name == expected || name.ends_with("_BEDROCK")), "{}", provider.id());
        let is_remote = provider.base_url().is_some_and(|url| url.starts_with("https://"));
        assert_eq!(provider.key_env().is_some() || provider.cloud().is_some(), is_remote, "{}", provider.id());
    }
}

#[test]
fn every_provider_converses_and_headers_are_in_lower_case() {
    for provider in ALL {
        assert!(!provider.speaks(Operation::Chat, MODEL).is_empty(), "{}", provider.id());
        for wire in wires(*provider) {
            let head = head(*provider, wire);
            let names = head.headers.iter().map(|(name, _)| name).chain(head.forward);
            assert!(names.into_iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        }
        let is_local = provider.answer(CHAT, b"{}").is_some();
        assert_eq!(is_local, provider.id() == "echo", "{}", provider.id());
    }
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
