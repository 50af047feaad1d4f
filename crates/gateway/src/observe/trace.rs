//! A request as OpenTelemetry sees it, built from its record when all is over: nothing is traced while bytes flow.
//!
//! One SERVER span, under it one GenAI CLIENT span, under that one HTTP CLIENT span per attempt. Span ids are derived
//! from the request's id, so that the `traceparent` sent upstream names a span that is written only later. Content is
//! never part of a span.

use serde::Serialize;
use uuid::Uuid;

use super::{Attempt, Outcome, Record};

/// Names of the GenAI and HTTP semantic conventions, v1.41.
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>
pub mod name {
    pub const OPERATION: &str = "gen_ai.operation.name";
    pub const PROVIDER: &str = "gen_ai.provider.name";
    pub const REQUEST_MODEL: &str = "gen_ai.request.model";
    pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
    pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
    pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
    pub const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
    pub const CACHE_WRITE_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
    pub const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
    pub const ERROR: &str = "error.type";
    pub const METHOD: &str = "http.request.method";
    pub const STATUS: &str = "http.response.status_code";
    pub const RESEND: &str = "http.request.resend_count";
    pub const ROUTE: &str = "http.route";
    /// What the conventions have no name for.
    pub const REQUEST_ID: &str = "tollgate.request.id";
    pub const KEY: &str = "tollgate.key.id";
    pub const TARGET: &str = "tollgate.target";
    pub const OUTCOME: &str = "tollgate.outcome";
    pub const COST: &str = "tollgate.cost_usd";
    pub const FIRST_TOKEN: &str = "tollgate.time_to_first_token_seconds";
    pub const UPSTREAM_ID: &str = "tollgate.upstream.request_id";
}

/// The spans of a request: its own first, then the model's, then the attempts in their order.
///
/// `provider` names the provider of an account.
#[must_use]
pub fn spans(record: &Record, provider: &dyn Fn(&str) -> Option<&'static str>) -> Vec<Span> {
    if record.unsampled {
        return Vec::new();
    }
    let mut spans = vec![server(record)];
    if let Some(first) = record.attempts.first() {
        spans.push(model(record, first, provider));
        spans.extend(record.attempts.iter().zip(0..).map(|(attempt, index)| http(record, attempt, index)));
    }
    spans
}

/// The context that an attempt (counted from 0) carries upstream: its HTTP span is the parent of what happens there.
#[must_use]
pub fn traceparent(record: &Record, attempt: u32) -> String {
    let flags = if record.unsampled { "00" } else { "01" };
    format!("00-{}-{}-{flags}", trace_id(record), hex(attempt_span(record.id, attempt)))
}

/// The context that a caller sent (<https://www.w3.org/TR/trace-context/>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    pub trace_id: String,
    pub span_id: String,
    pub sampled: bool,
}

impl Parent {
    /// Reads a `traceparent` header. `None` if it is not one: the request then begins a trace of its own.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // A later version may have more parts, ours has not; `ff` is no version.
        let known = hexadecimal(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let given = |id: &str, length| hexadecimal(id, length) && id.bytes().any(|digit| digit != b'0');
        if !known || !given(trace_id, 32) || !given(span_id, 16) || !hexadecimal(flags, 2) {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace_id: trace_id.to_owned(), span_id: span_id.to_owned(), sampled })
    }
}

/// A span in OTLP's JSON form (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    pub trace_id: String,
    pub span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    pub name: String,
    /// 2: server, 3: client.
    pub kind: u8,
    /// Nanoseconds since 1970, in decimal: JSON has no 64-bit integers.
    pub start_time_unix_nano: String,
    pub end_time_unix_nano: String,
    pub attributes: Vec<Attribute>,
    pub status: Status,
}

/// Whether it went wrong. 0: nothing is said, 2: error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Status {
    pub code: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribute {
    pub key: &'static str,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Value {
    #[serde(rename = "stringValue")]
    Text(String),
    /// In decimal.
    #[serde(rename = "intValue")]
    Whole(String),
    #[serde(rename = "doubleValue")]
    Number(f64),
}

const SERVER: u8 = 2;
const CLIENT: u8 = 3;

fn server(record: &Record) -> Span {
    let route = route(&record.surface);
    let mut span = Span {
        parent_span_id: record.parent_span.clone(),
        name: format!("POST {route}"),
        kind: SERVER,
        // The conventions blame a server for 5xx alone: a caller's mistake is no fault of ours.
        status: Status { code: if record.status >= 500 { 2 } else { 0 } },
        ..blank(record, server_span(record.id), 0, record.latency)
    };
    span.text(name::METHOD, Some("POST"));
    span.text(name::ROUTE, Some(route));
    span.whole(name::STATUS, Some(u64::from(record.status)));
    span.text(name::ERROR, record.error.as_deref());
    span.text(name::REQUEST_ID, Some(&record.id.to_string()));
    span.text(name::KEY, record.key_id.as_deref());
    span.text(name::OUTCOME, Some(record.outcome.as_str()));
    span
}

fn model(record: &Record, first: &Attempt, provider: &dyn Fn(&str) -> Option<&'static str>) -> Span {
    let answered = record.target.as_deref().unwrap_or(&first.target);
    let (account, asked) = answered.split_once('/').unwrap_or((answered, ""));
    let operation = operation(&record.surface);
    let failed = matches!(record.outcome, Outcome::Failed | Outcome::Partial);
    let mut span = Span {
        parent_span_id: Some(hex(server_span(record.id))),
        name: format!("{operation} {asked}"),
        kind: CLIENT,
        status: Status { code: if failed { 2 } else { 0 } },
        ..blank(record, model_span(record.id), first.started, record.latency - first.started)
    };
    span.text(name::OPERATION, Some(operation));
    span.text(name::PROVIDER, Some(known_as(provider(account).unwrap_or(account))));
    span.text(name::REQUEST_MODEL, Some(asked));
    span.text(name::RESPONSE_MODEL, record.served_model.as_deref());
    let usage = &record.usage;
    if usage.total() > 0 {
        span.whole(name::INPUT_TOKENS, Some(usage.prompt()));
        span.whole(name::OUTPUT_TOKENS, Some(usage.output));
    }
    let counted = |tokens: u64| (tokens > 0).then_some(tokens);
    span.whole(name::CACHE_READ_TOKENS, counted(usage.cache_read));
    span.whole(name::CACHE_WRITE_TOKENS, counted(usage.cache_written()));
    span.whole(name::REASONING_TOKENS, counted(usage.reasoning));
    span.number(name::COST, record.cost.map(|cost| cost.0 as f64 / 1e9));
    span.number(name::FIRST_TOKEN, record.time_to_first_token.map(|micros| micros as f64 / 1e6));
    span.text(name::ERROR, record.error.as_deref().filter(|_| failed));
    span
}

fn http(record: &Record, attempt: &Attempt, index: u32) -> Span {
    let mut span = Span {
        parent_span_id: Some(hex(model_span(record.id))),
        name: "POST".to_owned(),
        kind: CLIENT,
        status: Status { code: if attempt.failure.is_some() { 2 } else { 0 } },
        ..blank(record, attempt_span(record.id, index), attempt.started, attempt.latency)
    };
    span.text(name::METHOD, Some("POST"));
    span.text(name::TARGET, Some(&attempt.target));
    span.whole(name::STATUS, attempt.status.map(u64::from));
    span.whole(name::RESEND, (index > 0).then_some(u64::from(index)));
    span.text(name::ERROR, attempt.failure.as_deref());
    span.text(name::UPSTREAM_ID, attempt.upstream_id.as_deref());
    span
}

/// A span of this request that begins `started` microseconds after its arrival.
fn blank(record: &Record, span: u64, started: i64, latency: i64) -> Span {
    let start = record.at.saturating_add(started);
    let nanos = |micros: i64| (i128::from(micros.max(0)) * 1000).to_string();
    Span {
        trace_id: trace_id(record),
        span_id: hex(span),
        parent_span_id: None,
        name: String::new(),
        kind: 0,
        start_time_unix_nano: nanos(start),
        end_time_unix_nano: nanos(start.saturating_add(latency.max(0))),
        attributes: Vec::new(),
        status: Status { code: 0 },
    }
}

impl Span {
    fn text(&mut self, key: &'static str, value: Option<&str>) {
        self.attributes.extend(value.map(|text| Attribute { key, value: Value::Text(text.to_owned()) }));
    }

    fn whole(&mut self, key: &'static str, value: Option<u64>) {
        self.attributes.extend(value.map(|number| Attribute { key, value: Value::Whole(number.to_string()) }));
    }

    fn number(&mut self, key: &'static str, value: Option<f64>) {
        self.attributes.extend(value.map(|number| Attribute { key, value: Value::Number(number) }));
    }
}

/// The caller's trace, or one of our own: a request's id is as good a trace id as any.
fn trace_id(record: &Record) -> String {
    record.trace_id.clone().unwrap_or_else(|| record.id.simple().to_string())
}

/// The random half of the request's id. Its two highest bits are 1 and 0, so it is never zero, which is no span id.
fn server_span(id: Uuid) -> u64 {
    id.as_u64_pair().1
}

fn model_span(id: Uuid) -> u64 {
    derived(id, 1)
}

fn attempt_span(id: Uuid, index: u32) -> u64 {
    derived(id, 2 + u64::from(index))
}

/// The `n`th further number for a request: the finaliser of SplitMix64 keeps different inputs different.
fn derived(id: Uuid, n: u64) -> u64 {
    let mut mixed = server_span(id).wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).max(1)
}

fn hex(span: u64) -> String {
    format!("{span:016x}")
}

fn hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The path of a surface.
fn route(surface: &str) -> &str {
    match surface {
        "chat_completions" => "/v1/chat/completions",
        "messages" => "/v1/messages",
        "count_tokens" => "/v1/messages/count_tokens",
        other => other,
    }
}

fn operation(surface: &str) -> &str {
    match surface {
        "chat_completions" | "messages" => "chat",
        other => other,
    }
}

/// The conventions' name of a provider, where they have one of their own.
fn known_as(provider: &str) -> &str {
    match provider {
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        "bedrock" => "aws.bedrock",
        "vertex" => "gcp.vertex_ai",
        "gemini" => "gcp.gemini",
        "azure" => "azure.ai.openai",
        other => other,
    }
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
