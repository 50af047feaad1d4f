//! Traces by OTLP: the gateway's spans continue the caller's trace, and the provider's continue the gateway's.

use std::time::Duration;

use serde_json::json;
use testkit::{
    Answer, Upstream,
    fixture::{openai_chat_text, openai_usage},
};

use crate::setup::start;

#[tokio::test]
async fn a_trace_goes_from_the_caller_through_the_gateway_to_the_provider() {
    let provider = Upstream::answering(openai_chat_text("hi", &openai_usage(3, 1)));
    let collector = Upstream::answering(Answer::json(200, &json!({})));
    let config = format!(
        "otlp: {{ endpoint: '{}' }}\nproviders: {{ up: {{ kind: openai, base_url: '{}/v1', api_key: '${{PROVIDER_KEY}}' }} }}\n",
        collector.url(),
        provider.url()
    );
    let gateway = start(&config).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let question = json!({ "model": "up/gpt-4o-mini", "messages": [{ "role": "user", "content": "Hello!" }] });
    let call = gateway.client().post("/v1/chat/completions", &question);
    let answer = call.header("traceparent", &format!("00-{trace}-b7ad6b7169203331-01")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());

    let sent = collector.until("a batch of spans", |seen| !seen.is_empty()).await;
    assert_eq!(sent[0].path, "/v1/traces");
    let spans = sent[0].json()["resourceSpans"][0]["scopeSpans"][0]["spans"].clone();
    let spans = spans.as_array().unwrap();
    assert_eq!(spans.len(), 3, "the request, the model, the try: {spans:?}");
    assert!(spans.iter().all(|span| span["traceId"] == trace));
    assert_eq!(spans[0]["parentSpanId"], "b7ad6b7169203331");
    let continued = provider.last().header("traceparent").unwrap().to_owned();
    assert_eq!(continued, format!("00-{trace}-{}-01", spans[2]["spanId"].as_str().unwrap()));
    assert!(!sent[0].json().to_string().contains("Hello!"), "content is never part of a span");
}

#[tokio::test]
async fn a_collector_that_is_away_disturbs_no_call() {
    let provider = Upstream::answering(openai_chat_text("hi", &openai_usage(3, 1)));
    let config = format!(
        "otlp: {{ endpoint: 'http://{}' }}\nproviders: {{ up: {{ kind: openai, base_url: '{}/v1', api_key: '${{PROVIDER_KEY}}' }} }}\n",
        testkit::upstream::refusing(),
        provider.url()
    );
    let gateway = start(&config).await;
    let question = json!({ "model": "up/gpt-4o-mini", "messages": [{ "role": "user", "content": "Hello!" }] });
    for _ in 0..5 {
        let answer = gateway.client().post("/v1/chat/completions", &question).send().await;
        assert_eq!(answer.status, 200);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(gateway.records(5).await.len(), 5, "records are kept all the same");
}
