//! What must not get out: secrets are planted, everything is provoked into talking, and then everything is searched.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use testkit::{
    Answer, Frame, Harness, Upstream,
    fixture::{openai_chat_text, openai_stream, openai_usage, words},
    harness::mint,
    upstream::End,
};

use crate::{
    keys::keys,
    setup::{Scene, chat, message, with},
};

const PATH: &str = "/v1/chat/completions";

fn hello() -> Answer {
    openai_chat_text("hello", &openai_usage(7, 3))
}

/// A text that nobody else has.
fn random() -> String {
    mint().split('_').nth(3).unwrap().to_owned()
}

/// Secrets as providers make them, and one that looks like no secret at all.
pub fn canaries() -> [String; 4] {
    let plain: String = random().chars().filter(char::is_ascii_lowercase).collect();
    [format!("sk-proj-{}", random()), random(), format!("correct-horse-{plain}"), format!("AIza{}", random())]
}

#[tokio::test]
async fn sec_016_a_log_entry_is_one_line_of_json() {
    let key = canaries()[0].clone();
    let nasty = format!("a\r\nb\u{1b}[31mred\u{1b}[0m\0\u{7f}\u{202e}c {key} \"quoted\" {{}}");
    let told = nasty.clone();
    let upstream = Upstream::by(move |seen| {
        if seen.json()["model"] == "good" {
            hello()
        } else {
            testkit::fixture::openai_error(500, &told, Some(&told), &told)
        }
    });
    let scene = Scene::of(upstream, "").await;
    for model in ["chat/good".to_owned(), "chat/bad".to_owned(), format!("chat/{nasty}"), nasty.clone()] {
        for text in [nasty.clone(), format!("{nasty}{}", "x".repeat(10 << 20))] {
            let more =
                json!({"messages": [{"role": "user", "content": text}], "user": nasty, "metadata": {"a": nasty}});
            scene.chat(&model, &more).await;
        }
    }
    // A surrogate without its other half.
    let lone =
        format!("{{\"model\":\"chat/\\ud800\",\"messages\":[{{\"role\":\"user\",\"content\":\"\\udfff {key}\"}}]}}");
    scene.gateway.client().request(http::Method::POST, PATH).body(lone).send().await;
    scene.gateway.client().get("/\u{1b}[31m").header("user-agent", &key).try_stream().await.ok();
    scene.gateway.records(9).await;
    let log = scene.gateway.log();
    // What the configuration is warned of comes before the log begins.
    let lines: Vec<_> = log.lines().skip_while(|line| !line.starts_with('{')).collect();
    assert!(lines.iter().filter(|line| line.contains("provider_error")).count() >= 2, "{log}");
    for line in lines {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        assert!(entry["level"].is_string() && entry["message"].is_string(), "{line}");
        assert!(line.len() < 8_000 && !line.bytes().any(|byte| byte < b' ' || byte == 0x7f), "{line}");
        assert!(!line.contains(&key), "a key in the log: {line}");
    }
    assert!(!log.contains("xxxxxxxx"), "a prompt is not logged");
}

/// Every file below a folder that holds one of these texts.
fn holding(folder: &Path, texts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, texts));
        } else {
            let bytes = fs::read(&path).unwrap();
            let held = texts.iter().filter(|text| bytes.windows(text.len()).any(|window| window == text.as_bytes()));
            found.extend(held.map(|text| format!("{} holds {text}", path.display())));
        }
    }
    found
}

/// A provider that repeats the credential that it was sent wherever it can.
fn parrot() -> Upstream {
    Upstream::by(|seen| {
        let sent = seen.header("authorization").or(seen.header("x-api-key")).unwrap();
        let key = sent.strip_prefix("Bearer ").unwrap_or(sent);
        let said =
            format!("bad key {key} (Bearer {key}) at http://10.0.0.7/?api_key={key} [{key}] '{key}',{key};x={key}");
        let error = json!({"error": {"message": said, "type": key, "code": key, "param": key}});
        let anthropic = json!({"type": "error", "error": {"type": key, "message": said}});
        let body = if seen.path.starts_with("/v1/messages") { &anthropic } else { &error };
        let model = seen.json()["model"].as_str().unwrap().to_owned();
        let frames = || openai_stream(&words(2), None).into_iter().take(2).collect::<Vec<_>>();
        let answer = match model.as_str() {
            "first" => Answer::sse([Frame::from(body.clone())]),
            "later" => Answer::sse(frames().into_iter().chain([Frame::from(body.clone())])),
            "inside" => Answer::json(200, body),
            "text" => Answer::new(500).body(said),
            "html" => Answer::new(502).header("content-type", "text/html").body(format!("<p>{said}</p>")),
            "moved" => Answer::redirect(302, &format!("http://10.0.0.7/?key={key}")),
            "cut" => Answer::json(500, body).cut(90, End::Reset),
            status => Answer::json(status.parse().unwrap(), body),
        };
        answer.header("x-request-id", &format!("req-{key}")).header("x-key", key).header("set-cookie", key)
    })
}

/// Calls that make a parrot talk, on every surface, and what the callers were told.
async fn provoke(gateway: &Harness) -> String {
    let mut told = String::new();
    for account in ["chat", "claude", "plain", "google"] {
        for model in [
            "400", "401", "403", "404", "413", "422", "429", "500", "503", "first", "later", "inside", "text", "html",
            "moved", "cut",
        ] {
            for path in [PATH, "/v1/messages", "/v1/messages/count_tokens"] {
                for stream in [false, true] {
                    let question = if path == PATH {
                        chat(&format!("{account}/{model}"))
                    } else {
                        message(&format!("{account}/{model}"))
                    };
                    let question = if path.ends_with("count_tokens") {
                        question
                    } else {
                        with(question, &json!({"stream": stream}))
                    };
                    let answer = gateway.client().post(path, &question).send().await;
                    told += &format!(
                        "{path} {account}/{model} {stream}: {} {:?} {}\n",
                        answer.status,
                        answer.headers,
                        answer.text()
                    );
                }
            }
        }
    }
    told
}

async fn with_parrot(canaries: &[String; 4]) -> (Upstream, Harness) {
    let upstream = parrot();
    let config = format!(
        "providers:
  chat: {{kind: openai, base_url: '{0}/v1', api_key: '${{ONE}}'}}
  claude: {{kind: anthropic, base_url: '{0}', api_key: '${{TWO}}'}}
  plain: {{kind: openai, base_url: '{0}/v1', api_key: '${{THREE}}'}}
  google: {{kind: openai_like, base_url: '{0}/v1', api_key: '${{FOUR}}'}}\n",
        upstream.url()
    );
    let names = ["ONE", "TWO", "THREE", "FOUR"];
    let setup = Harness::of(env!("CARGO_BIN_EXE_tollgate"), &config).env("TOLLGATE_LOG", "trace");
    let setup = names.iter().zip(canaries).fold(setup, |setup, (name, canary)| setup.env(name, canary));
    (upstream, setup.start().await)
}

#[tokio::test]
async fn case_102_a_providers_key_is_nowhere_to_be_found() {
    let canaries = canaries();
    let (upstream, mut gateway) = with_parrot(&canaries).await;
    let mut told = provoke(&gateway).await;
    for canary in &canaries {
        assert!(upstream.requests().iter().any(|seen| format!("{seen:?}").contains(canary)), "{canary} was sent");
    }
    told += &gateway.client().get("/metrics").send().await.text();
    told += &gateway.client().get("/v1/models").send().await.text();
    told += &gateway.admin().get("/api/v1/requests?limit=200").send().await.text();
    for canary in &canaries {
        let line = told.lines().find(|line| line.contains(canary.as_str()));
        assert_eq!(line, None, "{canary} was told");
    }
    gateway.sigterm();
    gateway.sigterm();
    gateway.ended(Duration::from_secs(20)).await;
    assert!(gateway.log().contains("TRACE"), "the log tells all that it can");
    assert_eq!(holding(gateway.folder(), &canaries), Vec::<String>::new());
}

#[tokio::test]
async fn an_error_tells_neither_a_key_nor_an_inner_address() {
    let canaries = canaries();
    let (upstream, gateway) = with_parrot(&canaries).await;
    let told = provoke(&gateway).await;
    for line in told.lines() {
        for hidden in ["10.0.0.7", &upstream.address().to_string(), "127.0.0.1"] {
            assert!(!line.contains(hidden), "{hidden} in {line}");
        }
        assert!(!line.starts_with("/v1/") || line.contains("\"request-id\""), "an id to ask for: {line}");
    }
}

#[tokio::test]
async fn sec_017_no_planted_secret_is_kept_or_shown() {
    let upstream = Upstream::by(|seen| match (seen.json()["stream"] == true, seen.json()["model"].as_str().unwrap()) {
        (_, "bad") => testkit::fixture::openai_error(500, "server_error", None, "broken"),
        (true, _) => Answer::sse(openai_stream(&words(3), Some(&openai_usage(1, 3)))),
        _ => hello(),
    });
    let [provider, prompt, end, second] = canaries();
    let unknown = mint();
    let config =
        format!("providers:\n  chat: {{kind: openai, base_url: '{}/v1', api_key: '${{ONE}}'}}\n", upstream.url());
    let setup = Harness::of(env!("CARGO_BIN_EXE_tollgate"), &config).env("ONE", &provider).env("TOLLGATE_LOG", "trace");
    let mut gateway = setup.start().await;
    let made = keys(&gateway, &["create", "--name", "made"]);
    let rotated = keys(&gateway, &["rotate", made.split('_').nth(2).unwrap()]);
    let client = |key: &str| gateway.stranger().with("authorization", &format!("Bearer {key}"));
    for key in [gateway.key(), &made, &rotated, &unknown, &prompt] {
        for model in ["chat/m", "chat/bad", "nothing", prompt.as_str()] {
            for stream in [false, true] {
                let more = json!({
                    "stream": stream,
                    "messages": [{"role": "user", "content": prompt}, {"role": "tool", "tool_call_id": end, "content": second}],
                });
                client(key).post(PATH, &with(chat(model), &more)).send().await;
            }
        }
        client(key).get(&format!("/v1/models?key={end}")).send().await;
    }
    client(gateway.key()).request(http::Method::POST, PATH).body(format!("{{ not json {prompt}")).send().await;
    drop(
        client(gateway.key())
            .post(PATH, &with(chat("chat/m"), &json!({"stream": true, "stop": prompt})))
            .stream()
            .await,
    );
    let shown = [
        gateway.client().get("/metrics").send().await.text(),
        gateway.admin().get("/api/v1/requests?limit=200").send().await.text().replace(&prompt, "as the model's name"),
    ];
    let admin = fs::read_to_string(gateway.folder().join("data/admin_token")).unwrap();
    let admin = admin.trim().to_owned();
    let planted = [provider, end, second, made, rotated, unknown, gateway.key().to_owned()];
    for secret in planted.iter().chain([&admin]) {
        assert!(shown.iter().all(|text| !text.contains(secret.as_str())), "{secret} is shown");
    }
    gateway.sigterm();
    gateway.sigterm();
    gateway.ended(Duration::from_secs(20)).await;
    assert_eq!(holding(gateway.folder(), &planted), Vec::<String>::new());
    assert_eq!(holding(gateway.folder(), &[admin]).len(), 1, "the token is where its owner finds it");
    // The model is recorded as it was asked for; the prompt is not.
    let kept = holding(gateway.folder(), &[prompt]);
    assert!(kept.iter().all(|file| file.contains("/data/tollgate.db")), "{kept:?}");
}
