//! Gateway keys that are made, changed and withdrawn on the command line while the gateway runs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Response, Upstream,
    fixture::{openai_chat_text, openai_stream, openai_usage, words},
};

use crate::setup::{Scene, chat, with};

const PATH: &str = "/v1/chat/completions";

/// From a change on the command line until every process must act on it.
const SOON: Duration = Duration::from_secs(1);

async fn scene() -> Scene {
    let hello = || openai_chat_text("hello", &openai_usage(7, 3));
    let slow = || Answer::sse(openai_stream(&words(50), Some(&openai_usage(1, 50)))).gap(Duration::from_millis(50));
    Scene::of(Upstream::by(move |seen| if seen.json()["stream"] == true { slow() } else { hello() }), "").await
}

async fn ask(gateway: &Harness, key: &str, model: &str) -> Response {
    gateway.stranger().post(PATH, &chat(model)).header("x-api-key", key).send().await
}

/// Waits until a call with this key has that status.
async fn until(gateway: &Harness, key: &str, status: u16) {
    let begun = Instant::now();
    loop {
        let answer = ask(gateway, key, "chat/m").await;
        if answer.status == status {
            return;
        }
        assert!(begun.elapsed() < SOON, "still {} after {:?}", answer.status, begun.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn id(key: &str) -> &str {
    key.split('_').nth(2).unwrap()
}

fn listed(gateway: &Harness, key: &str) -> Value {
    let all: Value = serde_json::from_str(&keys(gateway, &["list", "--json"])).unwrap();
    let found = all["keys"].as_array().unwrap().iter().find(|entry| entry["id"] == id(key));
    found.unwrap_or_else(|| panic!("{all}")).clone()
}

#[tokio::test]
async fn a_key_works_as_soon_as_it_is_made_and_ends_when_it_is_disabled_or_deleted() {
    let scene = scene().await;
    let gateway = &scene.gateway;
    let key = keys(gateway, &["create", "--name", "search"]);
    assert_eq!(ask(gateway, &key, "chat/m").await.status, 200, "at once");
    let record = &gateway.records(1).await[0];
    assert_eq!((&record["key_id"], &record["key_name"]), (&json!(id(&key)), &json!("search")));

    keys(gateway, &["disable", id(&key)]);
    until(gateway, &key, 401).await;
    assert_eq!(listed(gateway, &key)["state"], "disabled");
    keys(gateway, &["enable", id(&key)]);
    until(gateway, &key, 200).await;
    keys(gateway, &["delete", id(&key)]);
    until(gateway, &key, 401).await;

    let gone = ask(gateway, &key, "chat/m").await;
    let never = ask(gateway, &testkit::harness::mint(), "chat/m").await;
    assert_eq!(gone.body, never.body, "a withdrawn key is told apart from none by nothing");
}

#[tokio::test]
async fn a_rotated_key_has_two_secrets_for_as_long_as_was_said() {
    let scene = scene().await;
    let gateway = &scene.gateway;
    let old = keys(gateway, &["create", "--name", "rotating"]);
    assert_eq!(ask(gateway, &old, "chat/m").await.status, 200);

    let new = keys(gateway, &["rotate", id(&old), "--overlap", "3s"]);
    let rotated = Instant::now();
    assert_eq!((id(&new), new == old), (id(&old), false));
    until(gateway, &new, 200).await;
    assert_eq!(ask(gateway, &old, "chat/m").await.status, 200, "both are good for a while");
    tokio::time::sleep(Duration::from_secs(3).saturating_sub(rotated.elapsed())).await;
    assert_eq!(ask(gateway, &old, "chat/m").await.status, 401, "and then only the new one");
    assert_eq!(ask(gateway, &new, "chat/m").await.status, 200);

    let newest = keys(gateway, &["rotate", id(&old), "--overlap", "0s"]);
    until(gateway, &new, 401).await;
    assert_eq!(ask(gateway, &newest, "chat/m").await.status, 200);
}

#[tokio::test]
async fn a_key_ends_when_it_expires_and_opens_only_its_models() {
    let scene = scene().await;
    let gateway = &scene.gateway;
    let key = keys(gateway, &["create", "--name", "short", "--expires", "2s", "--models", "chat/m,chat/n*"]);
    let made = Instant::now();
    for (model, status) in
        [("chat/m", 200), ("chat/n", 200), ("chat/nine", 200), ("chat/other", 403), ("claude/m", 403)]
    {
        let answer = ask(gateway, &key, model).await;
        assert_eq!(answer.status, status, "{model}: {}", answer.text());
    }
    assert!(made.elapsed() < Duration::from_secs(2), "too slow to see it before it expired");
    tokio::time::sleep(Duration::from_millis(2_050).saturating_sub(made.elapsed())).await;
    assert_eq!(ask(gateway, &key, "chat/m").await.status, 401);
    assert_eq!(listed(gateway, &key)["state"], "expired");
}

#[tokio::test]
async fn a_keys_slots_are_counted_and_given_back() {
    let scene = scene().await;
    let gateway = &scene.gateway;
    let key = keys(gateway, &["create", "--name", "narrow", "--parallel", "2"]);
    let stream = async || {
        let question = with(chat("chat/m"), &json!({"stream": true}));
        let mut stream = gateway.stranger().post(PATH, &question).header("x-api-key", &key).stream().await;
        assert_eq!(stream.status, 200);
        stream.until("w1 ").await;
        stream
    };
    let (first, second) = (stream().await, stream().await);
    let asked = scene.upstream.requests().len();
    let refused = ask(gateway, &key, "chat/m").await;
    assert_eq!((refused.status, refused.header("x-tollgate-error-code")), (429, Some("concurrency_limit")));
    assert_eq!((refused.header("retry-after"), refused.header("x-tollgate-error-source")), (Some("1"), Some("limit")));
    assert!(refused.text().contains("narrow") && refused.text().contains("parallel"), "{}", refused.text());
    assert_eq!(scene.upstream.requests().len(), asked);
    assert_eq!(ask(gateway, gateway.key(), "chat/m").await.status, 200, "another key has slots of its own");

    drop(first);
    until(gateway, &key, 200).await;
    let third = stream().await;
    assert_eq!(ask(gateway, &key, "chat/m").await.status, 429);
    assert!(second.rest().await.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(ask(gateway, &key, "chat/m").await.status, 200, "a stream that has ended holds no slot");
    drop(third);
    // Failures hold none either.
    for _ in 0..3 {
        assert_eq!(ask(gateway, &key, "nothing").await.status, 404);
        scene.gateway.stranger().post(PATH, &json!({"model": 1})).header("x-api-key", &key).send().await;
    }
    until(gateway, &key, 200).await;
    let decisions = gateway.metrics().await;
    assert!(decisions.sum("tollgate_limit_decisions_total", &[("decision", "refuse")]).unwrap() > 0.5);
}

#[tokio::test]
async fn keys_of_the_file_follow_the_file() {
    let (good, disabled, expired) = (testkit::harness::mint(), testkit::harness::mint(), testkit::harness::mint());
    let entries = |more: &str| {
        format!(
            "providers: {{ echo: {{}} }}\nkeys:\n  - {{name: good, secret: {good}{more}}}\n  - {{name: off, secret: {disabled}, disabled: true}}\n  \
             - {{name: old, secret: {expired}, expires: 2020-01-01}}\n"
        )
    };
    let mut gateway = crate::setup::start(&entries("")).await;
    for (key, status) in [(&good, 200), (&disabled, 401), (&expired, 401)] {
        assert_eq!(ask(&gateway, key, "echo/echo").await.status, status);
    }
    gateway.write_config(&entries(", disabled: true"));
    let begun = Instant::now();
    while ask(&gateway, &good, "echo/echo").await.status == 200 {
        assert!(begun.elapsed() < SOON, "a key that the file disables is refused soon");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `tollgate keys ...` on the gateway's data; what it prints to standard output.
pub fn keys(gateway: &Harness, arguments: &[&str]) -> String {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["keys", "--data-dir"])
        .arg(gateway.folder().join("data"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}
