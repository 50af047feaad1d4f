//! Streams: what the client sees of an upstream that cuts, lies, stalls or says too much.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{
    Answer, Frame, Response, Upstream,
    fixture::{
        anthropic::typed,
        anthropic_stream, anthropic_usage,
        openai::{MODEL, chunk, openai_chunk, openai_usage_chunk},
        openai_chat_text, openai_error, openai_stream, openai_usage, words,
    },
    process,
};

use crate::setup::{NANO, Scene, account, chat, message, payloads, start, text_of, with};

/// ASCII, two, three and four bytes, and a separator that some readers take for the end of a line.
const TEXT: &[&str] = &["Hi ", "h\u{e9}llo ", "\u{65e5}\u{672c} ", "\u{1f389}", "\u{2028}end"];

fn frames() -> Vec<Frame> {
    openai_stream(TEXT, Some(&openai_usage(7, 5)))
}

fn usage_of(record: &Value) -> (u64, u64) {
    let count = |name: &str| record["usage"][name].as_u64().unwrap();
    (count("input"), count("output"))
}

/// What the client learns, without the moment at which a translation was made.
fn learnt(answer: &Response) -> (u16, Vec<Value>) {
    let mut all = payloads(answer);
    for payload in &mut all {
        payload.as_object_mut().unwrap().remove("created");
    }
    (answer.status, all)
}

fn finish_reason(answer: &Response) -> Option<String> {
    let reason = |payload: &Value| payload["choices"][0]["finish_reason"].as_str().map(str::to_owned);
    payloads(answer).iter().find_map(reason)
}

#[tokio::test]
async fn a_stream_cut_into_any_pieces_is_the_same_stream_in_every_lane() {
    let scene = Scene::answering(Answer::new(500)).await;
    let stream = json!({ "stream": true });
    let mut asked = 0;
    for (model, upstream) in [("chat/m", frames()), ("claude/m", anthropic_stream(TEXT, &anthropic_usage(7, 5)))] {
        let whole = Answer::sse(upstream);
        scene.upstream.now_answering(whole.clone());
        let (plain_chat, plain_message) = (scene.chat(model, &stream).await, scene.message(model, &stream).await);
        assert_eq!((plain_chat.status, text_of(&plain_chat)), (200, TEXT.concat()));
        assert_eq!((plain_message.status, text_of(&plain_message)), (200, TEXT.concat()));
        asked += 2;
        for size in (1..=24).chain([61, 997]) {
            scene.upstream.now_answering(whole.clone().split_every(size));
            assert_eq!(learnt(&scene.chat(model, &stream).await), learnt(&plain_chat), "{model} by {size}");
            assert_eq!(learnt(&scene.message(model, &stream).await), learnt(&plain_message), "{model} by {size}");
            asked += 2;
        }
    }
    for record in scene.gateway.records(asked).await {
        assert_eq!((usage_of(&record), &record["usage"]["source"]), ((7, 5), &json!("reported")), "{record}");
    }
}

#[tokio::test]
async fn usage_is_asked_for_and_hidden_from_a_client_that_did_not_ask() {
    let scene = Scene::answering(Answer::sse(frames())).await;
    let options = [Value::Null, json!({}), json!({ "include_usage": null }), json!({ "include_usage": false })];
    let asked = options.map(|options| json!({ "stream": true, "stream_options": options }));
    for more in asked.into_iter().chain([json!({ "stream": true })]) {
        let answer = scene.chat("chat/m", &more).await;
        assert_eq!(scene.upstream.last().json()["stream_options"]["include_usage"], true);
        assert_eq!(text_of(&answer), TEXT.concat());
        assert!(payloads(&answer).iter().all(|payload| payload["usage"].is_null()), "{}", answer.text());
        assert!(answer.text().ends_with("data: [DONE]\n\n"));
    }
    for record in scene.gateway.records(5).await {
        assert_eq!((usage_of(&record), &record["cost"]), ((7, 5), &json!(17 * NANO)));
        assert_eq!(record["served_model"], MODEL);
    }
}

#[tokio::test]
async fn a_client_that_asks_for_usage_gets_it_once_behind_the_finish() {
    let scene = Scene::answering(Answer::sse(frames())).await;
    let ask = json!({ "stream": true, "stream_options": { "include_usage": true } });
    for model in ["chat/m", "claude/m"] {
        if model == "claude/m" {
            scene.upstream.now_answering(Answer::sse(anthropic_stream(TEXT, &anthropic_usage(7, 5))));
        }
        let answer = scene.chat(model, &ask).await;
        let all = payloads(&answer);
        let with_usage: Vec<usize> = (0..all.len()).filter(|at| !all[*at]["usage"].is_null()).collect();
        assert_eq!(with_usage, [all.len() - 1], "{model}: {}", answer.text());
        let last = &all[all.len() - 1];
        assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(12)), "{model}");
        assert_eq!(all[all.len() - 2]["choices"][0]["finish_reason"], "stop", "{model}");
        assert!(answer.text().ends_with("data: [DONE]\n\n"));
    }
}

#[tokio::test]
async fn case_004_refused_stream_options_are_left_out_and_remembered() {
    let upstream = Upstream::by(|seen| {
        if seen.json().get("stream_options").is_some() {
            let message = "Unrecognized request argument supplied: stream_options";
            return openai_error(400, "invalid_request_error", None, message);
        }
        Answer::sse(openai_stream(&words(20), None))
    });
    let scene = Scene::of(upstream, "").await;
    for expected in [2, 3] {
        let answer = scene.stream_chat("chat/m").await;
        assert_eq!((answer.status, text_of(&answer)), (200, words(20).concat()));
        assert_eq!(scene.upstream.requests().len(), expected, "the refusal is remembered");
    }
    let records = scene.gateway.records(2).await;
    for (record, attempts) in records.iter().zip([1, 2]) {
        assert_eq!(record["attempts"].as_array().unwrap().len(), attempts, "{record}");
        assert_eq!(record["usage"]["source"], "estimated");
        assert!(usage_of(record).0 > 0 && usage_of(record).1 >= 20, "{record}");
        assert!(record["cost"].as_i64().unwrap() >= 40 * NANO, "{record}");
    }
    assert_eq!(records[1]["attempts"][0]["failure"], "stream_options_refused");
}

#[tokio::test]
async fn usage_that_comes_often_or_early_is_billed_once() {
    let finish = |usage: &Value| chunk(&json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]), usage);
    let word = |text: &str, usage: &Value| chunk(&json!([{ "index": 0, "delta": { "content": text } }]), usage);
    let done = || Frame::data("[DONE]");
    let cumulative = vec![
        word("one ", &openai_usage(9, 1)),
        word("two", &openai_usage(9, 2)),
        finish(&openai_usage(9, 2)),
        openai_usage_chunk(&openai_usage(9, 2)),
        done(),
    ];
    let with_finish = vec![word("one ", &Value::Null), word("two", &Value::Null), finish(&openai_usage(9, 2)), done()];
    let scene = Scene::answering(Answer::new(500)).await;
    for frames in [cumulative, with_finish] {
        scene.upstream.now_answering(Answer::sse(frames));
        assert_eq!(text_of(&scene.stream_chat("chat/m").await), "one two");
        let message = scene.message("chat/m", &json!({ "stream": true })).await;
        assert_eq!(text_of(&message), "one two");
        let told: Vec<_> =
            payloads(&message).into_iter().filter(|payload| payload["type"] == "message_delta").collect();
        assert_eq!((told.len(), &told[0]["usage"]["output_tokens"]), (1, &json!(2)), "{}", message.text());
    }
    for record in scene.gateway.records(4).await {
        assert_eq!((usage_of(&record), &record["cost"]), ((9, 2), &json!(13 * NANO)), "{record}");
    }
}

#[tokio::test]
async fn a_first_chunk_without_choices_hurts_no_surface() {
    let filter = json!([{ "prompt_index": 0, "content_filter_results": { "hate": { "filtered": false } } }]);
    let first =
        json!({ "id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": filter });
    let mut all = frames();
    all.insert(0, first.into());
    let scene = Scene::answering(Answer::sse(all)).await;
    let answer = scene.stream_chat("chat/m").await;
    assert_eq!((answer.status, text_of(&answer)), (200, TEXT.concat()));
    assert_eq!(payloads(&answer)[0]["prompt_filter_results"], filter);
    let answer = scene.message("chat/m", &json!({ "stream": true })).await;
    assert_eq!((answer.status, text_of(&answer)), (200, TEXT.concat()));
    assert_eq!(payloads(&answer)[0]["message"]["id"], "chatcmpl-1");
    for record in scene.gateway.records(2).await {
        assert_eq!((usage_of(&record), &record["outcome"]), ((7, 5), &json!("success")));
    }
}

#[tokio::test]
async fn a_stream_is_whole_with_its_finish_and_broken_without() {
    let scene = Scene::answering(Answer::new(500)).await;
    let all = frames();
    let without_done = Answer::sse(all[..all.len() - 1].to_vec());
    let without_usage = Answer::sse(all[..all.len() - 2].to_vec());
    let unfinished = Answer::sse(all[..all.len() - 3].to_vec());
    let cut = Answer::sse(all).cut(600, testkit::upstream::End::Reset);
    for (answer, outcome) in
        [(without_done, "success"), (without_usage, "success"), (unfinished, "partial"), (cut, "partial")]
    {
        scene.upstream.now_answering(answer);
        for surface in ["chat", "messages"] {
            let stream = json!({ "stream": true });
            let answer = match surface {
                "chat" => scene.chat("chat/m", &stream).await,
                _ => scene.message("chat/m", &stream).await,
            };
            let ended = finish_reason(&answer).or_else(|| {
                let reason = |payload: &Value| payload["delta"]["stop_reason"].as_str().map(str::to_owned);
                payloads(&answer).iter().find_map(reason)
            });
            let failed = payloads(&answer).iter().any(|payload| payload.get("error").is_some());
            assert_eq!((ended.is_some(), failed), (outcome == "success", outcome == "partial"), "{}", answer.text());
            assert_eq!(answer.cut, None, "the client's own framing is whole");
            assert!(failed || !answer.text().contains("error"), "{}", answer.text());
        }
    }
    let outcomes: Vec<String> =
        scene.gateway.records(8).await.iter().map(|record| record["outcome"].as_str().unwrap().to_owned()).collect();
    let expected = ["partial", "partial", "partial", "partial", "success", "success", "success", "success"];
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn a_stream_that_ends_in_the_middle_of_its_last_line_end_is_whole() {
    let choice = json!([{ "index": 0, "delta": { "content": "all" }, "finish_reason": "stop" }]);
    let usage = openai_usage(7, 1);
    let one = json!({ "id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choice, "usage": usage });
    let scene = Scene::answering(Answer::new(500)).await;
    for end in ["", "\n", "\r\n\r"] {
        scene.upstream.now_answering(Answer::sse([Frame::raw(format!("data: {one}{end}"))]));
        let answer = scene.stream_chat("chat/m").await;
        assert_eq!((answer.text(), answer.status), (format!("data: {one}{end}"), 200));
        let answer = scene.message("chat/m", &json!({ "stream": true })).await;
        let kinds: Vec<_> = payloads(&answer).into_iter().map(|payload| payload["type"].clone()).collect();
        let expected = [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ];
        assert_eq!((kinds, text_of(&answer)), (expected.map(Value::from).to_vec(), "all".to_owned()));
    }
    for record in scene.gateway.records(6).await {
        assert_eq!((usage_of(&record), &record["outcome"]), ((7, 1), &json!("success")), "{record}");
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_kept_alive_and_then_given_up() {
    let mut all = frames();
    let text = all[3].clone().after(Duration::from_millis(700));
    all[3] = text;
    let upstream = Upstream::answering(Answer::sse(all));
    let idle = account("chat", "openai", &upstream).replace("{kind", "{timeouts: {idle: 1200ms}, kind");
    let gateway = start(&format!("providers:\n{idle}keepalive: 200ms\n")).await;
    let ask = || gateway.client().post("/v1/chat/completions", &with(chat("chat/m"), &json!({ "stream": true })));
    let answer = ask().send().await;
    assert!((2..=4).contains(&answer.text().matches(": ping\n\n").count()), "{}", answer.text());
    assert_eq!(text_of(&answer), TEXT.concat());
    let silent = Answer::sse(frames()).cut(700, testkit::upstream::End::Hang);
    upstream.now_answering(silent);
    let begun = Instant::now();
    let answer = ask().send().await;
    assert!((1_100..5_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert!(answer.text().contains("provider_timeout") && text_of(&answer).starts_with("Hi "), "{}", answer.text());
    upstream.until("its reader leave", |seen| seen[1].gone.is_some()).await;
    let record = gateway.records(2).await.remove(0);
    assert_eq!((&record["outcome"], &record["attempts"][0]["failure"]), (&json!("partial"), &json!("timeout")));
}

fn limited() -> Answer {
    let error = json!({ "message": "slow down", "type": "requests", "code": "rate_limit_exceeded" });
    Answer::sse([Frame::from(json!({ "error": error }))])
}

fn broken_after(count: usize) -> Answer {
    let mut all = openai_stream(&words(count), None);
    all.truncate(count + 1);
    all.push(json!({ "error": { "message": "the engine died", "type": "server_error", "code": null } }).into());
    Answer::sse(all)
}

/// A model with a failing first and a good second target.
async fn with_fallback(first: Answer, second: Answer, more: &str) -> (Scene, Upstream) {
    let other = Upstream::answering(second);
    let spare = account("spare", "openai", &other);
    let models = "models:\n  both: {targets: [chat/m, spare/m], retry: {attempts: 1}}\n";
    let scene = Scene::of(Upstream::answering(first), &format!("{spare}{models}{more}")).await;
    (scene, other)
}

#[tokio::test]
async fn an_error_as_first_event_is_an_error_and_falls_back() {
    let (scene, _spare) = with_fallback(limited(), Answer::sse(frames()), "").await;
    let answer = scene.stream_chat("chat/m").await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (429, &json!("provider_rate_limited")));
    let answer = scene.stream_chat("both").await;
    assert_eq!((answer.status, text_of(&answer)), (200, TEXT.concat()));
    assert_eq!(answer.header("x-tollgate-target"), Some("spare/m"));
    let overloaded = typed("error", json!({ "error": { "type": "overloaded_error", "message": "Overloaded" } }));
    scene.upstream.now_answering(Answer::sse([overloaded]));
    let answer = scene.message("claude/m", &json!({ "stream": true })).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["type"]),
        (503, &json!("overloaded_error")),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn case_010_an_error_behind_content_is_told_and_billed_and_nothing_is_repeated() {
    let (scene, spare) = with_fallback(broken_after(8), Answer::sse(frames()), "").await;
    for surface in ["chat", "messages"] {
        let stream = json!({ "stream": true });
        let answer = match surface {
            "chat" => scene.chat("both", &stream).await,
            _ => scene.message("both", &stream).await,
        };
        assert_eq!((answer.status, text_of(&answer)), (200, words(8).concat()));
        let (name, data) = answer.events().pop().unwrap();
        let error: Value = serde_json::from_str(&data).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains("the engine died"), "{error}");
        if surface == "messages" {
            assert_eq!((name.as_deref(), &error["type"]), (Some("error"), &json!("error")));
        }
        assert!(!answer.text().contains("[DONE]"));
    }
    assert_eq!(spare.requests().len(), 0, "text must not be repeated by another model");
    for record in scene.gateway.records(2).await {
        assert_eq!(record["outcome"], "partial");
        assert!(record["usage"]["output"].as_u64().unwrap() >= 8, "{record}");
        assert!(record["cost"].as_i64().unwrap() >= 16 * NANO, "{record}");
        assert_eq!(record["attempts"][0]["failure"], "server");
    }
}

#[tokio::test]
async fn case_011_a_call_without_fallbacks_stays_at_its_first_target() {
    for first in [limited(), openai_error(500, "server_error", None, "no"), broken_after(2)] {
        for choice in [json!({ "disable_fallbacks": true }), json!({ "fallbacks": [] })] {
            let (scene, spare) = with_fallback(first.clone(), Answer::sse(frames()), "").await;
            let answer = scene.chat("both", &with(choice, &json!({ "stream": true }))).await;
            assert!(answer.text().contains("error"), "{}", answer.text());
            assert_eq!((scene.upstream.requests().len(), spare.requests().len()), (1, 0));
            let sent = scene.upstream.last().json();
            assert!(sent.get("fallbacks").is_none() && sent.get("disable_fallbacks").is_none(), "{sent}");
        }
    }
}

#[tokio::test]
async fn case_012_a_silent_stream_is_kept_alive_and_can_still_fall_back() {
    let slow = || Answer::sse(frames()).after(Duration::from_millis(900));
    let (scene, _spare) = with_fallback(slow(), Answer::sse(frames()), "keepalive: 200ms\n").await;
    let (chat_ping, message_ping) = (": ping\n\n", "event: ping\ndata: {\"type\": \"ping\"}\n\n");
    for (surface, ping) in [("chat", chat_ping), ("messages", message_ping)] {
        let begun = Instant::now();
        let body = if surface == "chat" { chat("chat/m") } else { message("chat/m") };
        let path = if surface == "chat" { "/v1/chat/completions" } else { "/v1/messages" };
        let ask = scene.gateway.client().post(path, &with(body, &json!({ "stream": true })));
        let mut stream = ask.stream().await;
        stream.until(ping).await;
        assert!(begun.elapsed() >= Duration::from_millis(150), "{:?}", begun.elapsed());
        let rest = stream.rest().await;
        assert!((2..=5).contains(&rest.text().matches(ping).count()), "{}", rest.text());
        assert_eq!(text_of(&rest), TEXT.concat());
    }
    for record in scene.gateway.records(2).await {
        assert_eq!((usage_of(&record), &record["outcome"]), ((7, 5), &json!("success")));
        assert!(record["time_to_first_token"].as_i64().unwrap() >= 900_000, "{record}");
    }
    scene.upstream.now_answering(limited().after(Duration::from_millis(500)));
    let answer = scene.stream_chat("both").await;
    assert!(answer.text().starts_with(chat_ping), "{}", answer.text());
    assert_eq!(text_of(&answer), TEXT.concat());
    assert_eq!(scene.gateway.records(3).await[0]["target"], "spare/m");
    let answer = scene.message("chat/m", &json!({ "stream": true })).await;
    let (name, data) = answer.events().pop().unwrap();
    assert_eq!((answer.status, name.as_deref()), (200, Some("error")), "{}", answer.text());
    assert!(data.contains("rate_limit_error"), "{data}");
    let record = scene.gateway.records(4).await.remove(0);
    assert_eq!((&record["outcome"], &record["status"]), (&json!("failed"), &json!(200)), "what the client saw");
    assert_eq!(record["error"], "provider_rate_limited");
}

#[tokio::test]
async fn case_013_a_slow_reader_slows_the_upstream_and_costs_no_memory() {
    const MIB: usize = 1 << 20;
    let text = "x".repeat(16 << 10);
    let all: Vec<String> = vec![text; 64 * MIB / (16 << 10)];
    let upstream = Upstream::answering(Answer::sse(openai_stream(&all, None)));
    drop(all);
    // The client's pauses are not the provider's: they must not count as its silence.
    let patient = account("chat", "openai", &upstream).replace("{kind", "{timeouts: {idle: 1500ms}, kind");
    let gateway = start(&format!("providers:\n{patient}")).await;
    let rss = || process::rss_kib(gateway.pid()).unwrap() / 1024;
    for model in ["chat/m", "translated"] {
        let before = rss();
        let (path, body) = match model {
            "chat/m" => ("/v1/chat/completions", chat("chat/m")),
            _ => ("/v1/messages", message("chat/m")),
        };
        let ask = gateway.client().post(path, &with(body, &json!({ "stream": true })));
        let mut stream = ask.stream().await;
        stream.until("xxxx").await;
        let sent = || upstream.last().body_sent / MIB;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let paused = sent();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(sent(), paused, "the upstream is throttled");
        assert!(paused < 40, "{paused} MiB were sent to a client that does not read");
        assert!(rss() < before + 32, "{} MiB, {before} before", rss());
        let mut read = 0;
        while let Some(chunk) = stream.next().await {
            read += chunk.unwrap().len();
        }
        assert!(read > 64 * MIB, "{read}");
        assert!(rss() < before + 32, "{} MiB, {before} before", rss());
    }
}

#[tokio::test]
async fn tool_calls_in_fragments_arrive_whole_on_every_surface() {
    let call = |index: u32, more: Value| {
        openai_chunk(&json!({ "tool_calls": [with(json!({ "index": index }), &more)] }), None)
    };
    let scene = Scene::answering(Answer::sse([
        openai_chunk(&json!({ "role": "assistant", "content": null }), None),
        call(0, json!({ "id": "call_a", "type": "function", "function": { "name": "get_", "arguments": "" } })),
        call(0, json!({ "function": { "name": "weather" } })),
        call(1, json!({ "id": "call_b", "type": "function", "function": { "name": "get_time", "arguments": "" } })),
        call(0, json!({ "function": { "arguments": "{\"city\":" } })),
        call(1, json!({ "function": { "arguments": "{\"zone\":\"" } })),
        call(0, json!({ "function": { "arguments": "\"Oslo\"}" } })),
        call(1, json!({ "function": { "arguments": "CET\"}" } })),
        openai_chunk(&json!({}), Some("tool_calls")),
        Frame::data("[DONE]"),
    ]))
    .await;
    let answer = scene.message("chat/m", &json!({ "stream": true })).await;
    let mut tools = Vec::new();
    let mut inputs = vec![String::new(); 8];
    for payload in payloads(&answer) {
        let at = usize::try_from(payload["index"].as_u64().unwrap_or(7)).unwrap();
        if payload["type"] == "content_block_start" {
            assert_eq!(payload["content_block"]["input"], json!({}));
            tools.push((at, payload["content_block"]["id"].clone(), payload["content_block"]["name"].clone()));
        }
        inputs[at].push_str(payload["delta"]["partial_json"].as_str().unwrap_or_default());
    }
    let expected = [(0, json!("call_a"), json!("get_weather")), (1, json!("call_b"), json!("get_time"))];
    assert_eq!(tools, expected, "{}", answer.text());
    assert_eq!(inputs[..2], ["{\"city\":\"Oslo\"}", "{\"zone\":\"CET\"}"]);
    assert!(answer.text().contains("\"stop_reason\":\"tool_use\""));
    let answer = scene.stream_chat("chat/m").await;
    assert_eq!(answer.text().matches("tool_calls\":[").count(), 7, "relayed as they came");
}

#[tokio::test]
async fn text_beside_tool_calls_is_not_lost() {
    let tool =
        json!([{ "index": 0, "id": "call_a", "type": "function", "function": { "name": "f", "arguments": "{}" } }]);
    let scene = Scene::answering(Answer::sse([
        openai_chunk(&json!({ "role": "assistant", "content": "plain ", "tool_calls": [] }), None),
        openai_chunk(&json!({ "content": "both", "tool_calls": tool }), None),
        openai_chunk(&json!({}), Some("tool_calls")),
        Frame::data("[DONE]"),
    ]))
    .await;
    let answer = scene.stream_chat("chat/m").await;
    assert_eq!(text_of(&answer), "plain both");
    let answer = scene.message("chat/m", &json!({ "stream": true })).await;
    assert_eq!(text_of(&answer), "plain both");
    let started = |payload: &&Value| payload["type"] == "content_block_start";
    let all = payloads(&answer);
    let kinds: Vec<_> = all.iter().filter(started).map(|payload| payload["content_block"]["type"].clone()).collect();
    assert_eq!(kinds, ["text", "tool_use"]);
}

#[tokio::test]
async fn two_choices_stay_apart_and_are_billed_as_reported() {
    let said = |index: u32, text: &str| chunk(&json!([{ "index": index, "delta": { "content": text } }]), &Value::Null);
    let end = |index: u32| chunk(&json!([{ "index": index, "delta": {}, "finish_reason": "stop" }]), &Value::Null);
    let usage = openai_usage(10, 6);
    let scene = Scene::answering(Answer::sse([
        said(0, "a "),
        said(1, "b "),
        said(0, "aa "),
        said(1, "bb "),
        end(1),
        end(0),
        openai_usage_chunk(&usage),
        Frame::data("[DONE]"),
    ]))
    .await;
    let answer = scene.chat("chat/m", &json!({ "stream": true, "n": 2 })).await;
    let text = |index: u64| -> String {
        let all = payloads(&answer);
        let own = all.iter().map(|payload| &payload["choices"][0]).filter(|choice| choice["index"] == index);
        own.map(|choice| choice["delta"]["content"].as_str().unwrap_or_default()).collect()
    };
    assert_eq!((text(0), text(1)), ("a aa ".to_owned(), "b bb ".to_owned()));
    let record = scene.record().await;
    assert_eq!((usage_of(&record), &record["cost"]), ((10, 6), &json!(22 * NANO)));
}

#[tokio::test]
async fn what_is_relayed_arrives_byte_for_byte() {
    let odd = "{\"id\":\"x\", \"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\\u00e9\",\"refusal\":null,\
               \"annotations\":[{\"url\":\"a\"}],\"audio\":{\"id\":\"au\"},\"x_vendor\":{\"b\":1,\"a\":[1e3, 2.50]}},\
               \"logprobs\":{\"content\":[{\"token\":\"h\",\"logprob\":-1.0e-5}]},\"finish_reason\":null}]}";
    let body = format!(
        ": a comment\n\nid: 7\ndata:{odd}\n\ndata: {odd}\r\n\r\nevent: vendor\ndata: {{\"choices\": [] , \"x\" : 1}}\n\n\
         data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
    );
    let scene = Scene::answering(Answer::new(500)).await;
    for size in [usize::MAX / 2, 1, 7, 100] {
        scene.upstream.now_answering(Answer::sse([Frame::raw(body.clone())]).split_every(size));
        let answer = scene.stream_chat("chat/m").await;
        assert_eq!(answer.text(), body, "in pieces of {size}");
    }
    let whole = format!(" {{\"x_first\" : 1.0, {}\n", &odd[1..]);
    scene.upstream.now_answering(Answer::new(200).header("content-type", "application/json").body(whole.clone()));
    assert_eq!(scene.chat("chat/m", &json!({})).await.text(), whole);

    let asked = format!(
        "{{ \"x_vendor\": {{\"b\":1.50,\"a\":\"\\u00e9\"}},\"model\":\"named\" ,\"messages\":[{{\"role\":\"user\",\"content\":\"h\\u00e9 {}\"}}]  }}",
        "/"
    );
    let named = "models:\n  named: {targets: [chat/m]}\n";
    let scene = Scene::of(Upstream::answering(openai_chat_text("x", &openai_usage(1, 1))), named).await;
    let post = scene.gateway.client().request(hyper::Method::POST, "/v1/chat/completions").body(asked.clone());
    assert_eq!(post.header("content-type", "application/json").send().await.status, 200);
    let sent = scene.upstream.last().body;
    assert_eq!(String::from_utf8_lossy(&sent), asked.replace("\"named\"", "\"m\""));
}
