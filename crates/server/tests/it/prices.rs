//! Which price a call was charged by, what models cost, and how sure a count of tokens is.

use serde_json::{Value, json};
use testkit::{
    Upstream,
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
