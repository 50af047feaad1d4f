//! Clients of one dialect, models of the other, and thinking that only its maker can read.

use serde_json::{Value, json};
use testkit::{
    Answer, Frame, Upstream,
    fixture::{
        anthropic::{anthropic_end, anthropic_message, anthropic_start, typed},
        anthropic_error, anthropic_message_text, anthropic_usage, openai_chat_text, openai_error, openai_usage,
    },
};

use crate::setup::{NANO, Scene, account, chat, message, payloads, start, with};

const SIGNATURE: &str = "EqQBCkgIARABGAIiQL+signed==";

fn signed() -> Value {
    json!({ "type": "thinking", "thinking": "", "signature": SIGNATURE })
}

fn redacted() -> Value {
    json!({ "type": "redacted_thinking", "data": "aGlkZGVuIHRob3VnaHQ=" })
}

/// A stream that thinks: a block of nothing but a signature, a redacted one, then text.
fn thoughtful() -> Vec<Frame> {
    let usage = anthropic_usage(7, 5);
    let open =
        |index: u32, block: Value| typed("content_block_start", json!({ "index": index, "content_block": block }));
    let delta = |index: u32, delta: Value| typed("content_block_delta", json!({ "index": index, "delta": delta }));
    let close = |index: u32| typed("content_block_stop", json!({ "index": index }));
    let mut frames = vec![
        anthropic_start(&usage),
        open(0, json!({ "type": "thinking", "thinking": "", "signature": "" })),
        delta(0, json!({ "type": "signature_delta", "signature": SIGNATURE })),
        close(0),
        open(1, redacted()),
        close(1),
        open(2, json!({ "type": "text", "text": "" })),
        delta(2, json!({ "type": "text_delta", "text": "Fine." })),
        close(2),
    ];
    frames.extend(anthropic_end("end_turn", &usage));
    frames
}

/// A second turn whose history holds what the model thought.
fn second_turn(model: &str) -> Value {
    let said = json!([signed(), redacted(), { "type": "text", "text": "Fine." }]);
    let messages = json!([
        { "role": "user", "content": "How are you?" }, { "role": "assistant", "content": said },
        { "role": "user", "content": "Sure?" }
    ]);
    with(message(model), &json!({ "messages": messages, "thinking": { "type": "enabled", "budget_tokens": 1024 } }))
}

#[tokio::test]
async fn signed_and_redacted_thinking_survives_an_openai_client_and_comes_back() {
    let scene = Scene::answering(Answer::sse(thoughtful())).await;
    let answer = scene.stream_chat("claude/m").await;
    let all = payloads(&answer);
    let deltas = all.iter().filter_map(|payload| payload["choices"][0]["delta"]["thinking_blocks"].as_array());
    let blocks: Vec<Value> = deltas.flatten().cloned().collect();
    assert_eq!(blocks, [signed(), redacted()], "{}", answer.text());

    let content = json!([signed(), redacted(), { "type": "text", "text": "Fine." }]);
    scene.upstream.now_answering(anthropic_message(&content, "end_turn", &anthropic_usage(7, 5)));
    let whole = scene.chat("claude/m", &json!({})).await.json();
    let said = whole["choices"][0]["message"].clone();
    assert_eq!((&said["thinking_blocks"], &said["content"]), (&json!([signed(), redacted()]), &json!("Fine.")));

    let history = json!([{ "role": "user", "content": "?" }, said, { "role": "user", "content": "Sure?" }]);
    assert_eq!(scene.chat("claude/m", &json!({ "messages": history })).await.status, 200);
    assert_eq!(scene.upstream.last().json()["messages"][1]["content"], content);
}

#[tokio::test]
async fn thinking_is_relayed_to_its_maker_untouched_and_kept_from_others() {
    let scene = Scene::answering(Answer::sse(thoughtful())).await;
    let answer = scene.message("claude/m", &json!({ "stream": true })).await;
    let expected = Answer::sse(thoughtful());
    assert_eq!(answer.body.len(), expected.body_len());
    assert!(answer.text().contains(SIGNATURE) && answer.text().contains("redacted_thinking"));

    let body = second_turn("claude/m").to_string();
    let post = scene.gateway.client().request(hyper::Method::POST, "/v1/messages");
    scene.upstream.now_answering(anthropic_message_text("Yes.", &anthropic_usage(7, 5)));
    assert_eq!(post.header("content-type", "application/json").body(body.clone()).send().await.status, 200);
    assert_eq!(String::from_utf8_lossy(&scene.upstream.last().body), body.replace("claude/m", "m"));

    scene.upstream.now_answering(openai_chat_text("Yes.", &openai_usage(7, 5)));
    let answer = scene.message("chat/m", &second_turn("chat/m")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = String::from_utf8_lossy(&scene.upstream.last().body).into_owned();
    assert!(!sent.contains(SIGNATURE) && !sent.contains("aGlkZGVu") && sent.contains("Fine."), "{sent}");
    let lost = scene.gateway.records(3).await.remove(0)["loss"].to_string();
    assert!(
        lost.contains("turns[1].parts[0]") && lost.contains("turns[1].parts[1]"),
        "what was left out is told: {lost}"
    );
}

#[tokio::test]
async fn case_031_a_refused_signature_is_left_out_once() {
    let refused = || {
        anthropic_error(400, "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block")
    };
    let upstream = Upstream::by(move |seen| {
        let thinks = String::from_utf8_lossy(&seen.body).contains(SIGNATURE);
        if thinks { refused() } else { anthropic_message_text("Yes.", &anthropic_usage(7, 5)) }
    });
    let scene = Scene::of(upstream, "").await;
    let answer = scene.message("claude/m", &second_turn("claude/m")).await;
    assert_eq!((answer.status, &answer.json()["content"][0]["text"]), (200, &json!("Yes.")), "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-attempts"), Some("2"));
    let seen = scene.upstream.requests();
    assert_eq!(seen.len(), 2);
    let stripped = seen[1].json();
    assert_eq!(stripped["messages"][1]["content"], "Fine.", "{stripped}");
    assert_eq!(stripped["messages"][2], second_turn("m")["messages"][2]);
    let record = scene.record().await;
    let failures: Vec<_> = record["attempts"].as_array().unwrap().iter().map(|one| one["failure"].clone()).collect();
    assert_eq!(failures, [json!("signature_refused"), Value::Null]);
    assert_eq!((&record["cost"], &record["usage"]["input"]), (&json!(17 * NANO), &json!(7)), "billed once");

    scene.upstream.now_answering(refused());
    let answer = scene.message("claude/m", &second_turn("claude/m")).await;
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (400, &json!("invalid_request_error")));
    assert_eq!(scene.upstream.requests().len(), 4, "one retry, then the error");
}

#[tokio::test]
async fn case_044_tokens_of_every_model_are_counted_free_of_charge() {
    let upstream = Upstream::answering(Answer::json(200, &json!({ "input_tokens": 42 })));
    let models = "models:\n  named: {targets: [chat/m, claude/m]}\n";
    let accounts = format!("{}{}", account("chat", "openai", &upstream), account("claude", "anthropic", &upstream));
    let gateway = start(&format!("providers:\n{accounts}  echo: {{}}\n{models}")).await;
    for (model, asked) in [("chat/m", 0), ("claude/m", 1), ("echo/echo", 1), ("named", 1), ("chat/unheard-of", 1)] {
        let mut body = message(model);
        body.as_object_mut().unwrap().remove("max_tokens");
        let answer = gateway.client().post("/v1/messages/count_tokens", &body).send().await;
        let count = answer.json()["input_tokens"].as_u64();
        assert!(answer.status == 200 && count.is_some_and(|count| count > 0), "{model}: {}", answer.text());
        assert_eq!(count == Some(42), model == "claude/m", "{model}");
        assert_eq!(upstream.requests().len(), asked, "{model}");
    }
    assert_eq!(upstream.last().path, "/v1/messages/count_tokens");
    for record in gateway.records(5).await {
        assert_eq!((&record["cost"], &record["unpriced"]), (&json!(0), &json!(false)), "{record}");
        assert_eq!((&record["usage"]["input"], &record["surface"]), (&json!(0), &json!("count_tokens")));
    }
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_cost_usd_total", &[]).unwrap_or(0.0), 0.0);
    assert_eq!(metrics.sum("tollgate_tokens_total", &[]).unwrap_or(0.0), 0.0);
}

#[tokio::test]
async fn errors_are_worded_as_the_client_speaks() {
    let scene = Scene::answering(openai_error(400, "invalid_request_error", Some("bad_value"), "`x` is wrong")).await;
    let anthropic = |answer: &testkit::Response, kind: &str| {
        let body = answer.json();
        assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!(kind)), "{body}");
        assert!(body["error"]["message"].is_string() && body["request_id"].is_string(), "{body}");
    };
    let openai = |answer: &testkit::Response| {
        let error = &answer.json()["error"];
        let fits = |name: &str| error[name].is_null() || error[name].as_str().is_some_and(|text| text != "None");
        assert!(error["message"].is_string() && error["type"].is_string(), "{error}");
        assert!(
            fits("param") && fits("code") && error.get("param").is_some() && error.get("code").is_some(),
            "{error}"
        );
    };
    let answer = scene.message("chat/m", &json!({})).await;
    assert_eq!(answer.status, 400);
    anthropic(&answer, "invalid_request_error");
    assert!(answer.text().contains("`x` is wrong"));
    openai(&scene.chat("chat/m", &json!({})).await);
    scene.upstream.now_answering(anthropic_error(529, "overloaded_error", "Overloaded"));
    let answer = scene.chat("claude/m", &json!({})).await;
    assert_eq!(answer.status, 529, "{}", answer.text());
    openai(&answer);
    anthropic(&scene.message("claude/m", &json!({})).await, "overloaded_error");
    anthropic(&scene.message("nobody", &json!({})).await, "not_found_error");
    anthropic(&scene.message("chat/m", &json!({ "messages": 7 })).await, "invalid_request_error");
    openai(&scene.chat("nobody", &json!({})).await);
    let stranger = scene.gateway.stranger();
    anthropic(&stranger.post("/v1/messages", &message("chat/m")).send().await, "authentication_error");
    openai(&stranger.post("/v1/chat/completions", &chat("chat/m")).send().await);
}
