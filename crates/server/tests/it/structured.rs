//! Answers that follow a schema, from targets that have no such thing of their own.

use serde_json::{Value, json};
use testkit::{
    Answer, Upstream,
    fixture::{openai::openai_chunk, openai_chat_text, openai_usage},
    upstream::{Frame, Seen},
};

use crate::setup::{Scene, chat, start, text_of, with};

fn schema() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}, "size": {"enum": [1, 2]}},
           "required": ["city", "size"], "additionalProperties": false})
}

fn question(model: &str, more: &Value) -> Value {
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema()}});
    with(with(chat(model), &json!({"response_format": format})), more)
}

/// An answer that calls the first tool that was offered with these arguments.
fn called(seen: &Seen, arguments: &str) -> Answer {
    let name = seen.json()["tools"][0]["function"]["name"].clone();
    let call = json!({"id": "t1", "type": "function", "function": {"name": name, "arguments": arguments}});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    Answer::json(
        200,
        &json!({
            "id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": openai_usage(7, 3),
        }),
    )
}

fn said(text: &str) -> Answer {
    openai_chat_text(text, &openai_usage(7, 3))
}

async fn scene(upstream: Upstream, means: &str) -> Scene {
    let (url, key) = (upstream.url(), "${PROVIDER_KEY}");
    let config = format!(
        "providers:\n  a: {{kind: openai_like, base_url: '{url}/v1', api_key: '{key}', structured_output: {means}, \
         prices: {{m: {{input: 1, output: 2}}}}}}\n"
    );
    let gateway = start(&config).await;
    Scene { upstream, gateway }
}

const GOOD: &str = r#"{"city":"Oslo","size":1}"#;
const BAD: &str = r#"{"city":"Oslo","size":3}"#;

#[tokio::test]
async fn case_051_a_schema_by_a_tool_is_plain_content_to_the_client() {
    let scene = scene(Upstream::by(|seen| called(seen, GOOD)), "tool").await;
    let answer = scene.gateway.client().post("/v1/chat/completions", &question("a/m", &json!({}))).send().await;
    let choice = &answer.json()["choices"][0];
    assert_eq!((choice["message"]["content"].as_str(), choice["finish_reason"].as_str()), (Some(GOOD), Some("stop")));
    assert!(choice["message"]["tool_calls"].is_null());
    let seen = scene.upstream.requests()[0].json();
    assert!(seen.get("response_format").is_none());
    assert_eq!(seen["tools"][0]["function"]["parameters"], schema());
    assert_eq!(seen["tool_choice"]["function"]["name"], seen["tools"][0]["function"]["name"]);

    let plain = scene.chat("a/m", &json!({})).await;
    assert_eq!(plain.status, 200);
    assert!(scene.upstream.requests()[1].json().get("tools").is_none(), "who asks for no schema is relayed");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_once_more_and_both_are_paid() {
    let first = |seen: &Seen| seen.json()["messages"].as_array().unwrap().len() == 1;
    let scene = scene(Upstream::by(move |seen| called(seen, if first(seen) { BAD } else { GOOD })), "tool").await;
    let answer = scene.gateway.client().post("/v1/chat/completions", &question("a/m", &json!({}))).send().await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], GOOD);
    let requests = scene.upstream.requests();
    let again = requests[1].json()["messages"].clone();
    assert_eq!((requests.len(), &again[1]["content"]), (2, &json!(BAD)));
    assert!(again[2]["content"].as_str().unwrap().contains("/size"), "the model is told what was wrong: {again}");
    let record = scene.record().await;
    assert_eq!((record["cost"].as_i64(), record["attempts"].as_array().unwrap().len()), (Some(2 * 13_000), 2));
}

#[tokio::test]
async fn a_model_that_never_follows_the_schema_is_an_error_of_its_own() {
    let scene = scene(Upstream::by(|seen| called(seen, BAD)), "tool").await;
    let answer = scene.gateway.client().post("/v1/chat/completions", &question("a/m", &json!({}))).send().await;
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (502, Some("schema_unmet")),
        "{}",
        answer.text()
    );
    assert_eq!(scene.upstream.requests().len(), 2, "once more, not for ever");
}

#[tokio::test]
async fn words_do_where_there_are_no_tools_streams_included() {
    let first = |seen: &Seen| seen.json()["messages"].as_array().unwrap().len() == 2;
    let fenced = format!("```json\n{GOOD}\n```");
    let scene = scene(Upstream::by(move |seen| said(if first(seen) { "Oslo!" } else { &fenced })), "prompt").await;
    let asked = question("a/m", &json!({"stream": true, "stream_options": {"include_usage": true}}));
    let answer = scene.gateway.client().post("/v1/chat/completions", &asked).send().await;
    assert_eq!((answer.status, text_of(&answer).as_str()), (200, GOOD), "{}", answer.text());
    let seen = scene.upstream.requests()[0].json();
    assert!(seen["messages"][0]["content"].as_str().unwrap().contains("\"enum\":[1,2]"), "{seen}");
    assert_eq!(scene.record().await["outcome"], "success");
}

#[tokio::test]
async fn case_052_own_tools_are_called_beside_a_schema_in_streams() {
    let name = "tollgate_structured_answer";
    let stream = move |tool: &str, arguments: &str| {
        let call = json!({"index": 0, "id": "t", "type": "function", "function": {"name": tool, "arguments": ""}});
        Answer::sse([
            openai_chunk(&json!({"role": "assistant", "content": "Well: "}), None),
            openai_chunk(&json!({"tool_calls": [call]}), None),
            openai_chunk(&json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}), None),
            openai_chunk(&json!({}), Some("tool_calls")),
            Frame::data("[DONE]"),
        ])
    };
    let own = json!({"stream": true, "tools": [{"type": "function", "function": {"name": "mine", "parameters": {"type": "object"}}}]});
    let scene = scene(Upstream::answering(stream(name, GOOD)), "tool").await;
    let ask = || scene.gateway.client().post("/v1/chat/completions", &question("a/m", &own)).send();
    let answer = ask().await;
    assert_eq!(text_of(&answer), GOOD, "{}", answer.text());
    assert!(answer.text().contains("\"finish_reason\":\"stop\"") && !answer.text().contains(name));
    assert_eq!(scene.upstream.requests()[0].json()["tool_choice"], "required");

    scene.upstream.now_answering(stream("mine", "{}"));
    let answer = ask().await;
    assert_eq!(text_of(&answer), "Well: ");
    assert!(answer.text().contains("\"name\":\"mine\"") && answer.text().contains("\"finish_reason\":\"tool_calls\""));
}
