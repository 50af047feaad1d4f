//! Google's format: its clients at every model, and its models behind every client.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{
    Answer, Client, Frame, Harness, Response, Upstream,
    fixture::{
        anthropic_message_text, anthropic_stream, anthropic_usage, openai_chat_text, openai_stream, openai_usage,
    },
};

use crate::setup::{NANO, account, chat, message, payloads, start, text_of, with};

const SIGNATURE: &str = "CpQBAdHtim9vY2tldC1zaWduYXR1cmU=";
const MODEL: &str = "google/gemini-3-pro-preview";

/// A gateway in front of one upstream, which is Google, OpenAI and Anthropic at once.
struct Scene {
    upstream: Upstream,
    gateway: Harness,
}

impl Scene {
    async fn answering(answer: Answer) -> Self {
        let upstream = Upstream::answering(answer);
        let google = format!(
            "  google: {{kind: gemini, base_url: '{}', api_key: '${{PROVIDER_KEY}}', \
             prices: {{gemini-3-pro-preview: {{input: 1, output: 2}}}}}}\n",
            upstream.url()
        );
        let (chat, claude) = (account("chat", "openai", &upstream), account("claude", "anthropic", &upstream));
        let gateway = start(&format!("providers:\n{google}{chat}{claude}")).await;
        Self { upstream, gateway }
    }

    /// A client that shows its key as Google's do.
    fn google(&self) -> Client {
        self.gateway.stranger().with("x-goog-api-key", self.gateway.key())
    }

    async fn ask(&self, model: &str, method: &str, body: &Value) -> Response {
        self.google().post(&format!("/v1beta/models/{model}:{method}"), body).send().await
    }

    async fn record(&self) -> Value {
        let mut records = self.gateway.records(1).await;
        assert_eq!(records.len(), 1, "one request, one record: {records:#?}");
        records.remove(0)
    }
}

fn question() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}], "system_instruction": {"parts": [{"text": "Be brief."}]}})
}

fn usage() -> Value {
    json!({"promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 12})
}

fn chunk(parts: Value, reason: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = reason {
        candidate["finishReason"] = reason.into();
    }
    json!({"candidates": [candidate], "usageMetadata": usage(), "modelVersion": "gemini-3-pro-preview", "responseId": "r1"})
}

fn said(text: &str) -> Answer {
    Answer::json(200, &chunk(json!([{"text": text}]), Some("STOP")))
}

fn stream(chunks: &[Value]) -> Answer {
    Answer::sse(chunks.iter().map(|chunk| Frame::data(&chunk.to_string())))
}

fn hello() -> Vec<Value> {
    vec![chunk(json!([{"text": "Hel"}]), None), chunk(json!([{"text": "lo!"}]), Some("STOP"))]
}

fn call() -> Value {
    json!({"functionCall": {"id": "8f2b1a3c", "name": "look", "args": {"at": "it"}}, "thoughtSignature": SIGNATURE})
}

/// The text of an answer, or of the pieces of one.
fn words(chunks: &[Value]) -> String {
    let parts =
        chunks.iter().flat_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array().into_iter().flatten());
    parts.filter_map(|part| part["text"].as_str()).collect()
}

#[tokio::test]
async fn a_question_of_googles_client_reaches_google_as_it_is() {
    let scene = Scene::answering(said("Hello!")).await;
    let raw = b"{ \"contents\":[{\"parts\":[{\"text\":\"Hello!\"}]}],\"unknownToUs\":{\"a\" : 1} }".as_slice();
    let path = format!("/v1beta/models/{MODEL}:generateContent");
    let answer = scene.google().post(&path, &json!({})).body(raw).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json(), chunk(json!([{"text": "Hello!"}]), Some("STOP")));
    let seen = scene.upstream.last();
    assert_eq!(seen.path, "/v1beta/models/gemini-3-pro-preview:generateContent");
    assert_eq!(seen.body, raw);
    assert!(seen.header("x-goog-api-key").is_some_and(|key| key != scene.gateway.key()));
    assert!(seen.header("authorization").is_none());
    let record = scene.record().await;
    assert_eq!((&record["surface"], &record["lane"]), (&json!("generate_content"), &json!("relay")));
    // Thoughts stand beside the candidates: 7 read, 5 written.
    assert_eq!(record["cost"], json!(7 * NANO + 5 * 2 * NANO), "{record:#}");
}

#[tokio::test]
async fn a_stream_of_google_passes_in_the_form_that_the_client_asks_for() {
    let scene = Scene::answering(stream(&hello())).await;
    let events = scene.ask(MODEL, "streamGenerateContent?alt=sse", &question()).await;
    assert_eq!(events.header("content-type").map(|kind| kind.split(';').next().unwrap()), Some("text/event-stream"));
    assert_eq!(payloads(&events), hello());
    assert!(!events.text().contains("[DONE]"));
    assert_eq!(scene.upstream.last().path, "/v1beta/models/gemini-3-pro-preview:streamGenerateContent?alt=sse");

    let array = scene.ask(MODEL, "streamGenerateContent", &question()).await;
    assert!(array.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
    assert_eq!(array.json(), json!(hello()));
    assert_eq!(scene.upstream.last().path, "/v1beta/models/gemini-3-pro-preview:streamGenerateContent?alt=sse");
}

#[tokio::test]
async fn newer_libraries_of_googles_call_the_same_under_v1() {
    let scene = Scene::answering(said("Hello!")).await;
    let answer = scene.google().post(&format!("/v1/models/{MODEL}:generateContent"), &question()).send().await;
    assert_eq!((answer.status, words(&[answer.json()])), (200, "Hello!".to_owned()));
}

#[tokio::test]
async fn googles_client_reaches_the_models_of_others() {
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
        let answer = scene.ask(model, "generateContent", &question()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        assert_eq!(words(std::slice::from_ref(&answer)), "Hello!");
        assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
        assert_eq!(answer["usageMetadata"]["totalTokenCount"], 12);
        let asked = scene.upstream.last().json().to_string();
        assert!(asked.contains("Be brief.") && asked.contains("Hello!") && asked.contains("\"m\""), "{asked}");

        scene.upstream.now_answering(streamed);
        for (method, framed) in [("streamGenerateContent?alt=sse", true), ("streamGenerateContent", false)] {
            let answer = scene.ask(model, method, &question()).await;
            let chunks = if framed { payloads(&answer) } else { answer.json().as_array().unwrap().clone() };
            assert_eq!(words(&chunks), "Hello!", "{}", answer.text());
            let last = chunks.last().unwrap();
            assert_eq!(last["candidates"][0]["finishReason"], "STOP");
            assert_eq!(last["usageMetadata"]["totalTokenCount"], 12);
            assert_eq!(scene.upstream.last().json()["stream"], true);
        }
    }
}

#[tokio::test]
async fn clients_of_the_others_reach_google() {
    let scene = Scene::answering(said("Hello!")).await;
    let client = scene.gateway.client();
    let answer = client.post("/v1/chat/completions", &chat(MODEL)).send().await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hello!");
    assert_eq!(answer.json()["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
    assert_eq!(scene.upstream.last().json()["contents"], json!([{"role": "user", "parts": [{"text": "Hello!"}]}]));
    let answer = client.post("/v1/messages", &message(MODEL)).send().await;
    assert_eq!(answer.json()["content"], json!([{"type": "text", "text": "Hello!"}]));
    assert_eq!(scene.upstream.last().json()["generationConfig"]["maxOutputTokens"], 100);

    scene.upstream.now_answering(stream(&hello()).split_every(7));
    for (path, body) in [("/v1/chat/completions", chat(MODEL)), ("/v1/messages", message(MODEL))] {
        let answer = client.post(path, &with(body, &json!({"stream": true}))).send().await;
        assert_eq!(text_of(&answer), "Hello!", "{}", answer.text());
        assert!(scene.upstream.last().path.ends_with(":streamGenerateContent?alt=sse"));
    }
}

#[tokio::test]
async fn case_033_a_thought_signature_comes_back_from_a_client_of_openai() {
    let scene = Scene::answering(stream(&[chunk(json!([call()]), Some("STOP"))])).await;
    let client = scene.gateway.client();
    let tools =
        json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]);
    let first = with(chat(MODEL), &json!({"tools": tools, "stream": true}));
    let answer = client.post("/v1/chat/completions", &first).send().await;
    let delta = |chunk: &Value| chunk["choices"][0]["delta"]["tool_calls"][0].clone();
    let called = payloads(&answer).iter().map(delta).find(|call| call.get("id").is_some()).unwrap();
    assert_eq!(called["extra_content"]["google"]["thought_signature"], SIGNATURE);
    assert_eq!(called["id"], "8f2b1a3c", "nothing is hidden in the id");

    scene.upstream.now_answering(said("I see."));
    let mut replayed = called;
    replayed["function"]["arguments"] = "{\"at\": \"it\"}".into();
    let second = with(
        chat(MODEL),
        &json!({"tools": tools, "messages": [
            {"role": "user", "content": "Look!"}, {"role": "assistant", "tool_calls": [replayed]},
            {"role": "tool", "tool_call_id": "8f2b1a3c", "content": "a cat"},
        ]}),
    );
    let answer = client.post("/v1/chat/completions", &second).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = scene.upstream.last().json();
    assert_eq!(asked["contents"][1]["parts"], json!([call()]));
    let result = json!({"name": "look", "response": {"output": "a cat"}, "id": "8f2b1a3c"});
    assert_eq!(asked["contents"][2]["parts"], json!([{"functionResponse": result}]));
}

#[tokio::test]
async fn case_030_a_thought_of_anthropics_goes_through_googles_client_and_is_sent_to_its_maker_alone() {
    let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": "Er+a/w=="});
    let reply = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "stop_sequence": null, "content": [thought, {"type": "text", "text": "Yes."}], "usage": anthropic_usage(7, 5)});
    let scene = Scene::answering(Answer::json(200, &reply)).await;
    let asking = with(
        question(),
        &json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 1024}, "maxOutputTokens": 4000}}),
    );
    let answer = scene.ask("claude/m", "generateContent", &asking).await.json();
    let content = answer["candidates"][0]["content"].clone();
    let history = with(
        asking,
        &json!({"contents": [
            {"role": "user", "parts": [{"text": "?"}]}, content, {"role": "user", "parts": [{"text": "Sure?"}]},
        ]}),
    );
    scene.ask("claude/m", "generateContent", &history).await;
    let sent = scene.upstream.last().json();
    assert_eq!(sent["messages"][1]["content"], json!([thought, {"type": "text", "text": "Yes."}]));
    scene.upstream.now_answering(said("Yes."));
    let answer = scene.ask(MODEL, "generateContent", &history).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!scene.upstream.last().json().to_string().contains("thoughtSignature"), "Google would refuse it");
}

#[tokio::test]
async fn refusals_are_worded_as_google_words_them() {
    let scene = Scene::answering(said("Hello!")).await;
    let refused = |answer: Response, status: u16, name: &str| {
        let body = answer.json();
        assert_eq!((answer.status, &body["error"]["code"]), (status, &json!(status)), "{body}");
        assert_eq!(body["error"]["status"], name);
        assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
    };
    refused(scene.ask("nobody/m", "generateContent", &question()).await, 404, "NOT_FOUND");
    refused(scene.ask(MODEL, "summonContent", &question()).await, 404, "NOT_FOUND");
    refused(scene.ask("chat/m", "generateContent", &json!({"contents": []})).await, 400, "INVALID_ARGUMENT");
    let path = format!("/v1beta/models/{MODEL}:generateContent");
    refused(scene.gateway.stranger().post(&path, &question()).send().await, 401, "UNAUTHENTICATED");
    let in_url = format!("{path}?key={}", scene.gateway.key());
    refused(scene.gateway.stranger().post(&in_url, &question()).send().await, 401, "UNAUTHENTICATED");
    refused(scene.google().get("/v1beta/nothing").send().await, 404, "NOT_FOUND");
    assert!(scene.upstream.requests().is_empty());
}

#[tokio::test]
async fn case_089_a_bad_key_at_google_is_not_the_callers_fault() {
    let body = json!({"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]}});
    let scene = Scene::answering(Answer::json(400, &body)).await;
    let answer = scene.ask(MODEL, "generateContent", &question()).await;
    assert!(answer.status >= 500, "{} {}", answer.status, answer.text());
    assert_eq!(scene.record().await["attempts"][0]["failure"], "credential");
}

#[tokio::test]
async fn case_087_the_time_to_wait_is_taken_from_googles_body() {
    let body = json!({"error": {"code": 429, "message": "You exceeded your current quota.", "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3600s"}]}});
    let scene = Scene::answering(Answer::json(429, &body)).await;
    let answer = scene.ask(MODEL, "generateContent", &question()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("3600")), "{}", answer.text());
}

#[tokio::test]
async fn case_010_an_error_amid_a_stream_begins_with_its_name() {
    let error = json!({"error": {"code": 500, "message": "An internal error has occurred.", "status": "INTERNAL"}});
    let scene = Scene::answering(stream(&[chunk(json!([{"text": "Hel"}]), None), error])).await;
    let events = scene.ask(MODEL, "streamGenerateContent?alt=sse", &question()).await;
    let last = events.events().pop().unwrap().1;
    assert!(last.starts_with("{\"error\":"), "{last}");
    let array = scene.ask(MODEL, "streamGenerateContent", &question()).await;
    let array = array.json();
    assert_eq!(array[0]["candidates"][0]["content"]["parts"][0]["text"], "Hel");
    assert!(array[1]["error"]["code"].as_u64().is_some_and(|code| code >= 500), "{array}");
}

#[tokio::test]
async fn case_012_nothing_but_frames_is_sent_while_google_is_silent() {
    let late = Answer::sse([
        Frame::raw(": a comment\n\n"),
        Frame::data(&chunk(json!([{"text": "Hello!"}]), Some("STOP")).to_string()).after(Duration::from_millis(300)),
    ]);
    let scene = Scene::answering(late).await;
    let answer = scene.ask(MODEL, "streamGenerateContent?alt=sse", &question()).await;
    assert!(answer.text().starts_with("data: {") && !answer.text().contains("comment"), "{}", answer.text());
}

#[tokio::test]
async fn case_044_tokens_are_counted_by_google_or_here_and_cost_nothing() {
    let scene = Scene::answering(Answer::json(200, &json!({"totalTokens": 31}))).await;
    let whole = json!({"generateContentRequest": with(question(), &json!({"model": "models/gemini-3-pro-preview"}))});
    assert_eq!(scene.ask(MODEL, "countTokens", &whole).await.json(), json!({"totalTokens": 31}));
    assert_eq!(scene.upstream.last().path, "/v1beta/models/gemini-3-pro-preview:countTokens");
    let here = scene.ask("claude/m", "countTokens", &whole).await;
    assert!(here.json()["totalTokens"].as_u64().is_some_and(|tokens| tokens > 0), "{}", here.text());
    let records = scene.gateway.records(2).await;
    assert!(records.iter().all(|record| record["cost"].as_i64().unwrap_or(0) == 0), "{records:#?}");
}

#[tokio::test]
async fn models_are_listed_in_googles_words_for_googles_clients() {
    let scene = Scene::answering(said("")).await;
    for path in ["/v1beta/models", "/v1/models"] {
        let listed = scene.google().get(path).send().await.json();
        let models = listed["models"].as_array().unwrap_or_else(|| panic!("{path}: {listed}"));
        assert!(
            models.iter().any(|model| model["name"].as_str().is_some_and(|name| name.starts_with("models/google/")))
        );
        assert!(models.iter().all(|model| model["supportedGenerationMethods"].is_array()));
    }
    let listed = scene.google().get("/v1beta/models").send().await.json();
    let first = listed["models"][0]["name"].as_str().unwrap();
    let one = scene.google().get(&format!("/v1beta/{first}")).send().await.json();
    assert_eq!(one, listed["models"][0]);
    let none = scene.google().get("/v1beta/models/nobody").send().await;
    assert_eq!((none.status, &none.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
    let openai = scene.gateway.client().get("/v1/models").send().await.json();
    assert_eq!(openai["object"], "list");
}
