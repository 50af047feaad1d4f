use llm::Dialect;
use serde_json::{Value, json};

use super::*;

fn failure(kind: Kind, status: impl Into<Option<u16>>) -> Failure {
    Failure {
        status: status.into(),
        retry_after: Some(Duration::from_secs(3)),
        request_id: Some("req_upstream".into()),
        ..Failure::new(kind, "the provider's words")
    }
}

#[test]
fn codes_are_unique_snake_case_and_explained() {
    let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", code.as_str());
        // OpenAI says it so: its SDKs know the word.
        assert!(code.kind().ends_with("_error") || code.kind() == "insufficient_quota", "{}", code.kind());
        assert!((400..600).contains(&code.status()), "{}", code.as_str());
        assert!(code.meaning().ends_with('.'), "{}", code.meaning());
        let transient = matches!(code.status(), 408 | 429 | 503 | 504);
        assert!(!transient || code.is_retryable(), "{} says try again, and means it", code.as_str());
        assert!(
            code.status() >= 500 || transient || !code.is_retryable(),
            "{} cannot be mended by waiting",
            code.as_str()
        );
    }
}

#[test]
fn case_089_a_failure_upstream_has_its_status_and_blames_whom_it_must() {
    use Code as C;
    for (kind, theirs, code, status, retry) in [
        (Kind::BadRequest, 400, C::ProviderRefused, 400, false),
        (Kind::BadRequest, 422, C::ProviderRefused, 422, false),
        (Kind::Credential, 401, C::ProviderAuth, 502, false),
        (Kind::Credential, 403, C::ProviderAuth, 502, false),
        (Kind::Payment, 402, C::ProviderPayment, 502, false),
        (Kind::ModelNotFound, 404, C::ProviderModelNotFound, 404, false),
        (Kind::Timeout, 408, C::ProviderTimeout, 504, true),
        (Kind::Timeout, 504, C::ProviderTimeout, 504, true),
        (Kind::TooLarge, 413, C::ProviderRefused, 413, false),
        (Kind::RateLimited, 429, C::ProviderRateLimited, 429, true),
        (Kind::Server, 500, C::ProviderError, 500, true),
        (Kind::Server, 502, C::ProviderError, 502, true),
        (Kind::Server, 501, C::ProviderError, 502, true),
        (Kind::Overloaded, 503, C::ProviderOverloaded, 503, true),
        (Kind::Overloaded, 529, C::ProviderOverloaded, 529, true),
        (Kind::ContextWindow, 400, C::ContextWindow, 400, false),
        (Kind::ContentPolicy, 400, C::ContentPolicy, 400, false),
        (Kind::Malformed, 200, C::ProviderMalformed, 502, true),
    ] {
        let error = Error::from(failure(kind, theirs));
        assert_eq!((error.code, error.status(), error.code.is_retryable()), (code, status, retry), "{kind:?} {theirs}");
        assert_eq!(error.code.whose(), Whose::Provider, "{kind:?}");
        assert_eq!(error.retry_after, Some(Duration::from_secs(3)), "the provider's wish is passed on");
        let behind = error.failure.unwrap();
        assert_eq!(behind.request_id.as_deref(), Some("req_upstream"), "for the provider's support desk");
    }
    assert_eq!(Error::from(failure(Kind::Connect, None)).status(), 502);
}

#[test]
fn sec_018_what_only_the_operator_may_know_is_not_told() {
    for kind in [Kind::Credential, Kind::Payment, Kind::Connect] {
        let error = Error::from(Failure::new(kind, "key canary at 10.0.0.7 is refused"));
        assert!(!error.message.contains("canary"), "{}", error.message);
        assert!(error.cause.as_deref().is_some_and(|cause| cause.contains("canary")), "the log is told");
        for &dialect in Dialect::ALL {
            let body = String::from_utf8(dialect.write_error(&error.body("req_1"))).unwrap();
            assert!(!body.contains("canary"), "{body}");
        }
    }
}

#[test]
fn case_045_an_error_speaks_the_clients_dialect() {
    let plain = Error::new(Code::ModelNotFound, "no model is called `x`");
    let named = plain.clone().at("model");
    let written = |dialect: Dialect, error: &Error| -> Value {
        serde_json::from_slice(&dialect.write_error(&error.body("req_1"))).unwrap()
    };
    assert_eq!(
        written(Dialect::OpenAiChat, &named),
        json!({"error": {
            "message": "no model is called `x`", "type": "invalid_request_error", "param": "model", "code": "model_not_found",
        }})
    );
    assert_eq!(written(Dialect::OpenAiChat, &plain)["error"]["param"], Value::Null, "null, never \"None\"");
    let anthropic = written(Dialect::Anthropic, &named);
    assert_eq!(anthropic["type"], "error");
    assert_eq!(anthropic["error"]["type"], "not_found_error");
    assert_eq!(anthropic["error"]["message"], "no model is called `x`");
    assert_eq!(anthropic["request_id"], "req_1");
}

#[test]
fn a_malformed_body_names_its_field() {
    let error = Error::from(Malformed { field: Some("messages[0].role".into()), message: "is no role".into() });
    assert_eq!((error.code, error.status()), (Code::InvalidRequest, 400));
    assert_eq!(error.param.as_deref(), Some("messages[0].role"));
}

#[test]
fn a_refused_request_keeps_the_providers_code_but_not_its_mere_type() {
    let said = |code: &str| {
        let failure = Failure { code: Some(code.to_owned()), ..Failure::new(Kind::BadRequest, "no") };
        Error::from(failure).body("id").code
    };
    assert_eq!(said("thread_not_found").as_deref(), Some("thread_not_found"));
    assert_eq!(said("invalid_request_error").as_deref(), Some("provider_refused_request"));
}
