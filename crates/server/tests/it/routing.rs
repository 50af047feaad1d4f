//! Which target is asked, how often, for how long, and what the caller is told when none could answer.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{
    Answer, Harness, Response, Upstream,
    fixture::{openai_chat_text, openai_error, openai_stream, openai_usage, words},
    harness::mint,
    upstream::{End, Frame, refusing},
};

use crate::setup::{Scene, account, chat, message, start, with};

/// A gateway with the accounts `a` and `b`, and models that try `a/NAME` before `b/NAME`.
async fn pair(a: &Upstream, b: &Upstream, names: &[&str]) -> Harness {
    let mut config = format!("providers:\n{}{}models:\n", account("a", "openai", a), account("b", "openai", b));
    for name in names {
        config += &format!("  {name}: {{targets: [a/{name}, b/{name}], retry: {{base: 1ms}}}}\n");
    }
    start(&config).await
}

fn hello() -> Answer {
    openai_chat_text("hello", &openai_usage(7, 3))
}

fn rate_limited(retry_after: &str) -> Answer {
    openai_error(429, "rate_limit_error", None, "slow down").header("retry-after", retry_after)
}

async fn ask(gateway: &Harness, model: &str) -> Response {
    gateway.client().post("/v1/chat/completions", &chat(model)).send().await
}

/// What the body of an answer to an error says, checked for the shape of its dialect.
fn error_of<'a>(body: &'a Value, path: &str) -> &'a Value {
    let error = &body["error"];
    assert!(error["message"].is_string() && error["type"].is_string(), "{body}");
    if path == "/v1/messages" {
        assert_eq!(body["type"], "error", "{body}");
    } else {
        assert!(error["code"].is_string() && (error["param"].is_null() || error["param"].is_string()), "{body}");
        assert!(body.get("type").is_none(), "{body}");
    }
    error
}

#[tokio::test]
async fn a_retry_after_is_waited_for_if_it_fits_and_else_the_next_target_answers() {
    let (a, b) = (Upstream::in_turn([rate_limited("1"), hello()]), Upstream::answering(hello()));
    let gateway = pair(&a, &b, &["fits", "late", "long"]).await;

    let begun = Instant::now();
    let answer = ask(&gateway, "fits").await;
    assert_eq!((answer.status, answer.header("x-tollgate-target")), (200, Some("a/fits")));
    assert!(begun.elapsed() >= Duration::from_secs(1), "the pause was kept");
    assert_eq!((a.requests().len(), b.requests().len()), (2, 0));

    a.now_answering(rate_limited("1"));
    let hasty = gateway.client().post("/v1/chat/completions", &chat("late")).header("x-tollgate-timeout-ms", "800");
    let begun = Instant::now();
    let answer = hasty.send().await;
    assert_eq!((answer.status, answer.header("x-tollgate-target")), (200, Some("b/late")));
    assert!(begun.elapsed() < Duration::from_millis(700), "no time is lost on a pause that does not fit");

    a.now_answering(rate_limited("30"));
    let answer = ask(&gateway, "long").await;
    assert_eq!((answer.status, answer.header("x-tollgate-target")), (200, Some("b/long")));
    assert_eq!(answer.header("x-tollgate-attempts"), Some("2"));
    assert_eq!(a.requests().len(), 4, "one attempt each at `late` and `long`");

    b.now_answering(rate_limited("17"));
    let answer = ask(&gateway, "long").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("30")), "of the target that was asked last");
    assert_eq!(answer.header("retry-after-ms"), Some("30000"));
}

/// The provider's status; how often it is asked; the caller's status.
const STATUSES: &[(u16, usize, u16)] = &[
    (400, 1, 400),
    (401, 1, 502),
    (402, 1, 502),
    (403, 1, 502),
    (404, 1, 404),
    (408, 2, 504),
    (409, 1, 409),
    (413, 1, 413),
    (422, 1, 422),
    (429, 2, 429),
    (500, 2, 500),
    (502, 2, 502),
    (503, 2, 503),
    (504, 2, 504),
    (529, 2, 529),
];

#[tokio::test]
async fn every_upstream_status_has_its_meaning_in_every_dialect() {
    let upstream = Upstream::by(|seen| {
        let status = seen.json()["model"].as_str().unwrap().parse().unwrap();
        let words = format!("the provider says {status}");
        let body = match seen.path.as_str() {
            "/v1/messages" => json!({"type": "error", "error": {"type": "some_error", "message": words}}),
            _ => json!({"error": {"type": "some_error", "message": words, "param": null, "code": null}}),
        };
        Answer::json(status, &body).header("x-request-id", &format!("req_{status}"))
    });
    let models = "models:
  chat-*: {targets: ['chat/*'], retry: {base: 1ms}}
  claude-*: {targets: ['claude/*'], retry: {base: 1ms}}\n";
    let scene = Scene::of(upstream, models).await;
    let cells = ["chat", "claude"].into_iter().flat_map(|provider| {
        ["/v1/chat/completions", "/v1/messages"]
            .into_iter()
            .flat_map(move |path| [false, true].into_iter().map(move |stream| (provider, path, stream)))
    });
    for (provider, path, stream) in cells {
        let asked = STATUSES.iter().map(async |(status, _, _)| {
            let model = format!("{provider}-{status}");
            let question = if path == "/v1/messages" { message(&model) } else { chat(&model) };
            scene.gateway.client().post(path, &with(question, &json!({"stream": stream}))).send().await
        });
        let answers = join_all(asked).await;
        for ((status, tries, told), answer) in STATUSES.iter().zip(answers) {
            let cell = format!("{status} of {provider} for {path}, stream {stream}");
            let body = answer.json();
            assert_eq!(answer.status, *told, "{cell}: {body}");
            let words = error_of(&body, path)["message"].as_str().unwrap();
            if !matches!(status, 401..=403) {
                assert!(words.contains(&format!("the provider says {status}")), "{cell}: {words}");
            }
            assert_eq!(answer.header("x-tollgate-error-source"), Some("provider"), "{cell}");
            assert_eq!(answer.header("x-tollgate-upstream-request-id"), Some(&*format!("req_{status}")), "{cell}");
            let name = status.to_string();
            let asked = scene.upstream.requests().iter().filter(|seen| seen.json()["model"] == *name).count();
            assert_eq!(asked, *tries, "{cell}: attempts");
        }
        scene.upstream.keep(0);
        scene.upstream.keep(usize::MAX);
    }
}

#[tokio::test]
async fn a_target_that_cannot_hold_the_prompt_is_not_asked() {
    let upstream = Upstream::by(|seen| match seen.json()["model"].as_str() {
        Some("gpt-4o") => openai_error(500, "server_error", None, "broken"),
        _ => hello(),
    });
    let models = "models:\n  m: {targets: [chat/gpt-4o, chat/gpt-4], retry: {attempts: 1}}\n";
    let scene = Scene::of(upstream, models).await;
    assert_eq!(scene.chat("m", &json!({})).await.header("x-tollgate-target"), Some("chat/gpt-4"));
    let long = json!({"messages": [{"role": "user", "content": "word ".repeat(10_000)}]});
    assert_eq!(scene.chat("m", &long).await.status, 500, "the failure of the only target that could hold it");
    let asked: Vec<_> = scene.upstream.requests().iter().map(|seen| seen.json()["model"].clone()).collect();
    assert_eq!(asked, ["gpt-4o", "gpt-4", "gpt-4o"]);
    let only_small = scene.chat("chat/gpt-4", &long).await;
    assert_eq!(only_small.status, 200, "a target without an alternative knows its context best");
}

#[tokio::test]
async fn case_092_a_fallback_that_the_key_may_not_use_is_not_asked() {
    let (a, b) =
        (Upstream::answering(openai_error(500, "server_error", None, "a is broken")), Upstream::answering(hello()));
    let (narrow, wide) = (mint(), mint());
    let config = format!(
        "providers:\n{}{}models:\n  m: {{targets: [a/m, b/m], retry: {{attempts: 1}}}}\n\
         keys:\n  - {{name: narrow, secret: {narrow}, models: ['a/*']}}\n  - {{name: wide, secret: {wide}, models: [m]}}\n",
        account("a", "openai", &a),
        account("b", "openai", &b)
    );
    let gateway = start(&config).await;
    let ask = async |key: &str| {
        let bearer = format!("Bearer {key}");
        gateway.stranger().post("/v1/chat/completions", &chat("m")).header("authorization", &bearer).send().await
    };
    let refused = ask(&narrow).await;
    assert_eq!((refused.status, b.requests().len()), (500, 0), "{}", refused.text());
    assert_eq!(refused.json()["error"]["message"], "a is broken");
    let served = ask(&wide).await;
    assert_eq!((served.status, b.requests().len()), (200, 1));
}

#[tokio::test]
async fn an_alias_or_a_wildcard_opens_only_what_the_key_may_use() {
    let upstream = Upstream::answering(hello());
    let key = mint();
    let models = format!(
        "models:\n  cheap: {{targets: [chat/small]}}\n  dear: {{targets: [chat/large]}}\n  both: {{targets: [chat/small, chat/large]}}\n  \
         'any-*': {{targets: ['chat/*']}}\nkeys:\n  - {{name: k, secret: {key}, models: ['chat/small', 'dear-*']}}\n"
    );
    let scene = Scene::of(upstream, &models).await;
    let client = scene.gateway.stranger().with("x-api-key", &key);
    for (model, status) in [
        ("cheap", 200),
        ("both", 200),
        ("any-small", 200),
        ("chat/small", 200),
        ("dear", 403),
        ("any-large", 403),
        ("chat/large", 403),
        ("CHAT/small", 404),
        ("chat/small ", 404),
        ("chat//small", 403),
        ("nothing", 404),
    ] {
        let answer = client.post("/v1/chat/completions", &chat(model)).send().await;
        assert_eq!(answer.status, status, "{model}: {}", answer.text());
        assert!(scene.upstream.requests().iter().all(|seen| seen.json()["model"] == "small"), "{model}");
    }
    let listed = client.get("/v1/models").send().await.json();
    let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert!(names.contains(&"cheap".into()) && !names.contains(&"dear".into()), "{names:?}");
}

#[tokio::test]
async fn case_095_each_timeout_is_its_own_and_a_header_only_lowers() {
    let half = Duration::from_millis(500);
    let upstream = Upstream::by(move |seen| {
        let late = Duration::from_secs(20);
        let frames = || openai_stream(&words(3), Some(&openai_usage(1, 3)));
        match seen.json()["model"].as_str().unwrap() {
            "head" => hello().after(late),
            "body" => hello().cut(20, End::Hang),
            "content" => Answer::sse([frames().remove(0), frames().remove(1).after(late)]),
            "idle" => Answer::sse([frames().remove(0), frames().remove(1), frames().remove(2).after(late)]),
            // Never silent for long, but without an end.
            _ => Answer::sse((0..200).map(|_| frames().remove(1))).gap(Duration::from_millis(100)),
        }
    });
    let route = |name: &str, timeouts: &str| {
        format!("  {name}: {{targets: [chat/{name}], retry: {{attempts: 1}}, timeouts: {{{timeouts}}}}}\n")
    };
    let models = [
        route("head", "answer: 500ms"),
        route("body", "idle: 500ms"),
        route("content", "first_token: 500ms"),
        route("idle", "idle: 500ms"),
        route("total", "total: 500ms"),
    ];
    let scene = Scene::of(upstream, &format!("models:\n{}", models.concat())).await;
    let timed = async |model: &str, stream: bool, header: Option<&str>| {
        let question = with(chat(model), &json!({"stream": stream}));
        let mut request = scene.gateway.client().post("/v1/chat/completions", &question);
        if let Some(millis) = header {
            request = request.header("x-tollgate-timeout-ms", millis);
        }
        let begun = Instant::now();
        let answer = request.send().await;
        (answer, begun.elapsed())
    };
    for (model, stream, header, least) in [
        ("head", false, None, half),
        ("body", false, None, half),
        ("content", true, None, half),
        ("head", false, Some("200"), half * 2 / 5),
        ("content", true, Some("200"), half * 2 / 5),
        ("head", false, Some("60000"), half),
        ("content", true, Some("60000"), half),
    ] {
        let (answer, took) = timed(model, stream, header).await;
        let cell = format!("{model} {header:?}: {} after {took:?}", answer.text());
        assert_eq!(answer.status, 504, "{cell}");
        assert!(took >= least && took < least + half * 16, "{cell}");
    }
    for (model, header, least) in [("idle", None, half), ("total", None, half), ("total", Some("200"), half * 2 / 5)] {
        let (answer, took) = timed(model, true, header).await;
        let cell = format!("{model} {header:?}: {} after {took:?}", answer.text());
        assert_eq!(answer.status, 200, "{cell}");
        assert!(answer.text().contains("provider_timeout") && !answer.text().contains("[DONE]"), "{cell}");
        assert!(took >= least && took < least + half * 16, "{cell}");
    }
    let (answer, _) = timed("head", false, Some("soon")).await;
    assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some("x-tollgate-timeout-ms")));
}

#[tokio::test]
async fn the_time_to_connect_is_bounded_through_the_handshake() {
    // It takes connections and never says a word of TLS.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (mute, dead) = (mute.local_addr().unwrap(), refusing());
    let config = format!(
        "providers:
  mute: {{kind: openai, base_url: 'https://{mute}/v1', api_key: {0}, timeouts: {{connect: 300ms}}}}
  dead: {{kind: openai, base_url: 'http://{dead}/v1', api_key: {0}}}
models:
  mute: {{targets: [mute/m], retry: {{attempts: 1}}}}
  dead: {{targets: [dead/m], retry: {{attempts: 1}}}}\n",
        mint()
    );
    let _listening = std::net::TcpListener::bind(mute);
    let gateway = start(&config).await;
    for model in ["mute", "dead"] {
        let begun = Instant::now();
        let answer = ask(&gateway, model).await;
        assert_eq!(
            (answer.status, answer.header("x-tollgate-error-code")),
            (502, Some("provider_unreachable")),
            "{model}"
        );
        assert!(begun.elapsed() < Duration::from_secs(3), "{model}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn case_096_retries_replay_the_very_bytes() {
    let broken = || openai_error(503, "server_error", None, "later");
    let upstream = Upstream::in_turn([broken(), broken(), hello()]);
    let models = "models:\n  m: {targets: [chat/m], retry: {attempts: 3, base: 1ms}}\n";
    let scene = Scene::of(upstream, models).await;
    // Order, spaces, escapes and unknown fields are the caller's.
    let body =
        r#"{ "z": [1.0, 1e3],  "model":"m","messages":[{"content":"caf\u00e9 é","role":"user"}], "a":{"b":  null} }"#;
    let path = "/v1/chat/completions";
    let answer = scene.gateway.client().request(http::Method::POST, path).body(body).send().await;
    assert_eq!((answer.status, answer.header("x-tollgate-attempts")), (200, Some("3")));
    let seen = scene.upstream.requests();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].body, body.as_bytes());
    for again in &seen[1..] {
        assert_eq!(again.body, seen[0].body);
        assert_eq!(again.headers, seen[0].headers);
    }
    let record = scene.record().await;
    let failures: Vec<_> =
        record["attempts"].as_array().unwrap().iter().map(|attempt| attempt["failure"].clone()).collect();
    assert_eq!(failures, [json!("overloaded"), json!("overloaded"), Value::Null]);
}

#[tokio::test]
async fn content_that_was_sent_is_never_sent_twice() {
    let cut = || {
        let frames: Vec<Frame> = openai_stream(&words(5), None).into_iter().take(4).collect();
        let answer = Answer::sse(frames);
        let length = answer.body_len();
        answer.cut(length, End::Reset)
    };
    let (a, b) = (Upstream::answering(cut()), Upstream::answering(hello()));
    let gateway = pair(&a, &b, &["m"]).await;
    let question = with(chat("m"), &json!({"stream": true}));
    let answer = gateway.client().post("/v1/chat/completions", &question).send().await;
    let text = answer.text();
    assert_eq!((answer.status, a.requests().len(), b.requests().len()), (200, 1, 0), "{text}");
    assert_eq!(text.matches("w0 ").count(), 1, "{text}");
    assert!(text.contains("\"error\"") && !text.contains("[DONE]"), "{text}");
    assert_eq!(gateway.records(1).await[0]["outcome"], "partial");
}
