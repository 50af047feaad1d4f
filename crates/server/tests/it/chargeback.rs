//! Spend, statements, exports and reconciliation, of calls through the whole gateway.

use std::process::Command;

use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Upstream,
    fixture::{openai_chat_text, openai_error, openai_usage},
};

use crate::setup::{NANO, account, chat, start, with};

const CHARGEBACK: &str = "chargeback: {issuer: 'Ops & <Co>', tags: [feature], credits: [{name: grant, of: \
    organization/default, amount: 0.00004, from: 2020-01}], margins: [{of: organization/default, percent: 10}]}\n";

/// A command line beside the running gateway: its output and exit code.
fn tollgate(gateway: &Harness, line: &[&str]) -> (String, i32) {
    let folder = gateway.folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(line).arg("--config").arg(folder.join("config.yaml")).current_dir(folder);
    command.env_clear().env("PROVIDER_KEY", uuid::Uuid::now_v7().simple().to_string());
    command.env("TOLLGATE_TEST_KEY", gateway.key());
    let done = command.output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (text, done.status.code().unwrap())
}

/// The month and the day of now, and the day after.
fn today() -> (String, String, String) {
    let date = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let month = format!("{:04}-{:02}", date.year(), date.month());
    (month, date.to_string(), date.tomorrow().unwrap().to_string())
}

/// Three calls of two models, one of them of unknown price, and one that fails.
async fn scene() -> (Harness, Upstream) {
    let upstream = Upstream::answering(openai_chat_text("x", &openai_usage(10, 5)));
    let gateway = start(&format!("providers:\n{}{CHARGEBACK}", account("chat", "openai", &upstream))).await;
    let ask = async |body: &Value| gateway.client().post("/v1/chat/completions", body).send().await.status;
    let tagged = with(chat("chat/m"), &json!({ "metadata": { "feature": "=search" } }));
    assert_eq!(ask(&tagged).await, 200);
    assert_eq!(ask(&chat("chat/m")).await, 200);
    assert_eq!(ask(&chat("chat/never-heard-of")).await, 200);
    upstream.now_answering(openai_error(400, "invalid_request_error", None, "no"));
    assert_eq!(ask(&chat("chat/m")).await, 400);
    gateway.records(4).await;
    (gateway, upstream)
}

async fn spend(gateway: &Harness, query: &str) -> Value {
    let answer = gateway.admin().get(&format!("/api/v1/spend?{query}")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn case_072_spend_by_anything_equals_the_records() {
    let (gateway, _upstream) = scene().await;
    let records = gateway.records(4).await;
    let cost: i64 = records.iter().filter_map(|record| record["cost"].as_i64()).sum();
    assert_eq!(cost, 40 * NANO);
    for by in ["", "model", "account,day", "tag.feature", "hour,outcome", "key,served_model,month"] {
        let rows = spend(&gateway, &format!("by={by}")).await["spend"].as_array().unwrap().clone();
        let sum = |name: &str| rows.iter().map(|row| row[name].as_i64().unwrap()).sum::<i64>();
        assert_eq!((sum("cost"), sum("requests"), sum("unpriced")), (cost, 4, 1), "{by}: {rows:?}");
    }
    let tags = spend(&gateway, "by=tag.feature&model=chat/m&outcome=success").await;
    assert_eq!(tags["spend"][1]["tag.feature"], "=search");
    let first = spend(&gateway, "by=outcome&limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap().replace('"', "%22").replace('[', "%5B").replace(']', "%5D");
    let second = spend(&gateway, &format!("by=outcome&limit=5&cursor={cursor}")).await;
    assert_ne!(first["spend"][0]["outcome"], second["spend"][0]["outcome"]);
    for (wrong, names) in [
        ("by=teams", "team"),
        ("limit=0", "limit"),
        ("since=soon", "since"),
        ("nothing=1", "nothing"),
        ("cursor=x", "cursor"),
        ("by=a,b&by=c", "by"),
        ("since=2026-11-02&until=2026-11-01", "until"),
    ] {
        let answer = gateway.admin().get(&format!("/api/v1/spend?{wrong}")).send().await;
        assert!(answer.status == 400 && answer.text().contains(names), "{wrong}: {}", answer.text());
    }
    assert_eq!(gateway.stranger().get("/api/v1/spend").send().await.status, 401);
    let (_, day, next) = today();
    let (text, code) = tollgate(&gateway, &["usage", "--check", "--since", &day, "--until", &next]);
    assert!(code == 0 && text.contains("0 of them wrong"), "{text}");
}

#[tokio::test]
async fn sec_024_the_exports_hold_no_formula_and_say_what_the_records_say() {
    let (gateway, _upstream) = scene().await;
    let (month, day, next) = today();
    let (csv, code) = tollgate(&gateway, &["usage", "--by", "tag.feature,model", "--format", "csv"]);
    assert!(code == 0 && csv.contains("\"'=search\""), "{csv}");
    let (focus, code) = tollgate(&gateway, &["usage", "--format", "focus", "--since", &day, "--until", &next]);
    assert!(code == 0 && focus.starts_with("BilledCost,"), "{focus}");
    let api = gateway.admin().get(&format!("/api/v1/spend/focus?since={day}&until={next}")).send().await;
    assert_eq!((api.status, api.text()), (200, focus.clone()));
    let billed: f64 = focus.lines().skip(1).map(|line| line.split(',').next().unwrap().parse::<f64>().unwrap()).sum();
    assert!((billed * 1e9 - (40 * NANO) as f64).abs() < 0.5, "{focus}");
    assert!(focus.contains("openai/m/input") && focus.contains("unpriced"), "{focus}");

    // 40 micro-dollars, a tenth on top, less a credit of as much.
    let (text, code) = tollgate(&gateway, &["statement", "organization/default", "--month", &month]);
    assert!(code == 0 && text.contains("Due") && text.contains("$0.000004"), "{text}");
    assert!(text.contains("1 requests have no known price yet"), "{text}");
    let (html, _) = tollgate(&gateway, &["statement", "organization/default", "--month", &month, "--format", "html"]);
    assert!(html.contains("Ops &amp; &lt;Co&gt;") && !html.contains("<Co>"), "{html}");
    let (json, _) = tollgate(&gateway, &["statement", "organization/default", "--month", &month, "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["usage"], &json["margin"], &json["due"]), (&json!(40_000), &json!(4_000), &json!(4_000)));
    let (text, code) = tollgate(&gateway, &["statement", "teams/x", "--month", &month]);
    assert!(code == 1 && text.contains("team"), "{text}");
}

#[tokio::test]
async fn a_provider_s_report_is_compared_with_what_is_recorded() {
    let (gateway, upstream) = scene().await;
    upstream.now_answering(Answer::json(200, &json!({ "id": "x", "model": "m", "choices": [] })));
    let (_, day, _) = today();
    let table = |output: u32| {
        format!(
            "day,model,input,output,requests,cost\n{day},m,20,{output},2,{}\n{day},never-heard-of,10,5,1,0.5\n",
            f64::from(20 + output * 2) / 1e6
        )
    };
    let reconcile = |text: &str| {
        let file = gateway.folder().join("report.csv");
        std::fs::write(&file, text).unwrap();
        let (text, code) =
            tollgate(&gateway, &["reconcile", "--provider", "openai", "report.csv", "--format", "json", "--strict"]);
        (serde_json::from_str::<Value>(&text).unwrap_or_else(|_| panic!("{text}")), code)
    };
    let (found, code) = reconcile(&table(10));
    let kinds = |found: &Value| -> Vec<(String, String, i64)> {
        let findings = found["findings"].as_array().unwrap();
        findings
            .iter()
            .map(|one| {
                (
                    one["model"].as_str().unwrap().to_owned(),
                    one["kind"].as_str().unwrap().to_owned(),
                    one["tokens"].as_i64().unwrap(),
                )
            })
            .collect()
    };
    assert_eq!((kinds(&found), code), (vec![("never-heard-of".into(), "unpriced".into(), 0)], 2), "{found:#}");
    let (found, _) = reconcile(&table(13));
    assert_eq!(kinds(&found)[0], ("m".into(), "token_difference".into(), 3), "{found:#}");
    let (text, code) = tollgate(&gateway, &["reconcile", "--provider", "nobody", "report.csv"]);
    assert!(code == 1 && text.contains("openai"), "{text}");
}
