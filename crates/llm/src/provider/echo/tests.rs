use serde_json::{Value, json};

use super::*;
use crate::{call::Part, event::fold, reply::Stop};

fn answer(body: &Value) -> Canned {
    Echo.answer(WIRE, body.to_string().as_bytes()).unwrap()
}

/// The whole answer of the echo, read back from its bytes.
fn ask(mut body: Value) -> Reply {
    body["model"] = "echo".into();
    let canned = answer(&body);
    assert_eq!((canned.status, canned.content_type, canned.chunks.len()), (200, "application/json", 1));
    Dialect::OpenAiChat.read_reply(&canned.chunks.concat()).unwrap()
}

/// What a stream of the same says.
fn stream(mut body: Value) -> (Reply, usize) {
    body["model"] = "echo".into();
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage": true});
    let canned = answer(&body);
    assert_eq!((canned.status, canned.content_type), (200, "text/event-stream"));
    let mut reader = Dialect::OpenAiChat.reader();
    let mut events = Vec::new();
    reader.push(&canned.chunks.concat(), &mut events);
    reader.finish(&mut events);
    let (reply, fault) = fold(events);
    assert_eq!(fault, None);
    (reply, canned.chunks.len())
}

fn said(reply: &Reply) -> String {
    let texts = reply.choices[0].parts.iter().map(|part| match part {
        Part::Text(text) => text.text.as_str(),
        other => panic!("not text: {other:?}"),
    });
    texts.collect()
}

fn user(text: &str) -> Value {
    json!({"messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": text}]})
}

fn weather() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
    }}}])
}

#[test]
fn it_repeats_the_last_user_message() {
    let reply = ask(user("Hello there, wörld"));
    assert_eq!(said(&reply), "Hello there, wörld");
    assert_eq!(reply.choices[0].stop, Some(Stop::End));
    assert_eq!(reply.model, "echo");
    assert!(reply.usage.input > 0 && reply.usage.output > 0);
}

#[test]
fn a_stream_says_the_same_word_by_word() {
    let (whole, (streamed, chunks)) = (ask(user("one two three")), stream(user("one two three")));
    assert_eq!(said(&streamed), said(&whole));
    assert_eq!((streamed.usage, &streamed.choices[0].stop), (whole.usage, &whole.choices[0].stop));
    assert!(chunks >= 5, "three words, a stop and an end, each in its own chunk: {chunks}");
}

#[test]
fn the_same_question_has_the_same_answer() {
    let bytes = |text| answer(&json!({"model": "echo", "messages": user(text)["messages"]}));
    assert_eq!(bytes("a"), bytes("a"));
    assert_ne!(bytes("a"), bytes("b"));
}

#[test]
fn attachments_are_named_and_never_repeated() {
    let reply = ask(json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    ]}]}));
    assert_eq!(said(&reply), "look\n[image image/png]");
}

#[test]
fn a_spoken_call_calls_the_offered_tool() {
    let mut body = user("please\ncall get_weather {\"city\": \"Paris\"}\ncall get_weather {\"city\": \"Rome\"}");
    body["tools"] = weather();
    for reply in [ask(body.clone()), stream(body.clone()).0] {
        let calls = reply.choices[0].parts.iter().map(|part| match part {
            Part::ToolUse(tool) => (tool.id.as_str(), tool.name.as_str(), tool.arguments.as_str()),
            other => panic!("not a call: {other:?}"),
        });
        let calls: Vec<_> = calls.collect();
        assert_eq!(
            calls,
            [
                ("call_echo_1", "get_weather", "{\"city\": \"Paris\"}"),
                ("call_echo_2", "get_weather", "{\"city\": \"Rome\"}"),
            ]
        );
        assert_eq!(reply.choices[0].stop, Some(Stop::ToolUse));
    }
    body["parallel_tool_calls"] = false.into();
    assert_eq!(ask(body.clone()).choices[0].parts.len(), 1);
    body["tool_choice"] = "none".into();
    assert!(said(&ask(body)).contains("call get_weather"));
}

#[test]
fn a_demanded_call_has_valid_arguments() {
    let mut body = user("hi");
    body["tools"] = weather();
    assert_eq!(said(&ask(body.clone())), "hi");
    for choice in [json!("required"), json!({"type": "function", "function": {"name": "get_weather"}})] {
        body["tool_choice"] = choice;
        let reply = ask(body.clone());
        let Part::ToolUse(tool) = &reply.choices[0].parts[0] else { panic!("no call: {reply:?}") };
        assert_eq!(tool.arguments, r#"{"city":"echo"}"#);
    }
}

#[test]
fn the_result_of_a_tool_is_repeated() {
    let body = json!({"tools": weather(), "tool_choice": "required", "messages": [
        {"role": "user", "content": "call get_weather {}"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_echo_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}},
        ]},
        {"role": "tool", "tool_call_id": "call_echo_1", "content": "sunny"},
    ]});
    assert_eq!(said(&ask(body)), "sunny");
}

#[test]
fn a_schema_is_satisfied() {
    let mut body = user("hi");
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": {
        "type": "object", "additionalProperties": false, "required": ["name", "age", "tags", "kind", "next"],
        "properties": {
            "name": {"type": "string", "minLength": 6},
            "age": {"type": "integer", "exclusiveMinimum": 17},
            "tags": {"type": "array", "minItems": 2, "items": {"type": "boolean"}},
            "kind": {"enum": [3, 4]},
            "next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
        },
    }}});
    let value: Value = serde_json::from_str(&said(&ask(body))).unwrap();
    assert_eq!(value, json!({"name": "echoec", "age": 18, "tags": [true, true], "kind": 3, "next": null}));
}

#[test]
fn odd_schemas_have_an_end() {
    for (schema, value) in [
        (json!({"$ref": "#/$defs/a", "$defs": {"a": {"const": {"b": 1}}}}), json!({"b": 1})),
        (
            json!({"allOf": [{"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]},
            {"properties": {"b": {"type": "number", "maximum": -2.5}}, "required": ["b"]}]}),
            json!({"a": null, "b": -2.5}),
        ),
        (json!({"type": ["string", "null"], "maxLength": 2}), json!("ec")),
        (json!({"type": "string", "format": "date"}), json!("2000-01-01")),
        (json!({"type": "integer", "minimum": 5, "multipleOf": 4}), json!(8)),
        (json!({}), Value::Null),
        (json!(true), Value::Null),
    ] {
        assert_eq!(schema::instance(&schema), value, "{schema}");
    }
    let endless = json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]});
    assert!(schema::instance(&endless).to_string().len() < 1000);
}

#[test]
fn limits_cut_the_answer() {
    let mut body = user("one two three four five six seven");
    body["max_tokens"] = 2.into();
    let reply = ask(body);
    assert_eq!((said(&reply).as_str(), &reply.choices[0].stop), ("one two ", &Some(Stop::Length)));
    assert_eq!(reply.usage.output, 2);
    let mut body = user("one two three");
    body["stop"] = json!(["three", "two"]);
    assert_eq!(said(&ask(body)), "one ");
}

#[test]
fn several_answers_can_be_had() {
    let mut body = user("hi");
    body["n"] = 3.into();
    let (whole, (streamed, _)) = (ask(body.clone()), stream(body));
    assert_eq!((whole.choices.len(), streamed.choices.len()), (3, 3));
    assert_eq!(whole.choices, streamed.choices);
}

#[test]
fn a_malformed_body_is_refused_by_name() {
    let canned = Echo.answer(WIRE, br#"{"model": "echo", "messages": 7}"#).unwrap();
    assert_eq!(canned.status, 400);
    let body: Value = serde_json::from_slice(&canned.chunks.concat()).unwrap();
    assert_eq!(body["error"]["type"], "invalid_request_error");
    assert_eq!(body["error"]["param"], "messages");
}
