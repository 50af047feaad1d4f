//! What a call costs, where that is said, and that all places say the same.

use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Upstream,
    fixture::{
        anthropic::{MODEL, anthropic_message},
        anthropic_stream, openai_chat_text, openai_error, openai_stream, openai_usage, words,
    },
};

use crate::setup::{NANO, Scene, account, chat, payloads, start, with};

/// Tokens in Anthropic's words: three new, many written, none read.
fn written() -> Value {
    json!({
        "input_tokens": 3, "cache_creation_input_tokens": 12_304, "cache_read_input_tokens": 0, "output_tokens": 5,
        "cache_creation": { "ephemeral_5m_input_tokens": 304, "ephemeral_1h_input_tokens": 12_000 }
    })
}

/// The cost counter of a target, in nano-dollars.
async fn counted(gateway: &Harness, target: &str) -> i64 {
    let dollars = gateway.metrics().await.sum("tollgate_cost_usd_total", &[("target", target)]).unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "small amounts")]
    let nano = (dollars * 1e9).round() as i64;
    nano
}

/// Dollars as a header says them, in nano-dollars.
fn nano(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<9}").parse().unwrap()
}

#[tokio::test]
async fn case_059_cached_tokens_beside_the_prompt_are_priced_and_shown_inside_it() {
    let answer = || anthropic_message(&json!([{ "type": "text", "text": "x" }]), "end_turn", &written());
    let upstream = Upstream::answering(answer());
    let prices = "prices: {m: {input: 1, output: 2, cache_write: 1.25, cache_write_1h: 2}}";
    let claude = account("claude", "anthropic", &upstream).replace("prices: {m: {input: 1, output: 2}}", prices);
    let gateway = start(&format!("providers:\n{claude}")).await;
    let cost = 3_000 + 304 * 1_250 + 12_000 * 2_000 + 5 * 2_000;
    let whole = gateway.client().post("/v1/chat/completions", &chat("claude/m")).send().await;
    assert_eq!(nano(whole.header("x-tollgate-cost-usd").unwrap()), cost);
    upstream.now_answering(Answer::sse(anthropic_stream(&words(5), &written())));
    let ask = with(chat("claude/m"), &json!({ "stream": true, "stream_options": { "include_usage": true } }));
    let stream = gateway.client().post("/v1/chat/completions", &ask).send().await;
    for usage in [&whole.json()["usage"], &payloads(&stream).pop().unwrap()["usage"]] {
        assert_eq!((&usage["prompt_tokens"], &usage["total_tokens"]), (&json!(12_307), &json!(12_312)), "{usage}");
    }
    for record in gateway.records(2).await {
        let usage = &record["usage"];
        let classes =
            ["input", "cache_read", "cache_write", "cache_write_1h", "output"].map(|class| usage[class].as_i64());
        assert_eq!(classes, [3, 0, 304, 12_000, 5].map(Some), "{record}");
        assert_eq!(record["cost"], cost, "{record}");
        assert_eq!(record["served_model"], MODEL);
    }
}

#[tokio::test]
async fn case_068_an_unknown_price_is_never_zero() {
    let good = || openai_chat_text("x", &openai_usage(10, 5));
    let models = "models:\n  both: {targets: [chat/other, chat/m]}\n";
    let scene = Scene::of(Upstream::answering(good()), models).await;
    let answer = scene.chat("chat/other", &json!({})).await;
    assert_eq!((answer.status, answer.header("x-tollgate-unpriced")), (200, Some("true")));
    assert_eq!(answer.header("x-tollgate-cost-usd"), None);
    assert_eq!(scene.chat("chat/m", &json!({})).await.header("x-tollgate-unpriced"), None);
    let records = scene.gateway.records(2).await;
    assert_eq!((&records[1]["cost"], &records[1]["unpriced"]), (&Value::Null, &json!(true)));
    assert_eq!(records[1]["usage"]["output"], 5, "it can be priced later");
    assert_eq!((&records[0]["cost"], &records[0]["unpriced"]), (&json!(20 * NANO), &json!(false)));
    assert_eq!(scene.gateway.metrics().await.sum("tollgate_unpriced_requests_total", &[]), Some(1.0));

    let strict = Scene::of(Upstream::answering(good()), &format!("{models}unpriced: deny\n")).await;
    let refused = strict.chat("chat/other", &json!({})).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (403, &json!("model_unpriced")),
        "{}",
        refused.text()
    );
    assert_eq!(strict.upstream.requests().len(), 0);
    let served = strict.chat("both", &json!({})).await;
    assert_eq!((served.status, served.header("x-tollgate-target")), (200, Some("chat/m")));
    let count = strict.gateway.client().post("/v1/messages/count_tokens", &chat("chat/other")).send().await;
    assert_eq!(count.status, 200, "counting is free: {}", count.text());
}

#[tokio::test]
async fn the_built_in_model_is_free_of_charge() {
    let gateway = start("providers: {echo: {}}\nunpriced: deny\n").await;
    let answer = gateway.client().post("/v1/chat/completions", &chat("echo/echo")).send().await;
    assert_eq!((answer.status, answer.header("x-tollgate-cost-usd")), (200, Some("0")), "{}", answer.text());
    let record = gateway.records(1).await.remove(0);
    assert_eq!((&record["cost"], &record["unpriced"]), (&json!(0), &json!(false)));
    assert_eq!(record["served_model"], "echo");
}

#[tokio::test]
async fn a_price_of_one_account_is_not_a_price_of_its_sibling() {
    let upstream = Upstream::answering(openai_chat_text("x", &openai_usage(1_000_000, 1_000_000)));
    let dear = account("dear", "openai", &upstream)
        .replace("m: {input: 1, output: 2}", "gpt-4o-mini: {input: 100, output: 100}");
    let plain = account("plain", "openai", &upstream).replace(", prices: {m: {input: 1, output: 2}}", "");
    let gateway = start(&format!("providers:\n{dear}{plain}")).await;
    let mut costs = Vec::new();
    for account in ["dear", "plain"] {
        let answer =
            gateway.client().post("/v1/chat/completions", &chat(&format!("{account}/gpt-4o-mini"))).send().await;
        costs.push(answer.header("x-tollgate-cost-usd").unwrap().to_owned());
    }
    assert_eq!(costs, ["200", "0.75"]);
}

#[tokio::test]
async fn case_070_the_served_model_is_billed_and_so_are_failures_that_report_usage() {
    let failed = Answer::json(
        200,
        &json!({
            "id": "x", "object": "chat.completion", "model": "m", "usage": openai_usage(100, 10),
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "" }, "finish_reason": "error" }]
        }),
    );
    let spare = Upstream::answering(openai_chat_text("good", &openai_usage(10, 5)));
    let dear = account("spare", "openai", &spare).replace("input: 1, output: 2", "input: 10, output: 20");
    let models = "models:\n  both: {targets: [chat/m, spare/m], retry: {attempts: 1}}\n";
    let scene = Scene::of(Upstream::answering(failed), &format!("{dear}{models}")).await;
    let answer = scene.chat("both", &json!({})).await;
    assert_eq!((answer.status, answer.header("x-tollgate-target")), (200, Some("spare/m")));
    let record = scene.record().await;
    let costs: Vec<_> =
        record["attempts"].as_array().unwrap().iter().map(|one| one["cost"].as_i64().unwrap()).collect();
    assert_eq!(costs, [120 * NANO, 200 * NANO], "{record}");
    assert_eq!((&record["cost"], &record["usage"]["input"]), (&json!(320 * NANO), &json!(110)));
    assert_eq!(nano(answer.header("x-tollgate-cost-usd").unwrap()), 320 * NANO);
    assert_eq!(
        (counted(&scene.gateway, "chat/m").await, counted(&scene.gateway, "spare/m").await),
        (120 * NANO, 200 * NANO)
    );

    // Nobody answers: what the failures report is billed all the same.
    spare.now_answering(openai_error(500, "server_error", None, "down"));
    let answer = scene.chat("both", &json!({})).await;
    assert!(answer.status >= 500);
    let record = scene.gateway.records(2).await.remove(0);
    assert_eq!((&record["outcome"], &record["cost"]), (&json!("failed"), &json!(120 * NANO)), "{record}");
    assert_eq!(counted(&scene.gateway, "chat/m").await, 240 * NANO);
}

#[tokio::test]
async fn case_073_header_record_and_counter_say_the_same_cost() {
    let scene = Scene::answering(openai_chat_text("x", &openai_usage(11, 7))).await;
    let whole = scene.chat("chat/m", &json!({})).await;
    assert_eq!(nano(whole.header("x-tollgate-cost-usd").unwrap()), 25 * NANO);
    assert_eq!(scene.record().await["cost"], 25 * NANO);
    assert_eq!(counted(&scene.gateway, "chat/m").await, 25 * NANO);

    scene.upstream.now_answering(Answer::sse(openai_stream(&words(7), Some(&openai_usage(11, 9)))));
    let ask = scene.gateway.client().post("/v1/chat/completions", &with(chat("chat/m"), &json!({ "stream": true })));
    let stream = ask.header("te", "trailers").send().await;
    assert!(stream.header("trailer").unwrap().starts_with("x-tollgate-cost-usd, "));
    let trailer = stream.trailers.get("x-tollgate-cost-usd").unwrap();
    assert_eq!(nano(trailer.to_str().unwrap()), 29 * NANO);
    assert_eq!(scene.gateway.records(2).await[0]["cost"], 29 * NANO);
    assert_eq!(counted(&scene.gateway, "chat/m").await, 54 * NANO);

    let silent = scene.stream_chat("chat/m").await;
    assert!(silent.trailers.is_empty() && silent.header("trailer").is_none(), "only for those who read them");
}
