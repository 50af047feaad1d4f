//! Which price a call was charged by, what models cost, and how sure a count of tokens is.

use serde_json::{Value, json};
use testkit::{
    Answer, Frame, Upstream,
    fixture::{openai_chat_text, openai_usage},
};

use crate::setup::{NANO, account, chat, message, start, with};

/// Usage of ten and five tokens, for which the provider says that it charges a tenth of a cent.
fn stating() -> Value {
    with(openai_usage(10, 5), &json!({ "cost": 0.001 }))
}

const STATED: i64 = 1_000_000;

#[tokio::test]
async fn a_stated_cost_counts_where_no_price_is_known_or_where_it_is_preferred() {
    let upstream = Upstream::answering(openai_chat_text("x", &stating()));
    let plain = account("plain", "openai", &upstream);
    let preferring = account("preferring", "openai", &upstream).replace("prices:", "costs: provider, prices:");
    let gateway = start(&format!("providers:\n{plain}{preferring}")).await;
    let expected =
        [("plain/m", 20 * NANO, "config/"), ("plain/unheard-of", STATED, "stated"), ("preferring/m", STATED, "stated")];
    for (asked, (model, cost, price)) in expected.into_iter().enumerate() {
        let answer = gateway.client().post("/v1/chat/completions", &chat(model)).send().await;
        assert_eq!(answer.header("x-tollgate-unpriced"), None, "{model}");
        let record = gateway.records(asked + 1).await.remove(0);
        let attempt = &record["attempts"][0];
        assert_eq!((&record["cost"], &attempt["cost"]), (&json!(cost), &json!(cost)), "{record}");
        assert!(attempt["price"].as_str().unwrap().starts_with(price), "{record}");
    }
}

#[tokio::test]
async fn an_account_pays_less_a_discount_and_its_callers_pay_a_margin_on_top() {
    let upstream = Upstream::answering(openai_chat_text("x", &openai_usage(1_000_000, 0)));
    let terms = "discount_percent: 12.5, margin_percent: 20, prices:";
    let gateway = start(&format!("providers:\n{}", account("a", "openai", &upstream).replace("prices:", terms))).await;
    let answer = gateway.client().post("/v1/chat/completions", &chat("a/m")).send().await;
    // A dollar less an eighth, and a fifth on top.
    assert_eq!(answer.header("x-tollgate-cost-usd"), Some("1.05"));
}

#[tokio::test]
async fn lists_of_models_say_what_they_take_can_and_cost() {
    let upstream = Upstream::answering(openai_chat_text("x", &openai_usage(1, 1)));
    let gateway = start(&format!("providers:\n{}", account("a", "openai", &upstream))).await;
    let listed = gateway.client().get("/v1/models").send().await.json();
    let find = |name: &str| {
        let all = listed["data"].as_array().unwrap();
        all.iter().find(|model| model["id"] == name).unwrap_or_else(|| panic!("{name} is not listed")).clone()
    };
    let gpt = find("a/gpt-4o");
    assert_eq!((&gpt["context_window"], &gpt["mode"]), (&json!(128_000), &json!("chat")));
    assert!(gpt["abilities"].as_array().unwrap().contains(&json!("vision")), "{gpt}");
    assert_eq!((&gpt["price"]["input"], &gpt["price"]["cache_read"]), (&json!(2.5), &json!(1.25)));
    let small = find("a/text-embedding-3-small");
    assert_eq!((&small["mode"], &small["dimensions"]), (&json!("embedding"), &json!(1536)));
    let claude =
        gateway.client().get("/v1/models/a/gpt-4o").header("anthropic-version", "2023-06-01").send().await.json();
    assert_eq!((&claude["type"], &claude["max_input_tokens"]), (&json!("model"), &json!(128_000)));
    assert_eq!(claude["price"]["output"], json!(10.0));
}

#[tokio::test]
async fn counts_say_how_sure_they_are() {
    let upstream = Upstream::answering(openai_chat_text("x", &openai_usage(400, 5)));
    let gateway = start(&format!("providers:\n{}", account("a", "openai", &upstream))).await;
    let count = async |model: &str, text: &str| {
        let mut body = with(message(model), &json!({ "messages": [{ "role": "user", "content": text }] }));
        body.as_object_mut().unwrap().remove("max_tokens");
        let answer = gateway.client().post("/v1/messages/count_tokens", &body).send().await;
        let tokens = answer.json()["input_tokens"].as_u64().unwrap();
        (tokens, answer.header("x-tollgate-count").unwrap().to_owned())
    };
    // 3 before the answer, 3 and a role for the message, and two words.
    assert_eq!(count("a/gpt-4o", "hello world").await, (9, "exact".to_owned()));
    let text = "word ".repeat(200);
    assert_eq!(count("a/m", &text).await.1, "estimated");
    // The model says of 1000 bytes and what wraps them that they are 400 tokens: more than four bytes a token would be.
    for _ in 0..6 {
        let ask = with(chat("a/m"), &json!({ "messages": [{ "role": "user", "content": text }] }));
        gateway.client().post("/v1/chat/completions", &ask).send().await;
    }
    let (tokens, confidence) = count("a/m", &text).await;
    assert_eq!(confidence, "calibrated");
    assert!((380..=420).contains(&tokens), "{tokens}");
    assert_eq!(gateway.records(9).await[0]["count"], "calibrated");
}

#[tokio::test]
async fn case_065_the_tier_that_served_is_priced_streamed_or_not() {
    let upstream = Upstream::answering(openai_chat_text("x", &openai_usage(1, 1)));
    let tiers = "tiers: {priority: {rates: {input: 10, output: 20}}, flex: {rates: {input: 0.5, output: 1}}}, input: 1";
    let gateway = start(&format!("providers:\n{}", account("a", "openai", &upstream).replace("input: 1", tiers))).await;
    let plain = 20 * NANO;
    let mut asked = 0;
    for (wanted, served, cost, noted) in [
        ("priority", Some("default"), plain, None),
        ("priority", Some("priority"), 10 * plain, Some("priority")),
        ("auto", Some("flex"), plain / 2, Some("flex")),
        ("flex", None, plain, None),
    ] {
        for stream in [false, true] {
            upstream.now_answering(served_by(served, stream));
            let ask = with(chat("a/m"), &json!({ "service_tier": wanted, "stream": stream }));
            let answer = gateway.client().post("/v1/chat/completions", &ask).send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            asked += 1;
            let record = gateway.records(asked).await.remove(0);
            assert_eq!(record["cost"], cost, "{wanted} {served:?} {stream}: {record}");
            assert_eq!(record["attempts"][0]["basis"]["tier"].as_str(), noted, "{record}");
        }
    }
}

/// Ten and five tokens, served by this tier.
fn served_by(tier: Option<&str>, stream: bool) -> Answer {
    let usage = openai_usage(10, 5);
    let said = tier.map_or_else(|| json!({}), |tier| json!({ "service_tier": tier }));
    if !stream {
        let message =
            json!({ "index": 0, "message": { "role": "assistant", "content": "x" }, "finish_reason": "stop" });
        let whole =
            json!({ "id": "x", "object": "chat.completion", "model": "m", "usage": usage, "choices": [message] });
        return Answer::json(200, &with(whole, &said));
    }
    let chunk = |more: Value| {
        let head = json!({ "id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m" });
        with(with(head, &said), &more)
    };
    let text = json!({ "index": 0, "delta": { "role": "assistant", "content": "x" }, "finish_reason": null });
    let end = json!({ "index": 0, "delta": {}, "finish_reason": "stop" });
    let frames = [
        chunk(json!({ "choices": [text] })),
        chunk(json!({ "choices": [end] })),
        chunk(json!({ "choices": [], "usage": usage })),
    ];
    Answer::sse(frames.map(Frame::from).into_iter().chain([Frame::data("[DONE]")]))
}
