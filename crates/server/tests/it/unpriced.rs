//! Calls whose price nobody knows: served, refused or estimated, and priced when the price has become known.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Upstream,
    fixture::{openai_chat_text, openai_stream, openai_usage, words},
};

use crate::setup::{NANO, account, chat, start, with};

fn good() -> Answer {
    openai_chat_text("x", &openai_usage(10, 5))
}

/// An account of a provider of which the catalogue knows no price; `m` has one of 1 and 2 dollars.
fn own(upstream: &Upstream, more: &str) -> String {
    account("own", "vllm", upstream).replace("prices:", &format!("{more}prices:"))
}

/// `POST /api/v1/prices/apply`.
async fn apply(gateway: &Harness, asked: &Value) -> Value {
    let answer = gateway.admin().post("/api/v1/prices/apply", asked).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// A command line, beside the running gateway.
fn tollgate(gateway: &Harness, line: &[&str]) -> String {
    let folder = gateway.folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(line).arg("--config").arg(folder.join("config.yaml")).current_dir(folder);
    let data = std::fs::read_to_string(folder.join("config.yaml")).unwrap();
    command.env_clear().env("PROVIDER_KEY", uuid::Uuid::now_v7().simple().to_string()).env("USER", "ada");
    command.env("TOLLGATE_TEST_KEY", gateway.key());
    let done = command.output().unwrap();
    assert!(done.status.success(), "{line:?}: {}\n{data}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Puts a configuration in force.
async fn reconfigure(gateway: &mut Harness, config: &str) {
    let before = gateway.metrics().await.sum("tollgate_config_generation", &[]);
    gateway.write_config(config);
    for _ in 0..200 {
        if gateway.metrics().await.sum("tollgate_config_generation", &[]) != before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the configuration was not taken: {}", gateway.log());
}

#[tokio::test]
async fn case_068_an_estimate_is_charged_and_said_to_be_one() {
    let more = "models:\n  both: {targets: [own/other, own/m]}\nunpriced: estimate\n";
    let upstream = Upstream::answering(good());
    let estimate = own(&upstream, "estimate: {input: 10, output: 20}, ");
    let gateway = start(&format!("providers:\n{estimate}{more}")).await;
    let ask =
        async |body: &Value| gateway.client().post("/v1/chat/completions", body).header("te", "trailers").send().await;
    let whole = ask(&chat("own/other")).await;
    assert_eq!(whole.header("x-tollgate-cost-usd"), Some("0.0002"), "ten times 10 and five times 20 micro-dollars");
    assert_eq!((whole.header("x-tollgate-estimated"), whole.header("x-tollgate-unpriced")), (Some("true"), None));
    upstream.now_answering(Answer::sse(openai_stream(&words(5), Some(&openai_usage(10, 5)))));
    let stream = ask(&with(chat("own/other"), &json!({ "stream": true }))).await;
    let trailer = |name: &str| stream.trailers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(
        (trailer("x-tollgate-cost-usd").as_deref(), trailer("x-tollgate-estimated").as_deref()),
        (Some("0.0002"), Some("true"))
    );
    upstream.now_answering(good());
    let exact = ask(&chat("own/m")).await;
    assert_eq!((exact.header("x-tollgate-cost-usd"), exact.header("x-tollgate-estimated")), (Some("0.00002"), None));

    let records = gateway.records(3).await;
    assert_eq!((&records[0]["cost"], &records[0]["estimated"]), (&json!(20 * NANO), &Value::Null));
    for record in &records[1..] {
        assert_eq!(
            (&record["cost"], &record["unpriced"], &record["estimated"]),
            (&json!(200 * NANO), &json!(false), &json!(true))
        );
        assert!(record["attempts"][0]["price"].as_str().unwrap().starts_with("estimate/"), "{record}");
    }
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_estimated_requests_total", &[]), Some(2.0));
    assert_eq!(metrics.sum("tollgate_unpriced_requests_total", &[]).unwrap_or(0.0), 0.0);
    let shown = tollgate(&gateway, &["logs", "show", records[1]["id"].as_str().unwrap()]);
    assert!(shown.contains("~$0.000200 (an estimate)"), "{shown}");
    assert!(tollgate(&gateway, &["logs", "tail", "--once"]).contains(" ~$0.000200 "));
}

#[tokio::test]
async fn case_068_what_cannot_be_estimated_is_refused_and_the_dearest_is_the_estimate() {
    let upstream = Upstream::answering(good());
    let (own, openai) = (own(&upstream, ""), account("openai", "openai", &upstream));
    let gateway = start(&format!("providers:\n{own}{openai}unpriced: estimate\n")).await;
    let ask = async |model: &str| gateway.client().post("/v1/chat/completions", &chat(model)).send().await;
    let refused = ask("own/other").await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (403, &json!("model_unpriced")));
    assert_eq!(upstream.requests().len(), 0);
    let (secret, dear) = (ask("openai/secret").await, ask("openai/gpt-4").await);
    let cost = |answer: &testkit::Response| answer.header("x-tollgate-cost-usd").unwrap().parse::<f64>().unwrap();
    assert_eq!((secret.header("x-tollgate-estimated"), dear.header("x-tollgate-estimated")), (Some("true"), None));
    assert!(cost(&secret) >= cost(&dear) && cost(&dear) > 0.0);
}

#[tokio::test]
async fn case_068_a_price_that_becomes_known_is_applied_later() {
    let upstream = Upstream::answering(good());
    let plain = |more: &str| format!("providers:\n{}", own(&upstream, more));
    let mut gateway = start(&plain("discount_percent: 50, ")).await;
    let ask =
        async |gateway: &Harness, model: &str| gateway.client().post("/v1/chat/completions", &chat(model)).send().await;
    ask(&gateway, "own/other").await;
    ask(&gateway, "own/m").await;
    ask(&gateway, "own/never").await;
    gateway.records(3).await;
    let known = plain("discount_percent: 50, ").replace("prices: {", "prices: {other: {input: 4, output: 8}, ");
    reconfigure(&mut gateway, &known).await;

    // Ten tokens at 4 and five at 8 micro-dollars, less a half.
    let expected = 40 * NANO;
    let dry = apply(&gateway, &json!({ "dry_run": true })).await;
    let figures = |done: &Value| {
        ["seen", "changed", "unknown_before", "left", "cost_before", "cost_after"]
            .map(|name| done[name].as_i64().unwrap())
    };
    assert_eq!(figures(&dry), [3, 1, 1, 1, 0, expected], "{dry}");
    assert_eq!(gateway.records(3).await[2]["cost"], Value::Null, "a dry run changes nothing");
    let done = apply(&gateway, &json!({})).await;
    assert_eq!(figures(&done), figures(&dry));
    assert_eq!(done["next_cursor"], Value::Null);
    assert_eq!(figures(&apply(&gateway, &json!({})).await), [3, 0, 0, 1, 0, 0], "once");

    let records = gateway.records(3).await;
    assert_eq!(
        (&records[0]["cost"], &records[0]["unpriced"]),
        (&Value::Null, &json!(true)),
        "`never` has no price still"
    );
    assert_eq!(
        (&records[1]["cost"], &records[1]["repriced"]),
        (&json!(10 * NANO), &Value::Null),
        "what was charged stays"
    );
    let id = records[2]["id"].as_str().unwrap();
    let record = gateway.admin().get(&format!("/api/v1/requests/{id}")).send().await.json();
    assert_eq!((&record["cost"], &record["unpriced"]), (&json!(expected), &Value::Null), "{record}");
    assert!(record["repriced"].as_i64().unwrap() > record["at"].as_i64().unwrap());
    let change = &record["cost_changes"][0];
    assert_eq!(
        (&change["author"], &change["before"]["cost"], &change["after"]["cost"]),
        (&json!("admin_token"), &Value::Null, &json!(expected))
    );
    assert_eq!(
        (&change["before"]["prices"], &change["after"]["prices"][0]),
        (&json!([null]), &record["attempts"][0]["price"])
    );
    let shown = tollgate(&gateway, &["logs", "show", id]);
    assert!(shown.contains("repriced     unknown to $0.00004, ") && shown.contains("less 50%"), "{shown}");
}

#[tokio::test]
async fn case_068_what_was_charged_is_priced_anew_only_if_that_is_said() {
    let upstream = Upstream::answering(good());
    let gateway = start(&format!("providers:\n{}", own(&upstream, ""))).await;
    gateway.client().post("/v1/chat/completions", &chat("own/m")).send().await;
    let before = gateway.records(1).await.remove(0);
    let config = std::fs::read_to_string(gateway.folder().join("config.yaml")).unwrap();
    std::fs::write(gateway.folder().join("config.yaml"), config.replace("input: 1,", "input: 3,")).unwrap();

    let run = |line: &[&str]| -> Value {
        let line: Vec<&str> = ["prices", "apply", "--json"].iter().chain(line).copied().collect();
        serde_json::from_str(&tollgate(&gateway, &line)).unwrap()
    };
    assert_eq!(run(&[])["changed"], 0);
    let range = ["--since", "2001-01-01", "--until", "2099-01-01", "--reprice"];
    let past = run(&["--since", "2001-01-01", "--until", "2001-02-01", "--reprice"]);
    assert_eq!((&past["seen"], &past["changed"]), (&json!(0), &json!(0)));
    let done = run(&range);
    assert_eq!(
        [&done["changed"], &done["cost_before"], &done["cost_after"]],
        [&json!(1), &json!(20 * NANO), &json!(40 * NANO)]
    );
    assert_eq!(run(&range)["changed"], 0, "once");
    let id = before["id"].as_str().unwrap();
    let record = gateway.admin().get(&format!("/api/v1/requests/{id}")).send().await.json();
    assert_eq!(record["cost_changes"][0]["author"], "cli:ada", "{record}");
    assert_eq!(
        (&record["cost_changes"][0]["before"]["prices"][0], &record["cost"]),
        (&before["attempts"][0]["price"], &json!(40 * NANO))
    );
    let refused = gateway.admin().post("/api/v1/prices/apply", &json!({ "reprice": true })).send().await;
    assert_eq!((refused.status, &refused.json()["param"]), (400, &json!("reprice")));
    for wrong in
        [json!({ "sinse": "2027-01-01T00:00:00Z" }), json!({ "cursor": "x" }), json!({ "since": "soon" }), json!([])]
    {
        let refused = gateway.admin().post("/api/v1/prices/apply", &wrong).send().await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    let stranger = gateway.stranger().post("/api/v1/prices/apply", &json!({})).send().await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn the_price_of_an_old_cost_is_still_known() {
    let upstream = Upstream::answering(openai_chat_text("x", &with(openai_usage(1_000_000, 0), &json!({}))));
    let terms = "region: eu-west-1, discount_percent: 10, margin_percent: 20, ";
    let prices = "m: {input: 1, output: 2, regions: {eu: 1.1}, tiers: {flex: {rates: {input: 0.5}}}}";
    let config = format!("providers:\n{}", account("a", "openai", &upstream))
        .replace("prices: {m: {input: 1, output: 2}}", &format!("{terms}prices: {{{prices}}}"));
    let mut gateway = start(&config).await;
    for model in ["a/m", "a/gpt-4o-mini"] {
        gateway.client().post("/v1/chat/completions", &chat(model)).send().await;
    }
    let records = gateway.records(2).await;
    let version = |record: &Value| record["attempts"][0]["price"].as_str().unwrap().to_owned();
    let (listed, own) = (version(&records[0]), version(&records[1]));
    reconfigure(&mut gateway, &config.replace("input: 1,", "input: 7,")).await;

    let basis = &records[1]["attempts"][0]["basis"];
    assert_eq!(basis, &json!({ "region": "eu-west-1", "terms": { "discount": 1000, "margin": 2000 } }));
    let shown = gateway.admin().get(&format!("/api/v1/prices/{own}")).send().await;
    let price = shown.json();
    assert_eq!(price["price"]["input"], 1.0, "not 7: {price}");
    // What the record notes and the price of its version come to what was charged: a million at 1 dollar, a tenth more in
    // Europe, a tenth less by contract, a fifth on top.
    let kept: llm::price::Price = serde_json::from_value(price["pico_dollars"].clone()).unwrap();
    let basis: govern::config::Basis = serde_json::from_value(basis.clone()).unwrap();
    let usage: llm::Usage = serde_json::from_value(records[1]["attempts"][0]["usage"].clone()).unwrap();
    assert_eq!(json!(basis.charge(&kept, &usage).money(&basis.terms)), records[1]["cost"]);
    assert_eq!(records[1]["cost"], 1_188_000_000);
    for version in [&own, &listed] {
        let shown: Value = serde_json::from_str(&tollgate(&gateway, &["prices", "show", version])).unwrap();
        assert!(shown["first_seen"].is_string() && shown["price"]["input"].is_number(), "{shown}");
    }
    assert_eq!(gateway.admin().get("/api/v1/prices/config/0").send().await.status, 404);
}
