use serde_json::json;

use super::*;
use crate::{
    Dialect,
    call::{Thinking, ToolUse},
    event::fold,
    reply::Choice,
};

fn call(more: &Value) -> Call {
    let mut body = json!({
        "model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}}},
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    Dialect::OpenAiChat.read_call(body.to_string().as_bytes()).unwrap()
}

fn own_tool() -> Value {
    json!({"tools": [{"type": "function", "function": {"name": "mine", "parameters": {"type": "object"}}}]})
}

fn tool(name: &str, arguments: &str) -> Part {
    Part::ToolUse(ToolUse {
        id: "t".into(),
        name: name.into(),
        arguments: arguments.into(),
        cache: None,
        signature: None,
    })
}

fn reply(parts: Vec<Part>, stop: Stop) -> Reply {
    Reply { choices: vec![Choice { parts, stop: Some(stop) }], ..Reply::default() }
}

#[test]
fn a_schema_becomes_a_tool_that_must_be_called() {
    let mut asked = call(&json!({}));
    let emulated = emulate(&mut asked, Means::Tool).unwrap();
    assert_eq!((asked.tools.len(), &asked.tool_choice), (1, &Some(ToolChoice::Named(TOOL.into()))));
    assert_eq!((&asked.output, emulated.schema), (&Output::Text, json!({"type": "object"})));
    assert_eq!(emulate(&mut call(&json!({})), Means::Native), None);
    assert_eq!(emulate(&mut asked, Means::Tool), None, "nothing is left to ask for");
}

#[test]
fn an_answer_that_is_no_object_travels_in_one() {
    let mut asked = call(&json!({}));
    let list = json!({"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}});
    asked.output = Output::Schema { name: None, description: None, schema: list, strict: None };
    let emulated = emulate(&mut asked, Means::Tool).unwrap();
    let Tool::Function(Function { parameters: Some(sent), .. }) = &asked.tools[0] else { panic!() };
    assert_eq!((&sent["type"], &sent["$defs"]["n"]), (&json!("object"), &json!({"type": "integer"})));
    let mut answer = reply(vec![tool(TOOL, r#"{"value": [1, 2]}"#)], Stop::ToolUse);
    emulated.unwrap(&mut answer);
    assert_eq!(Emulated::answers(&answer), ["[1,2]"]);
    assert!(emulated.unwrapper().is_none(), "pieces of it cannot be taken out of their wrapping");
}

#[test]
fn case_051_the_callers_sees_content_and_an_ordinary_stop() {
    let emulated = emulate(&mut call(&json!({})), Means::Tool).unwrap();
    let thought = Part::Thinking(Thinking::Text { text: "hm".into(), signature: None });
    let mut answer = reply(vec![thought.clone(), text("Here it is:".into()), tool(TOOL, r#"{"a":1}"#)], Stop::ToolUse);
    emulated.unwrap(&mut answer);
    assert_eq!(answer.choices[0].parts, [thought, text(r#"{"a":1}"#.into())]);
    assert_eq!(answer.choices[0].stop, Some(Stop::End));

    let open = |index, block| Event::Open { choice: 0, index, block };
    let delta = |index, delta| Event::Delta { choice: 0, index, delta };
    let close = |index| Event::Close { choice: 0, index };
    let called = Block::ToolUse { id: "t".into(), name: TOOL.into(), signature: None };
    let mut unwrapper = emulated.unwrapper().unwrap();
    let mut out = Vec::new();
    for event in [
        Event::Start { id: "i".into(), model: "m".into(), created: None },
        open(0, Block::Thinking),
        delta(0, Delta::Text("hm".into())),
        close(0),
        open(1, Block::Text),
        delta(1, Delta::Text("Here it is:".into())),
        close(1),
        open(2, called),
        delta(2, Delta::Arguments(r#"{"a":"#.into())),
        delta(2, Delta::Arguments("1}".into())),
        close(2),
        Event::Stop { choice: 0, stop: Stop::ToolUse },
        Event::End,
    ] {
        unwrapper.push(event, &mut out);
    }
    let opened: Vec<u32> = out
        .iter()
        .filter_map(|event| if let Event::Open { index, .. } = event { Some(*index) } else { None })
        .collect();
    assert_eq!(opened, [0, 1], "blocks are counted as they go out");
    assert_eq!(fold(out).0.choices, answer.choices);
}

#[test]
fn case_052_own_tools_and_a_schema_work_side_by_side() {
    let mut asked = call(&own_tool());
    let emulated = emulate(&mut asked, Means::Tool).unwrap();
    assert_eq!((asked.tools.len(), &asked.tool_choice), (2, &Some(ToolChoice::Required)));
    let acting = reply(vec![text("Let me look.".into()), tool("mine", "{}")], Stop::ToolUse);
    let mut seen = acting.clone();
    emulated.unwrap(&mut seen);
    assert_eq!(seen, acting, "a call of the caller's own tool is the caller's");
    assert!(Emulated::answers(&seen).is_empty());

    let mut unwrapper = emulated.unwrapper().unwrap();
    let mut out = Vec::new();
    let mine = Block::ToolUse { id: "t".into(), name: "mine".into(), signature: None };
    for event in [
        Event::Open { choice: 0, index: 0, block: Block::Text },
        Event::Delta { choice: 0, index: 0, delta: Delta::Text("Let me look.".into()) },
        Event::Close { choice: 0, index: 0 },
        Event::Open { choice: 0, index: 1, block: mine },
        Event::Delta { choice: 0, index: 1, delta: Delta::Arguments("{}".into()) },
        Event::Close { choice: 0, index: 1 },
        Event::Stop { choice: 0, stop: Stop::ToolUse },
    ] {
        unwrapper.push(event, &mut out);
    }
    assert_eq!(fold(out).0.choices, acting.choices);

    let named =
        json!({"tool_choice": {"type": "function", "function": {"name": "mine"}}, "tools": own_tool()["tools"]});
    assert_eq!(emulate(&mut call(&named), Means::Tool), None, "the tool that is demanded is the answer");
}

#[test]
fn words_ask_where_there_are_no_tools() {
    let mut asked = call(&json!({}));
    let emulated = emulate(&mut asked, Means::Prompt).unwrap();
    assert_eq!(asked.turns.iter().map(|turn| turn.role).collect::<Vec<_>>(), [Role::System, Role::System, Role::User]);
    for said in ["{\"a\": 1}", "```json\n{\"a\": 1}\n```", "\n```\n{\"a\": 1}```\n"] {
        let mut answer = reply(vec![text(said.into())], Stop::End);
        emulated.unwrap(&mut answer);
        assert_eq!(Emulated::answers(&answer), ["{\"a\": 1}"], "{said:?}");
    }
    ask_again(&mut asked, "{}", "`a` is missing");
    assert_eq!(asked.turns.len(), 5);
}

#[test]
fn what_a_provider_adds_to_an_answer_does_not_excuse_it() {
    let body = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "f",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Oslo!", "refusal": null}, "logprobs": null,
                     "finish_reason": "stop"}], "service_tier": "default"});
    let reply = Dialect::OpenAiChat.read_reply(body.to_string().as_bytes()).unwrap();
    assert_eq!(Emulated::answers(&reply), ["Oslo!"], "{reply:?}");
}
