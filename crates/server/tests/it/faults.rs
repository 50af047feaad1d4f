//! Every way in which a provider was ever seen to fail, for each kind of answer and every pair of dialects: each ends in a
//! defined error or at the next target, and none hangs.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use testkit::{
    Answer, Frame, Harness, Response, Seen, Upstream,
    fixture::{
        anthropic_message_text, anthropic_stream, anthropic_usage, openai_chat_text, openai_stream, openai_usage, words,
    },
    harness::mint,
    upstream::{End, refusing},
};

use crate::setup::{chat, message, start, text_of, with};

const PATHS: [&str; 2] = ["/v1/chat/completions", "/v1/messages"];

/// What the caller must see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// A whole answer.
    Served,
    /// An error with this status; another target could have answered.
    Failed(u16),
    /// The beginning of a stream, and then an error in its dialect.
    Cut,
}
use Fate::{Cut, Failed, Served};

/// A fault, what becomes of an answer that was asked for whole, and of a stream.
const FAULTS: &[(&str, Fate, Fate)] = &[
    ("none", Served, Served),
    ("refuse", Failed(502), Failed(502)),
    ("reset", Failed(502), Failed(502)),
    ("close", Failed(502), Failed(502)),
    ("half-a-head", Failed(502), Failed(502)),
    ("no-http", Failed(502), Failed(502)),
    ("hang", Failed(504), Failed(504)),
    ("hang-after-head", Failed(504), Failed(504)),
    ("hang-inside", Failed(504), Cut),
    ("reset-inside", Failed(502), Cut),
    ("close-inside", Failed(502), Cut),
    ("empty", Failed(502), Failed(502)),
    ("long-length", Failed(502), Served),
    ("short-length", Failed(502), Cut),
    ("bad-utf8", Failed(502), Cut),
    ("bad-json", Failed(502), Cut),
    ("empty-object", Failed(502), Failed(502)),
    ("json-list", Failed(502), Failed(502)),
    ("html", Failed(502), Failed(502)),
    ("html-502", Failed(502), Failed(502)),
    ("gzip", Failed(502), Failed(502)),
    ("interim", Served, Served),
    ("redirect", Failed(502), Failed(502)),
    ("error-in-200", Failed(502), Failed(502)),
    ("no-done", Served, Served),
    ("two-dones", Served, Served),
    ("giant", Served, Served),
    ("one-byte-pieces", Served, Served),
];

fn whole(anthropic: bool, text: &str) -> Answer {
    match anthropic {
        true => anthropic_message_text(text, &anthropic_usage(7, 3)),
        false => openai_chat_text(text, &openai_usage(7, 3)),
    }
}

fn frames(anthropic: bool, words: &[String]) -> Vec<Frame> {
    match anthropic {
        true => anthropic_stream(words, &anthropic_usage(7, 3)),
        false => openai_stream(words, Some(&openai_usage(7, 3))),
    }
}

/// The answer of a provider with the fault that the model's name says.
fn faulty(seen: &Seen) -> Answer {
    let body = seen.json();
    let (anthropic, stream) = (seen.path == PATHS[1], body["stream"] == true);
    let good = || if stream { Answer::sse(frames(anthropic, &words(3))) } else { whole(anthropic, "w0 w1 w2 ") };
    // Where the first content of a stream, or a good part of a whole answer, has been sent.
    let inside = || {
        let all = frames(anthropic, &words(3));
        let before_last = all.iter().take(if anthropic { 5 } else { 3 }).cloned();
        if stream { Answer::sse(before_last.clone()).body_len() } else { 40 }
    };
    let broken = |bytes: &[u8]| match stream {
        true => {
            let mut all = frames(anthropic, &words(3));
            let last = all.len() - 3;
            all.truncate(last);
            all.push(Frame::raw([b"data: ", bytes, b"\n\n"].concat()));
            Answer::sse(all)
        }
        false => Answer::new(200).header("content-type", "application/json").body(bytes),
    };
    let error = json!({"type": "error", "error": {"type": "api_error", "message": "broken inside", "code": null, "param": null}});
    match body["model"].as_str().unwrap() {
        "reset" => Answer::reset(),
        "close" => Answer::close(),
        "half-a-head" => Answer::raw("HTTP/1.1 200 OK\r\ncontent-ty"),
        "no-http" => Answer::raw("SSH-2.0-OpenSSH_9.6\r\n"),
        "hang" => Answer::silence(),
        "hang-after-head" => good().cut(0, End::Hang),
        "hang-inside" => good().cut(inside(), End::Hang),
        "reset-inside" => good().cut(inside(), End::Reset),
        "close-inside" => good().cut(inside(), End::Close),
        "empty" if stream => Answer::sse([]),
        "empty" => Answer::json(200, &json!({})).body(""),
        "long-length" => good().claims_length(99_999),
        "short-length" => good().claims_length(inside() as u64),
        "bad-utf8" if stream => broken(b"{\"id\":\"\xff\xfe\",\"choices\":[],\"type\":\"content_block_delta\"}"),
        "bad-utf8" => {
            let text = String::from_utf8(whole(anthropic, "broken").wire().pop().unwrap()).unwrap();
            let (before, after) = text.split_once("broken").unwrap();
            broken(&[before.as_bytes(), b"\xff\xfe", after.as_bytes()].concat())
        }
        "empty-object" if stream => Answer::sse([Frame::data("{}"), Frame::data("[DONE]")]),
        "empty-object" => broken(b"{}"),
        "bad-json" => broken(b"{\"id\": \"x\", \"choices\": [}"),
        "json-list" if stream => Answer::json(200, &json!([])),
        "json-list" => Answer::json(200, &json!([{"id": "x"}])),
        "html" => Answer::new(200).header("content-type", "text/html").body("<html>Welcome to the proxy</html>"),
        "html-502" => Answer::new(502).header("content-type", "text/html").body("<html><h1>Bad Gateway</h1></html>"),
        "gzip" => good().gzip(),
        "interim" => good().interim(100).interim(103),
        "redirect" => Answer::redirect(307, "http://169.254.169.254/latest"),
        "error-in-200" if stream => Answer::sse([Frame::event("error", &error)]),
        "error-in-200" => Answer::json(200, &error),
        "no-done" if stream => {
            let mut all = frames(anthropic, &words(3));
            all.pop();
            Answer::sse(all)
        }
        "two-dones" if stream => {
            let all = frames(anthropic, &words(3));
            let last = all.last().unwrap().clone();
            Answer::sse(all.into_iter().chain([last]))
        }
        "giant" if stream => Answer::sse(frames(anthropic, &["x".repeat(10 << 20)])),
        "giant" => whole(anthropic, &"x".repeat(10 << 20)),
        "one-byte-pieces" => good().split_every(1),
        _ => good(),
    }
}

/// A gateway in front of the faulty provider: `FAULT-chat` and `FAULT-claude` have one target, `saved-FAULT-...` a second.
async fn gateway(upstream: &Upstream) -> Harness {
    let mut config = String::from("providers:\n");
    for (name, kind, path) in [("chat", "openai", "/v1"), ("claude", "anthropic", "")] {
        for (prefix, url) in [("", upstream.url()), ("dead-", format!("http://{}", refusing()))] {
            let timeouts = "timeouts: {first_token: 1s, answer: 1s, idle: 1s, total: 8s}";
            config += &format!(
                "  {prefix}{name}: {{kind: {kind}, base_url: '{url}{path}', api_key: {}, {timeouts}}}\n",
                mint()
            );
        }
    }
    config += "models:\n";
    for (fault, _, _) in FAULTS {
        for account in ["chat", "claude"] {
            let target =
                if *fault == "refuse" { format!("dead-{account}/refuse") } else { format!("{account}/{fault}") };
            // Ten megabytes take a debug build a while.
            let timeouts = if *fault == "giant" {
                ", timeouts: {first_token: 20s, answer: 20s, idle: 20s, total: 20s}"
            } else {
                ""
            };
            let more = format!("retry: {{attempts: 1}}{timeouts}");
            config += &format!("  {fault}-{account}: {{targets: [{target}], {more}}}\n");
            config += &format!("  saved-{fault}-{account}: {{targets: [{target}, {account}/good], {more}}}\n");
        }
    }
    start(&config).await
}

async fn ask(gateway: &Harness, path: &str, model: &str, stream: bool) -> (Response, Duration) {
    let question = if path == PATHS[1] { message(model) } else { chat(model) };
    let begun = Instant::now();
    let answer = gateway.client().post(path, &with(question, &json!({"stream": stream}))).send().await;
    (answer, begun.elapsed())
}

/// Whether the answer is whole, in the words of its dialect.
fn is_whole(answer: &Response, path: &str, stream: bool) -> bool {
    let text = answer.text();
    match (path == PATHS[1], stream) {
        (true, true) => {
            text.contains("\"stop_reason\":\"end_turn\"")
                && !text.contains("event: error")
                && !text_of(answer).is_empty()
        }
        (false, true) => {
            !text.contains("\"error\"") && text.contains("\"finish_reason\":\"stop\"") && !text_of(answer).is_empty()
        }
        (true, false) => answer.json()["content"][0]["text"].is_string(),
        (false, false) => answer.json()["choices"][0]["message"]["content"].is_string(),
    }
}

fn check(cell: &str, expected: Fate, (path, stream): (&str, bool), (answer, took): &(Response, Duration)) {
    let shown: String = answer.text().chars().take(1_500).collect();
    let cell = format!("{cell}: {} after {took:?}: {shown}", answer.status);
    assert!(answer.cut.is_none() && *took < Duration::from_secs(60), "{cell}");
    assert!(!shown.contains("127.0.0.1") && !shown.contains("169.254"), "{cell}");
    match expected {
        Served => assert!(answer.status == 200 && is_whole(answer, path, stream), "{cell}"),
        Failed(status) => {
            assert_eq!(answer.status, status, "{cell}");
            let body = answer.json();
            assert!(body["error"]["message"].as_str().is_some_and(|words| !words.is_empty()), "{cell}");
            assert_eq!(body["type"] == "error", path == PATHS[1], "{cell}");
            assert_eq!(answer.header("x-tollgate-error-source"), Some("provider"), "{cell}");
        }
        Cut => {
            let event = if path == PATHS[1] { "event: error\n" } else { "data: {\"error\":" };
            let text = answer.text();
            assert!(answer.status == 200 && text.contains("w0 ") && text.matches(event).count() == 1, "{cell}");
            assert!(!text.contains("[DONE]") && !text.contains("event: message_stop"), "{cell}");
        }
    }
}

#[tokio::test]
async fn a_broken_provider_ends_in_a_defined_error_or_at_the_next_target() {
    let upstream = Upstream::by(faulty);
    let gateway = gateway(&upstream).await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for (fault, of_whole, of_stream) in FAULTS {
        let cells = ["chat", "claude"].into_iter().flat_map(|account| {
            PATHS.into_iter().flat_map(move |path| [false, true].into_iter().map(move |stream| (account, path, stream)))
        });
        let asked: Vec<_> = join_all(cells.map(async |(account, path, stream)| {
            let alone = ask(&gateway, path, &format!("{fault}-{account}"), stream).await;
            let saved = ask(&gateway, path, &format!("saved-{fault}-{account}"), stream).await;
            (account, path, stream, alone, saved)
        }))
        .await;
        for (account, path, stream, alone, saved) in asked {
            let expected = if stream { *of_stream } else { *of_whole };
            // A target that has just failed is not asked first, so that a stream may be spared its cut.
            let spared = expected == Cut && is_whole(&saved.0, path, stream);
            let rescued = if spared || matches!(expected, Failed(_)) { Served } else { expected };
            for (what, expected, answer) in [("alone", expected, &alone), ("with a second target", rescued, &saved)] {
                let cell = format!("{fault} of {account} for {path}, stream {stream}, {what}");
                count += 1;
                let checked = std::panic::catch_unwind(|| check(&cell, expected, (path, stream), answer));
                wrong.extend(checked.is_err().then_some(cell));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cells: {wrong:#?}", wrong.len());
    let inflight = gateway.metrics().await.sum("tollgate_inflight_requests", &[]);
    assert_eq!(inflight, Some(0.0), "no call is left behind");
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}
