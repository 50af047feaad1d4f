//! Clients that go before the end: what is cancelled, what is read to its end, what is billed, what is given back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Upstream,
    fixture::{anthropic_stream, anthropic_usage, openai_chat_text, openai_stream, openai_usage, words},
};

use crate::setup::{NANO, Scene, account, chat, message, start, with};

const GAP: Duration = Duration::from_millis(5);

/// A stream that takes `count` times five milliseconds.
fn slow(count: usize) -> Answer {
    Answer::sse(openai_stream(&words(count), Some(&openai_usage(7, count as u64)))).gap(GAP)
}

fn streamed(body: Value) -> Value {
    with(body, &json!({ "stream": true }))
}

/// A gateway whose one account reads answers to their end for clients that have gone.
async fn draining(upstream: &Upstream, more: &str) -> Harness {
    let account = account("chat", "openai", upstream).replace("{kind", "{on_disconnect: drain, kind");
    start(&format!("providers:\n{account}{more}")).await
}

/// Leaves a stream behind its 21st word.
async fn leave(gateway: &Harness) {
    let mut stream = gateway.client().post("/v1/chat/completions", &streamed(chat("chat/m"))).stream().await;
    stream.until("w20 ").await;
}

/// Does something while a call is under way, and leaves before the call is answered.
async fn before_its_answer<T>(call: impl Future, meanwhile: impl Future<Output = T>) -> T {
    tokio::select! {
        _ = call => panic!("the answer came too early"),
        done = meanwhile => done,
    }
}

async fn all_is_given_back(gateway: &Harness) {
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_inflight_requests", &[]), Some(0.0));
}

#[tokio::test]
async fn case_020_a_client_that_goes_leaves_one_row_with_what_it_got() {
    let scene = Scene::answering(slow(400)).await;
    let begun = Instant::now();
    for surface in ["chat", "messages", "claude"] {
        let (path, body) = match surface {
            "chat" => ("/v1/chat/completions", chat("chat/m")),
            "messages" => ("/v1/messages", message("chat/m")),
            _ => ("/v1/messages", message("claude/m")),
        };
        if surface == "claude" {
            let frames = anthropic_stream(&words(400), &anthropic_usage(7, 400));
            scene.upstream.now_answering(Answer::sse(frames).gap(GAP));
        }
        let mut stream = scene.gateway.client().post(path, &streamed(body)).stream().await;
        stream.until("w20 ").await;
    }
    let records = scene.gateway.records(3).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waited for the end of a stream");
    for record in &records {
        assert_eq!((&record["outcome"], &record["status"]), (&json!("client_disconnected"), &json!(499)), "{record}");
        let (input, output) = (record["usage"]["input"].as_i64().unwrap(), record["usage"]["output"].as_i64().unwrap());
        assert!((21..200).contains(&output), "neither less than delivered nor all, nor a placeholder: {record}");
        assert_eq!(record["usage"]["source"], "estimated");
        assert!(input > 0);
        assert_eq!(record["cost"], json!(input * NANO + output * 2 * NANO));
    }
    assert_eq!(records[0]["usage"]["input"], 7, "Anthropic tells the prompt's tokens first");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(scene.gateway.records(3).await.len(), 3, "exactly one row each");
    all_is_given_back(&scene.gateway).await;
}

#[tokio::test]
async fn the_bytes_of_a_picture_are_no_words_of_a_prompt() {
    let scene = Scene::answering(slow(400)).await;
    let picture = json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{}", "iVBOR".repeat(200_000)) } });
    let content = json!([{ "type": "text", "text": "What is this?" }, picture]);
    let ask = with(streamed(chat("chat/m")), &json!({ "messages": [{ "role": "user", "content": content }] }));
    let mut stream = scene.gateway.client().post("/v1/chat/completions", &ask).stream().await;
    stream.until("w20 ").await;
    drop(stream);
    let record = scene.record().await;
    let input = record["usage"]["input"].as_u64().unwrap();
    assert!((100..20_000).contains(&input), "a megabyte of base64 is one picture: {input}");
}

#[tokio::test]
async fn case_021_upstream_is_cancelled_within_a_second_or_read_to_its_end() {
    let scene = Scene::answering(slow(1_000)).await;
    leave(&scene.gateway).await;
    let left = Instant::now();
    let seen = scene.upstream.until("its reader leave", |seen| seen[0].gone.is_some()).await;
    assert!(left.elapsed() < Duration::from_secs(1), "{:?}", left.elapsed());
    assert!(seen[0].tokens_sent < 500);

    let silent = Answer::sse(openai_stream(&words(30), None).into_iter().take(25).collect::<Vec<_>>());
    scene.upstream.now_answering(silent.cut(usize::MAX, testkit::upstream::End::Hang));
    leave(&scene.gateway).await;
    let left = Instant::now();
    scene.upstream.until("its silent stream left", |seen| seen[1].gone.is_some()).await;
    assert!(left.elapsed() < Duration::from_secs(1), "{:?}", left.elapsed());

    let upstream = Upstream::answering(slow(200));
    let gateway = draining(&upstream, "").await;
    leave(&gateway).await;
    let record = gateway.records(1).await.remove(0);
    assert!(upstream.last().finished.is_some(), "it was read to its end");
    assert_eq!((&record["outcome"], &record["status"]), (&json!("client_disconnected"), &json!(499)));
    assert_eq!((&record["usage"]["source"], &record["usage"]["output"]), (&json!("reported"), &json!(200)));
    assert_eq!(record["cost"], json!(407 * NANO));
    all_is_given_back(&gateway).await;
}

#[tokio::test]
async fn case_022_answers_above_the_drain_cap_are_cut_and_billed_in_part() {
    let upstream = Upstream::answering(slow(300));
    let gateway = draining(&upstream, "most_drains: 1\n").await;
    tokio::join!(leave(&gateway), leave(&gateway), leave(&gateway));
    upstream.until("two readers leave", |seen| seen.iter().filter(|seen| seen.gone.is_some()).count() == 2).await;
    let mut records = gateway.records(3).await;
    records.sort_by_key(|record| record["usage"]["output"].as_u64());
    let outputs: Vec<u64> = records.iter().map(|record| record["usage"]["output"].as_u64().unwrap()).collect();
    assert!((21..250).contains(&outputs[0]) && (21..250).contains(&outputs[1]) && outputs[2] == 300, "{outputs:?}");
    let sources: Vec<_> = records.iter().map(|record| record["usage"]["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["estimated", "estimated", "reported"]);
    assert_eq!((upstream.truth().finished, upstream.truth().gone), (1, 2));
    all_is_given_back(&gateway).await;
}

#[tokio::test]
async fn case_023_going_before_any_content_leaves_one_row_and_frees_the_place() {
    let thinking = || openai_chat_text("late", &openai_usage(1, 1)).after(Duration::from_secs(20));
    let silent_body = || slow(3).cut(0, testkit::upstream::End::Hang);
    let upstream = Upstream::answering(thinking());
    let config = format!(
        "providers:\n{}keys:\n  - {{name: one, secret: \"${{TOLLGATE_TEST_KEY}}\", parallel: 1}}\n",
        account("chat", "openai", &upstream)
    );
    let gateway = start(&config).await;
    for (turn, (answer, body)) in
        [(thinking(), chat("chat/m")), (silent_body(), streamed(chat("chat/m")))].into_iter().enumerate()
    {
        upstream.now_answering(answer);
        let ask = || gateway.client().post("/v1/chat/completions", &body);
        let refused = before_its_answer(ask().try_stream(), async {
            upstream.until("the question", |seen| seen.len() == 2 * turn + 1).await;
            ask().send().await
        });
        assert_eq!(refused.await.status, 429, "the key's one place is taken");
        upstream.until("its reader leave", |seen| seen.len() == 2 * turn + 1 && seen[2 * turn].gone.is_some()).await;
        let records = gateway.records(3 * turn + 2).await;
        let left = records.iter().find(|record| record["status"] == 499).unwrap();
        assert_eq!((&left["outcome"], &left["status"]), (&json!("client_disconnected"), &json!(499)), "{left}");
        assert_eq!(
            (&left["attempts"][0]["target"], &left["attempts"][0]["failure"]),
            (&json!("chat/m"), &json!("abandoned"))
        );
        assert_eq!((&left["cost"], &left["unpriced"]), (&json!(0), &json!(false)));
        upstream.now_answering(openai_chat_text("free", &openai_usage(1, 1)));
        assert_eq!(gateway.client().post("/v1/chat/completions", &chat("chat/m")).send().await.status, 200);
    }
    assert_eq!(gateway.records(6).await.len(), 6, "one row each");
    all_is_given_back(&gateway).await;
}

#[tokio::test]
async fn a_whole_answer_is_waited_for_and_billed_where_the_account_drains() {
    let upstream = Upstream::answering(openai_chat_text("late", &openai_usage(7, 9)).after(Duration::from_millis(600)));
    let gateway = draining(&upstream, "").await;
    let ask = gateway.client().post("/v1/chat/completions", &chat("chat/m"));
    before_its_answer(ask.try_stream(), upstream.until("the question", |seen| seen.len() == 1)).await;
    let record = gateway.records(1).await.remove(0);
    assert_eq!((&record["outcome"], &record["cost"]), (&json!("client_disconnected"), &json!(25 * NANO)), "{record}");
    assert_eq!(record["target"], "chat/m");
}
