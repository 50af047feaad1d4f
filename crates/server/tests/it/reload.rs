//! A gateway that is told something new, or told to go, while it is at work.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Stream, Upstream,
    fixture::{openai_chat_text, openai_stream, openai_usage, words},
    upstream::End,
};

use crate::setup::{Scene, account, chat, start, with};

const PATH: &str = "/v1/chat/completions";

fn hello() -> Answer {
    openai_chat_text("hello", &openai_usage(7, 3))
}

/// A stream of so many words, ten a second.
fn slow(count: usize) -> Answer {
    Answer::sse(openai_stream(&words(count), Some(&openai_usage(1, count as u64)))).gap(Duration::from_millis(100))
}

fn upstream(count: usize) -> Upstream {
    Upstream::by(move |seen| if seen.json()["stream"] == true { slow(count) } else { hello() })
}

async fn open(gateway: &Harness, model: &str) -> Stream {
    let question = with(chat(model), &json!({"stream": true}));
    let mut stream = gateway.client().post(PATH, &question).stream().await;
    assert_eq!(stream.status, 200);
    stream.until("w1 ").await;
    stream
}

async fn status(gateway: &Harness, model: &str) -> u16 {
    gateway.client().post(PATH, &chat(model)).send().await.status
}

async fn becomes(what: &str, mut met: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !met().await {
        assert!(begun.elapsed() < Duration::from_secs(5), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn meter(gateway: &Harness, name: &str) -> f64 {
    gateway.metrics().await.sum(name, &[]).unwrap_or_default()
}

#[tokio::test]
async fn a_changed_file_is_in_force_for_the_next_call_and_not_for_those_under_way() {
    let (before, after) = (upstream(15), upstream(3));
    let config = |name: &str, upstream: &Upstream, model: &str| {
        format!("providers:\n{}models:\n  {model}: {{targets: [{name}/m]}}\n", account(name, "openai", upstream))
    };
    let mut gateway = start(&config("one", &before, "m")).await;
    let stream = open(&gateway, "m").await;
    assert_eq!(status(&gateway, "new").await, 404);
    gateway.write_config(&config("two", &after, "new"));
    becomes("the new model answers", async || status(&gateway, "new").await == 200).await;
    assert_eq!(status(&gateway, "m").await, 404, "and the old one has gone");
    assert!((meter(&gateway, "tollgate_config_generation").await - 2.0).abs() < 0.1);
    let rest = stream.rest().await.text();
    assert!(rest.contains("w14 ") && rest.ends_with("data: [DONE]\n\n"), "{rest}");
    becomes("the record of the stream", async || {
        let records = gateway.records(1).await;
        let streamed = records.iter().find(|record| record["stream"] == true);
        streamed.is_some_and(|record| record["outcome"] == "success" && record["generation"] == 1)
    })
    .await;
    assert_eq!(after.requests().len(), 1);
}

#[tokio::test]
async fn a_broken_file_leaves_the_last_good_one_in_force() {
    let upstream = upstream(3);
    let good = |model: &str| {
        format!("providers:\n{}models:\n  {model}: {{targets: [a/m]}}\n", account("a", "openai", &upstream))
    };
    let mut gateway = start(&good("m")).await;
    let broken = [
        ("not YAML", "providers: [\n".to_owned()),
        ("an unknown field", good("m") + "modles: {}\n"),
        ("an unknown account", good("m").replace("[a/m]", "[b/m]")),
        ("nothing at all", String::new()),
        ("a listen address that is none", good("m") + "admin_listen: somewhere\n"),
    ];
    for (count, (what, text)) in (1..).zip(&broken) {
        gateway.write_config(text);
        if *what == "nothing at all" {
            // An empty file is a good configuration of nothing: it is in force, and so is its end.
            becomes("nothing is offered", async || status(&gateway, "m").await == 404).await;
            gateway.write_config(&good("m"));
            becomes("the model is back", async || status(&gateway, "m").await == 200).await;
            continue;
        }
        let counted = count - i32::from(count > 4);
        becomes(what, async || meter(&gateway, "tollgate_config_refused_total").await > f64::from(counted) - 0.5).await;
        assert_eq!(status(&gateway, "m").await, 200, "{what}");
    }
    let log = gateway.log();
    let told: Vec<Value> =
        log.lines().skip_while(|line| !line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect();
    let unknown = told.iter().find(|entry| entry["code"] == "unknown_field").unwrap_or_else(|| panic!("{log}"));
    assert!(unknown["line"].is_u64() && unknown["fix"].as_str().unwrap().contains("models"), "{unknown}");
    gateway.write_config(&good("mended"));
    becomes("a mended file is taken", async || status(&gateway, "mended").await == 200).await;
}

#[tokio::test]
async fn what_else_lies_beside_the_file_is_none_of_its_business() {
    let gateway = start("providers: { echo: {} }").await;
    for at in 0..20 {
        fs::write(gateway.folder().join("neighbour"), at.to_string()).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((meter(&gateway, "tollgate_config_generation").await - 1.0).abs() < 0.1);
    assert!(gateway.log().lines().count() < 10, "{}", gateway.log());
}

#[tokio::test]
async fn sighup_reads_a_file_that_cannot_be_watched() {
    let gateway = start("providers: { echo: {} }").await;
    // Its directory is elsewhere, as with a link that points into a mounted volume.
    let (elsewhere, file) = (tempfile::tempdir().unwrap(), gateway.folder().join("config.yaml"));
    let real = elsewhere.path().join("real.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&real, &text).unwrap();
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&real, &file).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    fs::write(&real, text + "\nmodels: {loud: {targets: [echo/echo]}}\n").unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(status(&gateway, "loud").await, 404);
    gateway.sighup();
    becomes("SIGHUP is heard", async || status(&gateway, "loud").await == 200).await;
}

#[tokio::test]
async fn an_orderly_end_finishes_what_is_under_way() {
    let mut scene = Scene::of(upstream(75), "").await;
    let stream = open(&scene.gateway, "chat/m").await;
    scene.gateway.sigterm();
    let told = Instant::now();
    becomes("not ready", async || scene.gateway.stranger().get("/ready").send().await.status == 503).await;
    assert_eq!(scene.gateway.stranger().get("/health").send().await.status, 200, "it lives");
    assert_eq!(status(&scene.gateway, "chat/m").await, 200, "calls are still taken while load balancers notice");
    let address = scene.gateway.address();
    becomes("no further connection", async || {
        told.elapsed() > Duration::from_millis(4_500) && tokio::net::TcpStream::connect(address).await.is_err()
    })
    .await;
    let rest = stream.rest().await;
    assert!(
        rest.cut.is_none() && rest.text().contains("w74 ") && rest.text().ends_with("data: [DONE]\n\n"),
        "{}",
        rest.text()
    );
    let ended = scene.gateway.ended(Duration::from_secs(5)).await;
    assert_eq!(ended.code(), Some(0), "{}", scene.gateway.log());
    scene.gateway.restart().await;
    let records = scene.gateway.records(2).await;
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record["outcome"] == "success"), "{records:#?}");
    assert!(records.iter().any(|record| record["usage"]["output"] == 75), "{records:#?}");
}

#[tokio::test]
async fn a_second_signal_ends_at_once_and_still_writes_the_record() {
    for pause in [Duration::from_millis(200), Duration::from_millis(5_500)] {
        let mut scene = Scene::of(upstream(600), "").await;
        let stream = open(&scene.gateway, "chat/m").await;
        scene.gateway.sigterm();
        tokio::time::sleep(pause).await;
        scene.gateway.sigterm();
        let told = Instant::now();
        scene.gateway.ended(Duration::from_secs(3)).await;
        assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
        assert!(stream.rest().await.cut.is_some());
        scene.gateway.restart().await;
        let record = scene.record().await;
        assert_ne!(record["outcome"], "success");
        assert!(record["usage"]["output"].as_u64().unwrap() >= 2, "{record}");
    }
}

#[tokio::test]
async fn the_drain_ends_with_its_time_and_each_call_has_its_record() {
    let hang = Answer::sse(openai_stream(&words(5), None)).cut(700, End::Hang);
    let more = "  kept: {kind: openai, base_url: 'URL', api_key: ${TOLLGATE_TEST_KEY}, on_disconnect: drain}\ndrain_timeout: 1s\n";
    let upstream = Upstream::answering(hang);
    let more = more.replace("URL", &format!("{}/v1", upstream.url()));
    let mut scene = Scene::of(upstream, &more).await;
    let stream = open_any(&scene.gateway, "chat/m").await;
    // Its caller has gone; its answer is read on, and never ends.
    drop(open_any(&scene.gateway, "kept/m").await);
    scene.gateway.sigterm();
    let told = Instant::now();
    let ended = scene.gateway.ended(Duration::from_secs(10)).await;
    assert_eq!(ended.code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(8), "{:?}", told.elapsed());
    drop(stream);
    scene.gateway.restart().await;
    let records = scene.gateway.records(2).await;
    assert_eq!(records.len(), 2, "{records:#?}");
    assert!(records.iter().all(|record| record["usage"]["output"].as_u64() > Some(0)), "{records:#?}");
}

async fn open_any(gateway: &Harness, model: &str) -> Stream {
    let question = with(chat(model), &json!({"stream": true}));
    let mut stream = gateway.client().post(PATH, &question).stream().await;
    stream.until("w0 ").await;
    stream
}
