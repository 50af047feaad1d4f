//! What a trace of a request looks like.

use govern::Money;
use llm::usage::Usage;

use super::*;

const AT: i64 = 1_760_000_000_000_000;

fn fallback() -> Record {
    let attempt = |target: &str, started, status, failure: Option<&str>| Attempt {
        target: target.into(),
        started,
        latency: 2_000,
        status,
        failure: failure.map(Into::into),
        upstream_id: failure.is_none().then(|| "req_1".to_owned()),
        ..Attempt::default()
    };
    Record {
        id: "0199c8a0-1a2b-7c3d-8e4f-a1b2c3d4e5f6".parse().unwrap(),
        at: AT,
        surface: "chat_completions".into(),
        key_id: Some("abc".into()),
        model: Some("fast".into()),
        target: Some("eu/mistral-large".into()),
        served_model: Some("mistral-large-2411".into()),
        outcome: Outcome::Success,
        status: 200,
        usage: Usage {
            input: 10,
            cache_read: 5,
            cache_write: 2,
            cache_write_1h: 1,
            output: 7,
            reasoning: 3,
            ..Usage::default()
        },
        cost: Some(Money(1_500_000)),
        latency: 9_000,
        time_to_first_token: Some(6_000),
        attempts: vec![
            attempt("openai/gpt", 300, Some(503), Some("overloaded")),
            attempt("eu/mistral-large", 4_000, Some(200), None),
        ],
        ..Record::default()
    }
}

fn provider(account: &str) -> Option<&'static str> {
    (account == "eu").then_some("mistral")
}

fn attribute<'s>(span: &'s Span, key: &str) -> Option<&'s Value> {
    span.attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

fn text(value: &str) -> Option<Value> {
    Some(Value::Text(value.into()))
}

fn whole(value: u64) -> Option<Value> {
    Some(Value::Whole(value.to_string()))
}

#[test]
fn a_request_is_a_tree_of_spans() {
    let spans = spans(&fallback(), &provider);
    let names: Vec<_> = spans.iter().map(|span| (span.name.as_str(), span.kind, span.status.code)).collect();
    assert_eq!(
        names,
        [("POST /v1/chat/completions", 2, 0), ("chat mistral-large", 3, 0), ("POST", 3, 2), ("POST", 3, 0)]
    );
    let [server, model, first, second] = spans.as_slice() else { panic!() };
    assert!(spans.iter().all(|span| span.trace_id == "0199c8a01a2b7c3d8e4fa1b2c3d4e5f6"));
    assert_eq!(server.parent_span_id, None);
    assert_eq!(model.parent_span_id.as_ref(), Some(&server.span_id));
    assert_eq!(first.parent_span_id.as_ref(), Some(&model.span_id));
    assert_eq!(second.parent_span_id.as_ref(), Some(&model.span_id));
    let mut ids: Vec<_> = spans.iter().map(|span| span.span_id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "every span has an id of its own");
}

#[test]
fn times_are_those_of_the_record() {
    let times: Vec<_> = spans(&fallback(), &provider)
        .iter()
        .map(|span| {
            [&span.start_time_unix_nano, &span.end_time_unix_nano].map(|n| n.parse::<i64>().unwrap() / 1000 - AT)
        })
        .collect();
    assert_eq!(times, [[0, 9_000], [300, 9_000], [300, 2_300], [4_000, 6_000]]);
}

#[test]
fn the_model_span_speaks_the_genai_conventions() {
    let spans = spans(&fallback(), &provider);
    for (key, value) in [
        ("gen_ai.operation.name", text("chat")),
        ("gen_ai.provider.name", text("mistral_ai")),
        ("gen_ai.request.model", text("mistral-large")),
        ("gen_ai.response.model", text("mistral-large-2411")),
        ("gen_ai.usage.input_tokens", whole(18)),
        ("gen_ai.usage.output_tokens", whole(7)),
        ("gen_ai.usage.cache_read.input_tokens", whole(5)),
        ("gen_ai.usage.cache_creation.input_tokens", whole(3)),
        ("gen_ai.usage.reasoning.output_tokens", whole(3)),
        ("tollgate.cost_usd", Some(Value::Number(0.0015))),
        ("error.type", None),
    ] {
        assert_eq!(attribute(&spans[1], key), value.as_ref(), "{key}");
    }
}

#[test]
fn attempts_tell_what_failed() {
    let spans = spans(&fallback(), &provider);
    assert_eq!(attribute(&spans[2], "error.type"), text("overloaded").as_ref());
    assert_eq!(attribute(&spans[2], "http.response.status_code"), whole(503).as_ref());
    assert_eq!(attribute(&spans[2], "http.request.resend_count"), None);
    assert_eq!(attribute(&spans[3], "http.request.resend_count"), whole(1).as_ref());
    assert_eq!(attribute(&spans[3], "tollgate.upstream.request_id"), text("req_1").as_ref());
}

#[test]
fn a_refused_request_is_one_span() {
    let refused = Record {
        outcome: Outcome::Refused,
        status: 401,
        error: Some("invalid_api_key".into()),
        attempts: Vec::new(),
        ..fallback()
    };
    let spans = spans(&refused, &provider);
    assert_eq!((spans.len(), spans[0].status.code), (1, 0));
    assert_eq!(attribute(&spans[0], "error.type"), text("invalid_api_key").as_ref());
}

#[test]
fn a_failure_is_an_error_of_server_and_model() {
    let failed = Record {
        outcome: Outcome::Failed,
        status: 502,
        error: Some("provider_error".into()),
        target: None,
        ..fallback()
    };
    let spans = spans(&failed, &provider);
    assert_eq!([spans[0].status.code, spans[1].status.code], [2, 2]);
    assert_eq!(
        attribute(&spans[1], "gen_ai.provider.name"),
        text("openai").as_ref(),
        "an unknown account stands for itself"
    );
}

#[test]
fn the_callers_trace_is_continued() {
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let parent = Parent::read(header).unwrap();
    let record = Record { trace_id: Some(parent.trace_id), parent_span: Some(parent.span_id), ..fallback() };
    let spans = spans(&record, &provider);
    assert!(spans.iter().all(|span| span.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(spans[0].parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
    for (index, span) in (0..).zip(&spans[2..]) {
        let sent = Parent::read(&traceparent(&record, index)).unwrap();
        assert_eq!((sent.trace_id, sent.span_id, sent.sampled), (span.trace_id.clone(), span.span_id.clone(), true));
    }
}

#[test]
fn a_trace_that_is_not_recorded_stays_so() {
    let parent = Parent::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap();
    assert!(!parent.sampled);
    let record = Record { unsampled: true, ..fallback() };
    assert_eq!(spans(&record, &provider), []);
    assert!(traceparent(&record, 0).ends_with("-00"), "and upstream is told");
}

#[test]
fn a_wrong_traceparent_is_no_parent() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for wrong in [
        String::new(),
        "garbage".into(),
        format!("00-{trace}-00f067aa0ba902b7"),
        format!("00-{trace}-00f067aa0ba902b7-01-more"),
        format!("ff-{trace}-00f067aa0ba902b7-01"),
        format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
        format!("00-{trace}-0000000000000000-01"),
        format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
        format!("00-{trace}-00f067aa0ba902b7-é"),
        format!("00-{trace}\r\nx: y-00f067aa0ba902b7-01"),
    ] {
        assert_eq!(Parent::read(&wrong), None, "{wrong:?}");
    }
    assert!(Parent::read(&format!("01-{trace}-00f067aa0ba902b7-01-more")).is_some(), "a later version may say more");
}

#[test]
fn json_is_as_the_protocol_has_it() {
    let json = serde_json::to_value(&spans(&fallback(), &provider)[1]).unwrap();
    assert_eq!(json["traceId"], "0199c8a01a2b7c3d8e4fa1b2c3d4e5f6");
    assert_eq!(json["kind"], 3);
    assert_eq!(json["startTimeUnixNano"], "1760000000000300000");
    assert_eq!(
        json["attributes"][0],
        serde_json::json!({"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}})
    );
    let tokens =
        json["attributes"].as_array().unwrap().iter().find(|a| a["key"] == "gen_ai.usage.input_tokens").unwrap();
    assert_eq!(tokens["value"], serde_json::json!({"intValue": "18"}));
}
