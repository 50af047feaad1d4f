//! Amazon's format: Bedrock's clients at every model, and its models behind every client.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use llm::{
    Dialect, Reply,
    event::fold,
    frame::{Framing, eventstream},
};
use serde_json::{Value, json};
use testkit::{
    Answer, Client, Harness, Response, Upstream,
    fixture::{
        anthropic_message_text, anthropic_stream, anthropic_usage, openai_chat_text, openai_chat_tool, openai_stream,
        openai_usage,
    },
};

use crate::setup::{NANO, account, chat, message, payloads, start, text_of, with};

/// A model with colons in its name, and a price that is easy to reckon with.
const NOVA: &str = "us.amazon.nova-pro-v1:0";
const CLAUDE: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// A gateway in front of one upstream, which is Bedrock, OpenAI and Anthropic at once.
struct Scene {
    upstream: Upstream,
    gateway: Harness,
}

impl Scene {
    async fn answering(answer: Answer) -> Self {
        Self::of(Upstream::answering(answer), "api_key: '${PROVIDER_KEY}'").await
    }

    async fn of(upstream: Upstream, credential: &str) -> Self {
        let aws = format!(
            "  aws: {{kind: bedrock, region: us-east-1, base_url: '{}', {credential}, prices: \
             {{'{NOVA}': {{input: 1, output: 2}}}}}}\n",
            upstream.url()
        );
        let (chat, claude) = (account("chat", "openai", &upstream), account("claude", "anthropic", &upstream));
        let gateway = start(&format!("providers:\n{aws}{chat}{claude}")).await;
        Self { upstream, gateway }
    }

    fn client(&self) -> Client {
        self.gateway.client()
    }

    /// As boto3 asks: the model's name escaped in the path.
    async fn ask(&self, model: &str, method: &str, body: &Value) -> Response {
        self.client().post(&format!("/model/{}/{method}", llm::provider::escape(model)), body).send().await
    }

    async fn record(&self) -> Value {
        let mut records = self.gateway.records(1).await;
        assert_eq!(records.len(), 1, "one request, one record: {records:#?}");
        records.remove(0)
    }
}

fn question() -> Value {
    json!({"system": [{"text": "Be brief."}], "messages": [{"role": "user", "content": [{"text": "Hello!"}]}],
        "inferenceConfig": {"maxTokens": 100}})
}

fn reply(content: &Value, stop: &str) -> Value {
    json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop,
        "usage": {"inputTokens": 7, "outputTokens": 5, "totalTokens": 12}, "metrics": {"latencyMs": 40}})
}

fn hello() -> Answer {
    Answer::json(200, &reply(&json!([{"text": "Hello!"}]), "end_turn"))
}

/// A stream of these messages.
fn stream(messages: &[(&str, Value)]) -> Answer {
    let mut bytes = Vec::new();
    for (name, data) in messages {
        match name.ends_with("Exception") {
            true => eventstream::write_exception(name, data.to_string().as_bytes(), &mut bytes),
            false => eventstream::write_event(name, data.to_string().as_bytes(), &mut bytes),
        }
    }
    Answer::new(200).header("content-type", Framing::EventStream.content_type()).body(bytes)
}

/// In pieces, so that what comes first has gone out when the rest comes.
fn slowly(answer: Answer) -> Answer {
    answer.split_every(64).gap(Duration::from_millis(10))
}

fn spoken() -> Vec<(&'static str, Value)> {
    let delta =
        |text: &str| ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": text}, "p": "abc"}));
    vec![
        ("messageStart", json!({"role": "assistant"})),
        delta("Hel"),
        delta("lo!"),
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("messageStop", json!({"stopReason": "end_turn"})),
        (
            "metadata",
            json!({"usage": {"inputTokens": 7, "outputTokens": 5, "totalTokens": 12}, "metrics": {"latencyMs": 40}}),
        ),
    ]
}

/// What a streamed answer says to a client of Bedrock's.
fn said(answer: &Response) -> (Reply, Option<String>) {
    assert_eq!(answer.header("content-type"), Some(Framing::EventStream.content_type()), "{}", answer.text());
    let (mut reader, mut events) = (Dialect::Bedrock.reader(), Vec::new());
    reader.push(&answer.body, &mut events);
    reader.finish(&mut events);
    let (reply, fault) = fold(events);
    (reply, fault.map(|fault| fault.message))
}

fn words(reply: &Reply) -> String {
    let text =
        |part: &llm::call::Part| if let llm::call::Part::Text(text) = part { text.text.clone() } else { String::new() };
    reply.choices[0].parts.iter().map(text).collect()
}

#[tokio::test]
async fn a_question_of_amazons_client_reaches_amazon_as_it_is() {
    let scene = Scene::answering(hello()).await;
    let raw = b"{ \"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"An image of you?\"}]}],\"unknownToUs\":{\"a\" : 1} }"
        .as_slice();
    let path = format!("/model/{}/converse", llm::provider::escape(&format!("aws/{NOVA}")));
    let answer = scene.client().post(&path, &json!({})).body(raw).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json(), reply(&json!([{"text": "Hello!"}]), "end_turn"));
    assert!(answer.header("x-amzn-requestid").is_some());
    let seen = scene.upstream.last();
    assert_eq!(seen.path, "/model/us.amazon.nova-pro-v1%3A0/converse");
    assert_eq!(seen.body, raw);
    assert!(seen.header("authorization").is_some_and(|value| !value.contains(scene.gateway.key())));
    let record = scene.record().await;
    assert_eq!((&record["surface"], &record["lane"]), (&json!("converse"), &json!("relay")));
    assert_eq!(record["cost"], json!(7 * NANO + 5 * 2 * NANO), "{record:#}");
}

#[tokio::test]
async fn a_stream_of_amazons_passes_byte_for_byte() {
    let scene = Scene::answering(stream(&spoken())).await;
    let answer = scene.ask(&format!("aws/{NOVA}"), "converse-stream", &question()).await;
    assert_eq!(words(&said(&answer).0), "Hello!");
    let mut sent = Vec::new();
    for (name, data) in spoken() {
        eventstream::write_event(name, data.to_string().as_bytes(), &mut sent);
    }
    assert_eq!(answer.body, sent);
    assert_eq!(scene.upstream.last().path, "/model/us.amazon.nova-pro-v1%3A0/converse-stream");
    assert_eq!(scene.record().await["cost"], json!(7 * NANO + 5 * 2 * NANO));
}

#[tokio::test]
async fn amazons_client_reaches_the_models_of_others() {
    for (model, whole, streamed) in [
        (
            "chat/m",
            openai_chat_text("Hello!", &openai_usage(7, 5)),
            Answer::sse(openai_stream(&["Hel", "lo!"], Some(&openai_usage(7, 5)))),
        ),
        (
            "claude/m",
            anthropic_message_text("Hello!", &anthropic_usage(7, 5)),
            Answer::sse(anthropic_stream(&["Hel", "lo!"], &anthropic_usage(7, 5))),
        ),
    ] {
        let scene = Scene::answering(whole).await;
        let answer = scene.ask(model, "converse", &question()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        assert_eq!(answer["output"]["message"], json!({"role": "assistant", "content": [{"text": "Hello!"}]}));
        assert_eq!((&answer["stopReason"], &answer["usage"]["totalTokens"]), (&json!("end_turn"), &json!(12)));
        assert_eq!(scene.record().await["cost"], json!(7 * NANO + 5 * 2 * NANO));

        let scene = Scene::answering(streamed).await;
        let (reply, fault) = said(&scene.ask(model, "converse-stream", &question()).await);
        assert_eq!((words(&reply).as_str(), reply.usage.total(), fault), ("Hello!", 12, None), "{model}");
    }
}

#[tokio::test]
async fn tools_of_amazons_client_are_called_by_the_models_of_others() {
    let scene = Scene::answering(openai_chat_tool("song", r#"{"sign":"WZPZ"}"#, &openai_usage(7, 5))).await;
    let tools = json!({"toolConfig": {"tools": [{"toolSpec": {"name": "song", "inputSchema": {"json": {"type": "object"}}}}],
        "toolChoice": {"any": {}}}});
    let answer = scene.ask("chat/m", "converse", &with(question(), &tools)).await.json();
    let called = &answer["output"]["message"]["content"][0]["toolUse"];
    assert_eq!(
        (&called["name"], &called["input"], &answer["stopReason"]),
        (&json!("song"), &json!({"sign": "WZPZ"}), &json!("tool_use"))
    );
    let seen = scene.upstream.last().json();
    assert_eq!((&seen["tools"][0]["function"]["name"], &seen["tool_choice"]), (&json!("song"), &json!("required")));
    assert_eq!(seen["messages"][0], json!({"role": "system", "content": "Be brief."}));
}

#[tokio::test]
async fn amazons_models_answer_the_clients_of_others() {
    let model = format!("aws/{NOVA}");
    let scene = Scene::answering(hello()).await;
    let answer = scene.client().post("/v1/chat/completions", &chat(&model)).send().await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hello!", "{}", answer.text());
    assert_eq!(answer.json()["usage"]["prompt_tokens"], 7);
    let seen = scene.upstream.last();
    assert_eq!(seen.path, "/model/us.amazon.nova-pro-v1%3A0/converse");
    assert_eq!(seen.json(), json!({"messages": [{"role": "user", "content": [{"text": "Hello!"}]}]}));
    let answer = scene.client().post("/v1/messages", &message(&model)).send().await;
    assert_eq!(answer.json()["content"], json!([{"type": "text", "text": "Hello!"}]));
    assert_eq!(scene.upstream.last().json()["inferenceConfig"], json!({"maxTokens": 100}));

    let scene = Scene::answering(stream(&spoken())).await;
    let streamed = json!({"stream": true, "stream_options": {"include_usage": true}});
    let answer = scene.client().post("/v1/chat/completions", &with(chat(&model), &streamed)).send().await;
    assert_eq!(text_of(&answer), "Hello!");
    assert_eq!(payloads(&answer).last().unwrap()["usage"]["total_tokens"], 12);
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    let answer = scene.client().post("/v1/messages", &with(message(&model), &json!({"stream": true}))).send().await;
    assert_eq!(text_of(&answer), "Hello!");
    assert_eq!(scene.upstream.last().path, "/model/us.amazon.nova-pro-v1%3A0/converse-stream");
}

#[tokio::test]
async fn a_request_is_signed_with_the_accounts_keys() {
    let scene = Scene::of(
        Upstream::answering(hello()),
        "credential: {kind: aws_static, access_key: ANEXAMPLE, secret: '${PROVIDER_KEY}'}",
    )
    .await;
    let answer = scene.ask(&format!("aws/{NOVA}"), "converse", &question()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = scene.upstream.last();
    let authorization = seen.header("authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=ANEXAMPLE/"), "{authorization}");
    assert!(
        authorization
            .contains("/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=")
    );
    assert!(seen.header("x-amz-date").is_some_and(|date| date.len() == 16 && date.ends_with('Z')));
}

#[tokio::test]
async fn a_signature_of_a_client_is_refused_in_so_many_words() {
    let scene = Scene::answering(hello()).await;
    let signed =
        "AWS4-HMAC-SHA256 Credential=AN/20261122/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00";
    let client = scene.gateway.stranger().with("authorization", signed);
    let answer = client.post("/model/m/converse", &question()).send().await;
    assert_eq!((answer.status, &answer.json()["__type"]), (401, &json!("AccessDeniedException")));
    assert!(answer.text().contains("AWS_BEARER_TOKEN_BEDROCK"), "{}", answer.text());
    let other = scene.client().post("/model/m/invoke-other", &question()).send().await;
    assert_eq!((other.status, &other.json()["__type"]), (404, &json!("ResourceNotFoundException")));
}

#[tokio::test]
async fn failures_are_told_in_amazons_words() {
    let throttled = Answer::json(429, &json!({"message": "Too many requests, please wait before trying again."}));
    let scene = Scene::answering(throttled.header("x-amzn-errortype", "ThrottlingException")).await;
    let answer = scene.ask(&format!("aws/{NOVA}"), "converse", &question()).await;
    assert_eq!((answer.status, &answer.json()["__type"]), (429, &json!("ThrottlingException")), "{}", answer.text());
    let unknown = scene.ask("nobody", "converse-stream", &question()).await;
    assert_eq!((unknown.status, &unknown.json()["__type"]), (404, &json!("ResourceNotFoundException")));
    let malformed = scene.ask(&format!("aws/{NOVA}"), "converse", &json!([])).await;
    assert_eq!((malformed.status, &malformed.json()["__type"]), (400, &json!("ValidationException")));
}

#[tokio::test]
async fn a_failure_amid_the_stream_is_an_exception_and_not_an_end() {
    let failing: Vec<_> = spoken()
        .into_iter()
        .take(2)
        .chain([("modelStreamErrorException", json!({"message": "The model failed."}))])
        .collect();
    let scene = Scene::answering(slowly(stream(&failing))).await;
    let (reply, fault) = said(&scene.ask(&format!("aws/{NOVA}"), "converse-stream", &question()).await);
    assert_eq!((words(&reply).as_str(), &reply.choices[0].stop), ("Hel", &None));
    assert!(fault.unwrap().contains("The model failed."));
    assert_ne!(scene.record().await["outcome"], "success");

    let scene = Scene::answering(slowly(stream(&spoken()[..3]))).await;
    let (reply, fault) = said(&scene.ask(&format!("aws/{NOVA}"), "converse-stream", &question()).await);
    assert_eq!(
        (reply.choices[0].stop.clone(), fault.is_some()),
        (None, true),
        "a stream that just ends is not finished"
    );
}

#[tokio::test]
async fn an_exception_before_any_content_has_a_status() {
    let scene = Scene::answering(stream(&[("throttlingException", json!({"message": "slow down"}))])).await;
    let answer = scene
        .client()
        .post("/v1/chat/completions", &with(chat(&format!("aws/{NOVA}")), &json!({"stream": true})))
        .send()
        .await;
    assert_eq!(answer.status, 429, "{}", answer.text());
}

#[tokio::test]
async fn case_043_betas_that_amazon_does_not_know_stay_behind_and_others_stand_in_the_body() {
    let scene = Scene::answering(anthropic_message_text("Hello!", &anthropic_usage(7, 5))).await;
    let betas = "message-threads-2026-08-12,context-1m-2025-08-07";
    let client = scene.client().with("anthropic-beta", betas).with("anthropic-version", "2026-10-21");
    let answer = client.post("/v1/messages", &message(&format!("aws/{CLAUDE}"))).send().await;
    assert_eq!(answer.json()["content"][0]["text"], "Hello!", "{}", answer.text());
    let seen = scene.upstream.last();
    assert_eq!(seen.path, "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke");
    assert_eq!(
        seen.json(),
        json!({"max_tokens": 100, "messages": [{"role": "user", "content": "Hello!"}],
            "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["context-1m-2025-08-07"]})
    );
    assert!(seen.header("anthropic-beta").is_none() && seen.header("anthropic-version").is_none());
    assert_eq!(scene.record().await["lane"], "relay");
}

#[tokio::test]
async fn anthropics_client_streams_from_a_claude_at_amazon() {
    let chunk = |event: Value| ("chunk", json!({"bytes": STANDARD.encode(event.to_string()), "p": "abc"}));
    let scene = Scene::answering(stream(&[
        chunk(json!({"type": "message_start", "message": {"id": "msg_bdrk_1", "type": "message", "role": "assistant",
            "model": "claude", "content": [], "usage": {"input_tokens": 7, "output_tokens": 1}}})),
        chunk(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
        chunk(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello!"}})),
        chunk(json!({"type": "content_block_stop", "index": 0})),
        chunk(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}})),
        chunk(json!({"type": "message_stop"})),
    ]))
    .await;
    let asked = with(message(&format!("aws/{CLAUDE}")), &json!({"stream": true}));
    let answer = scene.client().post("/v1/messages", &asked).send().await;
    assert_eq!(text_of(&answer), "Hello!", "{}", answer.text());
    let names: Vec<_> = answer.events().into_iter().map(|(name, _)| name.unwrap()).collect();
    assert_eq!(names.first().map(String::as_str), Some("message_start"));
    assert_eq!(names.last().map(String::as_str), Some("message_stop"));
    let seen = scene.upstream.last();
    assert_eq!(seen.path, "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream");
    assert!(seen.json().get("stream").is_none() && seen.json().get("model").is_none());
    let record = scene.record().await;
    assert_eq!(record["usage"]["output"], 5, "{record:#}");
}
