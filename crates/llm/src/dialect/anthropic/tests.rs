//! What must hold for bytes and events that nobody meant: no panic, and never a stream that breaks its own rules.

use proptest::prelude::*;
use serde_json::Value;

use crate::{
    Event,
    dialect::{Dialect, WriteFor, corpus},
    event::{Block, Delta},
    failure::{Failure, Kind},
    reply::Stop,
    usage::Usage,
};

const ANTHROPIC: Dialect = Dialect::Anthropic;

/// A file of the corpus with some bytes overwritten.
fn damaged(suffix: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<Vec<u8>> = corpus::cases(ANTHROPIC, suffix).into_iter().map(|case| case.bytes).collect();
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

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        Just(Block::Text),
        Just(Block::Thinking),
        Just(Block::Refusal),
        Just(Block::Redacted { data: "x".into() }),
        Just(Block::ToolUse { id: "a".into(), name: "f".into(), signature: None }),
        Just(Block::Native { dialect: ANTHROPIC, raw: serde_json::json!({"type": "server_tool_use"}) }),
        Just(Block::Native { dialect: Dialect::OpenAiChat, raw: Value::Null }),
    ]
}

fn delta() -> impl Strategy<Value = Delta> {
    prop_oneof![
        Just(Delta::Text("t".into())),
        Just(Delta::Arguments("{".into())),
        Just(Delta::Signature("s".into())),
        Just(Delta::Native { dialect: ANTHROPIC, raw: serde_json::json!({"type": "citations_delta"}) }),
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

/// Checks the order that Anthropic promises: <https://docs.anthropic.com/en/docs/build-with-claude/streaming>
fn check_order(stream: &[u8]) {
    let (mut next, mut open, mut filled, mut begun, mut told, mut over) = (0, None, false, false, false, false);
    for payload in corpus::payloads(stream) {
        let frame: Value = serde_json::from_str(&payload).unwrap();
        let index = frame["index"].as_u64();
        assert!(!over, "a frame after the end");
        match frame["type"].as_str().unwrap() {
            "message_start" => assert!(!std::mem::replace(&mut begun, true), "two beginnings"),
            "error" => over = true,
            "content_block_start" => {
                assert!(begun && !told && open.is_none(), "a block out of turn");
                assert_eq!(index, Some(next), "indexes are consecutive");
                open = index;
                filled = !matches!(frame["content_block"]["type"].as_str(), Some("text" | "thinking"));
                next += 1;
            }
            "content_block_delta" => {
                assert!(open.is_some() && index == open, "a piece of a block that is not open");
                filled = true;
            }
            "content_block_stop" => {
                assert!(filled && open.is_some() && index == open.take(), "an empty block, or one that was not open");
            }
            "message_delta" => {
                assert!(
                    open.is_none() && !std::mem::replace(&mut told, true),
                    "the stop reason amid a block, or twice"
                );
            }
            "message_stop" => {
                assert!(told && open.is_none());
                over = true;
            }
            other => panic!("{other}"),
        }
    }
}

proptest! {
    #[test]
    fn damaged_streams_end_once_and_are_split_alike(stream in damaged(".sse"), at in any::<prop::sample::Index>()) {
        let events = corpus::read_stream(ANTHROPIC, &[&stream]);
        let ends = events.iter().filter(|event| matches!(event, Event::Fault(_) | Event::End)).count();
        prop_assert_eq!(ends, 1);
        prop_assert!(matches!(events.last(), Some(Event::Fault(_) | Event::End)));
        let (head, tail) = stream.split_at(at.index(stream.len()));
        prop_assert_eq!(&corpus::read_stream(ANTHROPIC, &[head, tail]), &events);
        corpus::watch(ANTHROPIC, &stream);
    }

    #[test]
    fn damaged_bodies_are_read_or_refused(request in damaged(".request.json"), reply in damaged(".reply.json")) {
        if let Ok(call) = ANTHROPIC.read_call(&request) {
            let _ = ANTHROPIC.write_call(&call, &WriteFor::default());
        }
        if let Ok(reply) = ANTHROPIC.read_reply(&reply) {
            let (written, _) = ANTHROPIC.write_reply(&reply);
            prop_assert!(ANTHROPIC.read_reply(&written).is_ok());
        }
        let _ = (ANTHROPIC.glance_reply(&reply), ANTHROPIC.read_error(&reply));
    }

    #[test]
    fn whatever_is_said_the_stream_is_well_formed(events in proptest::collection::vec(event(), 0..40)) {
        check_order(&corpus::write_stream(ANTHROPIC, true, &events));
    }
}
