//! Vertex AI: Gemini there in its own format, and clients that speak to Vertex's paths.

use serde_json::{Value, json};
use testkit::{
    Answer, Client, Frame, Harness, Response, Upstream,
    fixture::{anthropic_message_text, anthropic_stream, anthropic_usage, openai_chat_text, openai_usage},
};

use crate::setup::{NANO, account, chat, message, payloads, start, text_of, with};

const PLACE: &str = "/v1/projects/p-1/locations/global/publishers";
const SIGNATURE: &str = "CpQBAdHtim9vY2tldC1zaWduYXR1cmU=";

/// A gateway in front of one upstream, which is Vertex, the Gemini API, OpenAI and Anthropic at once.
struct Scene {
    upstream: Upstream,
    gateway: Harness,
}

impl Scene {
    async fn answering(answer: Answer) -> Self {
        let upstream = Upstream::answering(answer);
        let (url, key) = (upstream.url(), "${PROVIDER_KEY}");
        let accounts = format!(
            "providers:\n  vx: {{kind: vertex, region: global, project: p-1, base_url: '{url}', api_key: '{key}', \
             prices: {{gemini-3-pro-preview: {{input: 1, output: 2}}}}}}\n  ai: {{kind: gemini, base_url: '{url}', \
             api_key: '{key}'}}\n{}{}",
            account("chat", "openai", &upstream),
            account("claude", "anthropic", &upstream)
        );
        let models = "models:\n  gem: {targets: [vx/gemini-3-pro-preview]}\n  opus: {targets: [claude/m]}\n  gpt: {targets: [chat/m]}\n";
        let gateway = start(&format!("{accounts}{models}")).await;
        Self { upstream, gateway }
    }

    fn google(&self) -> Client {
        self.gateway.stranger().with("x-goog-api-key", self.gateway.key())
    }

    async fn record(&self) -> Value {
        self.gateway.records(1).await.remove(0)
    }
}

fn said(text: &str) -> Answer {
    let candidate = json!({"content": {"parts": [{"text": text, "thoughtSignature": SIGNATURE}], "role": "model"},
        "finishReason": "STOP", "index": 0});
    Answer::json(
        200,
        &json!({"candidates": [candidate], "modelVersion": "gemini-3-pro-preview", "responseId": "r1",
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}}),
    )
}

fn question() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}]})
}

fn text(answer: &Response) -> String {
    let answer = answer.json();
    answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn a_question_of_googles_client_reaches_vertex_as_it_is() {
    let scene = Scene::answering(said("Hello!")).await;
    let raw = b"{ \"contents\":[{\"parts\":[{\"text\":\"a\",\"thoughtSignature\":\"eA==\"}],\"role\":\"user\"}],\"safetySettings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"threshold\":\"OFF\"}], \"labels\" : {\"a\":\"b\"} }".as_slice();
    let path = "/v1beta/models/vx/gemini-3-pro-preview:generateContent";
    let answer = scene.google().post(path, &json!({})).body(raw).send().await;
    assert_eq!((answer.status, text(&answer).as_str()), (200, "Hello!"), "{}", answer.text());
    let seen = scene.upstream.last();
    assert_eq!(seen.path, format!("{PLACE}/google/models/gemini-3-pro-preview:generateContent"));
    assert_eq!(seen.body, raw);
    let record = scene.record().await;
    assert_eq!((&record["lane"], &record["cost"]), (&json!("relay"), &json!(7 * NANO + 5 * 2 * NANO)), "{record:#}");
}

#[tokio::test]
async fn a_content_without_a_role_is_given_the_users_before_vertex_refuses_it() {
    let scene = Scene::answering(said("Hello!")).await;
    let raw = b"{\"contents\" : [{\"parts\":[{\"text\":\"a\"}]}], \"x\":1.0}".as_slice();
    let ask = |account: &str| format!("/v1beta/models/{account}/gemini-3-pro-preview:generateContent");
    scene.google().post(&ask("vx"), &json!({})).body(raw).send().await;
    let told = b"{\"contents\" : [{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]}], \"x\":1.0}".as_slice();
    assert_eq!(scene.upstream.last().body, told);
    scene.google().post(&ask("ai"), &json!({})).body(raw).send().await;
    assert_eq!(scene.upstream.last().body, raw, "the Gemini API takes it as it is");
}

#[tokio::test]
async fn clients_of_the_others_reach_gemini_at_vertex_with_what_its_openai_endpoint_would_lose() {
    let scene = Scene::answering(said("Hello!")).await;
    let client = scene.gateway.client();
    let answer = client.post("/v1/chat/completions", &chat("gem")).send().await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hello!", "{}", answer.text());
    let seen = scene.upstream.last();
    assert_eq!(seen.path, format!("{PLACE}/google/models/gemini-3-pro-preview:generateContent"));
    assert_eq!(seen.json()["contents"][0]["role"], "user");
    let answer = client.post("/v1/messages", &message("gem")).send().await;
    let answer = answer.json();
    let said = answer["content"].as_array().unwrap().iter().find_map(|block| block["text"].as_str());
    assert_eq!(said, Some("Hello!"), "{answer}");
    scene.upstream.now_answering(Answer::sse([Frame::data(
        &json!({"candidates": [{"content": {"parts": [{"text": "Hello!"}], "role": "model"}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}})
        .to_string(),
    )]));
    let answer = client.post("/v1/chat/completions", &with(chat("gem"), &json!({"stream": true}))).send().await;
    assert_eq!(text_of(&answer), "Hello!");
    assert!(scene.upstream.last().path.ends_with("gemini-3-pro-preview:streamGenerateContent?alt=sse"));
}

#[tokio::test]
async fn case_044_a_count_is_asked_for_in_the_form_of_either() {
    let scene = Scene::answering(Answer::json(200, &json!({"totalTokens": 31}))).await;
    let whole = json!({"generateContentRequest": {"model": "models/gemini-3-pro-preview",
        "contents": [{"parts": [{"text": "Hello!"}]}], "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "toolConfig": {}}});
    let ask = |account: &str| format!("/v1beta/models/{account}/gemini-3-pro-preview:countTokens");
    let answer = scene.google().post(&ask("vx"), &whole).send().await;
    assert_eq!(answer.json(), json!({"totalTokens": 31}), "{}", answer.text());
    let bare = json!({"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]}});
    assert_eq!(scene.upstream.last().json(), bare);
    assert_eq!(scene.upstream.last().path, format!("{PLACE}/google/models/gemini-3-pro-preview:countTokens"));
    // And a client of Vertex's at the Gemini API.
    let path = "/v1beta1/projects/mine/locations/europe-west4/publishers/ai/models/gemini-3-pro-preview:countTokens";
    scene.google().post(path, &bare).send().await;
    let asked = &scene.upstream.last().json()["generateContentRequest"];
    assert_eq!((&asked["model"], &asked["contents"]), (&json!("models/gemini-3-pro-preview"), &bare["contents"]));
    // A client of Anthropic's is told what Google counts.
    let counted = scene.gateway.client().post("/v1/messages/count_tokens", &message("gem")).send().await;
    assert_eq!(counted.json(), json!({"input_tokens": 31}));
    assert_eq!(counted.header("x-tollgate-count"), Some("exact"));
    scene.upstream.now_answering(Answer::json(500, &json!({"error": {"code": 500, "message": "no"}})));
    let here = scene.gateway.client().post("/v1/messages/count_tokens", &message("gem")).send().await;
    assert!(here.json()["input_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{}", here.text());
    assert_ne!(here.header("x-tollgate-count"), Some("exact"));
}

#[tokio::test]
async fn geminis_vectors_at_vertex_come_by_its_own_methods_and_others_by_predict() {
    let scene = Scene::answering(Answer::json(
        200,
        &json!({"embeddings": [{"values": [0.5]}, {"values": [0.25]}], "usageMetadata": {"promptTokenCount": 4}}),
    ))
    .await;
    let ask = |model: &str, input: Value| json!({"model": model, "input": input, "dimensions": 1});
    let client = scene.gateway.client();
    let many = client.post("/v1/embeddings", &ask("vx/gemini-embedding-001", json!(["a", "b"]))).send().await;
    assert_eq!(many.json()["data"][1]["embedding"], json!([0.25]), "{}", many.text());
    let seen = scene.upstream.last();
    assert_eq!(seen.path, format!("{PLACE}/google/models/gemini-embedding-001:batchEmbedContents"));
    let one = |text: &str| json!({"content": {"parts": [{"text": text}]}, "outputDimensionality": 1});
    assert_eq!(seen.json(), json!({"requests": [one("a"), one("b")]}), "the path alone names the model");
    let predicted = json!({"predictions": [{"embeddings": {"values": [0.5], "statistics": {"token_count": 4}}}]});
    scene.upstream.now_answering(Answer::json(200, &predicted));
    let one = client.post("/v1/embeddings", &ask("vx/text-embedding-005", json!("a"))).send().await;
    assert_eq!(one.json()["data"][0]["embedding"], json!([0.5]), "{}", one.text());
    assert_eq!(scene.upstream.last().path, format!("{PLACE}/google/models/text-embedding-005:predict"));
    // As Google's own library asks in its Vertex mode.
    let native =
        json!({"instances": [{"content": "a", "task_type": "CLUSTERING"}], "parameters": {"outputDimensionality": 1}});
    let path = "/v1beta1/projects/p/locations/l/publishers/vx/models/text-embedding-005:predict";
    let relayed = scene.google().post(path, &native).send().await;
    assert_eq!((relayed.json(), scene.upstream.last().json()), (predicted, native));
}

#[tokio::test]
async fn clients_of_vertex_reach_every_model() {
    let scene = Scene::answering(said("Hello!")).await;
    let at = |publisher: &str, model: &str, method: &str| {
        format!("/v1beta1/projects/mine/locations/here/publishers/{publisher}/models/{model}:{method}")
    };
    let bearer = scene.gateway.client();
    let relayed = bearer.post(&at("google", "gem", "generateContent"), &question()).send().await;
    assert_eq!((text(&relayed).as_str(), scene.upstream.last().json()), ("Hello!", question()));
    let by_key = scene.google().post("/v1beta1/publishers/google/models/gem:generateContent", &question()).send().await;
    assert_eq!(text(&by_key), "Hello!");
    scene.upstream.now_answering(openai_chat_text("Hello!", &openai_usage(7, 5)));
    let translated = bearer.post(&at("google", "gpt", "generateContent"), &question()).send().await;
    assert_eq!(text(&translated), "Hello!");
    let of_account = bearer.post(&at("chat", "m", "generateContent"), &question()).send().await;
    assert_eq!(text(&of_account), "Hello!");
    let unknown = bearer.post(&at("google", "gem", "summonContent"), &question()).send().await;
    assert_eq!((unknown.status, &unknown.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
    let nowhere = bearer.post("/v1/projects/p/endpoints/1:predict", &question()).send().await;
    assert_eq!(nowhere.status, 404);
}

#[tokio::test]
async fn clients_of_claude_on_vertex_reach_every_model() {
    let scene = Scene::answering(anthropic_message_text("Hello!", &anthropic_usage(7, 5))).await;
    let path = |model: &str, method: &str| {
        format!("/v1/projects/mine/locations/here/publishers/anthropic/models/{model}:{method}")
    };
    let body = json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hello!"}]});
    let client = scene.gateway.client();
    let answer = client.post(&path("opus", "rawPredict"), &body).send().await;
    assert_eq!(answer.json()["content"][0]["text"], "Hello!", "{}", answer.text());
    let seen = scene.upstream.last().json();
    assert_eq!(seen, json!({"model": "m", "max_tokens": 100, "messages": body["messages"]}));
    assert_eq!(scene.record().await["lane"], "relay");
    scene.upstream.now_answering(Answer::sse(anthropic_stream(&["Hel", "lo!"], &anthropic_usage(7, 5))));
    let streamed = with(body.clone(), &json!({"stream": true}));
    let answer = client.post(&path("opus", "streamRawPredict"), &streamed).send().await;
    assert_eq!(text_of(&answer), "Hello!", "{}", answer.text());
    assert_eq!(payloads(&answer).last().unwrap()["type"], "message_stop");
    assert_eq!(scene.upstream.last().json()["stream"], true);
    scene.upstream.now_answering(Answer::json(200, &json!({"input_tokens": 31})));
    let asked = json!({"anthropic_version": "vertex-2023-10-16", "model": "opus", "messages": body["messages"]});
    let counted = client.post(&path("count-tokens", "rawPredict"), &asked).send().await;
    assert_eq!(counted.json(), json!({"input_tokens": 31}), "{}", counted.text());
    assert_eq!(scene.upstream.last().json(), json!({"model": "m", "messages": body["messages"]}));
    let versionless = client.post(&path("opus", "rawPredict"), &message("opus")).send().await;
    assert_eq!((versionless.status, &versionless.json()["type"]), (400, &json!("error")));
    assert!(versionless.text().contains("anthropic_version"), "{}", versionless.text());
}
