//! The corpus, and what an item must look like. What happens between dialects is in `translation_tests`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Echo, reply::write_echoing, stream::Writer};
use crate::{
    dialect::{Dialect, EventWriter, WriteFor, corpus},
    event::{Block, Delta, Event, fold},
    failure::{Failure, Kind},
    reply::Stop,
    usage::Usage,
};

const RESPONSES: Dialect = Dialect::OpenAiResponses;

#[test]
fn requests_round_trip() {
    corpus::requests_round_trip(RESPONSES, &WriteFor::default(), &["text", "json", "knobs", "ids_and_statuses"]);
}

#[test]
fn replies_round_trip() {
    // Ids are made anew, and what an answer repeats of its question is for whoever knows the question.
    let all: Vec<String> = corpus::cases(RESPONSES, ".reply.json").into_iter().map(|case| case.name).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    corpus::replies_round_trip(RESPONSES, &all);
}

/// But for the ids of items, an answer that is told its question again is the same.
#[test]
fn an_answer_is_written_as_it_was_read() {
    for case in corpus::cases(RESPONSES, ".reply.json") {
        if case.name == "open_model" {
            continue; // names less than OpenAI does, and thinks aloud
        }
        let mut sent: Value = serde_json::from_slice(&case.bytes).unwrap();
        let echo = Echo::of(sent.as_object().unwrap().clone());
        let (written, loss) = write_echoing(&RESPONSES.read_reply(&case.bytes).unwrap(), &echo);
        let mut written: Value = serde_json::from_slice(&written).unwrap();
        assert!(loss.is_none(), "{}: {loss}", case.name);
        for answer in [&mut sent, &mut written] {
            answer.as_object_mut().unwrap().remove("tool_usage");
            for item in answer["output"].as_array_mut().unwrap() {
                item.as_object_mut().unwrap().remove("id");
            }
        }
        assert_eq!(written, sent, "{}", case.name);
    }
}

#[test]
fn streams_survive_every_split() {
    corpus::streams_survive_every_split(RESPONSES);
    corpus::streams_survive_random_splits(RESPONSES);
}

#[test]
fn streams_round_trip() {
    corpus::streams_round_trip(RESPONSES);
}

#[test]
fn watch_agrees_with_reader() {
    corpus::watch_agrees_with_reader(RESPONSES);
}

#[test]
fn damaged_bytes_never_panic() {
    corpus::damaged_bytes_never_panic(RESPONSES);
}

/// The payloads of a stream as JSON.
pub(super) fn payloads(stream: &[u8]) -> Vec<Value> {
    corpus::payloads(stream).iter().map(|payload| serde_json::from_str(payload).unwrap()).collect()
}

fn write(echo: Echo, events: &[Event]) -> Vec<Value> {
    let (mut writer, mut bytes) = (Writer::new(echo), Vec::new());
    for event in events {
        writer.push(event, &mut bytes);
    }
    payloads(&bytes)
}

fn open(index: u32, block: Block) -> Event {
    Event::Open { choice: 0, index, block }
}

fn delta(index: u32, delta: Delta) -> Event {
    Event::Delta { choice: 0, index, delta }
}

fn close(index: u32) -> Event {
    Event::Close { choice: 0, index }
}

fn start() -> Event {
    Event::Start { id: "chatcmpl-7/x".into(), model: "m".into(), created: Some(9) }
}

fn tool(id: &str, name: &str) -> Block {
    Block::ToolUse { id: id.into(), name: name.into(), signature: None }
}

/// What every stream must keep to: numbers from 0 in steps of one, one id of the answer, items that are begun before
/// anything is said of them and ended once, and an end that holds each item as it was ended.
pub(super) fn check_stream(frames: &[Value]) {
    let mut items: Vec<(Value, bool)> = Vec::new();
    let id = frames[0]["response"]["id"].as_str().unwrap();
    assert!(id.starts_with("resp_"), "{id}");
    for (number, frame) in frames.iter().enumerate() {
        assert_eq!(frame["sequence_number"], json!(number), "{frame}");
        if let Some(response) = frame.get("response") {
            assert_eq!(response["id"], *id);
        }
        let Some(at) = frame.get("output_index").map(|at| usize::try_from(at.as_u64().unwrap()).unwrap()) else {
            continue;
        };
        match frame["type"].as_str().unwrap() {
            "response.output_item.added" => {
                assert_eq!(at, items.len());
                items.push((frame["item"].clone(), false));
            }
            "response.output_item.done" => {
                let (item, done) = &mut items[at];
                assert!(!*done && item["id"] == frame["item"]["id"], "{frame}");
                (*item, *done) = (frame["item"].clone(), true);
            }
            _ => assert!(!items[at].1 && items[at].0["id"] == frame["item_id"], "{frame}"),
        }
    }
    let last = frames.last().unwrap();
    if matches!(last["type"].as_str().unwrap(), "response.completed" | "response.incomplete") {
        assert!(items.iter().all(|(_, done)| *done));
        let items: Vec<Value> = items.into_iter().map(|(item, _)| item).collect();
        assert_eq!(last["response"]["output"], Value::Array(items));
    }
}

#[test]
fn case_046_one_response_id_rising_numbers_and_item_ids_that_agree() {
    let events = [
        start(),
        open(0, Block::Thinking),
        delta(0, Delta::Text("hm".into())),
        delta(0, Delta::Signature("sig".into())),
        close(0),
        open(1, Block::Text),
        delta(1, Delta::Text("a".into())),
        delta(1, Delta::Text("b".into())),
        open(2, tool("c1", "f")),
        delta(2, Delta::Arguments("{\"x\":".into())),
        open(3, tool("c2", "g")),
        delta(2, Delta::Arguments("1}".into())),
        close(1),
        close(3),
        close(2),
        Event::Usage { usage: Usage { input: 3, output: 4, ..Usage::default() }, service_tier: Some("default".into()) },
        Event::Stop { choice: 0, stop: Stop::ToolUse },
        Event::End,
    ];
    let frames = write(Echo { id: Some("resp_own".into()), ..Echo::default() }, &events);
    check_stream(&frames);
    let kinds: Vec<&str> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["response.created", "response.in_progress"]);
    assert_eq!(kinds.last(), Some(&"response.completed"));
    let response = &frames.last().unwrap()["response"];
    let names: Vec<&Value> = response["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(names, ["reasoning", "message", "function_call", "function_call"]);
    assert_eq!(response["output"][1]["content"][0]["text"], "ab");
    assert_eq!(response["output"][2]["arguments"], "{\"x\":1}");
    assert_eq!(response["output"][3]["arguments"], "{}");
    assert_eq!(response["usage"]["total_tokens"], 7);
    for case in corpus::cases(RESPONSES, ".sse") {
        check_stream(&payloads(&corpus::write_stream(
            RESPONSES,
            true,
            &corpus::read_stream(RESPONSES, &[&case.bytes]),
        )));
    }
}

#[test]
fn a_client_without_an_own_id_gets_one_made_from_the_providers() {
    let frames = write(Echo::default(), &[start(), Event::Stop { choice: 0, stop: Stop::End }, Event::End]);
    check_stream(&frames);
    assert_eq!(frames[0]["response"]["id"], "resp_chatcmpl-7x");
    assert_eq!(frames[0]["response"]["created_at"], 9);
}

#[test]
fn an_answer_repeats_its_question() {
    let fields = json!({"metadata": {"a": "b"}, "previous_response_id": "resp_0", "store": false, "input": "secret",
        "text": {"verbosity": "low"}, "temperature": null});
    let echo = Echo::of(fields.as_object().unwrap().clone());
    let frames = write(echo, &[start(), Event::Stop { choice: 0, stop: Stop::Length }, Event::End]);
    for frame in &frames {
        let response = &frame["response"];
        assert_eq!(response["metadata"], json!({"a": "b"}));
        assert_eq!(response["previous_response_id"], "resp_0");
        assert_eq!(response["store"], false);
        assert_eq!(response["text"], json!({"verbosity": "low", "format": {"type": "text"}}));
        assert_eq!(response["temperature"], 1.0);
        assert!(response.get("input").is_none());
    }
    let last = frames.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"], json!({"reason": "max_output_tokens"}));
}

#[test]
fn calls_of_custom_tools_and_of_tools_in_a_namespace_are_told_in_their_own_form() {
    let asked = corpus::case(RESPONSES, "codex.request.json");
    let echo = Echo::of(serde_json::from_slice(&asked).unwrap());
    let events = [
        start(),
        open(0, tool("c1", "apply_patch")),
        delta(0, Delta::Arguments("{\"input\":\"*** Be".into())),
        delta(0, Delta::Arguments("gin\\n\"}".into())),
        close(0),
        open(1, tool("c2", "mcp__docs__search")),
        delta(1, Delta::Arguments("{\"q\":1}".into())),
        close(1),
        open(2, tool("c3", "shell")),
        close(2),
        open(3, tool("c4", "mcp__docs__raw")),
        delta(3, Delta::Arguments("not JSON".into())),
        close(3),
        Event::Stop { choice: 0, stop: Stop::ToolUse },
        Event::End,
    ];
    let frames = write(echo.clone(), &events);
    check_stream(&frames);
    let streamed = &frames.last().unwrap()["response"]["output"];
    let (reply, _) = fold(events);
    let (whole, _) = write_echoing(&reply, &echo);
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(whole["output"], *streamed, "streamed and whole answers have the same items");
    let said = |at: usize| {
        let item = streamed[at].as_object().unwrap();
        let mut item = item.clone();
        item.remove("id");
        item.remove("status");
        Value::Object(item)
    };
    assert_eq!(
        said(0),
        json!({"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": "*** Begin\n"})
    );
    assert_eq!(
        said(1),
        json!({"type": "function_call", "call_id": "c2", "name": "search", "namespace": "mcp__docs",
            "arguments": "{\"q\":1}"})
    );
    assert_eq!(said(2), json!({"type": "function_call", "call_id": "c3", "name": "shell", "arguments": "{}"}));
    assert_eq!(
        said(3),
        json!({"type": "custom_tool_call", "call_id": "c4", "name": "raw", "namespace": "mcp__docs",
            "input": "not JSON"})
    );
}

#[test]
fn a_fault_ends_the_answer_as_failed() {
    let failure = Failure { code: Some("overloaded".into()), ..Failure::new(Kind::Overloaded, "busy") };
    let events = [start(), open(0, Block::Text), delta(0, Delta::Text("x".into())), Event::Fault(failure), Event::End];
    let frames = write(Echo::default(), &events);
    check_stream(&frames);
    let last = frames.last().unwrap();
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["error"], json!({"code": "overloaded", "message": "busy"}));
}

#[test]
fn complaints_name_the_field() {
    for (body, message) in [
        (json!({"input": "x"}), "model is missing: it must be the name of a model"),
        (json!({"model": "m"}), "input is missing: it must be a string or a list of items"),
        (json!({"model": "m", "input": 7}), "input must be an array, not 7"),
        (
            json!({"model": "m", "input": [{"role": "robot", "content": ""}]}),
            "input[0].role must be user, assistant, system or developer, not \"robot\"",
        ),
        (
            json!({"model": "m", "input": [{"type": "function_call", "name": "f"}]}),
            "input[0].call_id is missing: it must be the call's id",
        ),
        (
            json!({"model": "m", "input": [{"role": "user", "content": [{"type": "input_image"}]}]}),
            "input[0].content[0] must be an object with image_url or file_id, not an object",
        ),
        (
            json!({"model": "m", "input": "x", "tools": [{"type": "function", "name": ""}]}),
            "tools[0].name must be the tool's name, not \"\"",
        ),
        (
            json!({"model": "m", "input": "x", "max_output_tokens": 0}),
            "max_output_tokens must be a whole number from 1 to 4294967296, not 0",
        ),
        (
            json!({"model": "m", "input": "x", "text": {"format": {"type": "xml"}}}),
            "text.format.type must be text, json_object or json_schema, not \"xml\"",
        ),
    ] {
        let refused = RESPONSES.read_call(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(refused.message, message);
        assert!(refused.field.is_some());
    }
}

/// A file of the corpus with some bytes overwritten.
fn damaged(suffix: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<Vec<u8>> = corpus::cases(RESPONSES, suffix).into_iter().map(|case| case.bytes).collect();
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"{}[]\",:0en\n".to_vec())];
    let hits = proptest::collection::vec((any::<prop::sample::Index>(), byte), 0..6);
    (proptest::sample::select(files), hits).prop_map(|(mut bytes, hits)| {
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    /// What is written can be read, and writing that again changes nothing.
    #[test]
    fn own_writing_is_stable(bytes in damaged(".request.json")) {
        let target = WriteFor::default();
        if let Ok((written, _)) = RESPONSES.read_call(&bytes).and_then(|call| RESPONSES.write_call(&call, &target)) {
            let again = RESPONSES.read_call(&written).unwrap();
            let (rewritten, _) = RESPONSES.write_call(&again, &target).unwrap();
            prop_assert_eq!(String::from_utf8(written), String::from_utf8(rewritten));
        }
    }

    #[test]
    fn own_answers_are_stable(bytes in damaged(".reply.json")) {
        if let Ok(reply) = RESPONSES.read_reply(&bytes) {
            let (written, _) = RESPONSES.write_reply(&reply);
            let again = RESPONSES.read_reply(&written).unwrap();
            let (rewritten, _) = RESPONSES.write_reply(&again);
            prop_assert_eq!(String::from_utf8(written), String::from_utf8(rewritten));
        }
    }

    /// Whatever a provider sends, the client gets a stream that keeps its rules.
    #[test]
    fn own_streams_keep_their_rules(bytes in damaged(".sse")) {
        let written = corpus::write_stream(RESPONSES, true, &corpus::read_stream(RESPONSES, &[&bytes]));
        let frames = payloads(&written);
        if !frames.is_empty() {
            check_stream(&frames);
        }
    }
}
