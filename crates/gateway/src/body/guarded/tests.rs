use proptest::prelude::*;
use serde_json::{Value, json};

use llm::{dialect::StreamForm, frame::Framing};

use super::*;
use crate::body::{Relay, Translate};

const FORM: StreamForm = StreamForm { include_usage: true, framing: Framing::Sse };

fn guards() -> Arc<[CompiledGuard]> {
    Arc::new([CompiledGuard::new("g", "keywords", json!({ "words": ["sec"] })).unwrap()])
}

fn lane(upstream: Dialect, client: Dialect) -> LaneBody {
    match upstream == client {
        true => LaneBody::Relay(Relay::new(upstream, FORM)),
        false => LaneBody::Translate(Translate::new(upstream, client.writer(FORM))),
    }
}

fn guarded(upstream: Dialect, client: Dialect) -> LaneBody {
    LaneBody::Guarded(Box::new(Guarded::new(lane(upstream, client), upstream, guards())))
}

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
    format!("data: {}\n\n", json!({ "id": "sec-1", "created": 1, "model": "sec", "choices": choices }))
}

fn openai(words: &[String]) -> String {
    let said: String = words.iter().map(|word| chunk(&json!({ "content": word }), None)).collect();
    chunk(&json!({ "role": "assistant", "content": "" }), None)
        + &said
        + &chunk(&json!({}), Some("stop"))
        + "data: [DONE]\n\n"
}

fn anthropic(words: &[String]) -> String {
    let typed = |kind: &str, more: Value| {
        let mut data = json!({ "type": kind });
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("event: {kind}\ndata: {data}\n\n")
    };
    let message = json!({ "id": "sec-1", "type": "message", "role": "assistant", "model": "sec", "content": [] });
    let mut all = typed("message_start", json!({ "message": message }));
    all += &typed("content_block_start", json!({ "index": 0, "content_block": { "type": "text", "text": "" } }));
    for word in words {
        let delta = json!({ "type": "text_delta", "text": word });
        all += &typed("content_block_delta", json!({ "index": 0, "delta": delta }));
    }
    all += &typed("content_block_stop", json!({ "index": 0 }));
    all += &typed("message_delta", json!({ "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 1 } }));
    all + &typed("message_stop", json!({}))
}

/// Feeds the bytes in pieces; gives what goes out and whether a guard ended it.
fn run(mut lane: LaneBody, bytes: &str, ends: &[usize]) -> (String, bool) {
    let mut out = Vec::new();
    let mut from = 0;
    for end in ends.iter().copied().chain([bytes.len()]) {
        if lane.feed(&Bytes::copy_from_slice(&bytes.as_bytes()[from..end]), &mut out) == Feed::Fault {
            break;
        }
        from = end;
    }
    if lane.blocked().is_none() {
        lane.finish(&mut out);
    }
    (String::from_utf8(out.concat()).unwrap(), lane.blocked().is_some())
}

/// The text of a stream of either dialect.
fn said(stream: &str) -> String {
    let data = stream.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let text = |value: Value| {
        let text =
            value["choices"][0]["delta"]["content"].as_str().or(value["delta"]["text"].as_str()).map(str::to_owned);
        text.unwrap_or_default()
    };
    data.map(text).collect()
}

/// Without the moment at which a translation was made.
fn timeless(stream: &str) -> String {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let rest = |text: &str| text.get(digits(text)..).unwrap_or_default().to_owned();
    stream.split("\"created\":").map(rest).collect()
}

proptest! {
    #[test]
    fn any_split_lets_the_same_go_and_nothing_that_is_blocked(
        words in proptest::collection::vec("[secxä ]{0,4}", 0..12),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let text = words.concat();
        for upstream in [Dialect::OpenAiChat, Dialect::Anthropic] {
            let bytes = if upstream == Dialect::OpenAiChat { openai(&words) } else { anthropic(&words) };
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            ends.sort_unstable();
            for client in [Dialect::OpenAiChat, Dialect::Anthropic] {
                let (out, blocked) = run(guarded(upstream, client), &bytes, &ends);
                prop_assert_eq!(blocked, text.contains("sec"));
                if blocked {
                    let out = said(&out);
                    prop_assert!(text.starts_with(&out) && out.len() <= text.find("sec").unwrap(), "{out}");
                } else {
                    let (plain, _) = run(lane(upstream, client), &bytes, &[]);
                    prop_assert_eq!(timeless(&out), timeless(&plain), "{:?} to {:?}", upstream, client);
                }
            }
        }
    }
}

/// What goes out of a guarded relay after each frame and at the end; `None` once a guard has ended it.
fn after_each(frames: &[String]) -> Vec<Option<String>> {
    let mut lane = guarded(Dialect::OpenAiChat, Dialect::OpenAiChat);
    let after = frames.iter().map(Some).chain([None]).map(|frame| {
        let mut out = Vec::new();
        match frame {
            Some(frame) => lane.feed(&Bytes::copy_from_slice(frame.as_bytes()), &mut out),
            None => lane.finish(&mut out),
        };
        lane.blocked().is_none().then(|| String::from_utf8(out.concat()).unwrap())
    });
    after.collect()
}

#[test]
fn a_stream_lags_by_the_reach_of_its_guards_and_by_nothing_at_its_end() {
    let said = |text: &str| chunk(&json!({ "content": text }), None);
    let (one, two, three) = (said("hello"), said(" th"), said("ere"));
    let end = chunk(&json!({}), Some("stop"));
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n".to_owned();
    let after = after_each(&[one.clone(), two.clone(), three.clone(), end.clone(), usage.clone()]);
    let expected = [String::new(), one, two, three + &end, usage, String::new()];
    assert_eq!(after, expected.map(Some), "three characters are held back");
}

#[test]
fn a_thought_does_not_hold_up_the_answer() {
    let thought = chunk(&json!({ "reasoning_content": "hm, se" }), None);
    let answer = chunk(&json!({ "content": "c... well" }), None);
    let after = after_each(&[thought.clone(), answer.clone(), chunk(&json!({ "content": " then" }), None)]);
    assert_eq!(after[..2], [Some(String::new()), Some(thought)]);
    assert_eq!(after[2].as_deref(), Some(answer.as_str()), "two texts are not one");
}

#[test]
fn tools_are_screened_apart_and_as_their_reader_will_read_them() {
    let call = |index: u32, name: &str, arguments: &str| {
        let function = json!({ "name": name, "arguments": arguments });
        chunk(&json!({ "tool_calls": [{ "index": index, "id": format!("c{index}"), "function": function }] }), None)
    };
    let more = |index: u32, arguments: &str| {
        chunk(&json!({ "tool_calls": [{ "index": index, "function": { "arguments": arguments } }] }), None)
    };
    let end = || chunk(&json!({}), Some("tool_calls"));
    let clean = [call(0, "f", "{\"a\":\"s"), call(1, "f", "{\"a\":\"e"), more(0, "x\"}"), more(1, "c\"}"), end()];
    assert_eq!(after_each(&clean).into_iter().flatten().collect::<String>(), clean.concat());
    for arguments in
        [["{\"a\":\"s", "ec\"}"], ["{\"a\":\"s\\u00", "65c\"}"], ["{\"sec\":", "1}"], ["\\u0073\\u0065\\", "u0063"]]
    {
        let after = after_each(&[call(0, "f", arguments[0]), more(0, arguments[1]), end()]);
        assert_eq!(after.last(), Some(&None), "{arguments:?}");
    }
    assert_eq!(after_each(&[call(0, "secure", "{}"), end()])[0], None, "its name");
}

#[test]
fn what_only_one_dialect_knows_is_screened() {
    let custom = |input: &str| {
        chunk(
            &json!({ "tool_calls": [{ "index": 0, "type": "custom", "custom": { "name": "f", "input": input } }] }),
            None,
        )
    };
    let audio = |transcript: &str| chunk(&json!({ "audio": { "transcript": transcript, "data": "sec=" } }), None);
    let stop = || chunk(&json!({}), Some("stop"));
    for frames in [
        vec![custom("s"), custom("e"), custom("c")],
        vec![audio("so s"), audio("ec")],
        vec![chunk(&json!({ "annotations": [{ "title": "seconds" }] }), None)],
        vec![stop(), chunk(&json!({ "content": "s" }), None), chunk(&json!({ "content": "ec" }), None)],
        vec![stop(), "data: no JSON, sec\n\n".to_owned()],
    ] {
        assert_eq!(after_each(&frames).last(), Some(&None), "{frames:?}");
    }
    let clean = [audio("a"), custom("b"), stop(), "data: [DONE]\n\n".to_owned()];
    assert_eq!(after_each(&clean).into_iter().flatten().collect::<String>(), clean.concat(), "names say nothing");
}

#[test]
fn what_a_guard_ends_is_known_to_its_last_frame() {
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":9}}\n\n";
    let bytes = openai(&["sec".to_owned()]).replace("data: [DONE]", &format!("{usage}data: [DONE]"));
    let mut lane = guarded(Dialect::OpenAiChat, Dialect::OpenAiChat);
    let mut out = Vec::new();
    assert_eq!(lane.feed(&bytes.into(), &mut out), Feed::Fault);
    assert!(out.is_empty() && !lane.has_begun());
    assert_eq!(lane.glance().usage.unwrap().output, 9);
    assert_eq!(lane.blocked().unwrap().answer().message, "the guardrail `g` does not let this answer pass");
}
