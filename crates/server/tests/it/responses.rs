//! The Responses API: over providers that have it and over those that do not, and the answers that are kept for the next
//! question.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use testkit::{
    Answer, Client, Frame, Harness, Response, Upstream,
    fixture::{
        anthropic_error, anthropic_message_text, anthropic_stream, anthropic_usage,
        openai::{openai_chat, openai_chunk},
        openai_chat_text, openai_chat_tool, openai_error, openai_stream, openai_usage,
    },
    harness::mint,
};

use crate::setup::{Scene, account, chat, message, payloads, start, text_of, with};

/// A short question in the Responses API's words.
fn ask(model: &str, input: &str) -> Value {
    json!({ "model": model, "input": input })
}

async fn post(client: &Client, body: &Value) -> Response {
    client.post("/v1/responses", body).send().await
}

/// The text of a whole answer.
fn said(answer: &Value) -> String {
    let items = answer["output"].as_array().unwrap_or_else(|| panic!("an answer: {answer}"));
    let texts = items.iter().flat_map(|item| item["content"].as_array().into_iter().flatten());
    texts.filter_map(|part| part["text"].as_str()).collect()
}

/// A gateway and another process on the same data, as replicas are, in front of a provider that speaks Anthropic.
struct Replicas {
    first: Harness,
    second: Child,
    /// Clients of one key at the first and at the second, and one of another key at the second.
    own: Client,
    own_elsewhere: Client,
    other: Client,
}

impl Replicas {
    async fn of(upstream: &Upstream) -> Self {
        let other = mint();
        let config = format!(
            "providers:\n{}keys:\n  - {{name: own, secret: \"${{TOLLGATE_TEST_KEY}}\", models: ['*']}}\n  \
             - {{name: other, secret: {other}, models: ['*']}}\n",
            account("claude", "anthropic", upstream)
        );
        let first = start(&config).await;
        let config = first.folder().join("config.yaml");
        let second = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["serve", "--config"])
            .arg(config)
            .env("TOLLGATE_TEST_KEY", first.key())
            .env("PROVIDER_KEY", mint())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = first.folder().join("data/address");
        let begun = Instant::now();
        let address = loop {
            match std::fs::read_to_string(&address).unwrap_or_default().trim().parse() {
                Ok(listens) if listens != first.address() => break listens,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "the second process does not listen");
        };
        let client = |key: &str| Client::new(address).with("authorization", &format!("Bearer {key}"));
        let (own, own_elsewhere, other) = (first.client(), client(first.key()), client(&other));
        Self { first, second, own, own_elsewhere, other }
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        let _ = self.second.kill();
        let _ = self.second.wait();
    }
}

fn hello() -> Answer {
    anthropic_message_text("Hello!", &anthropic_usage(7, 3))
}

#[tokio::test]
async fn a_responses_client_reaches_chat_and_anthropic_models() {
    for (model, answer, stream) in [
        (
            "chat/m",
            openai_chat_text("Hello!", &openai_usage(7, 3)),
            openai_stream(&["Hel", "lo!"], Some(&openai_usage(7, 3))),
        ),
        ("claude/m", hello(), anthropic_stream(&["Hel", "lo!"], &anthropic_usage(7, 3))),
    ] {
        // The account named `chat` is of kind `openai`, which has this API itself: another kind has not.
        let scene = bridged(answer).await;
        let body = with(ask(model, "Hi"), &json!({ "metadata": { "run": "7" }, "instructions": "Be brief." }));
        let whole = post(&scene.gateway.client(), &body).await;
        assert_eq!(whole.status, 200, "{}", whole.text());
        let whole = whole.json();
        assert_eq!((&whole["object"], &whole["status"]), (&json!("response"), &json!("completed")));
        assert_eq!(said(&whole), "Hello!");
        assert_eq!(whole["usage"]["total_tokens"], 10);
        assert_eq!((&whole["metadata"]["run"], &whole["instructions"]), (&json!("7"), &json!("Be brief.")));
        assert!(whole["id"].as_str().unwrap().starts_with("resp_"));

        scene.upstream.now_answering(Answer::sse(stream));
        let streamed = post(&scene.gateway.client(), &with(body, &json!({ "stream": true }))).await;
        let events = payloads(&streamed);
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], json!(number), "{event}");
        }
        let last = &events.last().unwrap()["response"];
        assert_eq!((said(last), &last["usage"]["total_tokens"]), ("Hello!".into(), &json!(10)));
        assert_eq!(last["metadata"]["run"], "7");
    }
}

/// A gateway whose accounts do not have the Responses API.
async fn bridged(answer: Answer) -> Scene {
    let upstream = Upstream::answering(answer);
    let config = format!(
        "providers:\n{}{}",
        account("chat", "openai_like", &upstream),
        account("claude", "anthropic", &upstream)
    );
    let gateway = start(&config).await;
    Scene { upstream, gateway }
}

#[tokio::test]
async fn case_046_a_bridged_stream_has_one_id_and_rising_numbers() {
    let call = |index: u32, id: &str, arguments: &str| json!({ "index": index, "id": id, "type": "function", "function": { "name": "f", "arguments": arguments } });
    let frames = vec![
        openai_chunk(&json!({ "role": "assistant", "content": "" }), None),
        openai_chunk(&json!({ "reasoning_content": "Hm." }), None),
        openai_chunk(&json!({ "content": "Calling" }), None),
        openai_chunk(&json!({ "tool_calls": [call(0, "a", "{\"x\":"), call(1, "b", "{}")] }), None),
        openai_chunk(&json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "1}" } }] }), None),
        openai_chunk(&json!({}), Some("tool_calls")),
        Frame::data("[DONE]"),
    ];
    let scene = bridged(Answer::sse(frames)).await;
    let answer = post(&scene.gateway.client(), &with(ask("chat/m", "Hi"), &json!({ "stream": true }))).await;
    let events = payloads(&answer);
    let id = &events[0]["response"]["id"];
    let mut items: Vec<Value> = Vec::new();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(number));
        if let Some(response) = event.get("response") {
            assert_eq!(&response["id"], id);
        }
        match event["type"].as_str().unwrap() {
            "response.output_item.added" => items.push(event["item"]["id"].clone()),
            "response.output_item.done" => {
                assert_eq!(
                    event["item"]["id"],
                    items[usize::try_from(event["output_index"].as_u64().unwrap()).unwrap()]
                );
            }
            _ => {}
        }
        if let Some(item) = event.get("item_id") {
            assert_eq!(*item, items[usize::try_from(event["output_index"].as_u64().unwrap()).unwrap()], "{event}");
        }
    }
    let last = &events.last().unwrap()["response"];
    let kinds: Vec<&Value> = last["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call", "function_call"]);
    assert_eq!(last["output"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>(), items);
    assert_eq!((&last["output"][2]["arguments"], &last["output"][3]["call_id"]), (&json!("{\"x\":1}"), &json!("b")));
}

#[tokio::test]
async fn case_047_the_next_question_goes_on_at_once_on_another_replica_for_the_same_tenant_alone() {
    let upstream = Upstream::answering(Answer::sse(anthropic_stream(&["Hel", "lo!"], &anthropic_usage(7, 3))));
    let replicas = Replicas::of(&upstream).await;
    let Replicas { own, own_elsewhere, other, .. } = &replicas;

    // As soon as the last event has come, the other replica knows the answer.
    let mut stream =
        own.post("/v1/responses", &with(ask("claude/m", "I am Ada."), &json!({ "stream": true }))).stream().await;
    let begun = stream.until("response.completed").await;
    let id = response_id(&String::from_utf8_lossy(&begun));
    upstream.now_answering(hello());
    let next = with(ask("claude/m", "Who am I?"), &json!({ "previous_response_id": id }));
    let answer = post(own_elsewhere, &next).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["previous_response_id"], json!(id));
    let sent = upstream.last().json();
    let texts: Vec<String> =
        sent["messages"].as_array().unwrap().iter().map(|turn| turn["content"].to_string()).collect();
    assert_eq!(texts.len(), 3, "{sent}");
    assert!(texts[0].contains("I am Ada.") && texts[1].contains("Hello!") && texts[2].contains("Who am I?"), "{sent}");
    assert!(sent.get("previous_response_id").is_none());

    // The turn after that goes on from both.
    let second = answer.json()["id"].as_str().unwrap().to_owned();
    post(own, &with(ask("claude/m", "And now?"), &json!({ "previous_response_id": second }))).await;
    assert_eq!(upstream.last().json()["messages"].as_array().unwrap().len(), 5);

    let before = upstream.requests().len();
    let refused = post(other, &next).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (404, Some("response_not_found")));
    assert_eq!(refused.json()["error"]["param"], "previous_response_id");
    for (method, below) in
        [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/cancel"), (Method::GET, "/input_items")]
    {
        let refused = other.request(method.clone(), &format!("/v1/responses/{id}{below}")).send().await;
        assert_eq!(refused.status, 404, "{method} {below}");
    }
    assert_eq!(upstream.requests().len(), before, "nobody was asked");
    assert_eq!(replicas.first.stranger().get(&format!("/v1/responses/{id}")).send().await.status, 401);
}

#[tokio::test]
async fn an_item_of_a_kept_answer_can_be_named_by_its_owner_instead_of_repeated() {
    let upstream = Upstream::answering(hello());
    let replicas = Replicas::of(&upstream).await;
    let Replicas { own, own_elsewhere, other, .. } = &replicas;
    let made = post(own, &ask("claude/m", "I am Ada.")).await.json();
    let named = json!({ "type": "item_reference", "id": made["output"][0]["id"] });
    let input = json!([{ "role": "user", "content": "I am Ada." }, named, { "role": "user", "content": "Who am I?" }]);
    let next = with(ask("claude/m", ""), &json!({ "input": input }));

    let answer = post(own_elsewhere, &next).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let turns = upstream.last().json()["messages"].clone();
    assert_eq!((&turns[1]["role"], &turns[1]["content"]), (&json!("assistant"), &json!("Hello!")), "{turns}");
    // What was named is kept with the question: a later one goes on from it.
    let id = answer.json()["id"].clone();
    post(own, &with(ask("claude/m", "And now?"), &json!({ "previous_response_id": id }))).await;
    assert_eq!(upstream.last().json()["messages"].as_array().unwrap().len(), 5);

    // To another key there is no such item.
    let refused = post(other, &next).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("item_reference"), "{}", refused.text());
}

/// The first `resp_..` of a text.
fn response_id(text: &str) -> String {
    let from = text.find("resp_").unwrap_or_else(|| panic!("an id: {text}"));
    text[from..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[tokio::test]
async fn a_kept_answer_can_be_looked_up_and_deleted() {
    let scene = bridged(hello()).await;
    let client = scene.gateway.client();
    let input = json!([{ "role": "user", "content": "One" }, { "role": "user", "content": "Two" }]);
    let made = post(&client, &json!({ "model": "claude/m", "input": input })).await.json();
    let path = format!("/v1/responses/{}", made["id"].as_str().unwrap());
    let found = client.get(&path).send().await;
    assert_eq!((found.status, found.json()), (200, made.clone()));

    let items = client.get(&format!("{path}/input_items?order=asc&limit=1")).send().await.json();
    assert_eq!((&items["object"], &items["has_more"]), (&json!("list"), &json!(true)));
    assert_eq!(items["data"][0]["content"][0]["text"], "One");
    let after = items["last_id"].as_str().unwrap();
    let rest = client.get(&format!("{path}/input_items?order=asc&after={after}")).send().await.json();
    assert_eq!((&rest["data"][0]["content"][0]["text"], &rest["has_more"]), (&json!("Two"), &json!(false)));

    assert_eq!(client.request(Method::POST, &format!("{path}/cancel")).send().await.status, 400);
    assert_eq!(client.get(&format!("{path}?stream=true")).send().await.status, 400);
    let gone = client.request(Method::DELETE, &path).send().await;
    assert_eq!(gone.json(), json!({ "id": made["id"], "object": "response", "deleted": true }));
    assert_eq!(client.get(&path).send().await.status, 404);
    let next = with(ask("claude/m", "And?"), &json!({ "previous_response_id": made["id"] }));
    assert_eq!(post(&client, &next).await.status, 404);
    // Every request has its record.
    let records = scene.gateway.records(9).await;
    let kept = records.iter().filter(|record| record["surface"] == "kept_response").count();
    assert_eq!(kept, 7, "{records:#?}");
}

#[tokio::test]
async fn a_conversation_whose_middle_was_deleted_cannot_go_on() {
    let scene = bridged(hello()).await;
    let client = scene.gateway.client();
    let first = post(&client, &ask("claude/m", "One")).await.json()["id"].clone();
    let second = with(ask("claude/m", "Two"), &json!({ "previous_response_id": first }));
    let second = post(&client, &second).await.json()["id"].clone();
    client.request(Method::DELETE, &format!("/v1/responses/{}", first.as_str().unwrap())).send().await;
    let third = with(ask("claude/m", "Three"), &json!({ "previous_response_id": second }));
    let refused = post(&client, &third).await;
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (404, Some("previous_response_id")));
    assert!(refused.text().contains("deleted"), "{}", refused.text());
}

/// A native stream of OpenAI's, with a sealed thought.
fn native_stream(id: &str, seal: &str) -> Vec<Frame> {
    let item = json!({ "id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": seal });
    let text = json!({ "type": "output_text", "text": "Hi", "annotations": [] });
    let said =
        json!({ "id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text] });
    let response = |status: &str, output: Value, usage: Value| {
        json!({ "id": id, "object": "response", "created_at": 1, "status": status, "model": "gpt-5", "error": null,
            "output": output, "usage": usage, "service_tier": "default" })
    };
    let usage = json!({ "input_tokens": 7, "output_tokens": 3, "total_tokens": 10 });
    let mut number = 0;
    let mut event = |kind: &str, fields: Value| {
        let frame = Frame::event(kind, &with(json!({ "type": kind, "sequence_number": number }), &fields));
        number += 1;
        frame
    };
    vec![
        event("response.created", json!({ "response": response("in_progress", json!([]), Value::Null) })),
        event("response.output_item.added", json!({ "output_index": 0, "item": item })),
        event("response.output_item.done", json!({ "output_index": 0, "item": item })),
        event("response.output_item.added", json!({ "output_index": 1, "item": said })),
        event(
            "response.output_text.delta",
            json!({ "output_index": 1, "item_id": "msg_1", "content_index": 0, "delta": "Hi" }),
        ),
        event("response.output_item.done", json!({ "output_index": 1, "item": said })),
        event("response.completed", json!({ "response": response("completed", json!([item, said]), usage) })),
    ]
}

/// Two accounts of OpenAI's behind one model, `b` the better liked.
async fn two_accounts(a: &Upstream, b: &Upstream) -> Harness {
    let model = "models:\n  gpt: {targets: [{target: b/m}, {target: a/m}], retry: {base: 1ms}}\n";
    start(&format!("providers:\n{}{}{model}", account("a", "openai", a), account("b", "openai", b))).await
}

#[tokio::test]
async fn case_048_sealed_thought_goes_back_to_the_account_that_sealed_it() {
    let a = Upstream::answering(Answer::sse(native_stream("resp_a", "gAAAAsealed_by_a")));
    let b = Upstream::answering(anthropic_error(503, "x", "busy"));
    let gateway = two_accounts(&a, &b).await;
    let client = gateway.client();
    let first = post(&client, &with(ask("gpt", "Hi"), &json!({ "stream": true, "store": false }))).await;
    assert_eq!(first.header("x-tollgate-target"), Some("a/m"), "{}", first.text());

    // `b` has recovered and comes first, but `a` sealed the thought.
    b.now_answering(Answer::sse(native_stream("resp_b", "gAAAAsealed_by_b")));
    let asked_b = b.requests().len();
    let sealed = json!({ "type": "reasoning", "summary": [], "encrypted_content": "gAAAAsealed_by_a" });
    let history = json!([{ "role": "user", "content": "Hi" }, sealed, { "role": "assistant", "content": "Hi" },
        { "role": "user", "content": "Again" }]);
    let again = json!({ "model": "gpt", "input": history, "stream": true, "store": false });
    let answer = post(&client, &again).await;
    assert_eq!(answer.header("x-tollgate-target"), Some("a/m"));
    assert_eq!(b.requests().len(), asked_b);
    assert_eq!(a.last().json()["input"], history, "the body went as it was");

    // With `a` gone, `b` is asked without the thought that it cannot read.
    a.now_answering(anthropic_error(503, "x", "busy"));
    let answer = post(&client, &again).await;
    assert_eq!((answer.status, answer.header("x-tollgate-target")), (200, Some("b/m")), "{}", answer.text());
    let sent = b.last().json();
    assert!(!sent.to_string().contains("gAAAA"), "{sent}");
    assert_eq!(sent["input"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn case_048_an_answer_that_a_provider_keeps_is_gone_on_from_at_the_account_that_made_it() {
    let a = Upstream::answering(Answer::sse(native_stream("resp_a", "")));
    let b = Upstream::answering(anthropic_error(503, "x", "busy"));
    let gateway = two_accounts(&a, &b).await;
    let client = gateway.client();
    let first = post(&client, &with(ask("gpt", "Hi"), &json!({ "stream": true }))).await;
    let last = payloads(&first).pop().unwrap();
    assert_eq!(last["response"]["id"], "resp_a", "an answer that is relayed keeps its name");

    b.now_answering(Answer::sse(native_stream("resp_b", "")));
    let asked_b = b.requests().len();
    let next = with(ask("gpt", "Again"), &json!({ "previous_response_id": "resp_a", "stream": true }));
    for _ in 0..3 {
        assert_eq!(post(&client, &next).await.header("x-tollgate-target"), Some("a/m"));
    }
    assert_eq!(b.requests().len(), asked_b);
    assert_eq!(a.last().json()["previous_response_id"], "resp_a");

    // What is below it is asked of the account, too; a model of another account cannot go on from it.
    a.now_answering(Answer::json(200, &json!({ "id": "resp_a", "object": "response", "status": "completed" })));
    let found = client.get("/v1/responses/resp_a?include=x").send().await;
    assert_eq!((found.status, found.json()["id"].as_str()), (200, Some("resp_a")), "{}", found.text());
    assert_eq!((a.last().method.as_str(), a.last().path.as_str()), ("GET", "/v1/responses/resp_a?include=x"));
    let refused = post(&client, &with(ask("b/m", "Again"), &json!({ "previous_response_id": "resp_a" }))).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (409, Some("response_kept_elsewhere")));
    assert_eq!(post(&client, &with(next, &json!({ "previous_response_id": "resp_x" }))).await.status, 404);
}

#[tokio::test]
async fn case_048_a_seal_that_the_account_refuses_is_left_out_once() {
    let refused = openai_error(
        400,
        "invalid_request_error",
        Some("invalid_encrypted_content"),
        "The encrypted content gAAA...ng== could not be verified.",
    );
    let upstream = Upstream::in_turn([refused, Answer::json(200, &native_answer("resp_1"))]);
    let scene = Scene::of(upstream, "").await;
    let sealed = json!({ "type": "reasoning", "summary": [], "encrypted_content": "gAAAAof_nobody" });
    let input = json!([{ "role": "user", "content": "Hi" }, sealed, { "role": "user", "content": "Again" }]);
    let answer = post(&scene.gateway.client(), &json!({ "model": "chat/m", "input": input })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent: Vec<Value> = scene.upstream.requests().iter().map(|seen| seen.json()["input"].clone()).collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], input);
    assert!(!sent[1].to_string().contains("gAAAA"), "{}", sent[1]);
    let record = scene.record().await;
    assert_eq!(record["attempts"][0]["failure"], "signature_refused");
}

#[tokio::test]
async fn case_049_what_is_not_to_be_stored_is_nowhere_on_disk() {
    let secret = format!("secret-{}", mint());
    let scene = bridged(anthropic_message_text(&format!("I keep {secret}-answer"), &anthropic_usage(7, 3))).await;
    let client = scene.gateway.client();
    let body = with(ask("claude/m", &secret), &json!({ "store": false }));
    let whole = post(&client, &body).await;
    assert_eq!(whole.status, 200);
    scene.upstream.now_answering(Answer::sse(anthropic_stream(&["It ", &secret], &anthropic_usage(7, 3))));
    let streamed = post(&client, &with(body, &json!({ "stream": true }))).await;
    assert!(streamed.text().contains(&secret));
    scene.gateway.records(2).await;
    assert!(!at_rest(&scene.gateway, &secret), "the content was written");
    let id = whole.json()["id"].clone();
    let next = with(ask("claude/m", "And?"), &json!({ "previous_response_id": id }));
    assert_eq!(post(&client, &next).await.status, 404);

    // The search would find it: what is to be stored is there.
    scene.upstream.now_answering(hello());
    post(&client, &ask("claude/m", &secret)).await;
    assert!(at_rest(&scene.gateway, &secret), "the search is blind");
}

/// Whether a text stands in any file of the gateway's folder.
fn at_rest(gateway: &Harness, text: &str) -> bool {
    let mut folders = vec![gateway.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path)
                && bytes.windows(text.len()).any(|window| window == text.as_bytes())
            {
                return true;
            }
        }
    }
    false
}

#[tokio::test]
async fn thought_of_claude_travels_through_a_responses_client_and_comes_back() {
    let thought = json!({ "type": "thinking", "thinking": "Hm.", "signature": "EqQBc2ln" });
    let hidden = json!({ "type": "redacted_thinking", "data": "aGlkZGVu" });
    let content = json!([thought, hidden, { "type": "tool_use", "id": "toolu_1", "name": "f", "input": { "x": 1 } }]);
    let scene =
        bridged(testkit::fixture::anthropic::anthropic_message(&content, "tool_use", &anthropic_usage(7, 3))).await;
    let client = scene.gateway.client();
    let tools = json!([{ "type": "function", "name": "f", "parameters": { "type": "object", "properties": {} }, "strict": false }]);
    let body = with(
        ask("claude/m", "Hi"),
        &json!({ "tools": tools, "store": false, "include": ["reasoning.encrypted_content"] }),
    );
    let answer = post(&client, &body).await.json();
    assert_eq!(answer["output"][0]["summary"][0]["text"], "Hm.");
    let mut history = vec![json!({ "role": "user", "content": "Hi" })];
    history.extend(answer["output"].as_array().unwrap().iter().cloned());
    history.push(json!({ "type": "function_call_output", "call_id": "toolu_1", "output": "done" }));
    let answer = post(&client, &with(body.clone(), &json!({ "input": history }))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = scene.upstream.last().json();
    assert_eq!(sent["messages"][1]["content"], content, "{sent}");
    assert_eq!(sent["messages"][2]["content"][0]["tool_use_id"], "toolu_1");

    // The same history at a model of another maker: the seals stay behind.
    scene.upstream.now_answering(openai_chat_text("ok", &openai_usage(1, 1)));
    let answer = post(&client, &with(body, &json!({ "input": history, "model": "chat/m" }))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = scene.upstream.last().json().to_string();
    assert!(!sent.contains("EqQBc2ln") && !sent.contains("aGlkZGVu") && sent.contains("toolu_1"), "{sent}");
}

#[tokio::test]
async fn seals_of_other_makers_never_reach_openai() {
    let scene = Scene::answering(Answer::json(200, &native_answer("resp_1"))).await;
    let marked = "tollgateSignedByAnthEqQBc2ln";
    let input = json!([{ "role": "user", "content": "Hi" },
        { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "Hm." }], "encrypted_content": marked },
        { "role": "assistant", "content": "Hello" }, { "role": "user", "content": "Again" }]);
    let answer = post(&scene.gateway.client(), &json!({ "model": "chat/m", "input": input })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = scene.upstream.last().json();
    assert!(!sent.to_string().contains("EqQB"), "{sent}");
    assert_eq!(sent["input"].as_array().unwrap().len(), 3);
}

fn native_answer(id: &str) -> Value {
    let text = json!({ "type": "output_text", "text": "Hi", "annotations": [] });
    json!({ "id": id, "object": "response", "created_at": 1, "status": "completed", "model": "o1-pro", "error": null,
        "output": [{ "id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text] }],
        "usage": { "input_tokens": 7, "output_tokens": 3, "total_tokens": 10 } })
}

#[tokio::test]
async fn clients_of_other_formats_reach_a_model_of_the_responses_api_alone() {
    let scene = Scene::answering(Answer::json(200, &native_answer("resp_1"))).await;
    let answer = scene.chat("chat/o1-pro", &json!({})).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hi", "{}", answer.text());
    let sent = scene.upstream.last();
    assert_eq!(sent.path, "/v1/responses");
    assert_eq!((&sent.json()["store"], &sent.json()["input"][0]["content"]), (&json!(false), &json!("Hello!")));
    let answer = scene.message("chat/o1-pro", &json!({})).await;
    assert_eq!(answer.json()["content"][0]["text"], "Hi", "{}", answer.text());
    assert_eq!(answer.json()["usage"]["input_tokens"], 7);

    scene.upstream.now_answering(Answer::sse(native_stream("resp_1", "gAAAAs")));
    let stream = json!({ "stream": true });
    for answer in [scene.chat("chat/o1-pro", &stream).await, scene.message("chat/o1-pro", &stream).await] {
        assert_eq!(text_of(&answer), "Hi", "{}", answer.text());
    }
    assert_eq!((chat("x")["model"].as_str(), message("x")["model"].as_str()), (Some("x"), Some("x")));
}

#[tokio::test]
async fn an_openai_model_is_relayed_byte_for_byte_and_counted() {
    let frames = native_stream("resp_native", "");
    let scene = Scene::answering(Answer::sse(frames)).await;
    let plain = testkit::Client::new(scene.upstream.address()).post("/v1/responses", &json!({})).send().await;
    let answer = post(&scene.gateway.client(), &with(ask("chat/m", "Hi"), &json!({ "stream": true }))).await;
    assert_eq!(answer.text(), plain.text());
    let record = scene.record().await;
    assert_eq!(
        (&record["lane"], &record["usage"]["input"], &record["usage"]["output"]),
        (&json!("relay"), &json!(7), &json!(3))
    );
    assert_eq!(record["surface"], "responses");
}

#[tokio::test]
async fn what_only_openai_can_do_is_refused_by_name() {
    let scene = bridged(hello()).await;
    for (field, value) in
        [("background", json!(true)), ("conversation", json!("conv_1")), ("prompt", json!({ "id": "pmpt_1" }))]
    {
        let answer = post(&scene.gateway.client(), &with(ask("claude/m", "Hi"), &json!({ field: value }))).await;
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some(field)), "{}", answer.text());
    }
    assert!(scene.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_stream_that_breaks_tells_an_error_and_that_the_response_failed() {
    let mut frames = openai_stream(&["Hel", "lo"], None);
    frames.truncate(3);
    let scene = bridged(Answer::sse(frames)).await;
    let answer = post(&scene.gateway.client(), &with(ask("chat/m", "Hi"), &json!({ "stream": true }))).await;
    let events = payloads(&answer);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(number), "{event}");
    }
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[kinds.len() - 2..], ["error", "response.failed"], "{kinds:?}");
    let failed = &events.last().unwrap()["response"];
    assert_eq!((&failed["status"], &failed["id"]), (&json!("failed"), &events[0]["response"]["id"]));
    assert!(failed["error"]["message"].is_string() && failed["error"]["code"].is_string(), "{failed}");
}

#[tokio::test]
async fn tool_calls_and_their_outputs_cross_to_chat() {
    let scene = bridged(openai_chat_tool("get_weather", "{\"city\":\"Paris\"}", &openai_usage(9, 4))).await;
    let client = scene.gateway.client();
    let tools = json!([
        { "type": "function", "name": "get_weather", "parameters": { "type": "object", "properties": {} }, "strict": true },
        { "type": "custom", "name": "apply_patch", "description": "Edit." }]);
    let first = post(&client, &with(ask("chat/m", "Weather?"), &json!({ "tools": tools, "tool_choice": "required" })))
        .await
        .json();
    let call = &first["output"][0];
    assert_eq!(
        (&call["type"], &call["name"], &call["call_id"]),
        (&json!("function_call"), &json!("get_weather"), &json!("call_1"))
    );
    let sent = scene.upstream.last().json();
    assert_eq!((&sent["tools"][0]["function"]["strict"], &sent["tool_choice"]), (&json!(true), &json!("required")));

    // Two outputs at once, in a question that goes on from the answer; the custom tool is called in its own form.
    let call = json!({ "id": "call_2", "type": "function",
        "function": { "name": "apply_patch", "arguments": "{\"input\":\"*** Begin\"}" } });
    scene.upstream.now_answering(openai_chat(
        &json!({ "role": "assistant", "content": null, "tool_calls": [call] }),
        "tool_calls",
        &openai_usage(9, 4),
    ));
    let output = json!([{ "type": "function_call_output", "call_id": "call_1", "output": "14 °C" }]);
    let next = json!({ "model": "chat/m", "input": output, "tools": tools, "previous_response_id": first["id"] });
    let second = post(&client, &next).await.json();
    assert_eq!(second["output"][0]["type"], "custom_tool_call", "{second}");
    assert_eq!(second["output"][0]["input"], "*** Begin");
    let sent = scene.upstream.last().json();
    let roles: Vec<&Value> = sent["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "tool"], "{sent}");
}

#[tokio::test]
async fn many_at_once_are_kept_apart() {
    let scene = bridged(hello()).await;
    let client = scene.gateway.client();
    let asked = join_all((0..20).map(|at| {
        let client = client.clone();
        async move {
            let first = post(&client, &ask("claude/m", &format!("I am {at}."))).await.json()["id"].clone();
            let next = with(ask("claude/m", "Who?"), &json!({ "previous_response_id": first }));
            (at, post(&client, &next).await.json())
        }
    }))
    .await;
    let sent: Vec<String> = scene.upstream.requests().iter().map(|seen| seen.json()["messages"].to_string()).collect();
    for (at, answer) in asked {
        assert_eq!(said(&answer), "Hello!");
        let own = format!("I am {at}.");
        assert_eq!(sent.iter().filter(|messages| messages.contains(&own)).count(), 2, "{own}");
    }
}

#[tokio::test]
async fn guards_read_what_a_responses_client_asks_and_is_told() {
    let guards = "guardrails:\n  - {name: no-birds, kind: keywords, settings: {words: [bluebird], whole_word: true}}\n";
    let upstream = Upstream::answering(Answer::new(500));
    let config = format!("providers:\n{}{guards}", account("claude", "anthropic", &upstream));
    let gateway = start(&config).await;
    let client = gateway.client();
    let refused = |answer: &Response| {
        assert_eq!(answer.header("x-tollgate-error-code"), Some("guardrail_blocked"), "{}", answer.text());
        assert!(!answer.text().to_lowercase().contains("bluebird"), "{}", answer.text());
    };
    refused(&post(&client, &ask("claude/m", "What of the bluebird?")).await);
    let history = json!([{ "role": "user", "content": "Hi" },
        { "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "c", "output": "a bluebird" }]);
    refused(&post(&client, &json!({ "model": "claude/m", "input": history })).await);
    assert!(upstream.requests().is_empty());

    upstream.now_answering(anthropic_message_text("A BlueBird.", &anthropic_usage(7, 3)));
    refused(&post(&client, &ask("claude/m", "Hi")).await);
    let words = ["It is ", "quite ", "certainly ", "a B", "lue", "Bird", "."];
    let slow = std::time::Duration::from_millis(20);
    upstream.now_answering(Answer::sse(anthropic_stream(&words, &anthropic_usage(7, 7))).gap(slow));
    let answer = post(&client, &with(ask("claude/m", "Hi"), &json!({ "stream": true }))).await;
    assert!(!answer.text().to_lowercase().contains("bluebird"), "{}", answer.text());
    let events = payloads(&answer);
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[kinds.len() - 2..], ["error", "response.failed"], "{kinds:?}");
    let id = events[0]["response"]["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/v1/responses/{id}")).send().await.status, 404, "it is not kept");
}
