//! The corpus, and what must hold for bytes and events that nobody meant.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    Event,
    dialect::{Dialect, WriteFor, corpus},
    event::{Block, Delta, fold},
    failure::{Failure, Kind},
    frame::eventstream,
    reply::Stop,
    usage::Usage,
};

const BEDROCK: Dialect = Dialect::Bedrock;

#[test]
fn requests_round_trip() {
    // JSON among tool results is text to all others.
    corpus::requests_round_trip(BEDROCK, &WriteFor::default(), &["json_result"]);
}

#[test]
fn replies_round_trip() {
    // The latency is the transport's; a guardrail's stop is one that was filtered; a call outranks `end_turn`.
    corpus::replies_round_trip(BEDROCK, &["latency", "guardrail", "end_turn_with_tool"]);
}

#[test]
fn case_001_streams_survive_every_split() {
    corpus::streams_survive_every_split(BEDROCK);
}

#[test]
fn streams_survive_random_splits() {
    corpus::streams_survive_random_splits(BEDROCK);
}

#[test]
fn watch_agrees_with_reader() {
    corpus::watch_agrees_with_reader(BEDROCK);
}

#[test]
fn streams_round_trip() {
    corpus::streams_round_trip(BEDROCK);
}

#[test]
fn damaged_bytes_never_panic() {
    corpus::damaged_bytes_never_panic(BEDROCK);
}

/// A stream of messages whose frames are whole and whose payloads are not.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<(String, String)> = corpus::cases(BEDROCK, ".jsonl")
        .into_iter()
        .flat_map(|case| String::from_utf8(case.bytes).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .map(|line| {
            let line: Value = serde_json::from_str(&line).unwrap();
            (line["event"].as_str().unwrap().to_owned(), line["data"].to_string())
        })
        .collect();
    let hit = (any::<prop::sample::Index>(), prop_oneof![4 => Just(None), 1 => any::<u8>().prop_map(Some)]);
    let message = (proptest::sample::select(lines), hit).prop_map(|((event, data), (at, byte))| {
        let mut data = data.into_bytes();
        if let Some(byte) = byte {
            let at = at.index(data.len());
            data[at] = byte;
        }
        let mut bytes = Vec::new();
        eventstream::write_event(&event, &data, &mut bytes);
        bytes
    });
    proptest::collection::vec(message, 0..12).prop_map(|messages| messages.concat())
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        Just(Block::Text),
        Just(Block::Thinking),
        Just(Block::Refusal),
        Just(Block::Redacted { data: "eA==".into() }),
        Just(Block::ToolUse { id: "a".into(), name: "f".into(), signature: None }),
        Just(Block::Native { dialect: BEDROCK, raw: json!({"image": {"format": "png"}}) }),
        Just(Block::Native { dialect: Dialect::OpenAiChat, raw: Value::Null }),
    ]
}

fn delta() -> impl Strategy<Value = Delta> {
    prop_oneof![
        Just(Delta::Text("t".into())),
        Just(Delta::Arguments("{".into())),
        Just(Delta::Signature("s".into())),
        Just(Delta::Native { dialect: BEDROCK, raw: json!({"citation": {}}) }),
    ]
}

/// Events in an order that no reader gives.
fn event() -> impl Strategy<Value = Event> {
    let choice = prop_oneof![9 => Just(0_u32), 1 => Just(1)];
    prop_oneof![
        1 => Just(Event::Start { id: "i".into(), model: "m".into(), created: None }),
        6 => (choice.clone(), 0..4_u32, block()).prop_map(|(choice, index, block)| Event::Open { choice, index, block }),
        9 => (choice.clone(), 0..4_u32, delta()).prop_map(|(choice, index, delta)| Event::Delta { choice, index, delta }),
        5 => (choice, 0..4_u32).prop_map(|(choice, index)| Event::Close { choice, index }),
        1 => Just(Event::Usage { usage: Usage::default(), service_tier: None }),
        1 => Just(Event::Stop { choice: 0, stop: Stop::End }),
        1 => Just(Event::Fault(Failure::new(Kind::Server, "x"))),
        1 => Just(Event::End),
    ]
}

/// The messages of a stream.
fn messages(stream: &[u8]) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut splitter = BEDROCK.framing().splitter();
    let keep = |frame: crate::frame::Frame<'_>| {
        let data = serde_json::from_slice(frame.data.as_deref().unwrap()).unwrap();
        all.push((frame.event.unwrap().to_owned(), data));
    };
    splitter.push(stream, keep).unwrap();
    all
}

/// Checks the order in which ConverseStream sends.
fn check_order(stream: &[u8]) {
    let (mut next, mut open, mut begun, mut stopped, mut over) = (0, None, false, false, false);
    for (event, data) in messages(stream) {
        let index = data["contentBlockIndex"].as_u64();
        assert!(!over, "a message after the end");
        match event.as_str() {
            "messageStart" => assert!(!std::mem::replace(&mut begun, true), "two beginnings"),
            "contentBlockStart" => {
                assert!(begun && !stopped && open.is_none() && index == Some(next), "a block out of turn");
                open = index;
                next += 1;
            }
            "contentBlockDelta" => {
                assert!(begun && !stopped);
                if open.is_none() {
                    assert_eq!(index, Some(next), "indexes are consecutive");
                    open = index;
                    next += 1;
                }
                assert_eq!(index, open, "a piece of a block that is not open");
            }
            "contentBlockStop" => assert!(open.is_some() && index == open.take(), "a block that was not open ends"),
            "messageStop" => assert!(open.is_none() && !std::mem::replace(&mut stopped, true)),
            "metadata" => {
                assert!(stopped);
                over = true;
            }
            // An event that only Bedrock knows passes as it came.
            "contentBlockWhisper" => {}
            other => {
                assert!(other.ends_with("Exception"), "{other}");
                over = true;
            }
        }
    }
}

proptest! {
    #[test]
    fn damaged_streams_end_once_and_are_split_alike(stream in damaged(), at in any::<prop::sample::Index>()) {
        let events = corpus::read_stream(BEDROCK, &[&stream]);
        let ends = events.iter().filter(|event| matches!(event, Event::Fault(_) | Event::End)).count();
        prop_assert_eq!(ends, 1);
        prop_assert!(matches!(events.last(), Some(Event::Fault(_) | Event::End)));
        // Blocks count from zero in the order of their opening, whatever the wire says.
        let opened: Vec<u32> =
            events.iter().filter_map(|event| if let Event::Open { index, .. } = event { Some(*index) } else { None }).collect();
        prop_assert_eq!(opened.clone(), (0..).take(opened.len()).collect::<Vec<u32>>());
        let (head, tail) = stream.split_at(at.index(stream.len() + 1));
        prop_assert_eq!(&corpus::read_stream(BEDROCK, &[head, tail]), &events);
        corpus::watch(BEDROCK, &stream);
        check_order(&corpus::write_stream(BEDROCK, true, &events));
    }

    #[test]
    fn whatever_is_said_the_stream_is_well_formed(events in proptest::collection::vec(event(), 0..40)) {
        check_order(&corpus::write_stream(BEDROCK, true, &events));
    }
}

#[test]
fn a_stream_that_just_ends_is_not_a_finished_answer() {
    let read = |file: &str| {
        let stream = corpus::streams(BEDROCK).into_iter().find(|case| case.name == file).unwrap();
        fold(corpus::read_stream(BEDROCK, &[&stream.bytes]))
    };
    let (reply, fault) = read("broken_off");
    assert_eq!((reply.choices[0].stop.clone(), fault.unwrap().kind), (None, Kind::Malformed));
    let (reply, fault) = read("without_metadata");
    assert_eq!((reply.choices[0].stop.clone(), fault), (Some(Stop::End), None));
    let (_, fault) = read("throttled");
    assert_eq!(fault.unwrap().kind, Kind::RateLimited);
}

#[test]
fn case_041_failures_of_the_model_are_errors() {
    let mut stream = Vec::new();
    eventstream::write_event("messageStop", br#"{"stopReason": "malformed_tool_use"}"#, &mut stream);
    eventstream::write_event("metadata", br#"{"usage": {"inputTokens": 4, "outputTokens": 2}}"#, &mut stream);
    let (reply, fault) = fold(corpus::read_stream(BEDROCK, &[&stream]));
    assert_eq!((reply.usage.total(), fault.unwrap().code.as_deref()), (6, Some("malformed_tool_use")));
    let body =
        br#"{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"malformed_model_output","usage":{}}"#;
    assert_eq!(BEDROCK.glance_reply(body).fault.unwrap().kind, Kind::Malformed);
}

#[test]
fn the_ping_is_a_whole_message_that_clients_do_not_know() {
    let mut written = Vec::new();
    eventstream::write_event("ping", b"{}", &mut written);
    assert_eq!(super::stream::PING, written);
}
