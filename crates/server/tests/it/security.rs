//! What must not get in: keys, fields and headers that claim more than they may.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{
    Answer, Harness, Upstream,
    fixture::{openai_chat_text, openai_stream, openai_usage, words},
    harness::mint,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    secrets::canaries,
    setup::{Scene, chat, message, start},
};

const PATH: &str = "/v1/chat/completions";

fn hello() -> Answer {
    openai_chat_text("hello", &openai_usage(7, 3))
}

/// `count` texts that are no key, of every sort.
fn bad_keys(count: usize, good: &str) -> impl Iterator<Item = String> + '_ {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    (0..count).map(move |at| {
        let place = draw(good.len());
        let other = char::from(b'!' + u8::try_from(draw(94)).unwrap());
        match at % 8 {
            0 => "' OR 1=1--".to_owned() + &at.to_string(),
            1 => (0..draw(200)).map(|_| char::from(b'!' + u8::try_from(draw(94)).unwrap())).collect(),
            2 => good[..place].to_owned(),
            3 => format!("{good}{other}"),
            4 => format!(
                "{}{}{}",
                &good[..place],
                if good[place..].starts_with(other) { '~' } else { other },
                &good[place + 1..]
            ),
            5 => good.to_uppercase(),
            6 => format!("tg_live_{}", "a".repeat(draw(120))),
            _ => format!("{}_{}", good.rsplit_once('_').unwrap().0, "00000000"),
        }
    })
}

/// Sends `GET /v1/models` with each of these lines as its credential over one connection, and returns the bodies.
async fn ask_all(gateway: &Harness, credentials: impl Iterator<Item = String> + Send + 'static) -> Vec<(u16, String)> {
    let (mut from, mut to) = TcpStream::connect(gateway.address()).await.unwrap().into_split();
    let asking = async move {
        let mut count = 0;
        let mut batch = String::new();
        for line in credentials {
            batch += &format!("GET /v1/models HTTP/1.1\r\nhost: gateway\r\n{line}\r\n\r\n");
            count += 1;
            if batch.len() > 30_000 {
                to.write_all(batch.as_bytes()).await.unwrap();
                batch.clear();
            }
        }
        to.write_all((batch + "GET /health HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        count
    };
    let mut back = Vec::new();
    let (count, read) = tokio::join!(asking, from.read_to_end(&mut back));
    read.unwrap();
    let text = String::from_utf8(back).unwrap();
    let answers = text.split("HTTP/1.1 ").skip(1).map(|answer| {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[..3].parse().unwrap(), body.to_owned())
    });
    let answers: Vec<_> = answers.take(count).collect();
    assert_eq!(answers.len(), count);
    answers
}

#[tokio::test]
async fn a_hundred_thousand_bad_keys_get_one_answer_and_no_lookup() {
    let gateway = start("providers: { echo: {} }").await;
    let forms = ["authorization: Bearer ", "x-api-key: ", "api-key: ", "authorization: Basic ", "Authorization: "];
    let good = gateway.key().to_owned();
    let each = 25_000;
    let keys: Vec<Vec<String>> = (0..4)
        .map(|part| {
            let keys = bad_keys(each * 4, &good).skip(part * each).take(each).enumerate();
            keys.map(|(at, key)| format!("{}{}", forms[at % forms.len()], if key.is_empty() { "x" } else { &key }))
                .collect()
        })
        .collect();
    let answers =
        futures_util::future::join_all(keys.into_iter().map(|keys| ask_all(&gateway, keys.into_iter()))).await;
    let mut answers: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(answers.len(), 100_000);
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 1, "identical answers: {answers:#?}");
    assert_eq!(answers[0].0, 401);
    let lookups = async || gateway.metrics().await.sum("tollgate_key_lookups_total", &[]).unwrap_or_default();
    assert!(lookups().await < 0.5, "a malformed key is not looked up");
    // Nobody has this one, but it might exist.
    let unknown = format!("authorization: Bearer {}", mint());
    let twice = ask_all(&gateway, std::iter::repeat_n(unknown, 2)).await;
    assert_eq!(twice, [answers[0].clone(), answers[0].clone()], "an unknown key is told apart by nothing");
    assert!((lookups().await - 1.0).abs() < 0.5, "and asked of the store once");
}

#[tokio::test]
async fn the_time_of_a_refusal_tells_nothing_of_the_key() {
    let gateway = start("providers: { echo: {} }").await;
    let good = gateway.key().to_owned();
    // The id of a key that exists with another secret, a key that does not exist, and no key at all.
    let (id, other) = (good.split('_').nth(2).unwrap(), mint());
    let wrong = other.replacen(other.split('_').nth(2).unwrap(), id, 1);
    let wrong = {
        let head = wrong.rsplit_once('_').unwrap().0;
        format!("{head}_{:08x}", crc32(head.as_bytes()))
    };
    let kinds = [("wrong secret", wrong), ("unknown", mint()), ("malformed", "x".repeat(good.len()))];
    let mut times = [const { Vec::new() }; 3];
    let mut socket = TcpStream::connect(gateway.address()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    for round in 0..1_500 {
        for ((_, key), times) in kinds.iter().zip(&mut times) {
            let request = format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n");
            let begun = Instant::now();
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut back = Vec::new();
            while !back.ends_with(b"}}") {
                socket.read_buf(&mut back).await.unwrap();
            }
            if round >= 100 {
                times.push(begun.elapsed());
            }
            assert!(back.starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&back));
        }
    }
    let medians = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    println!("median time of a refusal: {:?}", kinds.iter().map(|(kind, _)| kind).zip(medians).collect::<Vec<_>>());
    // The two that could tell whether a key exists do the same work. Machines are noisy: a lookup or a slow hash would show.
    assert!(medians[0].abs_diff(medians[1]) < Duration::from_millis(1), "{medians:?}");
}

/// The checksum of a key's text: CRC-32 of zlib, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[tokio::test]
async fn sec_004_a_key_means_the_same_in_every_header() {
    let upstream = Upstream::answering(hello());
    let (key, other) = (mint(), mint());
    let keys = format!(
        "keys:\n  - {{name: narrow, secret: {key}, models: [chat/m]}}\n  - {{name: wide, secret: {other}, models: ['*']}}\n"
    );
    let scene = Scene::of(upstream, &keys).await;
    let ask = async |model: &str, headers: &[(&str, String)], query: &str| {
        let mut request = scene.gateway.stranger().post(&format!("{PATH}{query}"), &chat(model));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await;
        (answer.status, answer.json()["error"].clone())
    };
    let bearer = |key: &str| format!("Bearer {key}");
    let forms = [
        ("authorization", bearer(&key)),
        ("Authorization", format!("bearer  {key} ")),
        ("authorization", format!("BEARER {key}")),
        ("x-api-key", key.clone()),
        ("api-key", key.clone()),
        ("x-goog-api-key", key.clone()),
        ("X-Goog-Api-Key", key.clone()),
    ];
    let refusal = ask("claude/m", &forms[..1], "").await;
    assert_eq!(refusal.0, 403);
    for form in &forms {
        assert_eq!(ask("chat/m", std::slice::from_ref(form), "").await.0, 200, "{}", form.0);
        assert_eq!(ask("claude/m", std::slice::from_ref(form), "").await, refusal, "{}", form.0);
    }
    assert_eq!(ask("chat/m", &forms, "").await.0, 200, "the same key in all of them");
    let records = scene.gateway.records(1).await;
    assert!(records.iter().all(|record| record["key_name"] == "narrow"));

    for (name, value) in &forms[3..6] {
        let both = [("authorization", bearer(&other)), (*name, value.clone())];
        let (status, error) = ask("chat/m", &both, "").await;
        assert_eq!((status, &error["code"]), (400, &json!("conflicting_credentials")), "{name}");
    }
    let twice = [("authorization", bearer(&key)), ("authorization", bearer(&other))];
    assert_eq!(ask("chat/m", &twice, "").await.0, 400);
    let nonsense = [("authorization", bearer(&key)), ("x-api-key", "nonsense".to_owned())];
    assert_eq!(ask("chat/m", &nonsense, "").await.0, 400);

    let asked = scene.upstream.requests().len();
    for name in ["key", "api_key", "api-key", "access_token", "x-api-key"] {
        assert_eq!(ask("chat/m", &[], &format!("?{name}={key}")).await.0, 401, "{name}");
    }
    assert_eq!(ask("chat/m", &forms[..1], &format!("?a=b&key={key}")).await.0, 401, "not even beside a good one");
    for value in [format!("Basic {key}"), key.clone(), "Bearer".to_owned(), "Bearer ".to_owned()] {
        assert_eq!(ask("chat/m", &[("authorization", value.clone())], "").await.0, 401, "{value}");
    }
    assert_eq!(scene.upstream.requests().len(), asked);
}

#[tokio::test]
async fn case_103_a_caller_cannot_choose_where_a_call_goes_or_what_pays_for_it() {
    let scene = Scene::answering(hello()).await;
    for (field, value) in [
        ("api_base", json!("http://127.0.0.1:1")),
        ("base_url", json!("http://127.0.0.1:1")),
        ("api_key", json!("mine")),
        ("api_version", json!("1")),
        ("custom_llm_provider", json!("openai")),
        ("extra_headers", json!({"authorization": "mine"})),
        ("user_config", json!({})),
        ("litellm_params", json!({})),
        ("model_list", json!([])),
        ("mock_response", json!("free")),
        ("fallbacks", json!(["claude/m"])),
    ] {
        let mut more = json!({});
        more[field] = value;
        for answer in [scene.chat("chat/m", &more).await, scene.message("claude/m", &more).await] {
            let body = answer.json();
            assert_eq!(
                (answer.status, answer.header("x-tollgate-error-code")),
                (400, Some("forbidden_field")),
                "{field}: {body}"
            );
            assert!(body["error"]["message"].as_str().unwrap().contains(field), "{body}");
        }
    }
    let client = scene.gateway.client();
    for body in [
        r#"{"model":"chat/m","messages":[],"api_b\u0061se":"http://127.0.0.1:1"}"#,
        r#"{"\u0061pi_base":"x","model":"chat/m","messages":[]}"#,
        r#"{"model":"chat/m","mod\u0065l":"claude/m","messages":[]}"#,
        r#"{"model":"chat/m","messages":[],"model":"claude/m"}"#,
    ] {
        let answer = client.request(http::Method::POST, PATH).body(body).send().await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    assert!(scene.upstream.requests().is_empty());
}

#[tokio::test]
async fn sec_009_headers_and_fields_lead_nobody_elsewhere() {
    let evil = Upstream::answering(hello());
    let scene = Scene::answering(hello()).await;
    let (url, host) = (evil.url(), evil.address().to_string());
    for name in [
        "x-portkey-custom-host",
        "x-tollgate-custom-host",
        "x-litellm-api-base",
        "helicone-target-url",
        "x-openai-base-url",
        "x-tollgate-provider-key",
    ] {
        let answer = scene.gateway.client().post(PATH, &chat("chat/m")).header(name, &url).send().await;
        assert_eq!((answer.status, answer.header("x-tollgate-error-code")), (400, Some("forbidden_field")), "{name}");
    }
    assert!(scene.upstream.requests().is_empty());
    for (name, value) in [
        ("x-forwarded-host", &host),
        ("forwarded", &format!("host={host}")),
        ("x-original-url", &url),
        ("x-rewrite-url", &url),
        ("host", &host),
        ("x-http-method-override", &"GET".to_owned()),
        ("x-forwarded-proto", &"http".to_owned()),
    ] {
        let answer = scene.gateway.client().post(PATH, &chat("chat/m")).header(name, value).send().await;
        assert_eq!(answer.status, 200, "{name} means nothing here: {}", answer.text());
    }
    for field in ["api_base", "base_url", "custom_llm_provider", "extra_headers"] {
        let mut more = json!({});
        more[field] = json!(url);
        assert_eq!(scene.chat("chat/m", &more).await.status, 400, "{field}");
    }
    for more in [json!({"metadata": {"api_base": url}}), json!({"user": url}), json!({"proxy": url, "endpoint": url})] {
        assert_eq!(scene.chat("chat/m", &more).await.status, 200, "data of the call: {more}");
    }
    assert!(evil.requests().is_empty());
}

#[tokio::test]
async fn sec_014_only_listed_headers_reach_the_provider() {
    let upstream = Upstream::by(|seen| match seen.path.as_str() {
        "/v1/messages" => testkit::fixture::anthropic_message_text("hi", &testkit::fixture::anthropic_usage(1, 1)),
        _ => hello(),
    });
    let keys = [canaries(), canaries()];
    let config = format!(
        "providers:
  chat: {{kind: openai, base_url: '{0}/v1', api_key: '{1}', forward_headers: [x-experiment], headers: {{x-team: search}}}}
  claude: {{kind: anthropic, base_url: '{0}', api_key: '{2}'}}\n",
        upstream.url(),
        keys[0][0],
        keys[1][1]
    );
    let gateway = start(&config).await;
    let client = gateway
        .client()
        .with("cookie", "session=1")
        .with("x-forwarded-for", "203.0.113.9")
        .with("x-real-ip", "203.0.113.9")
        .with("forwarded", "for=203.0.113.9")
        .with("proxy-authorization", "Basic eDp5")
        .with("connection", "x-secret")
        .with("x-secret", "1")
        .with("te", "trailers")
        .with("via", "1.1 x")
        .with("referer", "https://inside.example")
        .with("origin", "https://inside.example")
        .with("user-agent", "client/1")
        .with("accept-encoding", "gzip")
        .with("x-api-key", gateway.key())
        .with("openai-organization", "org-1")
        .with("openai-project", "proj-1")
        .with("x-stainless-lang", "python")
        .with("anthropic-version", "2023-01-01")
        .with("anthropic-beta", "one-beta")
        .with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .with("x-request-id", "mine")
        .with("x-tollgate-metadata", "{\"a\":\"b\"}")
        .with("x-experiment", "blue");
    let names = |seen: &testkit::Seen| {
        let mut names: Vec<_> = seen.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names
    };
    let usual = ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"];
    let cell = async |path: &str, model: &str, own: &[&str]| {
        let question = if path == PATH { chat(model) } else { message(model) };
        let answer = client.post(path, &question).send().await;
        assert_eq!(answer.status, 200, "{path} {model}: {}", answer.text());
        let seen = upstream.last();
        let mut expected: Vec<_> = usual.iter().chain(own).map(|name| (*name).to_owned()).collect();
        expected.sort();
        assert_eq!(names(&seen), expected, "{path} {model}");
        let text = format!("{seen:?}");
        assert!(!text.contains(gateway.key()) && !text.contains("203.0.113") && !text.contains("client/1"), "{text}");
        seen
    };
    let seen = cell(PATH, "chat/m", &["authorization", "x-experiment", "x-team"]).await;
    assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {}", keys[0][0])));
    assert_eq!((seen.header("x-experiment"), seen.header("accept-encoding")), (Some("blue"), Some("identity")));
    let seen = cell("/v1/messages", "claude/m", &["anthropic-version", "anthropic-beta", "x-api-key"]).await;
    assert_eq!((seen.header("x-api-key"), seen.header("anthropic-version")), (Some(&*keys[1][1]), Some("2023-01-01")));
    let seen = cell(PATH, "claude/m", &["anthropic-version", "x-api-key"]).await;
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"), "our translation speaks its own version");
    cell("/v1/messages", "chat/m", &["authorization", "x-team"]).await;
}

#[tokio::test]
async fn sec_015_only_listed_headers_of_the_provider_reach_the_caller() {
    let dressed = |answer: Answer| {
        answer
            .header("set-cookie", "session=1")
            .header("openai-organization", "org-1")
            .header("openai-processing-ms", "5")
            .header("server", "inside-proxy/1.2")
            .header("via", "1.1 inside.example")
            .header("x-envoy-upstream-service-time", "3")
            .header("x-internal-host", "10.0.0.7")
            .header("alt-svc", "h3=\":443\"")
            .header("access-control-allow-origin", "*")
            .header("x-tollgate-target", "forged")
            .header("trailer", "x-more")
            .header("connection", "x-odd")
    };
    let upstream = Upstream::by(move |seen| match (seen.json()["stream"] == true, seen.json()["model"] == "bad") {
        (_, true) => dressed(testkit::fixture::openai_error(422, "bad", None, "no")),
        (true, _) => {
            dressed(Answer::sse(openai_stream(&words(2), Some(&openai_usage(1, 2)))).header("x-request-id", "req_1"))
        }
        _ => dressed(hello()),
    });
    let scene = Scene::of(upstream, "").await;
    let listed = [
        "cache-control",
        "content-length",
        "content-type",
        "date",
        "request-id",
        "transfer-encoding",
        "x-accel-buffering",
        "x-request-id",
        "x-should-retry",
        "x-tollgate-attempts",
        "x-tollgate-cost-usd",
        "x-tollgate-error-code",
        "x-tollgate-error-source",
        "x-tollgate-target",
        "x-tollgate-unpriced",
        "x-tollgate-upstream-request-id",
    ];
    for (model, stream) in [("chat/m", false), ("chat/m", true), ("chat/bad", false), ("chat/bad", true)] {
        let answer = scene.chat(model, &json!({"stream": stream})).await;
        for name in answer.headers.keys() {
            assert!(listed.contains(&name.as_str()), "{model}, stream {stream}: {name} reached the caller");
        }
        assert_ne!(answer.header("x-tollgate-target"), Some("forged"));
        assert!(answer.header("x-tollgate-upstream-request-id").is_some_and(|id| id.starts_with("req_")));
    }
}

#[tokio::test]
async fn case_104_invented_names_make_no_metric_series() {
    let scene = Scene::answering(hello()).await;
    let series = async || scene.gateway.metrics().await.samples().len();
    let client = scene.gateway.client();
    let ask = async |model: &str| client.post(PATH, &chat(model)).send().await.status;
    for (model, status) in [("chat/m", 200), ("chat/invented", 200), ("invented", 404)] {
        assert_eq!(ask(model).await, status, "{model}");
    }
    scene.gateway.records(3).await;
    let before = series().await;
    for at in 0..200 {
        assert_eq!(ask(&format!("chat/invented-{at}")).await, 200);
        assert_eq!(ask(&format!("invented-{at}")).await, 404);
    }
    assert_eq!(series().await, before);
    let text = client.get("/metrics").send().await.text();
    assert!(!text.contains("invented"), "{text}");
}
