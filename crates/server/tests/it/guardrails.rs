//! Guardrails: what they object to reaches neither model nor client, in any format, streamed or not; all else is as without.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{
    Answer, Response, Upstream,
    fixture::{
        anthropic_message_text, anthropic_message_tool, anthropic_stream, anthropic_usage, openai::openai_chunk,
        openai_chat_text, openai_chat_tool, openai_stream, openai_usage,
    },
};

use crate::setup::{NANO, Scene, account, chat, message, text_of, with};

const GUARDS: &str = "guardrails:
  - {name: no-birds, kind: keywords, settings: {words: [bluebird], whole_word: true}}
  - {name: no-numbers, kind: regex, screens: [output], settings: {patterns: ['\\bAC-\\d{6}\\b'], window: 12}}
";

/// Says `BlueBird` over many frames, and goes on.
const BLOCKED: &[&str] = &["It is ", "called B", "lu", "e", "Bi", "rd", ", you", " know."];
const CLEAN: &[&str] = &["It is ", "a blue", " bird", ", no ", "bluebirds", " and no AC-1234567", " \u{1f426}", "."];

async fn guarded(answer: Answer) -> Scene {
    Scene::of(Upstream::answering(answer), GUARDS).await
}

/// A call of this client surface to this model.
async fn ask(scene: &Scene, surface: &str, model: &str, more: &Value) -> Response {
    match surface {
        "chat" => scene.chat(model, more).await,
        _ => scene.message(model, more).await,
    }
}

/// The same words as a stream of each upstream.
fn streams(words: &[&str]) -> [(&'static str, Answer); 2] {
    [
        ("chat/m", Answer::sse(openai_stream(words, Some(&openai_usage(7, 5))))),
        ("claude/m", Answer::sse(anthropic_stream(words, &anthropic_usage(7, 5)))),
    ]
}

fn is_refused(answer: &Response) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-error-source"), Some("guardrail"));
    assert_eq!(answer.header("x-tollgate-error-code"), Some("guardrail_blocked"));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    let text = answer.text();
    assert!(text.contains("no-birds") && !text.to_lowercase().contains("bluebird"), "{text}");
}

#[tokio::test]
async fn case_099_a_blocked_word_reaches_no_client_on_any_surface() {
    let scene = guarded(Answer::new(500)).await;
    let whole = |model: &str| match model {
        "chat/m" => openai_chat_text(&BLOCKED.concat(), &openai_usage(7, 5)),
        _ => anthropic_message_text(&BLOCKED.concat(), &anthropic_usage(7, 5)),
    };
    let mut asked = 0;
    for ((model, stream), (_, at_once)) in
        streams(BLOCKED).into_iter().zip(streams(&["Blue", "bi", "rd", " it", " is."]))
    {
        for surface in ["chat", "messages"] {
            scene.upstream.now_answering(whole(model));
            is_refused(&ask(&scene, surface, model, &json!({})).await);
            scene.upstream.now_answering(at_once.clone().gap(Duration::from_millis(5)));
            is_refused(&ask(&scene, surface, model, &json!({ "stream": true })).await);
            scene.upstream.now_answering(stream.clone().gap(Duration::from_millis(20)));
            let answer = ask(&scene, surface, model, &json!({ "stream": true })).await;
            assert_eq!((answer.status, answer.cut.as_deref()), (200, None));
            let said = text_of(&answer);
            assert!("It is called BlueBird".starts_with(&said) && said.len() < 15, "{said:?} by {surface} of {model}");
            let (name, data) = answer.events().pop().unwrap();
            assert!(data.contains("guardrail_blocked") && data.contains("no-birds"), "{data}");
            assert_eq!(name.as_deref(), (surface == "messages").then_some("error"));
            asked += 3;
        }
    }
    for record in scene.gateway.records(asked).await {
        let lane = if record["surface"].as_str().unwrap().starts_with("chat") == (record["target"] == "chat/m") {
            "inspect"
        } else {
            "translate"
        };
        assert_eq!((&record["lane"], &record["error"]), (&json!(lane), &json!("guardrail_blocked")), "{record}");
        let outcome = if record["status"] == 200 { "partial" } else { "refused" };
        assert_eq!(
            (&record["outcome"], &record["attempts"][0]["failure"]),
            (&json!(outcome), &Value::Null),
            "{record}"
        );
        // OpenAI reports at the end of a stream, which is not waited for.
        let reported = record["usage"]["source"] == "reported";
        assert!(!reported || record["usage"]["input"] == 7, "what it used is billed: {record}");
        assert!(record["cost"].as_i64().unwrap() >= 9 * NANO, "{record}");
        assert_eq!(record["attempts"][0]["cost"], record["cost"]);
    }
    let metrics = scene.gateway.metrics().await;
    let blocked = metrics.sum("tollgate_guardrail_decisions_total", &[("decision", "block")]);
    assert_eq!(blocked, Some(f64::from(u32::try_from(asked).unwrap())));
    assert_eq!(scene.upstream.requests().len(), asked, "and nobody else is asked");
}

#[tokio::test]
async fn what_is_clean_is_as_without_guards() {
    let (scene, plain) = (guarded(Answer::new(500)).await, Scene::answering(Answer::new(500)).await);
    let timeless = |answer: &Response| {
        let text = answer.text();
        let parts: Vec<&str> =
            text.split("\"created\":").map(|part| part.trim_start_matches(char::is_numeric)).collect();
        (answer.status, parts.concat())
    };
    for (model, stream) in streams(CLEAN) {
        for surface in ["chat", "messages"] {
            let relayed = (surface == "chat") == (model == "chat/m");
            for upstream in [stream.clone(), stream.clone().split_every(1), stream.clone().split_every(61)] {
                scene.upstream.now_answering(upstream.clone());
                plain.upstream.now_answering(upstream);
                let more = json!({ "stream": true, "stream_options": { "include_usage": true } });
                let more = if surface == "chat" { more } else { json!({ "stream": true }) };
                let (ours, theirs) =
                    (ask(&scene, surface, model, &more).await, ask(&plain, surface, model, &more).await);
                assert_eq!(timeless(&ours), timeless(&theirs), "{surface} of {model}");
                assert_eq!(text_of(&ours), CLEAN.concat());
                assert!(!relayed || ours.body == theirs.body, "to the byte");
                assert_eq!(scene.upstream.last().body, plain.upstream.last().body, "the client's own bytes are sent");
            }
        }
    }
    for record in scene.gateway.records(12).await {
        assert_eq!((&record["outcome"], &record["usage"]["output"]), (&json!("success"), &json!(5)), "{record}");
    }
    assert!(plain.gateway.records(12).await.iter().all(|record| record["lane"] != "inspect"));
    let metrics = scene.gateway.metrics().await;
    let allowed = metrics.sum("tollgate_guardrail_decisions_total", &[("decision", "allow")]);
    assert_eq!(allowed, Some(24.0), "questions and answers");
}

#[tokio::test]
async fn the_first_words_wait_for_the_guard_and_not_for_the_end() {
    let words: Vec<String> = (0..40).map(|count| format!("word {count} ")).collect();
    let frames = openai_stream(&words, None);
    let scene = guarded(Answer::sse(frames).gap(Duration::from_millis(50))).await;
    let body = with(chat("chat/m"), &json!({ "stream": true }));
    let begun = std::time::Instant::now();
    let mut stream = scene.gateway.client().post("/v1/chat/completions", &body).stream().await;
    stream.until("word 1 ").await;
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?} of two seconds", begun.elapsed());
    assert!(stream.rest().await.text().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn case_101_tool_calls_and_tool_results_are_screened() {
    let scene = guarded(openai_chat_tool("find", r#"{"name": "blue\u0062ird"}"#, &openai_usage(7, 5))).await;
    for surface in ["chat", "messages"] {
        is_refused(&ask(&scene, surface, "chat/m", &json!({})).await);
    }
    scene.upstream.now_answering(anthropic_message_tool(
        "find",
        &json!({ "name": "bluebird" }),
        &anthropic_usage(7, 5),
    ));
    for surface in ["chat", "messages"] {
        is_refused(&ask(&scene, surface, "claude/m", &json!({})).await);
    }
    let tool = |call: Value| openai_chunk(&json!({ "tool_calls": [call] }), None);
    let frames = [
        tool(
            json!({ "index": 0, "id": "c", "type": "function", "function": { "name": "find", "arguments": "{\"a\":\"blu" } }),
        ),
        tool(json!({ "index": 0, "function": { "arguments": "ebird\"}" } })),
        openai_chunk(&json!({}), Some("tool_calls")),
    ];
    scene.upstream.now_answering(Answer::sse(frames));
    for surface in ["chat", "messages"] {
        is_refused(&ask(&scene, surface, "chat/m", &json!({ "stream": true })).await);
    }
    let asked = scene.upstream.requests().len();
    let call = json!({ "role": "assistant", "content": [{ "type": "tool_use", "id": "t", "name": "f", "input": {} }] });
    let result =
        json!({ "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t", "content": "a bluebird" }] });
    let user = json!({ "role": "user", "content": "Hello!" });
    is_refused(&scene.message("claude/m", &json!({ "messages": [user, call, result] })).await);
    assert_eq!(scene.upstream.requests().len(), asked);
}

#[tokio::test]
async fn sec_035_a_prompt_is_refused_wherever_the_word_stands() {
    let scene = guarded(openai_chat_text("x", &openai_usage(1, 1))).await;
    let word = "the BLUEBIRD flies";
    let user = json!({ "role": "user", "content": "Hello!" });
    let parts = json!([{ "type": "text", "text": "Hello!" }, { "type": "text", "text": word }]);
    let function = |description: &str, property: &str| {
        let parameters = json!({ "type": "object", "properties": { property: { "type": "string" } } });
        json!({ "tools": [{ "type": "function", "function": {
            "name": "f", "description": description, "parameters": parameters } }] })
    };
    let called = json!({ "name": "f", "arguments": "{\"a\":\"bl\\u0075ebird\"}" });
    let assistant =
        json!({ "role": "assistant", "tool_calls": [{ "id": "c", "type": "function", "function": called }] });
    for more in [
        json!({ "messages": [{ "role": "system", "content": word }, user] }),
        json!({ "messages": [{ "role": "user", "content": parts }], "stream": true }),
        json!({ "messages": [user, { "role": "assistant", "content": word }, user] }),
        json!({ "messages": [user, assistant, { "role": "tool", "tool_call_id": "c", "content": "x" }], "n": 8 }),
        function(word, "a"),
        function("does it", "bluebird"),
        json!({ "prediction": { "type": "content", "content": word } }),
        json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "n", "description": word, "schema": {} } } }),
    ] {
        is_refused(&scene.chat("chat/m", &more).await);
    }
    let source = json!({ "type": "text", "media_type": "text/plain", "data": word });
    for more in [
        json!({ "system": word }),
        json!({ "system": [{ "type": "text", "text": word }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "document", "source": source }] }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "search_result", "source": "x", "title": "t",
            "content": [{ "type": "text", "text": word }] }] }] }),
        json!({ "tools": [{ "name": "f", "description": word, "input_schema": { "type": "object" } }] }),
        json!({ "stream": true, "messages": [{ "role": "user", "content": word }] }),
    ] {
        is_refused(&scene.message("claude/m", &more).await);
        is_refused(&scene.message("chat/m", &more).await);
        let count = with(with(message("claude/m"), &more), &json!({ "stream": null, "max_tokens": null }));
        let count = scene.gateway.client().post("/v1/messages/count_tokens", &count);
        is_refused(&count.send().await);
    }
    assert_eq!(scene.upstream.requests().len(), 0, "no model has seen it");
    let named = json!({ "metadata": { "team": "bluebird" }, "user": "bluebird" });
    assert_eq!(scene.chat("chat/m", &named).await.status, 200, "what no model reads is nobody's prompt");
    let records = scene.gateway.records(27).await;
    assert_eq!(records.iter().filter(|record| record["outcome"] == "refused").count(), 26);
    assert!(records.iter().filter(|record| record["outcome"] == "refused").all(|record| record["usage"]["input"] == 0));
}

#[tokio::test]
async fn a_refused_answer_is_final_and_its_target_is_well() {
    let spare = Upstream::answering(openai_chat_text("fine", &openai_usage(7, 5)));
    let (other, models) = (account("spare", "openai", &spare), "models:\n  both: {targets: [chat/m, spare/m]}\n");
    let bad = openai_chat_text("a bluebird", &openai_usage(7, 5));
    let scene = Scene::of(Upstream::answering(bad), &format!("{other}{models}{GUARDS}")).await;
    for _ in 0..12 {
        is_refused(&scene.chat("both", &json!({})).await);
    }
    assert_eq!((scene.upstream.requests().len(), spare.requests().len()), (12, 0));
}

#[tokio::test]
async fn guards_change_with_the_configuration_and_a_bad_one_changes_nothing() {
    let scene = Scene::answering(openai_chat_text("a bluebird", &openai_usage(7, 5))).await;
    assert_eq!(scene.chat("chat/m", &json!({})).await.status, 200);
    let path = scene.gateway.folder().join("config.yaml");
    let plain = std::fs::read_to_string(&path).unwrap();
    let put = async |text: String, name: &str, value: f64| {
        std::fs::write(&path, text).unwrap();
        for _ in 0..100 {
            if scene.gateway.metrics().await.sum(name, &[]) == Some(value) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} is never {value}");
    };
    put(format!("{plain}{GUARDS}"), "tollgate_config_generation", 2.0).await;
    is_refused(&scene.chat("chat/m", &json!({})).await);
    put(format!("{plain}{}", GUARDS.replace("AC-", "AC-(")), "tollgate_config_refused_total", 1.0).await;
    assert!(scene.gateway.log().contains("guardrails[1].settings.patterns[0]"));
    is_refused(&scene.chat("chat/m", &json!({})).await);
}

#[test]
fn a_guard_that_cannot_be_made_is_shown_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.yaml");
    let data = folder.path().join("data");
    let text = format!("listen: 127.0.0.1:0\ndata_dir: {}\nproviders:\n  echo: {{}}\n{GUARDS}", data.display());
    std::fs::write(&path, text.replace("[bluebird]", "['']").replace("kind: regex", "kind: regexp")).unwrap();
    for command in ["check", "serve --config"] {
        let mut line = std::process::Command::new(env!("CARGO_BIN_EXE_tollgate"));
        let output = line.args(command.split(' ')).arg(&path).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{told}");
        for problem in [
            "error[bad_guardrail]: a word has 1 to 200 characters",
            "tollgate.yaml:6:57 at guardrails[0].settings.words[0]",
            "there is no guard \"regexp\"; there are keywords, regex",
            "tollgate.yaml:7:30 at guardrails[1].kind",
        ] {
            assert!(told.contains(problem), "{problem} is not in {told}");
        }
    }
}
