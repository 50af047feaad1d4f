use serde_json::{Value, json};

use super::{read, read_count, read_counted, write, write_count, write_counted};
use crate::{
    Call, Loss,
    call::{Audio, Document, Image, Part, Source, Text, ToolUse, Turn},
    dialect::{Dialect, Malformed, WriteFor, corpus},
};

#[test]
fn requests_round_trip() {
    corpus::requests_round_trip(Dialect::Anthropic, &WriteFor::default(), &["output_format"]);
}

fn call(body: &Value) -> Call {
    read(body.to_string().as_bytes()).unwrap()
}

fn written(call: &Call) -> (Value, Loss) {
    let (body, loss) = write(call, &WriteFor::default()).unwrap();
    (serde_json::from_slice(&body).unwrap(), loss)
}

/// A question of another dialect, with these parts in one user turn.
fn foreign(parts: Vec<Part>) -> Call {
    let mut call =
        Dialect::OpenAiChat.read_call(br#"{"model": "m", "messages": [{"role": "user", "content": "x"}]}"#).unwrap();
    call.turns[0].parts = parts;
    call
}

fn refusal(call: &Call) -> Malformed {
    write(call, &WriteFor::default()).unwrap_err()
}

#[test]
fn complaints_name_field_fault_and_remedy() {
    let message =
        |content: Value| json!({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": content}]});
    let with = |name: &str, value: Value| {
        let mut body = message(json!("x"));
        body[name] = value;
        body
    };
    let rows = [
        (json!([]), "the body must be an object, not an array"),
        (
            json!({"model": "m", "messages": []}),
            "max_tokens is missing: it must be the largest number of tokens to answer with",
        ),
        (json!({"model": "m", "max_tokens": 1}), "messages is missing: it must be an array of messages"),
        (with("messages", json!([])), "messages must be an array of at least one message, not an array"),
        (
            with("messages", json!([{"role": "tool", "content": "x"}])),
            "messages[0].role must be \"user\", \"assistant\" or \"system\", not \"tool\"",
        ),
        (message(json!(7)), "messages[0].content must be a string or an array of content blocks, not 7"),
        (
            message(json!([{"text": "x"}])),
            "messages[0].content[0].type is missing: it must be the type of the block, such as \"text\"",
        ),
        (message(json!([{"type": "text"}])), "messages[0].content[0].text is missing: it must be a string"),
        (
            message(json!([{"type": "image", "source": {"type": "base46"}}])),
            "messages[0].content[0].source.type must be \"base64\", \"url\" or \"file\", not \"base46\"",
        ),
        (
            message(json!([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "2h"}}])),
            "messages[0].content[0].cache_control.ttl must be \"5m\" or \"1h\", not \"2h\"",
        ),
        (
            message(json!([{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": 1}]}])),
            "messages[0].content[0].content[0].text must be a string, not 1",
        ),
        (
            message(json!([{"type": "tool_use", "id": "a", "name": "b", "input": "{}"}])),
            "messages[0].content[0].input must be an object, not \"{}\"",
        ),
        (with("max_tokens", json!(-1)), "max_tokens must be a whole number of at least 0, not -1"),
        (with("temperature", json!(1.5)), "temperature must be a number from 0 to 1, not 1.5"),
        (with("stream", json!("yes")), "stream must be true or false, not \"yes\""),
        (
            with("thinking", json!({"type": "enabled"})),
            "thinking.budget_tokens is missing: it must be a whole number of at least 1024",
        ),
        (
            with("thinking", json!({"type": "on"})),
            "thinking.type must be \"enabled\", \"adaptive\" or \"disabled\", not \"on\"",
        ),
        (
            with("tools", json!([{"name": "x"}])),
            "tools[0].input_schema is missing: it must be a JSON Schema of type \"object\"",
        ),
        (with("tool_choice", json!({"type": "tool"})), "tool_choice.name is missing: it must be the name of a tool"),
        (with("metadata", json!("me")), "metadata must be an object, not \"me\""),
        (
            with("output_config", json!({"format": {"type": "xml"}})),
            "output_config.format.type must be \"json_schema\", not \"xml\"",
        ),
    ];
    for (body, complaint) in rows {
        assert_eq!(read(body.to_string().as_bytes()).unwrap_err().to_string(), complaint);
    }
    assert!(read(b"{").unwrap_err().to_string().starts_with("the body must be JSON: "));
}

#[test]
fn empty_text_goes_same_roles_merge_and_results_come_first() {
    let (body, loss) = written(&call(&json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": ""}]},
        {"role": "user", "content": "Two."},
        {"role": "assistant", "content": [{"type": "text", "text": " \n"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "text", "text": "Three."}, {"type": "tool_result", "tool_use_id": "a", "content": []}]}
    ]})));
    assert!(loss.is_none());
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [text("One."), text("Two.")]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}, text("Three.")]}
        ])
    );
    let empty = refusal(&foreign(vec![Part::Text(Text::default())]));
    assert_eq!(empty.field.as_deref(), Some("messages"));
}

#[test]
fn arguments_must_be_an_object_and_nothing_means_an_empty_one() {
    let tool = |arguments: &str| {
        Part::ToolUse(ToolUse {
            id: "call_1".into(),
            name: "f".into(),
            arguments: arguments.into(),
            signature: None,
            cache: None,
        })
    };
    for nothing in ["", " ", "{}"] {
        assert_eq!(written(&foreign(vec![tool(nothing)])).0["messages"][0]["content"][0]["input"], json!({}));
    }
    for broken in ["{\"a\":", "[1]", "null", "7"] {
        let refused = refusal(&foreign(vec![tool(broken)]));
        assert_eq!(refused.field.as_deref(), Some("turns[0].parts[0].arguments"));
        assert!(refused.message.contains("`call_1` (f)"), "{refused}");
    }
}

#[test]
fn what_anthropic_cannot_take_is_refused_by_name() {
    let document =
        |source| Part::Document(Document { source, title: None, context: None, citations: None, cache: None });
    let picture = |source| Part::Image(Image { source, detail: None, cache: None });
    let base64 = |media_type: &str| Source::Base64 { media_type: media_type.into(), data: "AAAA".into() };
    let rows = [
        (Part::Audio(Audio { data: String::new(), format: "wav".into() }), "sound"),
        (document(base64("text/csv")), "document data of type `text/csv`"),
        (picture(base64("application/pdf")), "image data of type `application/pdf`"),
        (picture(Source::Url("data:image/png,raw".into())), "data: URL that is not base64"),
        (picture(Source::File("file-1".into())), "a file id of another provider's store"),
        (Part::Native { dialect: Dialect::OpenAiChat, raw: json!({"type": "video_url"}) }, "`video_url`"),
        (Part::Native { dialect: Dialect::OpenAiChat, raw: json!({"message": {"audio": {"id": "a"}}}) }, "`audio`"),
        (Part::Native { dialect: Dialect::OpenAiChat, raw: json!({"tool_call": {"type": "custom"}}) }, "`custom`"),
    ];
    for (part, words) in rows {
        let refused = refusal(&foreign(vec![Part::Text(Text::default()), part]));
        assert_eq!(refused.field.as_deref(), Some("turns[0].parts[1]"));
        assert!(refused.message.contains(words), "{refused}");
    }
    // A field of a message is no content.
    let field = Part::Native { dialect: Dialect::OpenAiChat, raw: json!({"message": {"weight": 1}}) };
    let (_, loss) = written(&foreign(vec![Part::Text(Text { text: "x".into(), ..Text::default() }), field]));
    assert_eq!(loss.to_string(), "turns[0].parts[1].weight");
    // Documents come as data: URLs and pictures as files, too.
    let (body, loss) = written(&foreign(vec![
        document(Source::Url("data:application/pdf;name=a.pdf;base64,JVBERi0=".into())),
        document(base64("image/webp")),
    ]));
    assert!(loss.is_none(), "{loss}");
    let source = |media_type: &str, data: &str| json!({"type": "base64", "media_type": media_type, "data": data});
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"type": "document", "source": source("application/pdf", "JVBERi0=")},
            {"type": "image", "source": source("image/webp", "AAAA")}
        ])
    );
}

#[test]
fn foreign_fields_and_forms_are_lost_by_name() {
    let body = json!({"model": "m", "messages": [{"role": "user", "name": "ann", "content": "x"}], "logprobs": true, "store": false,
        "presence_penalty": 0, "service_tier": "flex", "stop": ["\n\n", "END"], "response_format": {"type": "json_object"},
        "tool_choice": "required"});
    let call = Dialect::OpenAiChat.read_call(body.to_string().as_bytes()).unwrap();
    let (written, loss) = written(&call);
    let mut lost: Vec<&str> = loss.iter().map(|lost| lost.field.as_ref()).collect();
    lost.sort_unstable();
    assert_eq!(
        lost,
        ["extra.logprobs", "knobs.service_tier", "knobs.stop", "output.json", "tool_choice", "turns[0].name"]
    );
    assert_eq!(written["stop_sequences"], json!(["END"]));
    assert!(written["system"].as_str().is_some_and(|system| system.contains("JSON object")), "{written}");
    assert!(written.get("tool_choice").is_none());
}

#[test]
fn a_forced_tool_wins_over_thinking_that_was_only_implied() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "reasoning_effort": "minimal", "tool_choice": "required",
        "tools": [{"type": "function", "function": {"name": "f"}}]});
    let call = Dialect::OpenAiChat.read_call(body.to_string().as_bytes()).unwrap();
    let (written, loss) = written(&call);
    assert_eq!((&written["tool_choice"], written.get("thinking")), (&json!({"type": "any"}), None));
    assert_eq!(written["output_config"], json!({"effort": "low"}));
    assert_eq!(written["tools"], json!([{"name": "f", "input_schema": {"type": "object", "properties": {}}}]));
    assert_eq!(loss.to_string(), "knobs.reasoning.effort,knobs.reasoning");
    let plain = WriteFor { refuses_reasoning: true, ..WriteFor::default() };
    let (body, loss) = write(&call, &plain).unwrap();
    assert!(!String::from_utf8(body).unwrap().contains("effort"));
    assert_eq!(loss.to_string(), "knobs.reasoning");
}

#[test]
fn thinking_is_switched_off_where_it_can_be() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "reasoning_effort": "none"});
    let call = Dialect::OpenAiChat.read_call(body.to_string().as_bytes()).unwrap();
    let (body, loss) = written(&call);
    assert_eq!((&body["thinking"], loss.is_none()), (&json!({"type": "disabled"}), true));
    let always = WriteFor { thinks_always: true, ..WriteFor::default() };
    let (body, loss) = write(&call, &always).unwrap();
    assert!(!String::from_utf8(body).unwrap().contains("thinking"));
    assert_eq!(loss.to_string(), "knobs.reasoning");
}

#[test]
fn counting_asks_without_what_only_an_answer_needs() {
    let body = json!({"model": "m", "system": "s", "messages": [{"role": "user", "content": "x"}]});
    let call = read_count(body.to_string().as_bytes()).unwrap();
    assert_eq!(call.knobs.max_tokens, None);
    let (written, loss) = write_count(&call, &WriteFor::default()).unwrap();
    assert_eq!((serde_json::from_slice::<Value>(&written).unwrap(), loss.is_none()), (body, true));

    let mut agent = read(&corpus::case(Dialect::Anthropic, "agent.request.json")).unwrap();
    agent.turns.push(Turn { role: crate::call::Role::Assistant, parts: Vec::new(), name: None });
    let (written, _) = write_count(&agent, &WriteFor::default()).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    let fields: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["model", "system", "messages", "tools", "thinking", "output_config", "context_management"]);

    assert_eq!(read_counted(&write_counted(77)).unwrap(), 77);
    assert_eq!(read_counted(b"{}").unwrap_err().field.as_deref(), Some("input_tokens"));
}
