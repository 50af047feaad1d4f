//! The first call of a new user.

use serde_json::json;
use testkit::Harness;

#[tokio::test]
async fn the_echo_model_answers_without_a_provider() {
    let gateway = Harness::start(env!("CARGO_BIN_EXE_tollgate"), "providers: { echo: {} }").await;
    let question = json!({ "model": "echo/echo", "messages": [{ "role": "user", "content": "Hello!" }] });
    let answer = gateway.client().post("/v1/chat/completions", &question).send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hello!");
    let records = gateway.records(1).await;
    assert_eq!(records[0]["target"], "echo/echo");
}
