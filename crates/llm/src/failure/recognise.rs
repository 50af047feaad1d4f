//! Which [`Kind`] an error body is: by the provider's code, then by its type, then by its words, then by the status.
//!
//! Words are the last resort of vendors that answer every mistake with `invalid_request_error`; they are only asked
//! about answers that blame the request.

use super::Kind;

impl Kind {
    /// The meaning of a bad answer.
    ///
    /// `status` is the HTTP status; 0, or that of a success, if the error came inside an answer. `code` and `kind` are
    /// the body's own code and type.
    #[must_use]
    pub fn of(status: u16, code: Option<&str>, kind: &str, message: &str) -> Self {
        let code = code.unwrap_or_default();
        let words = message.to_lowercase();
        match by_code(code).or_else(|| by_code(kind)) {
            // Groq's and OpenAI's words for a request that is larger than a minute's whole allowance.
            Some(Self::RateLimited) if status == 413 || is_larger_than_limit(&words) => return Self::TooLarge,
            Some(known) => return known,
            None => {}
        }
        let status = effective_status(status, code, kind);
        if matches!(status, 0..300 | 400 | 403 | 404 | 413 | 422 | 500)
            && let Some(known) = by_words(&words)
        {
            return known;
        }
        by_status(status)
    }
}

/// Codes and types that say all, whatever the status.
fn by_code(code: &str) -> Option<Kind> {
    Some(match code {
        "context_length_exceeded"
        | "string_above_max_length"
        | "model_max_prompt_tokens_exceeded"
        | "exceed_context_size_error" => Kind::ContextWindow,
        "content_policy_violation" | "content_filter" | "invalid_prompt" | "content_moderation_failed" => {
            Kind::ContentPolicy
        }
        "invalid_api_key"
        | "invalid_authentication"
        | "account_deactivated"
        | "authentication_error"
        | "permission_error"
        // Google's: reasons of an `ErrorInfo`, and names of a status.
        | "API_KEY_INVALID"
        | "API_KEY_SERVICE_BLOCKED"
        | "SERVICE_DISABLED"
        | "UNAUTHENTICATED"
        | "PERMISSION_DENIED" => Kind::Credential,
        "insufficient_quota"
        | "billing_error"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "insufficient_balance" => Kind::Payment,
        "model_not_found" | "model_not_available" | "model_decommissioned" | "invalid_model" => Kind::ModelNotFound,
        "request_too_large" => Kind::TooLarge,
        // OpenAI's, of a sealed thought that is another account's.
        "invalid_encrypted_content" => Kind::SignatureRefused,
        "rate_limit_exceeded" | "rate_limit_error" | "rate_limited" | "RESOURCE_EXHAUSTED" => Kind::RateLimited,
        "overloaded_error" | "capacity_exceeded" | "service_unavailable" | "unavailable_error" | "UNAVAILABLE" => {
            Kind::Overloaded
        }
        "timeout_error" | "DEADLINE_EXCEEDED" => Kind::Timeout,
        _ => return None,
    })
}

/// The status, or what the body says in its place: some servers fail inside a 200, and some put a status in `code`.
fn effective_status(status: u16, code: &str, kind: &str) -> u16 {
    if status >= 400 {
        return status;
    }
    match (code.parse::<u16>(), kind) {
        (Ok(said @ 400..600), _) => said,
        (_, "invalid_request_error" | "BadRequestError") => 400,
        (_, "not_found_error" | "NotFoundError") => 404,
        _ => status,
    }
}

fn by_status(status: u16) -> Kind {
    match status {
        401 | 403 => Kind::Credential,
        402 => Kind::Payment,
        404 => Kind::ModelNotFound,
        408 | 504 => Kind::Timeout,
        413 => Kind::TooLarge,
        429 => Kind::RateLimited,
        // 498 is Groq's "flex capacity exceeded".
        498 | 503 | 529 => Kind::Overloaded,
        400..500 => Kind::BadRequest,
        // A redirect is no answer of a model; following it would send a credential to who knows whom.
        100..400 if status != 200 => Kind::Malformed,
        _ => Kind::Server,
    }
}

/// What the words of an answer say that blames the request. `words` are in lower case.
fn by_words(words: &str) -> Option<Kind> {
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if words.contains("stream_options") && has(REFUSED_FIELD) {
        return Some(Kind::StreamOptionsRefused);
    }
    // Anthropic's signature in a thinking block, and Gemini's `thought_signature`.
    let wrong = &["invalid", "verif", "mismatch", "missing", "corrupted", "not valid"];
    if words.contains("signature") && has(&["thinking", "thought"]) && has(wrong) {
        return Some(Kind::SignatureRefused);
    }
    if has(&["api key not valid", "api key expired", "user location is not supported"]) {
        return Some(Kind::Credential);
    }
    if has(CONTEXT) || (words.contains("max_new_tokens") && words.contains("must be <=")) {
        return Some(Kind::ContextWindow);
    }
    if is_larger_than_limit(words) {
        return Some(Kind::TooLarge);
    }
    if has(POLICY) {
        return Some(Kind::ContentPolicy);
    }
    if has(PAYMENT) {
        return Some(Kind::Payment);
    }
    has(MODEL).then_some(Kind::ModelNotFound)
}

fn is_larger_than_limit(words: &str) -> bool {
    words.contains("request too large")
}

/// How servers refuse a field that they do not know: FastAPI and pydantic, Go, Rust, plain words.
const REFUSED_FIELD: &[&str] = &[
    "extra inputs",
    "extra_forbidden",
    "extra fields",
    "additional properties",
    "unknown",
    "unrecognized",
    "unexpected",
    "unsupported",
    "not supported",
    "not permitted",
    "not allowed",
];

/// OpenAI, vLLM, DeepSeek, Together, OpenRouter: "maximum context length"; Mistral: "too large for model with ...
/// maximum context length"; Anthropic: "prompt is too long", "exceed context limit"; llama.cpp: "context size".
const CONTEXT: &[&str] = &[
    "maximum context length",
    "context length exceeded",
    "exceeds the context length",
    "exceed context limit",
    "exceeds the available context size",
    "context window",
    "prompt is too long",
    "input is too long",
    "reduce the length of the messages",
    "longer than the maximum model length",
    // Gemini: "The input token count (..) exceeds the maximum number of tokens allowed (..)."
    "exceeds the maximum number of tokens",
    // Cohere: "too many tokens: total number of tokens in the prompt cannot exceed ..". Too high a `max_tokens` begins
    // with the same words.
    "too many tokens: total number",
    "too many tokens: size limit",
];

/// Anthropic: "content filtering policy"; DeepSeek: "Content Exists Risk"; OpenRouter: "requires moderation".
const POLICY: &[&str] = &[
    "content filtering policy",
    "content management policy",
    "content exists risk",
    "requires moderation",
    "violating our usage policy",
    "our safety system",
];

/// Anthropic answers 400 to an account without credit.
const PAYMENT: &[&str] = &["credit balance is too low", "insufficient balance", "insufficient credits"];

/// DeepSeek: "Model Not Exist"; Mistral: "Invalid model"; OpenRouter: "is not a valid model ID".
const MODEL: &[&str] = &["model not exist", "invalid model:", "not a valid model id", "model_not_found"];
