use serde_json::{Value, json};

use crate::{
    Dialect,
    call::{Part, Thinking},
    dialect::{ErrorBody, StreamForm, WriteFor, corpus},
    event::fold,
    failure::Kind,
    reply::Stop,
    usage::Usage,
};

const HERE: Dialect = Dialect::Cohere;

#[test]
fn requests_round_trip() {
    // The second document goes after the first either way; both kinds are kept.
    corpus::requests_round_trip(HERE, &WriteFor::default(), &[]);
}

#[test]
fn replies_round_trip() {
    corpus::replies_round_trip(HERE, &["text", "tools", "citations", "thinking"]);
}

#[test]
fn streams_survive_every_split() {
    corpus::streams_survive_every_split(HERE);
}

#[test]
fn streams_survive_random_splits() {
    corpus::streams_survive_random_splits(HERE);
}

#[test]
fn streams_round_trip() {
    corpus::streams_round_trip(HERE);
}

#[test]
fn watch_agrees_with_reader() {
    corpus::watch_agrees_with_reader(HERE);
}

#[test]
fn damaged_bytes_never_panic() {
    corpus::damaged_bytes_never_panic(HERE);
}

fn said(from: Dialect, body: &Value, to: Dialect) -> Result<(Value, String), String> {
    let call = from.read_call(body.to_string().as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}"));
    let (bytes, loss) = to.write_call(&call, &WriteFor::default()).map_err(|refused| refused.to_string())?;
    Ok((serde_json::from_slice(&bytes).unwrap(), loss.to_string()))
}

#[test]
fn a_chat_of_openai_is_said_in_coheres_words() {
    let function = |name: &str| json!({"type": "function", "function": {"name": name}});
    let call = json!({"id": "c1", "type": "function", "function": {"name": "now", "arguments": ""}});
    let body = json!({
        "model": "m", "n": 1, "top_p": 1.0, "stop": "END", "user": "u", "reasoning_effort": "none",
        "tools": [function("now"), function("other")],
        "tool_choice": {"type": "function", "function": {"name": "now"}},
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Time?"}, {"type": "image_url", "image_url": {"url": "https://i.example/a.png"}}]},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
        ],
    });
    let parameters = json!({"type": "object", "properties": {}});
    let expected = json!({
        "model": "m", "p": 0.99, "stop_sequences": ["END"], "thinking": {"type": "disabled"},
        "tools": [{"type": "function", "function": {"name": "now", "parameters": parameters}}],
        "tool_choice": "REQUIRED",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Time?"}, {"type": "image_url", "image_url": {"url": "https://i.example/a.png"}}]},
            {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
        ],
    });
    assert_eq!(said(Dialect::OpenAiChat, &body, HERE).unwrap(), (expected, "knobs.user".to_owned()));
}

#[test]
fn documents_of_anthropic_are_documents_here() {
    let document = json!({"type": "document", "title": "Log", "source": {"type": "text", "media_type": "text/plain", "data": "It rained."}});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [document, {"type": "text", "text": "Weather?"}]}]});
    let (written, _) = said(Dialect::Anthropic, &body, HERE).unwrap();
    assert_eq!(written["documents"], json!([{"data": {"title": "Log", "text": "It rained."}}]));
    assert_eq!(written["messages"], json!([{"role": "user", "content": "Weather?"}]));
    let pdf =
        json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [pdf]}]});
    let refused = said(Dialect::Anthropic, &body, HERE).unwrap_err();
    assert_eq!(refused, "turns[0].parts[0]: cohere takes documents of text: send the document's text");
}

#[test]
fn an_empty_system_prompt_is_none() {
    let body = json!({"system": [], "messages": [{"role": "user", "content": [{"text": "x"}]}]});
    let (written, _) = said(Dialect::Bedrock, &body, HERE).unwrap();
    assert_eq!(written["messages"], json!([{"role": "user", "content": "x"}]));
}

#[test]
fn a_failed_tool_says_so_in_words() {
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": "no route"}]},
    ]});
    let (written, lost) = said(Dialect::Anthropic, &body, HERE).unwrap();
    assert_eq!(
        written["messages"][2]["content"],
        json!([{"type": "text", "text": "[tool error]"}, {"type": "text", "text": "no route"}])
    );
    assert_eq!(lost, "turns[2].parts[0].is_error");
}

#[test]
fn a_picture_that_a_tool_returned_is_shown_by_the_user() {
    let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [picture]}]},
    ]});
    let (written, lost) = said(Dialect::Anthropic, &body, HERE).unwrap();
    assert_eq!(written["messages"][2]["content"], "[what tool call t1 returned is attached to the next message]");
    assert_eq!(
        written["messages"][3],
        json!({"role": "user", "content": [
            {"type": "text", "text": "[returned by tool call t1]"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]})
    );
    assert_eq!(lost, "");
}

#[test]
fn content_that_cohere_cannot_take_is_refused_by_name() {
    let sound = json!([{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": sound}]});
    assert_eq!(said(Dialect::OpenAiChat, &body, HERE).unwrap_err(), "turns[0].parts[0]: cohere takes no sound");
}

#[test]
fn case_041_a_failure_with_a_good_status_is_a_failure() {
    for (reason, kind) in [("ERROR", Kind::Server), ("TIMEOUT", Kind::Timeout), ("ERROR_LIMIT", Kind::ContextWindow)] {
        let body =
            json!({"id": "c", "finish_reason": reason, "message": {"role": "assistant", "content": []}}).to_string();
        assert_eq!(HERE.glance_reply(body.as_bytes()).fault.unwrap().kind, kind, "{reason}");
        assert!(HERE.read_reply(body.as_bytes()).is_err(), "{reason}");
    }
    let (_, fault) = fold(corpus::read_stream(HERE, &[&corpus::case(HERE, "error_end.sse")]));
    let fault = fault.unwrap();
    assert_eq!((fault.kind, fault.message.as_str()), (Kind::Server, "NETWORK_ERROR: model worker lost"));
    let (_, fault) = fold(corpus::read_stream(HERE, &[&corpus::case(HERE, "timeout_end.sse")]));
    assert_eq!(fault.unwrap().kind, Kind::Timeout);
}

#[test]
fn billed_tokens_count_and_cached_ones_are_among_them() {
    let reply = HERE.read_reply(&corpus::case(HERE, "tools.reply.json")).unwrap();
    assert_eq!(reply.usage, Usage { input: 27, cache_read: 100, output: 69, ..Usage::default() });
    let reply = HERE.read_reply(&corpus::case(HERE, "text.reply.json")).unwrap();
    assert_eq!(reply.usage, Usage { input: 5, output: 418, ..Usage::default() });
}

#[test]
fn a_plan_is_thought_and_parallel_calls_are_whole() {
    let (reply, fault) = fold(corpus::read_stream(HERE, &[&corpus::case(HERE, "tools.sse")]));
    assert_eq!(fault, None);
    let choice = &reply.choices[0];
    assert_eq!(choice.parts[0], Part::Thinking(Thinking::Text { text: "I will look".into(), signature: None }));
    let calls: Vec<_> = choice.parts[1..]
        .iter()
        .map(|part| {
            if let Part::ToolUse(tool) = part {
                (tool.name.as_str(), tool.arguments.as_str())
            } else {
                panic!("{part:?}")
            }
        })
        .collect();
    assert_eq!(calls, [("get_weather", "{\n    \"location\": \"Zürich\"}"), ("get_time", "{}")]);
    assert_eq!(choice.stop, Some(Stop::ToolUse));
}

#[test]
fn streams_reach_clients_of_every_dialect() {
    for to in Dialect::ALL.iter().copied() {
        for case in corpus::cases(HERE, ".sse") {
            let events = corpus::read_stream(HERE, &[&case.bytes]);
            let mut writer = to.writer(StreamForm { include_usage: true, framing: to.framing() });
            let mut bytes = Vec::new();
            events.iter().for_each(|event| writer.push(event, &mut bytes));
            if matches!(to, Dialect::OpenAiChat | Dialect::Anthropic) {
                let (theirs, _) = fold(corpus::read_stream(to, &[&bytes]));
                let (ours, _) = fold(events);
                assert_eq!(
                    theirs.choices.first().map(|c| &c.stop),
                    ours.choices.first().map(|c| &c.stop),
                    "{to:?} {}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn case_045_errors_are_coheres() {
    let error = ErrorBody {
        message: "no".into(),
        code: Some("model_not_found".into()),
        request_id: Some("r1".into()),
        ..ErrorBody::default()
    };
    let body: Value = serde_json::from_slice(&HERE.write_error(&error)).unwrap();
    assert_eq!(body, json!({"id": "r1", "message": "no", "code": "model_not_found"}));
    assert_eq!(HERE.read_error(br#"{"message":"invalid api token"}"#).message, "invalid api token");
}
