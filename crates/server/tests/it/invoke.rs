//! Bedrock's `invoke`: Anthropic's body at every model, other makers' at Bedrock alone; and its count of tokens.

use base64::{Engine, engine::general_purpose::STANDARD};
use llm::{
    frame::{Framing, eventstream},
    provider::escape,
};
use serde_json::{Value, json};
use testkit::{
    Answer, Client, Harness, Response, Upstream,
    fixture::{
        anthropic_message_text, anthropic_stream, anthropic_usage, openai_chat_text, openai_stream, openai_usage,
    },
};

use crate::setup::{NANO, account, message, start, with};

const TITAN: &str = "amazon.titan-text-express-v1";
const CLAUDE: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// A gateway in front of one upstream, which is Bedrock, OpenAI and Anthropic at once.
struct Scene {
    upstream: Upstream,
    gateway: Harness,
}

impl Scene {
    async fn answering(answer: Answer) -> Self {
        Self::of(answer, "").await
    }

    async fn of(answer: Answer, more: &str) -> Self {
        let upstream = Upstream::answering(answer);
        let price = "{input: 1, output: 2}";
        let aws = format!(
            "  aws: {{kind: bedrock, region: us-east-1, base_url: '{}', api_key: '${{PROVIDER_KEY}}', prices: \
             {{'{TITAN}': {price}, '{CLAUDE}': {price}}}}}\n",
            upstream.url()
        );
        let (chat, claude) = (account("chat", "openai", &upstream), account("claude", "anthropic", &upstream));
        let gateway = start(&format!("providers:\n{aws}{chat}{claude}{more}")).await;
        Self { upstream, gateway }
    }

    fn client(&self) -> Client {
        self.gateway.client()
    }

    async fn ask(&self, model: &str, method: &str, body: &Value) -> Response {
        self.client().post(&format!("/model/{}/{method}", escape(model)), body).send().await
    }

    async fn record(&self) -> Value {
        let mut records = self.gateway.records(1).await;
        assert_eq!(records.len(), 1, "one request, one record: {records:#?}");
        records.remove(0)
    }
}

fn question() -> Value {
    json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hello!"}]})
}

fn chunk(event: &Value) -> Value {
    json!({"bytes": STANDARD.encode(event.to_string()), "p": "abc"})
}

/// A stream of Bedrock's around these events.
fn stream(events: &[Value]) -> Answer {
    let mut bytes = Vec::new();
    for event in events {
        eventstream::write_event("chunk", chunk(event).to_string().as_bytes(), &mut bytes);
    }
    Answer::new(200).header("content-type", Framing::EventStream.content_type()).body(bytes)
}

/// The messages of a stream: the event in each, or the name of an exception and its words.
fn messages(answer: &Response) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), Some(Framing::EventStream.content_type()), "{}", answer.text());
    let mut all = Vec::new();
    let keep = |frame: llm::frame::Frame<'_>| {
        let data: Value = serde_json::from_slice(frame.data.as_deref().unwrap()).unwrap();
        all.push(match frame.event.unwrap() {
            "chunk" => serde_json::from_slice(&STANDARD.decode(data["bytes"].as_str().unwrap()).unwrap()).unwrap(),
            other => json!({ other: data }),
        });
    };
    Framing::EventStream.splitter().push(&answer.body, keep).unwrap();
    all
}

fn words(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect()
}

#[tokio::test]
async fn anthropics_body_is_answered_wherever_the_model_is() {
    let whole = anthropic_message_text("Hello!", &anthropic_usage(7, 5));
    for (model, answer) in [
        (format!("aws/{CLAUDE}"), whole.clone()),
        ("claude/m".to_owned(), whole),
        ("chat/m".to_owned(), openai_chat_text("Hello!", &openai_usage(7, 5))),
    ] {
        let scene = Scene::answering(answer).await;
        let answer = scene.ask(&model, "invoke", &question()).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        assert_eq!(answer.json()["content"], json!([{"type": "text", "text": "Hello!"}]));
        assert_eq!(answer.header("x-amzn-bedrock-input-token-count"), Some("7"));
        assert_eq!(answer.header("x-amzn-bedrock-output-token-count"), Some("5"));
        assert!(answer.header("x-amzn-requestid").is_some());
        let seen = scene.upstream.last().json();
        let expected = match model.as_str() {
            "chat/m" => json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]),
            _ => question()["messages"].clone(),
        };
        assert_eq!(seen["messages"], expected);
        let version = if model.starts_with("aws") { question()["anthropic_version"].clone() } else { Value::Null };
        assert_eq!(seen["anthropic_version"], version);
        assert_eq!(seen["model"].is_null(), model.starts_with("aws"));
        let record = scene.record().await;
        assert_eq!((&record["surface"], &record["cost"]), (&json!("invoke"), &json!(7 * NANO + 5 * 2 * NANO)));
    }
}

#[tokio::test]
async fn anthropics_body_is_streamed_in_amazons_messages_wherever_the_model_is() {
    let spoken = [
        json!({"type": "message_start", "message": {"id": "msg_bdrk_1", "type": "message", "role": "assistant",
            "model": "claude", "content": [], "usage": {"input_tokens": 7, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello!"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 7,
            "outputTokenCount": 5, "invocationLatency": 1234, "firstByteLatency": 99}}),
    ];
    let scene = Scene::answering(stream(&spoken)).await;
    let answer = scene.ask(&format!("aws/{CLAUDE}"), "invoke-with-response-stream", &question()).await;
    assert_eq!(messages(&answer), spoken, "Amazon's own metrics are left alone");
    let seen = scene.upstream.last();
    assert_eq!(seen.path, format!("/model/{}/invoke-with-response-stream", escape(CLAUDE)));
    assert_eq!(seen.json(), question());

    for (model, answer) in [
        ("claude/m", Answer::sse(anthropic_stream(&["Hel", "lo!"], &anthropic_usage(7, 5))).split_every(7)),
        ("chat/m", Answer::sse(openai_stream(&["Hel", "lo!"], Some(&openai_usage(7, 5))))),
    ] {
        let scene = Scene::answering(answer).await;
        let answer = scene.ask(model, "invoke-with-response-stream", &question()).await;
        let events = messages(&answer);
        assert_eq!(words(&events), "Hello!", "{model}: {events:?}");
        assert_eq!(events[0]["type"], "message_start");
        let last = events.last().unwrap();
        assert_eq!(last["type"], "message_stop");
        let metrics = &last["amazon-bedrock-invocationMetrics"];
        assert_eq!((&metrics["inputTokenCount"], &metrics["outputTokenCount"]), (&json!(7), &json!(5)));
        assert!(metrics["invocationLatency"].as_u64() >= metrics["firstByteLatency"].as_u64());
        assert_eq!(scene.upstream.last().json()["stream"], true);
        let record = scene.record().await;
        assert_eq!((&record["surface"], &record["cost"]), (&json!("invoke_stream"), &json!(7 * NANO + 5 * 2 * NANO)));
    }
}

#[tokio::test]
async fn betas_in_the_body_reach_who_knows_them() {
    let scene = Scene::answering(anthropic_message_text("Hello!", &anthropic_usage(7, 5))).await;
    let body = with(question(), &json!({"anthropic_beta": ["context-1m-2025-08-07", "unknown-2026-01-01"]}));
    scene.ask(&format!("aws/{CLAUDE}"), "invoke", &body).await;
    assert_eq!(scene.upstream.last().json()["anthropic_beta"], json!(["context-1m-2025-08-07"]));
    scene.ask("claude/m", "invoke", &body).await;
    let seen = scene.upstream.last();
    let betas: Vec<_> =
        seen.headers.iter().filter(|(name, _)| *name == "anthropic-beta").map(|(_, beta)| beta.clone()).collect();
    assert_eq!(betas, ["context-1m-2025-08-07", "unknown-2026-01-01"]);
    assert!(seen.json().get("anthropic_beta").is_none());
    let client = scene.client().with("anthropic-beta", "context-1m-2025-08-07");
    client.post("/model/claude%2Fm/invoke", &body).send().await;
    let seen = scene.upstream.last();
    let betas: Vec<_> =
        seen.headers.iter().filter(|(name, _)| *name == "anthropic-beta").map(|(_, beta)| beta.clone()).collect();
    assert_eq!(betas, ["context-1m-2025-08-07", "unknown-2026-01-01"], "each once, wherever it was said");
    let wrong = with(question(), &json!({"anthropic_beta": "context-1m-2025-08-07"}));
    let answer = scene.ask("claude/m", "invoke", &wrong).await;
    assert_eq!((answer.status, &answer.json()["__type"]), (400, &json!("ValidationException")));
}

#[tokio::test]
async fn failures_of_invoke_are_told_in_amazons_words() {
    let overloaded = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}});
    let scene = Scene::answering(Answer::json(429, &overloaded)).await;
    for method in ["invoke", "invoke-with-response-stream"] {
        let answer = scene.ask("claude/m", method, &question()).await;
        assert_eq!((answer.status, &answer.json()["__type"]), (429, &json!("ThrottlingException")), "{method}");
    }
    let unknown = scene.ask("nobody", "invoke", &question()).await;
    assert_eq!((unknown.status, &unknown.json()["__type"]), (404, &json!("ResourceNotFoundException")));
    let broken = Answer::sse(anthropic_stream(&["Hel", "lo!"], &anthropic_usage(7, 5)).into_iter().take(3))
        .gap(std::time::Duration::from_millis(10));
    scene.upstream.now_answering(broken);
    let answer = scene.ask("claude/m", "invoke-with-response-stream", &question()).await;
    let events = messages(&answer);
    let last = events.last().unwrap().as_object().unwrap().keys().next().unwrap();
    assert!(last.ends_with("Exception"), "{events:?}");
}

#[tokio::test]
async fn another_makers_body_passes_to_bedrock_and_is_priced_by_its_headers() {
    let told = json!({"inputTextTokenCount": 7, "results": [{"outputText": "Hello!", "tokenCount": 5}]});
    let counted = Answer::json(200, &told)
        .header("x-amzn-bedrock-input-token-count", "7")
        .header("x-amzn-bedrock-output-token-count", "5");
    let scene = Scene::answering(counted).await;
    let raw = b"{ \"inputText\":\"Hello!\", \"textGenerationConfig\" : {\"topP\":1.0} }".as_slice();
    let path = format!("/model/{}/invoke", escape(&format!("aws/{TITAN}")));
    let client = scene.client().with("x-amzn-bedrock-guardrailidentifier", "g-1");
    let answer = client.post(&path, &json!({})).body(raw).send().await;
    assert_eq!((answer.status, answer.json()), (200, told), "{}", answer.text());
    let seen = scene.upstream.last();
    assert_eq!((seen.path.as_str(), &seen.body[..]), (format!("/model/{TITAN}/invoke").as_str(), raw));
    assert_eq!(seen.header("x-amzn-bedrock-guardrailidentifier"), Some("g-1"));
    assert_eq!(answer.header("x-amzn-bedrock-input-token-count"), Some("7"));
    let record = scene.record().await;
    assert_eq!((&record["surface"], &record["cost"]), (&json!("invoke"), &json!(7 * NANO + 5 * 2 * NANO)));
}

#[tokio::test]
async fn another_makers_stream_passes_byte_for_byte_and_is_priced_by_its_last_event() {
    let events = [
        json!({"outputText": "Hel", "index": 0}),
        json!({"outputText": "lo!", "completionReason": "FINISH", "amazon-bedrock-invocationMetrics":
            {"inputTokenCount": 7, "outputTokenCount": 5, "invocationLatency": 9, "firstByteLatency": 4}}),
    ];
    let scene = Scene::answering(stream(&events).split_every(50)).await;
    let model = format!("aws/{TITAN}");
    let answer = scene.ask(&model, "invoke-with-response-stream", &json!({"inputText": "Hello!"})).await;
    assert_eq!(messages(&answer), events);
    let record = scene.record().await;
    assert_eq!((&record["surface"], &record["cost"]), (&json!("invoke_stream"), &json!(7 * NANO + 5 * 2 * NANO)));
}

#[tokio::test]
async fn another_makers_body_goes_nowhere_else() {
    let scene = Scene::answering(openai_chat_text("Hello!", &openai_usage(7, 5))).await;
    for method in ["invoke", "invoke-with-response-stream"] {
        let answer = scene.ask("chat/m", method, &json!({"inputText": "Hello!"})).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        let said = answer.json();
        assert!(said["__type"].as_str().is_some_and(|kind| kind.ends_with("Exception")), "{said}");
        let words = said["message"].as_str().unwrap();
        assert!(words.contains("anthropic_version") && words.contains("converse"), "{words}");
    }
    let broken = scene.client().post("/model/chat%2Fm/invoke", &json!({})).body(b"{".as_slice()).send().await;
    assert_eq!((broken.status, &broken.json()["__type"]), (400, &json!("ValidationException")));
    assert!(scene.upstream.requests().is_empty());
}

#[tokio::test]
async fn guards_read_every_body_of_invoke() {
    let guard = "guardrails:\n  - {name: names, kind: keywords, settings: {words: [Jupiter]}}\n";
    let told = json!({"results": [{"outputText": "By Jupiter!"}]});
    let scene = Scene::of(Answer::json(200, &told), guard).await;
    let model = format!("aws/{TITAN}");
    let asked = scene.ask(&model, "invoke", &json!({"inputText": "Who is Jupiter?"})).await;
    assert_eq!(asked.status, 400, "{}", asked.text());
    let body = with(question(), &json!({"messages": [{"role": "user", "content": "Who is Jupiter?"}]}));
    let asked = scene.ask("claude/m", "invoke", &body).await;
    assert_eq!(asked.status, 400, "{}", asked.text());
    assert!(scene.upstream.requests().is_empty());
    let told = scene.ask(&model, "invoke", &json!({"inputText": "Who?"})).await;
    assert!(!told.text().contains("Jupiter") && told.status != 200, "{} {}", told.status, told.text());
    let streamed = scene.ask(&model, "invoke-with-response-stream", &json!({"inputText": "Who?"})).await;
    assert!(streamed.status == 415 && streamed.text().contains("guardrails"), "{}", streamed.text());
    let spoken = anthropic_stream(&["By Jup", "iter!"], &anthropic_usage(7, 5));
    scene.upstream.now_answering(Answer::sse(spoken));
    let said = scene.ask("claude/m", "invoke-with-response-stream", &question()).await;
    assert!(said.status == 400 || !words(&messages(&said)).contains("Jupiter"), "{}", said.text());
}

#[tokio::test]
async fn case_044_tokens_are_counted_by_bedrock_or_here() {
    let scene = Scene::answering(Answer::json(200, &json!({"inputTokens": 31}))).await;
    let converse = json!({"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "Hello!"}]}]}}});
    let model = format!("aws/{CLAUDE}");
    let relayed = scene.ask(&model, "count-tokens", &converse).await;
    assert_eq!(relayed.json(), json!({"inputTokens": 31}), "{}", relayed.text());
    let seen = scene.upstream.last();
    assert_eq!(
        seen.path, "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens",
        "profiles are not counted by"
    );
    assert_eq!(seen.json(), converse);
    let translated = scene.client().post("/v1/messages/count_tokens", &message(&model)).send().await;
    assert_eq!(translated.json(), json!({"input_tokens": 31}), "{}", translated.text());
    assert_eq!(scene.upstream.last().json(), converse);
    assert_eq!(translated.header("x-tollgate-count"), Some("exact"));
    let native = json!({"input": {"invokeModel": {"body": STANDARD.encode(question().to_string())}}});
    let here = scene.ask("chat/m", "count-tokens", &native).await;
    assert!(here.json()["inputTokens"].as_u64().is_some_and(|tokens| tokens > 0), "{}", here.text());
    let refusing = json!({"message": "The provided model doesn't support counting tokens."});
    scene.upstream.now_answering(Answer::json(400, &refusing));
    let here = scene.ask(&model, "count-tokens", &converse).await;
    assert!(here.json()["inputTokens"].as_u64().is_some_and(|tokens| tokens > 0), "{}", here.text());
    let titan = json!({"input": {"invokeModel": {"body": STANDARD.encode(r#"{"inputText":"Hello!"}"#)}}});
    let wrong = scene.ask("chat/m", "count-tokens", &titan).await;
    assert_eq!((wrong.status, &wrong.json()["__type"]), (400, &json!("ValidationException")), "{}", wrong.text());
    let records = scene.gateway.records(5).await;
    assert!(records.iter().all(|record| record["cost"].as_i64().unwrap_or(0) == 0), "{records:#?}");
}
