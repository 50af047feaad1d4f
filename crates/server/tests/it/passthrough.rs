//! Paths of a provider that are opened as they are.

use http::Method;
use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Upstream,
    fixture::{openai_chat_text, openai_usage},
    upstream::Seen,
};

use crate::setup::start;

const OPEN: &str = "passthrough: {methods: [GET, POST, DELETE], paths: ['/files*', '/chat/completions', '/sounds/*']}";

async fn gateway(upstream: &Upstream, more: &str) -> Harness {
    let (url, key) = (upstream.url(), "${PROVIDER_KEY}");
    let prices = "prices: {m: {input: 1, output: 2}}";
    let account = |name: &str, open: &str| {
        format!("  {name}: {{kind: openai, base_url: '{url}/v1', api_key: '{key}', {prices}{open}}}\n")
    };
    let accounts = account("open", &format!(", {OPEN}")) + &account("shut", "");
    start(&format!("providers:\n{accounts}{more}")).await
}

/// A provider that tells what it was asked.
fn mirror(seen: &Seen) -> Answer {
    let said = json!({"method": seen.method, "path": seen.path, "asked": String::from_utf8_lossy(&seen.body)});
    Answer::json(200, &said).header("etag", "\"1\"").header("x-internal", "their own").header("set-cookie", "a=b")
}

#[tokio::test]
async fn bytes_pass_as_they_are_under_our_credential_and_are_recorded() {
    let upstream = Upstream::by(mirror);
    let gateway = gateway(&upstream, "").await;
    let body = b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\x00\xff\r\n--x--\r\n".to_vec();
    let post = gateway.client().request(Method::POST, "/passthrough/open/files?purpose=batch&a=%20b");
    let answer = post.header("content-type", "multipart/form-data; boundary=x").body(body.clone()).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        (answer.header("etag"), answer.header("x-internal"), answer.header("set-cookie")),
        (Some("\"1\""), None, None)
    );
    let seen = &upstream.requests()[0];
    assert_eq!((seen.path.as_str(), &*seen.body), ("/v1/files?purpose=batch&a=%20b", &body[..]));
    assert_eq!(seen.header("content-type"), Some("multipart/form-data; boundary=x"));
    let credential = seen.header("authorization").unwrap();
    assert!(credential.starts_with("Bearer ") && !credential.contains(gateway.key()), "ours, not the caller's");

    let record = &gateway.records(1).await[0];
    assert_eq!(
        (record["surface"].as_str(), record["target"].as_str()),
        (Some("passthrough"), Some("open/passthrough"))
    );
    assert_eq!((record["status"].as_i64(), record["unpriced"].as_bool()), (Some(200), Some(true)), "{record}");
}

#[tokio::test]
async fn usage_is_read_where_the_answer_is_known_and_looking_up_is_free() {
    let upstream = Upstream::by(|seen| match seen.method.as_str() {
        "POST" => openai_chat_text("hello", &openai_usage(7, 3)),
        _ => mirror(seen),
    });
    let gateway = gateway(&upstream, "").await;
    let asked = json!({"model": "m", "messages": [{"role": "user", "content": "Hello!"}]});
    let answer = gateway.client().post("/passthrough/open/chat/completions", &asked).send().await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "hello");
    let answer = gateway.client().get("/passthrough/open/files/f-1").send().await;
    assert_eq!(answer.json()["method"], "GET");
    let records = gateway.records(2).await;
    let priced = |record: &Value| (record["cost"].as_i64(), record["unpriced"].as_bool());
    let paid = records.iter().find(|record| record["target"] == "open/m").unwrap();
    assert_eq!(priced(paid), (Some(7 * 1_000 + 3 * 2_000), Some(false)), "{paid}");
    let free = records.iter().find(|record| record["target"] != "open/m").unwrap();
    assert_eq!(priced(free), (Some(0), Some(false)), "{free}");
}

#[tokio::test]
async fn what_is_not_opened_stays_shut() {
    let upstream = Upstream::by(mirror);
    let gateway = gateway(&upstream, "").await;
    for (method, path, status) in [
        (Method::GET, "/passthrough/shut/files", 404),
        (Method::GET, "/passthrough/nobody/files", 404),
        (Method::GET, "/passthrough/open/admin/keys", 404),
        (Method::GET, "/passthrough/open/files/../admin", 404),
        (Method::GET, "/passthrough/open/files/%2e%2e/admin", 404),
        (Method::GET, "/passthrough/open/files%2F..%2Fadmin", 404),
        (Method::GET, "/passthrough/open//files", 404),
        (Method::PUT, "/passthrough/open/files", 405),
    ] {
        let answer = gateway.client().request(method.clone(), path).send().await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert!(answer.json()["error"]["message"].is_string());
    }
    assert_eq!(gateway.stranger().get("/passthrough/open/files").send().await.status, 401);
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn a_key_for_some_models_does_not_open_the_account() {
    let upstream = Upstream::by(mirror);
    let (few, whole) = (testkit::harness::mint(), testkit::harness::mint());
    let keys = format!(
        "keys:\n  - {{name: few, secret: {few}, models: [open/m]}}\n  - {{name: whole, secret: {whole}, models: ['open/*']}}\n"
    );
    let gateway = gateway(&upstream, &keys).await;
    let ask = |key: &str| {
        gateway.stranger().with("authorization", &format!("Bearer {key}")).get("/passthrough/open/files").send()
    };
    assert_eq!(ask(&few).await.status, 403);
    assert_eq!(ask(&whole).await.status, 200);
}

#[tokio::test]
async fn sec_035_guards_read_what_passes_and_what_they_cannot_read_does_not() {
    let upstream = Upstream::by(mirror);
    let guard = "guardrails:\n  - {name: g, kind: keywords, settings: {words: [sesame]}}\n";
    let gateway = gateway(&upstream, guard).await;
    let post = |body: Value| gateway.client().post("/passthrough/open/files", &body).send();
    assert_eq!(post(json!({"deep": [{"er": "open Sesame"}]})).await.status, 400);
    assert_eq!(upstream.requests().len(), 0, "it was never sent");
    assert_eq!(post(json!({"deep": "harmless"})).await.status, 200);
    let sound = gateway.client().request(Method::POST, "/passthrough/open/files").header("content-type", "audio/mpeg");
    assert_eq!(sound.body(b"sesame".to_vec()).send().await.status, 415);
    upstream.now_answering(Answer::json(200, &json!({"said": "sesame"})));
    assert_eq!(post(json!({})).await.status, 400, "the answer is read as well");
    upstream.now_answering(Answer::raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 2\r\n\r\n\x00\x01".to_vec(),
    ));
    assert_eq!(gateway.client().get("/passthrough/open/sounds/1").send().await.status, 400, "and must be readable");
}

#[tokio::test]
async fn a_provider_that_quotes_its_credential_is_not_quoted() {
    let upstream = Upstream::by(|seen| {
        let quoted = json!({"error": {"message": format!("bad key {:?}", seen.header("authorization"))}});
        Answer::json(401, &quoted)
    });
    let gateway = gateway(&upstream, "").await;
    let answer = gateway.client().get("/passthrough/open/files").send().await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(!answer.text().contains("bad key"));
}
