//! What must hold between dialects, proved across the two of them: one test per hard case.
//!
//! What the tokens of cases 59 and 60 cost is proved with the prices; here is how they are read and shown.

use serde_json::{Value, json};

use super::{Dialect, Malformed, WriteFor, corpus};
use crate::{
    Loss, Reply,
    call::{Part, Thinking},
    event::fold,
    reply::{Choice, Stop},
    usage::Usage,
};

const OPENAI: Dialect = Dialect::OpenAiChat;
const ANTHROPIC: Dialect = Dialect::Anthropic;

/// A request body in another dialect, and what was lost on the way.
fn translate_for(from: Dialect, to: Dialect, body: &Value, target: &WriteFor) -> Result<(Value, Loss), Malformed> {
    let call = from.read_call(body.to_string().as_bytes())?;
    let (written, loss) = to.write_call(&call, target)?;
    Ok((serde_json::from_slice(&written).unwrap(), loss))
}

fn translate(from: Dialect, to: Dialect, body: &Value) -> (Value, Loss) {
    translate_for(from, to, body, &WriteFor::default()).unwrap()
}

/// The field that a translation is refused for, and in which words.
fn refusal(from: Dialect, to: Dialect, body: &Value) -> String {
    let refused = translate_for(from, to, body, &WriteFor::default()).unwrap_err();
    assert!(refused.field.is_some(), "{refused:?} names no field");
    refused.message
}

fn openai(messages: Value) -> Value {
    json!({"model": "m", "max_tokens": 100, "messages": messages})
}

fn ask(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// The JSON of every frame of a stream in another dialect. `[DONE]` is a string.
fn translate_stream(from: Dialect, to: Dialect, stream: &[u8]) -> Vec<Value> {
    let written = corpus::write_stream(to, true, &corpus::read_stream(from, &[stream]));
    let payload = |data: String| serde_json::from_str(&data).unwrap_or(Value::String(data));
    corpus::payloads(&written).into_iter().map(payload).collect()
}

/// An OpenAI stream of these deltas.
fn chunks(deltas: &[Value], finish: &str) -> Vec<u8> {
    let head = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"});
    let frame = |field: &str, value: Value| {
        let mut chunk = head.clone();
        chunk["choices"] = json!([]);
        chunk[field] = value;
        format!("data: {chunk}\n\n")
    };
    let say = |delta: &Value| frame("choices", json!([{"index": 0, "delta": delta, "finish_reason": null}]));
    let mut stream: String = deltas.iter().map(say).collect();
    stream += &frame("choices", json!([{"index": 0, "delta": {}, "finish_reason": finish}]));
    stream += &frame(
        "usage",
        json!({"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27,
        "prompt_tokens_details": {"cached_tokens": 8}}),
    );
    (stream + "data: [DONE]\n\n").into_bytes()
}

/// An Anthropic stream in a line per frame: `start 0 text`, `delta 0 text_delta Hi`, `stop 0`.
fn outline(frames: &[Value]) -> Vec<String> {
    let line = |frame: &Value| {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (kind, index) = (frame["type"].as_str().unwrap(), &frame["index"]);
        match kind {
            "content_block_start" => format!("start {index} {}", text(&frame["content_block"]["type"])),
            "content_block_delta" => {
                let delta = frame["delta"].as_object().unwrap();
                let piece = delta.values().nth(1).map(text).unwrap();
                format!("delta {index} {} {piece}", text(&delta["type"]))
            }
            "content_block_stop" => format!("stop {index}"),
            "message_delta" => format!("message_delta {}", text(&frame["delta"]["stop_reason"])),
            other => other.to_owned(),
        }
    };
    frames.iter().map(line).collect()
}

fn tool_call(index: u32, id: &str, arguments: &str) -> Value {
    json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": "look", "arguments": arguments}}]})
}

fn more_arguments(index: u32, arguments: &str) -> Value {
    json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]})
}

#[test]
fn case_025_openai_stream_becomes_well_formed_anthropic_stream() {
    let stream = chunks(
        &[
            json!({"role": "assistant", "content": ""}),
            json!({"content": "I "}),
            json!({"content": ""}),
            json!({"content": "look."}),
            tool_call(0, "call_a", "{\"a\""),
            tool_call(1, "call_b", "{\"b\""),
            more_arguments(0, ":1}"),
            more_arguments(1, ":2}"),
        ],
        "tool_calls",
    );
    let frames = translate_stream(OPENAI, ANTHROPIC, &stream);
    let lines = outline(&frames);
    let whole = |lines: &[String], index: u32| -> String {
        let head = format!("delta {index} input_json_delta ");
        lines.iter().filter_map(|line| line.strip_prefix(&head)).collect()
    };
    assert_eq!((whole(&lines, 1).as_str(), whole(&lines, 2).as_str()), ("{\"a\":1}", "{\"b\":2}"));
    let frame_kinds: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| !line.contains("input_json_delta")).collect();
    assert_eq!(
        frame_kinds,
        [
            "message_start",
            "start 0 text",
            "delta 0 text_delta I ",
            "delta 0 text_delta look.",
            "stop 0",
            "start 1 tool_use",
            "stop 1",
            "start 2 tool_use",
            "stop 2",
            "message_delta tool_use",
            "message_stop"
        ]
    );
    let usage = &frames[frames.len() - 2]["usage"];
    assert_eq!(
        (&usage["input_tokens"], &usage["cache_read_input_tokens"], &usage["output_tokens"]),
        (&json!(12), &json!(8), &json!(7))
    );
    let names =
        String::from_utf8(corpus::write_stream(ANTHROPIC, true, &corpus::read_stream(OPENAI, &[&stream]))).unwrap();
    assert!(
        names.starts_with("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"chatcmpl-1\"")
    );

    // Nothing was said: no empty block.
    let silent = translate_stream(OPENAI, ANTHROPIC, &chunks(&[json!({"role": "assistant", "content": ""})], "stop"));
    assert_eq!(outline(&silent), ["message_start", "message_delta end_turn", "message_stop"]);
}

#[test]
fn case_026_reasoning_first_opens_thinking_at_zero() {
    let deltas = [
        json!({"role": "assistant", "reasoning_content": "Hm"}),
        json!({"reasoning_content": "m."}),
        json!({"content": "Yes."}),
    ];
    let frames = translate_stream(OPENAI, ANTHROPIC, &chunks(&deltas, "stop"));
    assert_eq!(
        outline(&frames),
        [
            "message_start",
            "start 0 thinking",
            "delta 0 thinking_delta Hm",
            "delta 0 thinking_delta m.",
            "stop 0",
            "start 1 text",
            "delta 1 text_delta Yes.",
            "stop 1",
            "message_delta end_turn",
            "message_stop"
        ]
    );
}

#[test]
fn case_027_tool_block_starts_with_empty_input() {
    let whole_at_once =
        chunks(&[tool_call(0, "call_a", "{\"town\":\"Batumi\"}"), tool_call(1, "call_b", "")], "tool_calls");
    let frames = translate_stream(OPENAI, ANTHROPIC, &whole_at_once);
    let start = frames.iter().find(|frame| frame["type"] == "content_block_start").unwrap();
    assert_eq!(start["content_block"], json!({"type": "tool_use", "id": "call_a", "name": "look", "input": {}}));
    let lines = outline(&frames);
    assert!(lines.contains(&"delta 0 input_json_delta {\"town\":\"Batumi\"}".to_owned()), "{lines:?}");

    // A call without arguments: Anthropic's client takes nothing for {}, OpenAI's wants to see it.
    let back = translate_stream(ANTHROPIC, OPENAI, &corpus::case(ANTHROPIC, "empty_arguments.sse"));
    let arguments: String = back
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str())
        .collect();
    assert_eq!(arguments, "{}");
}

#[test]
fn case_028_signatures_survive_and_signature_only_thinking_is_replayed() {
    let native = translate_stream(ANTHROPIC, ANTHROPIC, &corpus::case(ANTHROPIC, "signature_only.sse"));
    let lines = outline(&native);
    assert_eq!(&lines[1..4], ["start 0 thinking", "delta 0 signature_delta b25seS1zaWduZWQ=", "stop 0"]);

    // An OpenAI client gets the block and sends it back in the next turn.
    let chunks = translate_stream(ANTHROPIC, OPENAI, &corpus::case(ANTHROPIC, "signature_only.sse"));
    let blocks = chunks.iter().find_map(|chunk| chunk["choices"][0]["delta"].get("thinking_blocks")).unwrap();
    let history = json!([ask("?"), {"role": "assistant", "content": "Done.", "thinking_blocks": blocks}, ask("More?")]);
    let (body, loss) = translate(OPENAI, ANTHROPIC, &openai(history));
    assert!(loss.is_none(), "{loss}");
    let thinking = json!({"type": "thinking", "thinking": "", "signature": "b25seS1zaWduZWQ="});
    assert_eq!(body["messages"][1]["content"], json!([thinking, {"type": "text", "text": "Done."}]));
}

#[test]
fn case_029_redacted_thinking_round_trips() {
    let stream = corpus::case(ANTHROPIC, "redacted.sse");
    let events = corpus::read_stream(ANTHROPIC, &[&stream]);
    let through_openai = corpus::read_stream(OPENAI, &[&corpus::write_stream(OPENAI, true, &events)]);
    let redacted = Part::Thinking(Thinking::Redacted { data: "aGlkZGVuIHRob3VnaHQ=".into() });
    assert_eq!(fold(through_openai).0.choices[0].parts[0], redacted);
    let replayed =
        json!([{"type": "redacted_thinking", "data": "aGlkZGVuIHRob3VnaHQ="}, {"type": "text", "text": "Fine."}]);
    let history = json!({"model": "m", "max_tokens": 9, "messages": [ask("?"), {"role": "assistant", "content": replayed}, ask("!")]});
    assert_eq!(translate(ANTHROPIC, ANTHROPIC, &history).0["messages"], history["messages"]);
}

#[test]
fn case_030_foreign_signatures_are_stripped_and_own_ones_kept() {
    let history = serde_json::from_slice(&corpus::case(ANTHROPIC, "thinking.request.json")).unwrap();
    let (same, loss) = translate(ANTHROPIC, ANTHROPIC, &history);
    assert_eq!(same["messages"], history["messages"]);
    assert!(loss.is_none());

    let other = WriteFor { foreign_thinking: true, ..WriteFor::default() };
    let (other, loss) = translate_for(ANTHROPIC, ANTHROPIC, &history, &other).unwrap();
    assert!(!other["messages"].to_string().contains("thinking"), "{other}");
    assert_eq!(other["messages"][1]["content"][0]["type"], "tool_use");
    assert_eq!(other["messages"][3]["content"], "It is 5.");
    assert_eq!(loss.to_string(), "turns[*].thinking");

    // Thought that nobody signed cannot be shown to Anthropic either.
    let unsigned =
        openai(json!([ask("?"), {"role": "assistant", "content": "A.", "reasoning_content": "Hm."}, ask("!")]));
    let (body, loss) = translate(OPENAI, ANTHROPIC, &unsigned);
    assert_eq!((&body["messages"][1]["content"], loss.to_string().as_str()), (&json!("A."), "turns[*].thinking"));
}

#[test]
fn case_032_no_thinking_is_invented() {
    let mut body = openai(json!([
        ask("?"),
        {"role": "assistant", "content": null, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "x"}
    ]));
    body["reasoning_effort"] = json!("high");
    let (body, _) = translate(OPENAI, ANTHROPIC, &body);
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["messages"][1]["content"], json!([{"type": "tool_use", "id": "a", "name": "look", "input": {}}]));
    // What Anthropic answers to that is a 400 in its own shape.
    let refusal = super::ErrorBody { status: 400, message: "Expected `thinking`".into(), ..Default::default() };
    let shape: Value = serde_json::from_slice(&ANTHROPIC.write_error(&refusal)).unwrap();
    assert_eq!(
        shape,
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": "Expected `thinking`"}})
    );
}

#[test]
fn case_034_parallel_tool_results_share_a_turn() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{\"n\":1}"}});
    let messages = json!([
        ask("?"),
        {"role": "assistant", "content": null, "tool_calls": [call("a"), call("b.1")]},
        {"role": "tool", "tool_call_id": "a", "content": "one"},
        {"role": "tool", "tool_call_id": "b.1", "content": "two"},
        ask("And?")
    ]);
    let (body, loss) = translate(OPENAI, ANTHROPIC, &openai(messages));
    assert!(loss.is_none(), "{loss}");
    // Anthropic takes no dots in ids: call and result change alike.
    assert_eq!(body["messages"][1]["content"][1]["id"], "b_1");
    assert_eq!(
        body["messages"][2],
        json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "one"},
            {"type": "tool_result", "tool_use_id": "b_1", "content": "two"},
            {"type": "text", "text": "And?"}
        ]})
    );
    assert_eq!(body["messages"].as_array().unwrap().len(), 3);

    let (back, _) = translate(ANTHROPIC, OPENAI, &body);
    let roles: Vec<_> = back["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "user"]);
    assert_eq!((&back["messages"][2]["tool_call_id"], &back["messages"][3]["content"]), (&json!("a"), &json!("two")));
}

#[test]
fn case_035_tool_results_keep_pictures_and_failures() {
    let result = json!({"type": "tool_result", "tool_use_id": "a", "is_error": true, "content": [
        {"type": "text", "text": "blurred"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    ]});
    let call = json!({"type": "tool_use", "id": "a", "name": "look", "input": {}});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        ask("?"), {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}
    ]});
    let (written, loss) = translate(ANTHROPIC, OPENAI, &body);
    let text = written["messages"].to_string();
    assert!(text.contains("data:image/png;base64,AAAA"), "the picture is gone: {text}");
    assert!(text.contains("blurred"), "{text}");
    assert!(text.contains("error") || loss.to_string().contains("is_error"), "the failure is gone: {text}, {loss}");
    assert_eq!(translate(ANTHROPIC, ANTHROPIC, &body).0["messages"], body["messages"]);
}

#[test]
fn case_036_tool_choice_maps_both_ways() {
    let tools = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    let named = json!({"type": "function", "function": {"name": "look"}});
    let rows = [
        (json!("auto"), json!({"type": "auto"})),
        (json!("none"), json!({"type": "none"})),
        (json!("required"), json!({"type": "any"})),
        (named, json!({"type": "tool", "name": "look"})),
    ];
    for (ours, theirs) in rows {
        let mut body = openai(json!([ask("?")]));
        (body["tools"], body["tool_choice"]) = (tools.clone(), ours.clone());
        let (written, loss) = translate(OPENAI, ANTHROPIC, &body);
        assert_eq!((&written["tool_choice"], loss.is_none()), (&theirs, true));
        assert_eq!(translate(ANTHROPIC, OPENAI, &written).0["tool_choice"], ours);
    }
    let mut single = openai(json!([ask("?")]));
    (single["tools"], single["parallel_tool_calls"]) = (tools.clone(), json!(false));
    let (written, _) = translate(OPENAI, ANTHROPIC, &single);
    assert_eq!(written["tool_choice"], json!({"type": "auto", "disable_parallel_tool_use": true}));
    assert_eq!(translate(ANTHROPIC, OPENAI, &written).0["parallel_tool_calls"], false);

    // Thinking that the caller asked for in so many words excludes a forced tool.
    let thinking = json!({"model": "m", "max_tokens": 4096, "messages": [ask("?")],
        "tools": [{"name": "look", "input_schema": {"type": "object"}}], "tool_choice": {"type": "any"},
        "thinking": {"type": "enabled", "budget_tokens": 2048}, "temperature": 0.2});
    let (written, loss) = translate(ANTHROPIC, ANTHROPIC, &thinking);
    assert_eq!((&written["tool_choice"], written.get("temperature")), (&json!({"type": "auto"}), None));
    assert_eq!(loss.to_string(), "tool_choice,knobs.temperature");
}

#[test]
fn case_037_system_in_every_form_keeps_its_place() {
    let mark = json!({"type": "ephemeral"});
    let body = openai(json!([
        {"role": "system", "content": "One."},
        {"role": "developer", "content": [{"type": "text", "text": "Two.", "cache_control": mark}]},
        ask("Hello"),
        {"role": "system", "content": "Now in Latin."},
        {"role": "assistant", "content": "Salve."},
        {"role": "developer", "content": "Be brief."},
        ask("Name a bird.")
    ]));
    let (written, loss) = translate(OPENAI, ANTHROPIC, &body);
    assert_eq!(
        written["system"],
        json!([{"type": "text", "text": "One."}, {"type": "text", "text": "Two.", "cache_control": mark}])
    );
    let wrapped = |text: &str| json!({"type": "text", "text": format!("<system>\n{text}\n</system>")});
    assert_eq!(
        written["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "Hello"}, wrapped("Now in Latin.")]},
            {"role": "assistant", "content": "Salve."},
            {"role": "user", "content": [wrapped("Be brief."), {"type": "text", "text": "Name a bird."}]}
        ])
    );
    assert_eq!(loss.to_string(), "turns[3].role,turns[5].role");

    // A model that takes system messages gets those that stand where Anthropic allows it.
    let newer = WriteFor { takes_system_turns: true, ..WriteFor::default() };
    let (written, loss) = translate_for(OPENAI, ANTHROPIC, &body, &newer).unwrap();
    assert_eq!(written["messages"][1], json!({"role": "system", "content": "Now in Latin."}));
    assert_eq!(loss.to_string(), "turns[5].role");

    let plain = json!({"model": "m", "max_tokens": 9, "system": "Be brief.", "messages": [ask("?")]});
    let (back, _) = translate(ANTHROPIC, OPENAI, &plain);
    assert_eq!(back["messages"][0], json!({"role": "system", "content": "Be brief."}));
    assert_eq!(translate(OPENAI, ANTHROPIC, &back).0["system"], "Be brief.");
    // Mere instructions: Anthropic needs somebody who asks.
    let (alone, _) = translate(OPENAI, ANTHROPIC, &openai(json!([{"role": "system", "content": "Greet."}])));
    assert_eq!((alone.get("system"), &alone["messages"]), (None, &json!([ask("Greet.")])));
}

#[test]
fn case_038_cache_marks_are_limited_forwarded_or_dropped() {
    let five = json!({"type": "ephemeral", "ttl": "5m"});
    let hour = json!({"type": "ephemeral", "ttl": "1h"});
    let text = |text: &str, mark: &Value| json!({"type": "text", "text": text, "cache_control": mark});
    let body = json!({"model": "m", "max_tokens": 9,
    "tools": [{"name": "look", "input_schema": {"type": "object"}, "cache_control": hour}],
    "system": [text("One.", &hour), text("Two.", &hour)],
    "messages": [
        {"role": "user", "content": [text("Old.", &five)]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}, "cache_control": five}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x", "cache_control": five}]}
    ]});
    let (written, loss) = translate(ANTHROPIC, ANTHROPIC, &body);
    let marks = |body: &Value| body.to_string().matches("cache_control").count();
    assert_eq!((marks(&body), marks(&written), loss.to_string().as_str()), (6, 4, "cache_marks"));
    assert!(written["tools"][0].get("cache_control").is_none() && written["system"][0].get("cache_control").is_none());
    assert_eq!(
        (&written["system"][1]["cache_control"], &written["messages"][2]["content"][0]["cache_control"]),
        (&hour, &five)
    );

    let without = WriteFor { ignores_cache_marks: true, ..WriteFor::default() };
    for to in [OPENAI, ANTHROPIC] {
        let (written, loss) = translate_for(ANTHROPIC, to, &body, &without).unwrap();
        assert_eq!((marks(&written), loss.is_none()), (0, false), "{to:?}");
    }
    // An OpenAI client's marks reach Anthropic (OpenRouter's and LiteLLM's way of writing them).
    let marked = openai(json!([{"role": "user", "content": [text("Long.", &hour)]}]));
    assert_eq!(translate(OPENAI, ANTHROPIC, &marked).0["messages"][0]["content"][0]["cache_control"], hour);
}

#[test]
fn case_039_stop_reasons_map_both_ways() {
    let reply = |stop: Stop| Reply {
        id: "x".into(),
        model: "m".into(),
        choices: vec![Choice { parts: vec![Part::Text(Default::default())], stop: Some(stop) }],
        ..Reply::default()
    };
    let written = |dialect: Dialect, stop: Stop| -> Value {
        serde_json::from_slice(&dialect.write_reply(&reply(stop)).0).unwrap()
    };
    let rows = [
        (Stop::End, "end_turn", "stop"),
        (Stop::Sequence(Some("END".into())), "stop_sequence", "stop"),
        (Stop::Length, "max_tokens", "length"),
        (Stop::ToolUse, "tool_use", "tool_calls"),
        (Stop::Filtered, "refusal", "content_filter"),
        (Stop::Pause, "pause_turn", "pause_turn"),
        (Stop::ContextWindow, "model_context_window_exceeded", "length"),
        (Stop::Other("brand_new".into()), "brand_new", "brand_new"),
    ];
    for (stop, theirs, ours) in rows {
        let anthropic = written(ANTHROPIC, stop.clone());
        assert_eq!(anthropic["stop_reason"], theirs);
        let sequence = if theirs == "stop_sequence" { json!("END") } else { Value::Null };
        assert_eq!(anthropic["stop_sequence"], sequence);
        let read = ANTHROPIC.read_reply(anthropic.to_string().as_bytes()).unwrap();
        assert_eq!(read.choices[0].stop, Some(stop.clone()));
        assert_eq!(written(OPENAI, stop)["choices"][0]["finish_reason"], ours);
    }
    // The same in streams.
    for (finish, reason) in
        [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal"), ("odd", "odd")]
    {
        let frames = translate_stream(OPENAI, ANTHROPIC, &chunks(&[json!({"content": "x"})], finish));
        assert_eq!(frames[frames.len() - 2]["delta"]["stop_reason"], reason);
    }
    for (file, finish) in
        [("stop_sequence.sse", "stop"), ("refusal.sse", "content_filter"), ("unknown_event.sse", "brand_new_reason")]
    {
        let frames = translate_stream(ANTHROPIC, OPENAI, &corpus::case(ANTHROPIC, file));
        assert!(frames.iter().any(|frame| frame["choices"][0]["finish_reason"] == finish), "{file}: {frames:?}");
    }
    // A stream that is cut gets no reason made up, and no terminal event.
    let cut = translate_stream(ANTHROPIC, ANTHROPIC, &corpus::case(ANTHROPIC, "cut.sse"));
    assert_eq!(cut.last().unwrap()["type"], "error");
    let cut = translate_stream(ANTHROPIC, OPENAI, &corpus::case(ANTHROPIC, "cut.sse"));
    assert!(!cut.contains(&json!("[DONE]")) && cut.last().unwrap().get("error").is_some(), "{cut:?}");
}

#[test]
fn case_040_emitted_calls_decide_the_stop_reason() {
    let called = translate_stream(OPENAI, ANTHROPIC, &chunks(&[tool_call(0, "a", "{}")], "stop"));
    assert_eq!(called[called.len() - 2]["delta"]["stop_reason"], "tool_use");
    let silent = translate_stream(OPENAI, ANTHROPIC, &chunks(&[json!({"content": "x"})], "tool_calls"));
    assert_eq!(silent[silent.len() - 2]["delta"]["stop_reason"], "end_turn");
    let whole = ANTHROPIC.read_reply(&corpus::case(ANTHROPIC, "end_turn_with_tool.reply.json")).unwrap();
    let written: Value = serde_json::from_slice(&OPENAI.write_reply(&whole).0).unwrap();
    assert_eq!(written["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn case_042_limits_and_sampling_follow_the_target() {
    let limit = |body: Value, target: &WriteFor| {
        translate_for(OPENAI, ANTHROPIC, &body, target).unwrap().0["max_tokens"].clone()
    };
    let known = WriteFor { max_output_tokens: Some(64_000), ..WriteFor::default() };
    let none = json!({"model": "m", "messages": [ask("?")]});
    assert_eq!(limit(none.clone(), &known), 64_000);
    assert_eq!(limit(none.clone(), &WriteFor::default()), 4096);
    for name in ["max_tokens", "max_completion_tokens"] {
        let mut body = none.clone();
        body[name] = json!(77);
        assert_eq!(limit(body, &known), 77);
    }
    let mut sampled = none.clone();
    for (name, value) in
        [("temperature", json!(0.4)), ("top_p", json!(0.5)), ("frequency_penalty", json!(0.3)), ("seed", json!(7))]
    {
        sampled[name] = value;
    }
    let (written, loss) = translate(OPENAI, ANTHROPIC, &sampled);
    assert_eq!((&written["temperature"], written.get("top_p")), (&json!(0.4), None));
    assert_eq!(loss.to_string(), "knobs.top_p,knobs.seed,knobs.frequency_penalty");
    let mut hot = none.clone();
    hot["temperature"] = json!(1.4);
    let (written, loss) = translate(OPENAI, ANTHROPIC, &hot);
    assert_eq!((&written["temperature"], loss.to_string().as_str()), (&json!(1.0), "knobs.temperature"));
    let strict = WriteFor { refuses_sampling: true, ..WriteFor::default() };
    let (written, loss) = translate_for(OPENAI, ANTHROPIC, &sampled, &strict).unwrap();
    assert!(written.get("temperature").is_none() && written.get("top_p").is_none(), "{written}");
    assert!(loss.to_string().starts_with("knobs.temperature,knobs.top_p"), "{loss}");

    // Effort: adaptive thinking, or a budget where the model wants one.
    let mut thinking = none;
    (thinking["reasoning_effort"], thinking["max_tokens"]) = (json!("high"), json!(10_000));
    let (adaptive, loss) = translate(OPENAI, ANTHROPIC, &thinking);
    assert_eq!(
        (&adaptive["thinking"], &adaptive["output_config"]),
        (&json!({"type": "adaptive"}), &json!({"effort": "high"}))
    );
    assert!(loss.is_none(), "{loss}");
    let by_budget = WriteFor { thinks_by_budget: true, ..WriteFor::default() };
    let (budget, _) = translate_for(OPENAI, ANTHROPIC, &thinking, &by_budget).unwrap();
    assert_eq!(
        (&budget["thinking"], budget.get("output_config")),
        (&json!({"type": "enabled", "budget_tokens": 5000}), None)
    );
}

#[test]
fn case_056_documents_are_mapped_and_sound_is_refused() {
    let say = |part: Value| openai(json!([{"role": "user", "content": [part]}]));
    let pdf = say(
        json!({"type": "file", "file": {"filename": "tides.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}),
    );
    let (written, loss) = translate(OPENAI, ANTHROPIC, &pdf);
    let source = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="});
    assert_eq!(
        written["messages"][0]["content"],
        json!([{"type": "document", "source": source, "title": "tides.pdf"}])
    );
    assert!(loss.is_none(), "{loss}");
    let (back, _) = translate(ANTHROPIC, OPENAI, &written);
    assert_eq!(back["messages"][0]["content"], pdf["messages"][0]["content"]);

    let picture = say(json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}));
    let source = json!({"type": "base64", "media_type": "image/png", "data": "AAAA"});
    assert_eq!(
        translate(OPENAI, ANTHROPIC, &picture).0["messages"][0]["content"],
        json!([{"type": "image", "source": source}])
    );
    let linked = say(json!({"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}}));
    let source = json!({"type": "url", "url": "https://pictures.example/a.png"});
    assert_eq!(
        translate(OPENAI, ANTHROPIC, &linked).0["messages"][0]["content"],
        json!([{"type": "image", "source": source}])
    );

    let sound = refusal(
        OPENAI,
        ANTHROPIC,
        &say(json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})),
    );
    assert!(sound.contains("turns[0].parts[0]") && sound.contains("sound"), "{sound}");
    let film =
        refusal(OPENAI, ANTHROPIC, &say(json!({"type": "video_url", "video_url": {"url": "https://films.example/a"}})));
    assert!(film.contains("turns[0].parts[0]") && film.contains("video"), "{film}");
    let stored = refusal(OPENAI, ANTHROPIC, &say(json!({"type": "file", "file": {"file_id": "file-1"}})));
    assert!(stored.contains("file id"), "{stored}");
    let mut spoken = openai(json!([ask("?")]));
    spoken["modalities"] = json!(["text", "audio"]);
    assert!(refusal(OPENAI, ANTHROPIC, &spoken).contains("audio"));
    let mut grammar = openai(json!([ask("?")]));
    grammar["tools"] = json!([{"type": "custom", "custom": {"name": "sql"}}]);
    assert!(refusal(OPENAI, ANTHROPIC, &grammar).contains("tools[0]"));
    let mut several = openai(json!([ask("?")]));
    several["n"] = json!(2);
    assert!(refusal(OPENAI, ANTHROPIC, &several).contains("n is 2"));
}

#[test]
fn openai_view_of_anthropic_usage_counts_cached_tokens() {
    let reply = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "cache_creation_input_tokens": 12304, "cache_read_input_tokens": 0, "output_tokens": 20}});
    let read = ANTHROPIC.read_reply(reply.to_string().as_bytes()).unwrap();
    assert_eq!(read.usage, Usage { input: 3, cache_write: 12_304, output: 20, ..Usage::default() });
    let view: Value = serde_json::from_slice(&OPENAI.write_reply(&read).0).unwrap();
    assert_eq!((&view["usage"]["prompt_tokens"], &view["usage"]["total_tokens"]), (&json!(12_307), &json!(12_327)));
}

#[test]
fn cache_writes_are_told_apart_by_lifetime() {
    let expected =
        Usage { input: 3, cache_read: 4096, cache_write: 11_000, cache_write_1h: 1304, output: 20, ..Usage::default() };
    let stream = corpus::case(ANTHROPIC, "cache_usage.sse");
    assert_eq!(fold(corpus::read_stream(ANTHROPIC, &[&stream])).0.usage, expected);
    assert_eq!(corpus::watch(ANTHROPIC, &stream).usage, Some(expected));
    let whole = corpus::case(ANTHROPIC, "cache_usage.reply.json");
    assert_eq!(ANTHROPIC.read_reply(&whole).unwrap().usage, expected);
    assert_eq!(ANTHROPIC.glance_reply(&whole).usage, Some(expected));
}

#[test]
fn case_062_reasoning_is_part_of_the_output_once() {
    let read = ANTHROPIC.read_reply(&corpus::case(ANTHROPIC, "thinking_and_tools.reply.json")).unwrap();
    assert_eq!((read.usage.output, read.usage.reasoning, read.usage.total()), (180, 77, 390));
    let view: Value = serde_json::from_slice(&OPENAI.write_reply(&read).0).unwrap();
    assert_eq!(view["usage"]["completion_tokens"], 180);
    assert_eq!(view["usage"]["completion_tokens_details"]["reasoning_tokens"], 77);
    // A vendor that counts reasoning beside the completion: the total gives it away.
    let beside = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115, "completion_tokens_details": {"reasoning_tokens": 100}}});
    let read = OPENAI.read_reply(beside.to_string().as_bytes()).unwrap();
    let view: Value = serde_json::from_slice(&ANTHROPIC.write_reply(&read).0).unwrap();
    assert_eq!(view["usage"]["output_tokens"], 105);
    assert_eq!(view["usage"]["output_tokens_details"]["thinking_tokens"], 100);
}

#[test]
fn a_tool_that_a_search_has_found_is_named_to_who_defers_none() {
    let asked: Value = serde_json::from_slice(&corpus::case(ANTHROPIC, "tool_search.request.json")).unwrap();
    for to in [OPENAI, Dialect::OpenAiResponses, Dialect::Gemini, Dialect::Bedrock, Dialect::Cohere] {
        let (body, loss) = translate(ANTHROPIC, to, &asked);
        let body = body.to_string();
        assert!(body.contains("The tool get_weather can be called now."), "{to:?}: {body}");
        assert!(!body.contains("tool_reference") && loss.to_string().contains("tools[1]"), "{to:?}: {loss} {body}");
    }
}

/// The relay lane has no other look at an answer.
#[test]
fn what_is_no_json_object_is_no_answer_in_any_dialect() {
    for dialect in Dialect::ALL {
        for body in ["", "[]", "42", "\"text\"", "null", "<html>", "{\"id\": 1", "{} {}", "{\"a\": 1}]"] {
            let glance = dialect.glance_reply(body.as_bytes());
            assert!(glance.fault.is_some(), "{dialect:?}: {body}");
        }
        assert!(dialect.glance_reply(b"{\"a\": \"\xff\"}").fault.is_some(), "{dialect:?}: no UTF-8");
    }
}
