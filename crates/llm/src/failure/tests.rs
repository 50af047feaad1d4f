use std::time::Duration;

use super::*;
use crate::{
    Wire,
    dialect::Dialect,
    provider::{BadAnswer, Operation, find},
};

/// The format that a provider prefers.
fn spoken(provider: &str) -> Wire {
    find(provider).unwrap().speaks(Operation::Chat, "some-model")[0]
}

/// What a provider's answer means.
fn failure(provider: &str, status: u16, body: &str) -> Failure {
    find(provider).unwrap().failure(&BadAnswer {
        wire: spoken(provider),
        status,
        retry_after: None,
        request_id: None,
        body: body.as_bytes(),
    })
}

/// Error bodies as the providers send them.
const SEEN: &[(&str, u16, &str, Kind)] = &[
    (
        "cohere",
        400,
        r#"{"message":"too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."}"#,
        Kind::ContextWindow,
    ),
    (
        "cohere",
        400,
        r#"{"message":"too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model"}"#,
        Kind::BadRequest,
    ),
    (
        "openai",
        400,
        r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 204308 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        Kind::ContextWindow,
    ),
    (
        "openai",
        400,
        r#"{"error":{"message":"Invalid 'messages[0].content': string too long.","type":"invalid_request_error","param":"messages[0].content","code":"string_above_max_length"}}"#,
        Kind::ContextWindow,
    ),
    (
        "openai",
        400,
        r#"{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}"#,
        Kind::ContentPolicy,
    ),
    (
        "openai",
        400,
        r#"{"error":{"message":"Your request was rejected as a result of our safety system.","type":"invalid_request_error","param":null,"code":"content_policy_violation"}}"#,
        Kind::ContentPolicy,
    ),
    (
        "openai",
        429,
        r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
        Kind::Payment,
    ),
    (
        "openai",
        429,
        r#"{"error":{"message":"Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
        Kind::RateLimited,
    ),
    (
        "openai",
        429,
        r#"{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
        Kind::TooLarge,
    ),
    (
        "openai",
        404,
        r#"{"error":{"message":"The model `gpt-9` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
        Kind::ModelNotFound,
    ),
    (
        "openai",
        400,
        r#"{"error":{"message":"The 'stream_options' parameter is only allowed when 'stream' is enabled.","type":"invalid_request_error","param":"stream_options","code":null}}"#,
        Kind::BadRequest,
    ),
    (
        "openai",
        400,
        r#"{"error":{"message":"max_tokens is too large: 50000. This model supports at most 16384 completion tokens.","type":"invalid_request_error","param":"max_tokens","code":"invalid_value"}}"#,
        Kind::BadRequest,
    ),
    (
        "openai",
        500,
        r#"{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}"#,
        Kind::Server,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 205342 tokens > 200000 maximum"}}"#,
        Kind::ContextWindow,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again"}}"#,
        Kind::ContextWindow,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#,
        Kind::ContentPolicy,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid `signature` in `thinking` block"}}"#,
        Kind::SignatureRefused,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.3.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`."}}"#,
        Kind::BadRequest,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
        Kind::Payment,
    ),
    (
        "anthropic",
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        Kind::Overloaded,
    ),
    (
        "anthropic",
        404,
        r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"}}"#,
        Kind::ModelNotFound,
    ),
    (
        "anthropic",
        413,
        r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
        Kind::TooLarge,
    ),
    (
        "groq",
        400,
        r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        Kind::ContextWindow,
    ),
    (
        "groq",
        413,
        r#"{"error":{"message":"Request too large for model `llama-3.3-70b-versatile` on tokens per minute (TPM): Limit 6000, Requested 14810, please reduce your message size and try again.","type":"tokens","code":"rate_limit_exceeded"}}"#,
        Kind::TooLarge,
    ),
    (
        "groq",
        400,
        r#"{"error":{"message":"The model `x` has been decommissioned and is no longer supported.","type":"invalid_request_error","code":"model_decommissioned"}}"#,
        Kind::ModelNotFound,
    ),
    (
        "groq",
        498,
        r#"{"error":{"message":"Flex capacity exceeded","type":"invalid_request_error","code":"capacity_exceeded"}}"#,
        Kind::Overloaded,
    ),
    (
        "mistral",
        400,
        r#"{"object":"error","message":"Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length","type":"invalid_request_prompt","param":null,"code":"3051"}"#,
        Kind::ContextWindow,
    ),
    (
        "mistral",
        400,
        r#"{"object":"error","message":"Invalid model: mistral-nope","type":"invalid_model","param":null,"code":"1500"}"#,
        Kind::ModelNotFound,
    ),
    (
        "mistral",
        422,
        r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options","include_usage"],"msg":"Extra inputs are not permitted","input":true}]},"type":"invalid_request_error","param":null,"code":null}"#,
        Kind::StreamOptionsRefused,
    ),
    ("mistral", 401, r#"{"detail":"Unauthorized"}"#, Kind::Credential),
    (
        "deepseek",
        400,
        r#"{"error":{"message":"This model's maximum context length is 65536 tokens. However, you requested 65853 tokens (65853 in the messages, 0 in the completion).","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
        Kind::ContextWindow,
    ),
    (
        "deepseek",
        400,
        r#"{"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
        Kind::ContentPolicy,
    ),
    (
        "deepseek",
        400,
        r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
        Kind::ModelNotFound,
    ),
    (
        "deepseek",
        402,
        r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
        Kind::Payment,
    ),
    (
        "together",
        422,
        r#"{"error":{"message":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5000 `inputs` tokens and 512 `max_new_tokens`","type":"invalid_request_error","param":"max_tokens","code":null}}"#,
        Kind::ContextWindow,
    ),
    (
        "together",
        404,
        r#"{"error":{"message":"Unable to access model x.","type":"invalid_request_error","param":null,"code":"model_not_available"}}"#,
        Kind::ModelNotFound,
    ),
    (
        "openrouter",
        400,
        r#"{"error":{"message":"This endpoint's maximum context length is 262000 tokens. However, you requested about 263390 tokens","code":400,"metadata":{"provider_name":null}}}"#,
        Kind::ContextWindow,
    ),
    (
        "openrouter",
        400,
        r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"This model's maximum context length is 262144 tokens.\",\"type\":\"Bad Request\",\"code\":400}}","provider_name":"Nvidia"}}}"#,
        Kind::ContextWindow,
    ),
    (
        "openrouter",
        403,
        r#"{"error":{"message":"openai/gpt-4o requires moderation on OpenAI. Your input was flagged for \"violence\".","code":403,"metadata":{"reasons":["violence"]}}}"#,
        Kind::ContentPolicy,
    ),
    ("openrouter", 400, r#"{"error":{"message":"nope/nope is not a valid model ID","code":400}}"#, Kind::ModelNotFound),
    ("openrouter", 402, r#"{"error":{"message":"Insufficient credits","code":402}}"#, Kind::Payment),
    ("openrouter", 200, r#"{"error":{"message":"Provider returned error","code":502}}"#, Kind::Server),
    ("openrouter", 200, r#"{"error":{"message":"Rate limit exceeded","code":429}}"#, Kind::RateLimited),
    (
        "vllm",
        400,
        r#"{"object":"error","message":"This model's maximum context length is 2048 tokens. However, you requested 3000 tokens in the messages.","type":"BadRequestError","param":null,"code":400}"#,
        Kind::ContextWindow,
    ),
    (
        "vllm",
        404,
        r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
        Kind::ModelNotFound,
    ),
    (
        "vllm",
        400,
        r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
        Kind::StreamOptionsRefused,
    ),
    (
        "llama_cpp",
        400,
        r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":14429,"n_ctx":8192}}"#,
        Kind::ContextWindow,
    ),
    (
        "llama_cpp",
        500,
        r#"{"error":{"code":500,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"exceed_context_size_error"}}"#,
        Kind::ContextWindow,
    ),
    (
        "llama_cpp",
        503,
        r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        Kind::Overloaded,
    ),
    (
        "ollama",
        404,
        r#"{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error","param":null,"code":null}}"#,
        Kind::ModelNotFound,
    ),
    ("openai_like", 400, r#"{"error":"json: unknown field \"stream_options\""}"#, Kind::StreamOptionsRefused),
    ("openai_like", 502, "<html><body>Bad gateway</body></html>", Kind::Server),
    ("openai_like", 302, "", Kind::Malformed),
];

#[test]
fn case_090_context_and_policy_errors_are_recognised_per_provider() {
    for (provider, status, body, kind) in SEEN {
        assert_eq!(failure(provider, *status, body).kind, *kind, "{provider} {status} {body}");
    }
    for kind in [Kind::ContextWindow, Kind::ContentPolicy] {
        assert_eq!(kind.retry(), Retry::Elsewhere, "another target may take what this one cannot");
    }
}

#[test]
fn a_code_outweighs_the_status_and_words_only_count_where_the_request_is_blamed() {
    assert_eq!(Kind::of(413, Some("context_length_exceeded"), "", ""), Kind::ContextWindow);
    assert_eq!(Kind::of(413, Some("rate_limit_exceeded"), "tokens", "no"), Kind::TooLarge);
    assert_eq!(Kind::of(429, None, "", "your context window is small"), Kind::RateLimited);
    assert_eq!(Kind::of(503, None, "", "stream_options is not supported"), Kind::Overloaded);
}

#[test]
fn an_error_inside_a_stream_has_no_status() {
    assert_eq!(Kind::of(0, None, "overloaded_error", "Overloaded"), Kind::Overloaded);
    assert_eq!(Kind::of(0, None, "api_error", "Internal server error"), Kind::Server);
    assert_eq!(Kind::of(0, Some("502"), "", ""), Kind::Server);
    assert_eq!(Kind::of(0, None, "invalid_request_error", "no"), Kind::BadRequest);
    assert_eq!(Kind::of(200, Some("429"), "", ""), Kind::RateLimited);
}

#[test]
fn what_the_provider_said_is_kept() {
    let body = br#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#;
    let bad = BadAnswer {
        wire: spoken("openai"),
        status: 429,
        retry_after: Some(Duration::from_secs(7)),
        request_id: Some("req_1"),
        body,
    };
    let failure = crate::provider::classify(Dialect::OpenAiChat, &bad);
    assert_eq!(failure.message, "slow down");
    assert_eq!(failure.code.as_deref(), Some("rate_limit_exceeded"));
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(failure.request_id.as_deref(), Some("req_1"));
    assert_eq!(failure.status, Some(429));
}

/// Letters and digits that look random and are the same in every run.
fn random(length: usize, alphabet: &str, mut seed: u64) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        alphabet[(seed >> 33) as usize % alphabet.len()]
    })
    .take(length)
    .collect()
}

const BASE62: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";

/// Credentials of many shapes.
fn secrets() -> Vec<String> {
    (0..200)
        .flat_map(|seed| {
            let prefixes =
                ["sk-", "sk-proj-", "sk-ant-api03-", "gsk_", "xai-", "AIza", "hf_", "AKIA", "tg_live_", "eyJ"];
            let mut all: Vec<String> =
                prefixes.iter().map(|prefix| format!("{prefix}{}", random(24, BASE62, seed))).collect();
            all.push(random(32, HEX, seed));
            all.push(random(64, HEX, seed));
            all.push(random(40, BASE62, seed));
            all.push(random(40, &format!("{BASE62}+/"), seed));
            all
        })
        .collect()
}

#[test]
fn credentials_do_not_survive_cleaning() {
    for secret in secrets() {
        for text in [
            format!("Incorrect API key provided: {secret}. You can find your API key in your account."),
            format!("Authorization: Bearer {secret}"),
            format!("{{\"authorization\":\"Bearer {secret}\",\"x\":1}}"),
            format!("headers={{'x-api-key': '{secret}'}}"),
            format!("call to http://u:{secret}@10.0.0.1/v1 failed"),
            format!("GET /v1/models?key={secret}&alt=sse: denied"),
            format!("\u{1b}[31m{secret}\u{1b}[0m"),
            format!("({secret})"),
        ] {
            let cleaned = clean(&text);
            assert!(!cleaned.contains(&secret), "{text} -> {cleaned}");
            let middle = &secret[secret.len() / 2..];
            assert!(!cleaned.contains(middle), "{text} -> {cleaned}");
        }
    }
}

#[test]
fn short_and_masked_credentials_are_hidden_where_they_are_announced() {
    for (text, cleaned) in [
        ("api_key=hunter2", "api_key=[redacted]"),
        ("{\"api_key\": \"Hunter2\"}", "{\"api_key\": \"[redacted]\"}"),
        ("password: Hunter2!", "password: [redacted]!"),
        ("Authorization: Bearer Hunter2", "Authorization: Bearer [redacted]"),
        ("your key abcd****wxyz is invalid", "your key [redacted] is invalid"),
        ("your api key: ****wxyz is invalid", "your api key: [redacted] is invalid"),
        ("your key ABC1...XYZ9 is invalid", "your key [redacted] is invalid"),
    ] {
        assert_eq!(clean(text), cleaned);
    }
}

#[test]
fn addresses_do_not_survive_cleaning() {
    for (text, cleaned) in [
        ("dial tcp 10.1.2.3:8000: connect: refused", "dial tcp [address] connect: refused"),
        ("no route to model.prod.svc.cluster.local:80", "no route to [address]"),
        ("upstream http://vllm.internal:8000/v1/chat failed", "upstream [url] failed"),
        ("see https://platform.openai.com/docs", "see [url]"),
        ("postgres://user:pass@db/x is down", "[url] is down"),
        ("connect to fd00::1 failed", "connect to [address] failed"),
        ("localhost:11434 refused", "[address] refused"),
    ] {
        assert_eq!(clean(text), cleaned);
    }
}

#[test]
fn ordinary_words_survive_cleaning() {
    for text in [
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 204308 tokens.",
        "The model `meta-llama/Llama-3.3-70B-Instruct-Turbo` does not exist.",
        "The model `deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B` does not exist.",
        "model: claude-sonnet-4-5-20250929",
        "nvidia/NVIDIA-Nemotron-3.5-Super-VL is not a valid model ID",
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "max_tokens: 5000 > 4096, which is the maximum (stop=true)",
        "Unexpected token: expected a string",
        "body.messages.0.ChatCompletionContentPartTextParam.text: Field required",
        "Limit 6000, Requested 14810, please reduce your message size.",
        "req 123e4567-e89b-12d3-a456-426614174000",
        "Überlänge: 模型不存在",
    ] {
        assert_eq!(clean(text), text);
    }
}

#[test]
fn control_characters_go_and_long_words_are_cut_between_characters() {
    assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m\r\nb\u{0}c\td\u{202e}e"), "ared  bc de");
    let long = clean(&"é ".repeat(2000));
    assert!(long.len() <= 1024 && long.len() > 1000, "{}", long.len());
    assert_eq!(clean(""), "");
}
