//! What a client is told when a provider fails: each vendor's own error, as the gateway passes it on, is read again by the
//! library of the client's vendor. And who counts tokens for whom.

use std::time::Duration;

use govern::Error;
use llm::{
    Dialect, Wire,
    dialect::{ErrorBody, StreamForm},
    event::{fold, unfold},
    failure::{Failure, Kind},
    provider::{self, BadAnswer, Operation, Provider},
    tokens,
};
use serde_json::{Value, json};

use super::{
    Fate,
    features::{plain, reply},
};

const WAIT: Duration = Duration::from_secs(7);
/// What no caller may read of the gateway's own account.
const OURS: &str = "account 4711";

/// Something that goes wrong at a provider.
struct Mishap {
    name: &'static str,
    /// How its API says it: status and body.
    said: fn(Dialect) -> (u16, Value),
    retry_after: Option<Duration>,
    /// What the client's library is to understand.
    understood: &'static [Kind],
}

const MISHAPS: &[Mishap] = &[
    Mishap {
        name: "the gateway's own credential is refused: a failure of the gateway, not of the caller's key",
        said: |upstream| match upstream {
            Dialect::Bedrock => (403, json!({"message": format!("The security token of {OURS} is invalid.")})),
            _ => (401, worded(upstream, 401, "authentication_error", &format!("invalid key of {OURS}"))),
        },
        retry_after: None,
        // Google has no other word for a bad gateway.
        understood: &[Kind::Server, Kind::Overloaded],
    },
    Mishap {
        name: "429 with `retry-after`",
        said: |upstream| (429, worded(upstream, 429, "rate_limit_error", "Too many requests.")),
        retry_after: Some(WAIT),
        understood: &[Kind::RateLimited],
    },
    Mishap {
        name: "400, the prompt is too long for the model",
        said: |upstream| {
            let words = match upstream {
                Dialect::Anthropic => "prompt is too long: 210000 tokens > 200000 maximum",
                Dialect::Gemini => {
                    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
                }
                Dialect::Bedrock => "Input is too long for requested model.",
                Dialect::Cohere => {
                    "too many tokens: total number of tokens in the prompt cannot exceed 128000 - received 150000."
                }
                Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::OpenAiCompletions => {
                    "This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens."
                }
            };
            let mut body = worded(upstream, 400, "invalid_request_error", words);
            if matches!(upstream, Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::OpenAiCompletions)
                && let Some(code) = body.pointer_mut("/error/code")
            {
                *code = json!("context_length_exceeded");
            }
            (400, body)
        },
        retry_after: None,
        understood: &[Kind::ContextWindow],
    },
    Mishap {
        name: "500",
        said: |upstream| (500, worded(upstream, 500, "api_error", "Internal server error")),
        retry_after: None,
        understood: &[Kind::Server],
    },
    Mishap {
        name: "503, or Anthropic's 529: overloaded",
        said: |upstream| {
            let status = if upstream == Dialect::Anthropic { 529 } else { 503 };
            (status, worded(upstream, status, "overloaded_error", "Overloaded"))
        },
        retry_after: None,
        understood: &[Kind::Overloaded],
    },
];

/// An error body as the vendors word it.
fn worded(upstream: Dialect, status: u16, kind: &str, message: &str) -> Value {
    match upstream {
        Dialect::Anthropic => json!({"type": "error", "error": {"type": kind, "message": message}}),
        Dialect::Gemini => {
            let name = match status {
                400 => "INVALID_ARGUMENT",
                401 => "UNAUTHENTICATED",
                429 => "RESOURCE_EXHAUSTED",
                503 => "UNAVAILABLE",
                _ => "INTERNAL",
            };
            json!({"error": {"code": status, "message": message, "status": name}})
        }
        Dialect::Bedrock => json!({"message": message}),
        Dialect::Cohere => json!({"id": "e", "message": message}),
        Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::OpenAiCompletions => {
            json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
        }
    }
}

/// The rows of one client's table.
pub(super) fn rows(client: Dialect, upstreams: &[Dialect]) -> Vec<(String, Vec<Fate>)> {
    let mut rows = Vec::new();
    for mishap in MISHAPS {
        let fates = upstreams.iter().map(|upstream| whole(mishap, client, *upstream)).collect();
        rows.push((format!("error: {}", mishap.name), fates));
    }
    let fates = upstreams.iter().map(|upstream| amid(client, *upstream)).collect();
    rows.push(("error: amid a stream".to_owned(), fates));
    let fates = upstreams.iter().map(|upstream| counted(client, *upstream)).collect();
    rows.push(("asked: count of tokens".to_owned(), fates));
    rows
}

/// An error instead of an answer.
fn whole(mishap: &Mishap, client: Dialect, upstream: Dialect) -> Fate {
    let (status, body) = (mishap.said)(upstream);
    let Some(failure) = read(upstream, status, mishap.retry_after, body.to_string().as_bytes()) else {
        return Fate::Unsaid;
    };
    let error = Error::from(failure);
    let told = client.write_error(&error.body("r"));
    let Some(seen) = read(client, error.status(), error.retry_after, &told) else { return Fate::Unsaid };
    let right = mishap.understood.contains(&seen.kind) && seen.retry_after == mishap.retry_after;
    if right && !seen.message.contains(OURS) { Fate::Told(error.status()) } else { Fate::Vanished }
}

/// What a vendor's library makes of an error of this API.
fn read(dialect: Dialect, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Option<Failure> {
    let answer = BadAnswer { wire: Wire::Chat(dialect), status, retry_after, request_id: None, body };
    Some(vendor(dialect)?.failure(&answer))
}

fn vendor(dialect: Dialect) -> Option<&'static dyn Provider> {
    provider::find(match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::OpenAiCompletions => "openai",
        Dialect::Anthropic => "anthropic",
        Dialect::Gemini => "gemini",
        Dialect::Bedrock => "bedrock",
        Dialect::Cohere => "cohere",
    })
}

/// An error after the first words of a stream.
fn amid(client: Dialect, upstream: Dialect) -> Fate {
    let body = ErrorBody {
        status: 500,
        kind: "api_error".to_owned(),
        message: "Internal server error".to_owned(),
        code: None,
        param: None,
        request_id: None,
    };
    let Some(failure) = broken(upstream, &body) else { return Fate::Vanished };
    let error = Error::from(failure);
    match broken(client, &error.body("r")) {
        Some(seen) if seen.message.contains("Internal server error") => Fate::Carried,
        _ => Fate::Vanished,
    }
}

/// What a reader makes of a stream that begins well and then says this; `None` if it takes it for a whole answer.
fn broken(dialect: Dialect, error: &ErrorBody) -> Option<Failure> {
    let framing = dialect.framing();
    let (mut writer, mut bytes) = (dialect.writer(StreamForm { include_usage: false, framing }), Vec::new());
    // The beginning alone: the last two events end a text and the answer.
    let events = unfold(reply(vec![plain("You said")], llm::reply::Stop::End)).0;
    for event in events.iter().take(3) {
        writer.push(event, &mut bytes);
    }
    bytes.extend(dialect.write_error_event(error, framing, false));
    let (mut reader, mut events) = (dialect.reader(), Vec::new());
    reader.push(&bytes, &mut events);
    reader.finish(&mut events);
    fold(events).1
}

/// Who counts the tokens of a prompt, if the client's API has a question for it.
fn counted(client: Dialect, upstream: Dialect) -> Fate {
    let words = json!([{"text": "How many tokens are these?"}]);
    let converse = json!({"messages": [{"role": "user", "content": words}]});
    let body = match client {
        Dialect::Anthropic => {
            json!({"model": "m", "messages": [{"role": "user", "content": "How many tokens are these?"}]})
        }
        Dialect::Gemini => json!({"contents": [{"role": "user", "parts": words}]}),
        Dialect::Bedrock => json!({"input": {"converse": converse}}),
        _ => return Fate::Unsaid,
    };
    let Ok(call) = client.read_count(body.to_string().as_bytes()) else { return Fate::Unsaid };
    let offered = vendor(upstream).map(|vendor| vendor.speaks(Operation::CountTokens, "m")).unwrap_or_default();
    if !offered.is_empty() {
        return Fate::Carried;
    }
    let tokens = tokens::prompt(&call, None).tokens;
    let told: Value = serde_json::from_slice(&client.write_counted(tokens)).unwrap_or_default();
    let said = told.as_object().is_some_and(|told| told.values().any(|count| *count == json!(tokens)));
    if tokens > 0 && said { Fate::Counted } else { Fate::Vanished }
}
