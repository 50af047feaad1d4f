//! Limits and budgets, as callers meet them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Response, Upstream,
    fixture::{
        anthropic_message_text, anthropic_usage, openai_chat_text, openai_error, openai_stream, openai_usage, words,
    },
};

use crate::setup::{NANO, Scene, account, chat, message, with};

/// An upstream whose answers use ten tokens of each kind: 30 of [`NANO`].
fn tens() -> Upstream {
    Upstream::by(|seen| {
        let body = seen.json();
        match (seen.path.as_str(), body["stream"] == true) {
            ("/v1/messages", _) => anthropic_message_text("hello", &anthropic_usage(10, 10)),
            (_, true) => Answer::sse(openai_stream(&words(10), Some(&openai_usage(10, 10)))),
            _ => openai_chat_text("hello", &openai_usage(10, 10)),
        }
    })
}

async fn scene(limits: &str) -> Scene {
    Scene::of(tens(), &format!("limits:\n{limits}")).await
}

/// What limits say of a refusal.
fn code(answer: &Response) -> (u16, Option<&str>, Option<&str>) {
    (answer.status, answer.header("x-tollgate-error-code"), answer.header("x-tollgate-error-source"))
}

/// The amounts that a record took of counters, by counter.
fn charges(record: &Value) -> Vec<(String, i64)> {
    let all = record["charges"].as_array().cloned().unwrap_or_default();
    let mut all: Vec<_> = all
        .iter()
        .map(|charge| (charge["counter"].as_str().unwrap().to_owned(), charge["amount"].as_i64().unwrap()))
        .collect();
    all.sort();
    all
}

async fn at_once(gateway: &Harness, count: usize, body: &Value) -> Vec<Response> {
    let asked = (0..count).map(|_| gateway.client().post("/v1/chat/completions", body).send());
    futures_util::future::join_all(asked).await
}

#[tokio::test]
async fn case_082_of_ten_at_once_one_has_room_and_nine_are_refused() {
    let upstream = Upstream::answering(openai_chat_text("hi", &openai_usage(10, 80)).after(Duration::from_millis(300)));
    let scene = Scene::of(upstream, "limits: { tpm: { caps: [{ tokens: 100, window: minute }] } }\n").await;
    let answers = at_once(&scene.gateway, 10, &with(chat("chat/m"), &json!({ "max_tokens": 80 }))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 9, "{statuses:?}");
    assert_eq!(scene.upstream.requests().len(), 1);
}

#[tokio::test]
async fn case_074_a_budget_that_fits_three_lets_three_of_a_hundred_through() {
    let upstream =
        Upstream::answering(openai_chat_text("hi", &openai_usage(0, 1_000)).after(Duration::from_millis(300)));
    // An answer costs 2000 of NANO at most, and its question a little.
    let scene = Scene::of(upstream, "limits: { budget: { caps: [{ spend: 0.0065, window: lifetime }] } }\n").await;
    let answers = at_once(&scene.gateway, 100, &with(chat("chat/m"), &json!({ "max_tokens": 1000 }))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 3);
    assert_eq!(scene.upstream.requests().len(), 3);
    let refused = answers.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!(code(refused), (429, Some("budget_exceeded"), Some("limit")));
    let text = refused.text();
    assert!(text.contains("`budget`") && text.contains("$0.0065") && text.contains("left"), "{text}");
    assert_eq!(refused.json()["error"]["type"], "insufficient_quota");
    let records = scene.gateway.records(100).await;
    let booked: i64 = records.iter().flat_map(charges).map(|(_, amount)| amount).sum();
    assert_eq!(booked, 3 * 2_000 * NANO, "what was booked is what was used");
}

#[tokio::test]
async fn case_083_what_was_held_and_not_used_comes_back() {
    let scene = scene("  tpm: { caps: [{ tokens: 5000, window: 1h }] }\n").await;
    for call in 0..20 {
        // Without `max_tokens` the most that may be assumed is held: 4096.
        let answer = scene.chat("chat/m", &json!({})).await;
        assert_eq!(answer.status, 200, "{call}: {}", answer.text());
    }
    let big = scene.chat("chat/m", &json!({ "max_tokens": 4_900 })).await;
    assert_eq!(code(&big), (429, Some("rate_limit_exceeded"), Some("limit")), "{}", big.text());
    let record = scene.gateway.records(21).await;
    assert_eq!(charges(&record[1]), [("tpm/tokens/1h".to_owned(), 20)]);
}

#[tokio::test]
async fn case_075_whatever_becomes_of_a_call_its_place_comes_back() {
    let ends = [
        Answer::json(500, &json!({ "error": { "message": "down" } })),
        Answer::close(),
        Answer::reset(),
        Answer::raw(b"nonsense".to_vec()),
        openai_error(400, "invalid_request_error", None, "bad"),
        openai_chat_text("a bluebird", &openai_usage(10, 10)),
        Answer::sse(openai_stream(&words(10), Some(&openai_usage(10, 10)))).cut(200, testkit::upstream::End::Close),
        Answer::silence(),
        openai_chat_text("hello", &openai_usage(10, 10)),
    ];
    let config = "limits:\n  one: { caps: [{ concurrency: 1 }, { tokens: 1000, window: lifetime }, { spend: 0.002, window: lifetime }] }\n\
                  guardrails: [{ name: g, kind: keywords, settings: { words: [bluebird] } }]\n\
                  models: { it: { targets: [chat/m], retry: { attempts: 1 } } }\n";
    let scene = Scene::of(Upstream::in_turn(ends), config).await;
    let ask = |more: Value| {
        let body = with(with(chat("it"), &json!({ "max_tokens": 800 })), &more);
        scene.gateway.client().post("/v1/chat/completions", &body).header("x-tollgate-timeout-ms", "700").send()
    };
    for end in 0..8 {
        let answer = ask(json!({ "stream": end == 6 })).await;
        assert_ne!(answer.status, 429, "{end}: {}", answer.text());
    }
    let blocked = ask(json!({ "messages": [{ "role": "user", "content": "bluebird" }] })).await;
    assert_eq!(blocked.status, 400, "{}", blocked.text());
    let last = ask(json!({})).await;
    assert_eq!(last.status, 200, "{}", last.text());
    let records = scene.gateway.records(10).await;
    for record in &records {
        let charged = charges(record);
        let spent = charged.iter().find(|(counter, _)| counter.contains("/spend/")).map_or(0, |(_, amount)| *amount);
        assert_eq!(spent, record["cost"].as_i64().unwrap_or(0), "{record}");
    }
}

#[tokio::test]
async fn case_086_a_caller_who_goes_leaves_its_place() {
    let slow = Answer::sse(openai_stream(&words(100), Some(&openai_usage(1, 100)))).gap(Duration::from_millis(50));
    let scene =
        Scene::of(Upstream::answering(slow), "limits: { few: { per: [key], caps: [{ concurrency: 2 }] } }\n").await;
    let open = async || {
        let body = with(chat("chat/m"), &json!({ "stream": true }));
        let mut stream = scene.gateway.client().post("/v1/chat/completions", &body).stream().await;
        stream.until("w1 ").await;
        stream
    };
    let (one, two) = (open().await, open().await);
    let refused = scene.chat("chat/m", &json!({})).await;
    assert_eq!(code(&refused), (429, Some("concurrency_limit"), Some("limit")));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.text().contains("`few`") && refused.text().contains("key="), "{}", refused.text());
    drop(one);
    let begun = Instant::now();
    loop {
        let body = with(chat("chat/m"), &json!({ "stream": true }));
        let stream = scene.gateway.client().post("/v1/chat/completions", &body).stream().await;
        if stream.status == 200 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "the place of a caller who has gone");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(two);
}

#[tokio::test]
async fn case_087_a_refusal_says_which_limit_and_when_to_come_back() {
    let scene =
        scene("  rpm: { per: [key], caps: [{ requests: 2, window: 30s }, { tokens: 9000, window: minute }] }\n").await;
    let first = scene.chat("chat/m", &json!({ "max_tokens": 10 })).await;
    assert_eq!(first.header("x-ratelimit-limit-requests"), Some("2"));
    assert_eq!(first.header("x-ratelimit-remaining-requests"), Some("1"));
    assert_eq!(first.header("x-ratelimit-reset-requests"), Some("30s"));
    assert_eq!(first.header("x-ratelimit-limit-tokens"), Some("9000"));
    let second = scene.message("claude/m", &json!({})).await;
    assert_eq!(second.header("anthropic-ratelimit-requests-remaining"), Some("0"), "{}", second.text());
    assert_eq!(second.header("anthropic-ratelimit-tokens-limit"), Some("9000"));
    assert!(
        second.header("anthropic-ratelimit-requests-reset").is_some_and(|at| at.ends_with('Z') && at.contains('T'))
    );
    let third = scene.chat("chat/m", &json!({ "max_tokens": 10 })).await;
    assert_eq!(code(&third), (429, Some("rate_limit_exceeded"), Some("limit")));
    let seconds: u64 = third.header("retry-after").unwrap().parse().unwrap();
    let millis: u64 = third.header("retry-after-ms").unwrap().parse().unwrap();
    assert!((25..=31).contains(&seconds) && millis.div_ceil(1000) == seconds, "{seconds} {millis}");
    assert_eq!(third.header("x-ratelimit-remaining-requests"), Some("0"));
    assert!(third.header("x-should-retry").is_none(), "half a minute is worth waiting for");
    let text = third.text();
    for word in ["`rpm`", "key=", "2 requests", "0 requests left", "resets at"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let anthropic = scene.message("claude/m", &json!({})).await;
    assert_eq!(anthropic.json()["error"]["type"], "rate_limit_error", "{}", anthropic.text());
}

#[tokio::test]
async fn case_079_a_free_model_goes_on_and_its_paid_fallback_does_not() {
    let free = tens();
    let free_account = account("free", "openai", &free).replace("input: 1, output: 2", "input: 0, output: 0");
    let config = format!(
        "{free_account}models: {{ both: {{ targets: [free/m, chat/m], retry: {{ attempts: 1 }} }} }}\n\
         limits: {{ budget: {{ caps: [{{ spend: 0.0001, window: lifetime }}] }} }}\n"
    );
    let scene = Scene::of(tens(), &config).await;
    // 30 of NANO each: three fit, but for what a question may cost at most.
    let mut paid = 0;
    while scene.chat("chat/m", &json!({ "max_tokens": 10 })).await.status == 200 {
        paid += 1;
    }
    assert!((2..=3).contains(&paid), "{paid}");
    assert_eq!(scene.chat("free/m", &json!({})).await.status, 200);
    assert_eq!(scene.chat("both", &json!({})).await.header("x-tollgate-target"), Some("free/m"));
    let before = scene.upstream.requests().len();
    free.now_answering(openai_error(500, "server_error", None, "down"));
    let answer = scene.chat("both", &json!({})).await;
    assert_eq!(code(&answer), (429, Some("budget_exceeded"), Some("limit")), "{}", answer.text());
    assert_eq!(scene.upstream.requests().len(), before, "the paid one was not asked");
}

#[tokio::test]
async fn case_085_requests_and_tokens_are_counted_apart() {
    let scene = scene(
        "  rpm: { caps: [{ requests: 3, window: minute }] }\n  tpm: { caps: [{ tokens: 100000, window: minute }] }\n",
    )
    .await;
    for _ in 0..3 {
        assert_eq!(scene.chat("chat/m", &json!({ "max_tokens": 10 })).await.status, 200);
    }
    let refused = scene.chat("chat/m", &json!({ "max_tokens": 10 })).await;
    assert!(refused.status == 429 && refused.text().contains("`rpm`"), "{}", refused.text());
    let tokens: u64 = refused.header("x-ratelimit-remaining-tokens").unwrap().parse().unwrap();
    assert_eq!(tokens, 100_000 - 60, "who is refused by one takes nothing of the other");
}

#[tokio::test]
async fn case_077_every_limit_names_itself() {
    for (per, named) in [
        ("per: [key]", "key="),
        ("per: [end_user]", "end_user=bob"),
        ("per: [metadata.tenant]", "metadata.tenant=acme"),
        ("per: [provider]", "provider=chat"),
        ("per: [model]", "model=m"),
        ("per: [organization]", "organization=default"),
        ("per: [end_user, provider]", "end_user=bob,provider=chat"),
        ("when: { providers: [openai] }", "`it` allows"),
        ("when: { metadata: { tenant: [acme] } }", "`it` allows"),
    ] {
        let scene = scene(&format!("  it: {{ {per}, caps: [{{ requests: 1, window: day }}] }}\n")).await;
        let more = json!({ "user": "bob", "metadata": { "tenant": "acme" } });
        assert_eq!(scene.chat("chat/m", &more).await.status, 200, "{per}");
        let refused = scene.chat("chat/m", &more).await;
        assert_eq!(refused.status, 429, "{per}");
        let text = refused.text();
        for word in [named, "1 requests used", "0 requests left", "resets at"] {
            assert!(text.contains(word), "{per}: {word}: {text}");
        }
        assert_eq!(refused.header("x-should-retry"), Some("false"), "nobody waits for tomorrow");
        assert!(refused.header("retry-after").is_some());
    }
}

#[tokio::test]
async fn sec_040_limits_are_not_passed_by_numbers_or_names() {
    let scene = scene(
        "  tokens: { caps: [{ tokens: 100000, window: day }] }\n  each: { per: [end_user], caps: [{ requests: 2, window: day }] }\n",
    )
    .await;
    for bad in ["-1", "-80", "1.5", "1e308", "99999999999999999999", "\"NaN\"", "\"many\"", "[]", "true"] {
        for name in ["max_tokens", "max_completion_tokens", "n"] {
            let body = format!(r#"{{"model":"chat/m","messages":[{{"role":"user","content":"hi"}}],"{name}":{bad}}}"#);
            let answer = scene.gateway.client().post("/v1/chat/completions", &json!({})).body(body).send().await;
            assert_eq!(answer.status, 400, "{name}: {bad}: {}", answer.text());
            assert!(answer.text().contains(name), "{}", answer.text());
        }
    }
    // As many answers as are asked for are held.
    let many = scene.chat("chat/m", &json!({ "max_tokens": 100, "n": 5000 })).await;
    assert_eq!(code(&many).1, Some("rate_limit_exceeded"), "{}", many.text());
    assert_eq!(many.header("x-should-retry"), Some("false"), "not even in an empty window");
    // Whoever names nobody shares a counter with all who do; a name of one's own is of no use without a limit that allows it.
    for status in [200, 200, 429, 429] {
        assert_eq!(scene.chat("chat/m", &json!({ "max_tokens": 10 })).await.status, status);
    }
    assert_eq!(scene.upstream.requests().len(), 2);
}

#[tokio::test]
async fn a_limit_warns_downgrades_and_only_then_refuses() {
    let cheap = tens();
    let other = account("spare", "openai", &cheap);
    let config = format!(
        "{other}models: {{ small: {{ targets: [spare/m] }} }}\nlimits:\n  project:\n    when: {{ models: ['*'] }}\n    \
         caps: [{{ requests: 10, window: day }}]\n    steps: [{{ at: 50%, do: warn }}, {{ at: 80%, do: downgrade, to: small }}]\n"
    );
    let scene = Scene::of(tens(), &config).await;
    for call in 0..8 {
        let answer = scene.chat("chat/m", &json!({})).await;
        assert_eq!((answer.status, answer.header("x-tollgate-target")), (200, Some("chat/m")), "{call}");
    }
    for _ in 8..10 {
        let answer = scene.chat("chat/m", &json!({})).await;
        assert_eq!((answer.status, answer.header("x-tollgate-target")), (200, Some("spare/m")));
        assert_eq!(answer.header("x-tollgate-downgraded-by"), Some("project"));
    }
    assert_eq!(scene.chat("chat/m", &json!({})).await.status, 429);
    assert_eq!((scene.upstream.requests().len(), cheap.requests().len()), (8, 2));
    let record = &scene.gateway.records(11).await[1];
    assert_eq!((&record["downgraded_by"], &record["model"]), (&json!("project"), &json!("chat/m")));
    let log = scene.gateway.log();
    assert_eq!(log.matches("a share of a limit is used up").count(), 1, "once: {log}");
    let metrics = scene.gateway.metrics().await;
    for (decision, count) in [("warn", 1.0), ("downgrade", 3.0)] {
        let counted = metrics.sum("tollgate_limit_decisions_total", &[("decision", decision)]).unwrap();
        assert!((counted - count).abs() < 0.5, "{decision}: {counted}");
    }
}

#[tokio::test]
async fn a_limit_that_only_watches_counts_and_refuses_nothing() {
    let scene = scene("  watch: { mode: audit, caps: [{ requests: 2, window: day }] }\n").await;
    for _ in 0..4 {
        assert_eq!(scene.chat("chat/m", &json!({})).await.status, 200);
    }
    let records = scene.gateway.records(4).await;
    let would: Vec<_> = records.iter().map(|record| record["would_refuse"].clone()).collect();
    assert_eq!(would, [json!(["watch"]), json!(["watch"]), Value::Null, Value::Null]);
    assert!(records.iter().all(|record| charges(record) == [("watch/requests/day@UTC".to_owned(), 1)]));
}

#[tokio::test]
async fn a_call_may_wait_for_room() {
    let upstream = Upstream::answering(openai_chat_text("hi", &openai_usage(1, 1)).after(Duration::from_millis(300)));
    let limits =
        "limits: { one: { caps: [{ concurrency: 1 }], steps: [{ at: 100%, do: queue, wait: 2s, places: 2 }] } }\n";
    let scene = Scene::of(upstream, limits).await;
    let answers = at_once(&scene.gateway, 6, &chat("chat/m")).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 3, "one at once, and two that waited");
    assert!(answers.iter().filter(|answer| answer.status == 429).count() == 3);
}

#[tokio::test]
async fn case_078_every_route_takes_its_place() {
    let config = "limits: { none: { caps: [{ requests: 0, window: day }] } }\n";
    let scene = Scene::of(tens(), &format!("{config}models: {{ g: {{ targets: [chat/m] }} }}\n")).await;
    let text = json!({ "model": "chat/m", "input": "hello", "prompt": "hello", "query": "hello", "documents": ["a"],
        "texts": ["a"], "voice": "alloy", "document": { "type": "document_url", "document_url": "https://a.example/a.pdf" },
        "messages": [{ "role": "user", "content": "hello" }], "max_tokens": 10 });
    let gemini = json!({ "contents": [{ "role": "user", "parts": [{ "text": "hello" }] }] });
    let converse = json!({ "messages": [{ "role": "user", "content": [{ "text": "hello" }] }] });
    let anthropic = json!({ "anthropic_version": "bedrock-2023-05-31", "max_tokens": 10, "messages": [{ "role": "user", "content": "hi" }] });
    let routes = [
        ("/v1/chat/completions", &text),
        ("/v1/messages", &text),
        ("/v1/responses", &text),
        ("/v1/completions", &text),
        ("/v1/embeddings", &text),
        ("/v1/rerank", &text),
        ("/v2/rerank", &text),
        ("/v2/chat", &text),
        ("/v1/images/generations", &text),
        ("/v1/audio/speech", &text),
        ("/v1/moderations", &text),
        ("/v1/ocr", &text),
        ("/v1beta/models/g:generateContent", &gemini),
        ("/v1beta/models/g:streamGenerateContent", &gemini),
        ("/model/g/converse", &converse),
        ("/model/g/converse-stream", &converse),
        ("/model/g/invoke", &anthropic),
    ];
    for (path, body) in routes {
        let answer = scene.gateway.client().post(path, body).send().await;
        assert_eq!(code(&answer), (429, Some("rate_limit_exceeded"), Some("limit")), "{path}: {}", answer.text());
    }
    let counted = scene.gateway.client().post("/v1/messages/count_tokens", &message("claude/m")).send().await;
    assert_ne!(counted.status, 429, "counting is free");
    assert_eq!(scene.upstream.requests().iter().filter(|seen| !seen.path.contains("count_tokens")).count(), 0);
}

#[tokio::test]
async fn a_limit_that_is_changed_counts_on_and_one_of_another_window_begins_anew() {
    let mut scene = scene("  it: { caps: [{ requests: 3, window: day }] }\n").await;
    for _ in 0..3 {
        assert_eq!(scene.chat("chat/m", &json!({})).await.status, 200);
    }
    assert_eq!(scene.chat("chat/m", &json!({})).await.status, 429);
    let config =
        |limits: &str| format!("providers:\n{}limits:\n  it: {limits}\n", account("chat", "openai", &scene.upstream));
    let (more, other) =
        (config("{ caps: [{ requests: 4, window: day }] }"), config("{ caps: [{ requests: 3, window: month }] }"));
    scene.gateway.write_config(&more);
    let allowed = until_allowed(&scene).await;
    assert_eq!((allowed, scene.chat("chat/m", &json!({})).await.status), (200, 429), "one more, and no more than that");
    scene.gateway.write_config(&other);
    until_allowed(&scene).await;
    for status in [200, 200, 429] {
        assert_eq!(scene.chat("chat/m", &json!({})).await.status, status);
    }
}

/// Asks until a new configuration is in force.
async fn until_allowed(scene: &Scene) -> u16 {
    let begun = Instant::now();
    loop {
        let status = scene.chat("chat/m", &json!({})).await.status;
        if status == 200 || begun.elapsed() > Duration::from_secs(3) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_was_used_counts_after_a_restart() {
    let limits = "  day: { caps: [{ requests: 3, window: day }] }\n  money: { caps: [{ spend: 1, window: lifetime }] }\n  \
                  hour: { per: [key], caps: [{ tokens: 100000, window: 1h }] }\n";
    let mut scene = scene(limits).await;
    for _ in 0..2 {
        assert_eq!(scene.chat("chat/m", &json!({ "max_tokens": 10 })).await.status, 200);
    }
    scene.gateway.records(2).await;
    scene.gateway.restart().await;
    let third = scene.chat("chat/m", &json!({ "max_tokens": 10 })).await;
    assert_eq!(third.status, 200);
    let tokens: u64 = third.header("x-ratelimit-remaining-tokens").unwrap().parse().unwrap();
    assert!((99_000..100_000 - 40).contains(&tokens), "{tokens}");
    assert_eq!(scene.chat("chat/m", &json!({ "max_tokens": 10 })).await.status, 429);
}
