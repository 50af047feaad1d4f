//! What must hold between this dialect and the others.

use serde_json::{Value, json};

use super::request::bridge;
use crate::{
    Loss,
    call::{Part, Thinking},
    dialect::{Dialect, Malformed, WriteFor, corpus},
    event::fold,
};

const RESPONSES: Dialect = Dialect::OpenAiResponses;
const CHAT: Dialect = Dialect::OpenAiChat;
const ANTHROPIC: Dialect = Dialect::Anthropic;

fn try_translate(from: Dialect, to: Dialect, body: &Value, target: &WriteFor) -> Result<(Value, Loss), Malformed> {
    let mut call = from.read_call(body.to_string().as_bytes())?;
    let mut loss = if from == to { Loss::none() } else { bridge(&mut call)? };
    let (written, more) = to.write_call(&call, target)?;
    loss.absorb(more);
    Ok((serde_json::from_slice(&written).unwrap(), loss))
}

fn translate(from: Dialect, to: Dialect, body: &Value) -> (Value, Loss) {
    try_translate(from, to, body, &WriteFor::default()).unwrap()
}

/// A question of this dialect in another one.
fn said_in(to: Dialect, body: Value) -> (Value, Loss) {
    let mut whole = json!({"model": "m", "input": "Hi"});
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    translate(RESPONSES, to, &whole)
}

fn reply_in(from: Dialect, to: Dialect, body: &Value) -> (Value, Loss) {
    let (written, loss) = to.write_reply(&from.read_reply(body.to_string().as_bytes()).unwrap());
    (serde_json::from_slice(&written).unwrap(), loss)
}

#[test]
fn every_request_of_the_corpus_is_translated_or_refused_by_name() {
    for case in corpus::cases(RESPONSES, ".request.json") {
        for to in Dialect::ALL {
            let mut call = RESPONSES.read_call(&case.bytes).unwrap();
            if let Err(refused) = bridge(&mut call).and_then(|_| to.write_call(&call, &WriteFor::default()).map(drop)) {
                assert!(refused.field.is_some(), "{} in {}: {}", case.name, to.as_str(), refused.message);
            }
        }
    }
}

#[test]
fn what_a_client_says_of_itself_and_what_the_gateway_answers_for_is_no_loss() {
    let body = json!({"store": false, "metadata": {"a": "b"}, "client_metadata": {"x": "y"}, "background": false,
        "include": ["reasoning.encrypted_content"], "truncation": "disabled", "previous_response_id": "resp_1",
        "stream_options": {"include_obfuscation": false}, "top_logprobs": 0});
    for to in [CHAT, ANTHROPIC] {
        let (_, loss) = said_in(to, body.clone());
        assert!(loss.is_none(), "{}: {loss}", to.as_str());
    }
    let (_, loss) = said_in(CHAT, json!({"truncation": "auto", "max_tool_calls": 3}));
    assert_eq!(loss.to_string(), "extra.truncation,extra.max_tool_calls");
}

#[test]
fn what_only_openai_can_do_is_refused_by_name() {
    for (name, value) in
        [("background", json!(true)), ("conversation", json!("conv_1")), ("prompt", json!({"id": "p"}))]
    {
        let body = json!({"model": "m", "input": "Hi", name: value});
        let refused = try_translate(RESPONSES, CHAT, &body, &WriteFor::default()).unwrap_err();
        assert_eq!(refused.field.as_deref(), Some(name));
        assert!(try_translate(RESPONSES, RESPONSES, &body, &WriteFor::default()).is_ok());
    }
}

#[test]
fn case_034_parallel_tool_results_cross_both_ways() {
    let input = json!([
        {"role": "user", "content": "?"},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{\"x\":1}"},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": ""},
        {"type": "function_call_output", "call_id": "a", "output": "one"},
        {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "two"}]},
        {"role": "user", "content": "So?"}]);
    let (anthropic, loss) = said_in(ANTHROPIC, json!({"input": input}));
    assert!(loss.is_none(), "{loss}");
    let results = &anthropic["messages"][2]["content"];
    assert_eq!((&results[0]["tool_use_id"], &results[1]["tool_use_id"]), (&json!("a"), &json!("b")));
    assert_eq!(results[2]["text"], "So?");
    assert_eq!(anthropic["messages"][1]["content"][1]["input"], json!({}));
    let (back, _) = translate(ANTHROPIC, RESPONSES, &anthropic);
    let kinds: Vec<&Value> = back["input"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    let expected =
        ["message", "function_call", "function_call", "function_call_output", "function_call_output", "message"];
    assert_eq!(kinds, expected);
    let (chat, _) = said_in(CHAT, json!({"input": input}));
    let roles: Vec<&Value> = chat["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "user"]);
}

#[test]
fn case_036_choices_of_tools_cross_both_ways() {
    let tools = json!([{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true}]);
    for (ours, chat) in [
        (json!("auto"), json!("auto")),
        (json!("none"), json!("none")),
        (json!("required"), json!("required")),
        (json!({"type": "function", "name": "f"}), json!({"type": "function", "function": {"name": "f"}})),
    ] {
        let (written, _) = said_in(CHAT, json!({"tools": tools, "tool_choice": ours, "parallel_tool_calls": false}));
        assert_eq!((&written["tool_choice"], &written["parallel_tool_calls"]), (&chat, &json!(false)));
        assert_eq!(written["tools"][0]["function"]["strict"], true);
        let (back, _) = translate(CHAT, RESPONSES, &written);
        assert_eq!((&back["tool_choice"], &back["tools"]), (&ours, &tools));
    }
}

#[test]
fn case_042_the_limit_of_tokens_has_its_own_name_everywhere() {
    let (chat, _) = said_in(CHAT, json!({"max_output_tokens": 77}));
    assert_eq!(chat["max_tokens"], 77);
    let (ours, loss) = translate(
        CHAT,
        RESPONSES,
        &json!({"model": "m", "max_tokens": 5,
        "messages": [{"role": "user", "content": "x"}], "stop": ["a"], "seed": 1, "verbosity": "low", "metadata": {"a": "b"}}),
    );
    assert_eq!((&ours["max_output_tokens"], &ours["store"]), (&json!(16), &json!(false)));
    assert_eq!((&ours["text"], &ours["metadata"]), (&json!({"verbosity": "low"}), &json!({"a": "b"})));
    assert_eq!(loss.to_string(), "knobs.max_tokens,knobs.stop,knobs.seed");
    let reasons = WriteFor { refuses_sampling: true, ..WriteFor::default() };
    let asked = json!({"model": "m", "temperature": 0.2, "messages": [{"role": "user", "content": "x"}],
        "reasoning_effort": "low"});
    let (ours, loss) = try_translate(CHAT, RESPONSES, &asked, &reasons).unwrap();
    assert_eq!((&ours["reasoning"], loss.to_string()), (&json!({"effort": "low"}), "knobs.temperature".to_owned()));
}

#[test]
fn custom_tools_and_namespaces_are_functions_to_others() {
    let asked: Value = serde_json::from_slice(&corpus::case(RESPONSES, "codex.request.json")).unwrap();
    let (chat, loss) = translate(RESPONSES, CHAT, &asked);
    let names: Vec<&Value> = chat["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]["name"]).collect();
    assert_eq!(names, ["shell", "apply_patch", "mcp__docs__search", "mcp__docs__raw"]);
    let patch = &chat["tools"][1]["function"];
    assert_eq!(patch["parameters"]["required"], json!(["input"]));
    assert!(patch["description"].as_str().unwrap().contains("start: \"x\""), "{patch}");
    assert!(loss.to_string().contains("tools[4]"), "the search is lost by name: {loss}");
    let calls = &chat["messages"][3]["tool_calls"];
    assert_eq!(calls[0]["function"]["arguments"], "{\"input\":\"*** Begin Patch\\n*** End Patch\"}");
    assert_eq!(calls[1]["function"]["name"], "mcp__docs__search");
    assert_eq!(
        (&chat["messages"][4]["tool_call_id"], &chat["messages"][5]["tool_call_id"]),
        (&json!("call_a"), &json!("call_b"))
    );
}

#[test]
fn thought_goes_to_the_client_and_comes_back_to_its_maker_alone() {
    let content = json!([
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQBc2ln"},
        {"type": "redacted_thinking", "data": "aGlkZGVu"},
        {"type": "text", "text": "Fine."}]);
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content,
        "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 2}});
    let (ours, loss) = reply_in(ANTHROPIC, RESPONSES, &answer);
    assert!(loss.is_none(), "{loss}");
    assert_eq!(ours["output"][0]["summary"], json!([{"type": "summary_text", "text": "Hm."}]));
    let mut input = vec![json!({"role": "user", "content": "?"})];
    input.extend(ours["output"].as_array().unwrap().iter().cloned());
    input.push(json!({"role": "user", "content": "Sure?"}));
    let (back, loss) = said_in(ANTHROPIC, json!({"input": input}));
    assert!(loss.is_none(), "{loss}");
    assert_eq!(back["messages"][1]["content"], content);

    // OpenAI is not sent what it did not seal.
    let call = RESPONSES.read_call(json!({"model": "m", "input": input}).to_string().as_bytes()).unwrap();
    let (own, loss) = RESPONSES.write_call(&call, &WriteFor::default()).unwrap();
    assert!(!String::from_utf8(own).unwrap().contains("EqQB"));
    assert_eq!(loss.iter().count(), 2);
}

#[test]
fn thought_of_openai_travels_through_other_clients() {
    let answer = json!({"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-5",
        "output": [
            {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "gAAAAAB"},
            {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"}],
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}});
    let (claude, _) = reply_in(RESPONSES, ANTHROPIC, &answer);
    assert_eq!((&claude["content"][0]["thinking"], &claude["stop_reason"]), (&json!("Hm."), &json!("tool_use")));
    let next = json!({"model": "m", "max_tokens": 100, "messages": [
        {"role": "user", "content": "?"}, {"role": "assistant", "content": claude["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "x", "is_error": true}]}]});
    let (ours, loss) = translate(ANTHROPIC, RESPONSES, &next);
    assert_eq!(ours["input"][1]["encrypted_content"], "gAAAAAB");
    assert_eq!(ours["input"][3]["output"], "[tool error] x");
    assert_eq!(loss.to_string(), "turns[2].parts[0].is_error");

    let (chat, _) = reply_in(RESPONSES, CHAT, &answer);
    let message = &chat["choices"][0]["message"];
    assert_eq!(
        (&message["reasoning_content"], &chat["choices"][0]["finish_reason"]),
        (&json!("Hm."), &json!("tool_calls"))
    );
    let next = json!({"model": "m", "messages": [{"role": "user", "content": "?"}, message,
        {"role": "tool", "tool_call_id": "c", "content": "x"}]});
    let (ours, _) = translate(CHAT, RESPONSES, &next);
    assert_eq!(ours["input"][1]["encrypted_content"], "gAAAAAB");
}

#[test]
fn case_033_the_signature_of_a_tool_call_is_an_item_of_its_own_behind_the_call() {
    let proof = crate::signature::mark(crate::signature::Maker::Gemini, "c2ln");
    let part = Part::ToolUse(crate::call::ToolUse {
        id: "c".into(),
        name: "f".into(),
        arguments: "{}".into(),
        signature: Some(proof.clone()),
        cache: None,
    });
    let choice = crate::reply::Choice { parts: vec![part.clone()], stop: Some(crate::reply::Stop::ToolUse) };
    let reply = crate::Reply { choices: vec![choice], ..crate::Reply::default() };
    let (written, _) = RESPONSES.write_reply(&reply);
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!((&written["output"][0]["call_id"], &written["output"][1]["type"]), (&json!("c"), &json!("reasoning")));
    let input = json!({"model": "m", "input": written["output"]});
    let call = RESPONSES.read_call(input.to_string().as_bytes()).unwrap();
    assert_eq!(call.turns[0].parts, [part]);
}

#[test]
fn case_051_schemas_cross_both_ways() {
    let schema = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"enum": [1, 2]}},
        "required": ["a"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "name": "n", "schema": schema, "strict": true});
    let (chat, _) = said_in(CHAT, json!({"text": {"format": format}}));
    assert_eq!(chat["response_format"]["json_schema"]["schema"], schema);
    let (back, _) = translate(CHAT, RESPONSES, &chat);
    assert_eq!(back["text"]["format"], format);
}

#[test]
fn case_056_files_and_sound_are_mapped_or_refused_by_name() {
    let content = json!([
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf", "filename": "a.pdf"}]);
    let (claude, loss) = said_in(ANTHROPIC, json!({"input": [{"role": "user", "content": content}]}));
    assert!(loss.is_none(), "{loss}");
    assert_eq!(
        claude["messages"][0]["content"][1]["source"],
        json!({"type": "url", "url": "https://example.com/a.pdf"})
    );
    let (back, _) = translate(ANTHROPIC, RESPONSES, &claude);
    assert_eq!(back["input"][0]["content"][1]["file_url"], "https://example.com/a.pdf");
    assert_eq!(back["input"][0]["content"][0]["detail"], "auto", "servers made of OpenAI's own types ask for it");
    let sound = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}]});
    let refused = try_translate(CHAT, RESPONSES, &sound, &WriteFor::default()).unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("turns[0].parts[0]"));
}

#[test]
fn case_058_cached_tokens_stand_beside_the_others() {
    let answer = corpus::case(RESPONSES, "tools.reply.json");
    let usage = RESPONSES.read_reply(&answer).unwrap().usage;
    assert_eq!((usage.input, usage.cache_read, usage.output, usage.reasoning), (86, 1920, 300, 128));
    let (claude, _) = reply_in(RESPONSES, ANTHROPIC, &serde_json::from_slice(&answer).unwrap());
    assert_eq!(
        (&claude["usage"]["input_tokens"], &claude["usage"]["cache_read_input_tokens"]),
        (&json!(86), &json!(1920))
    );
}

#[test]
fn case_062_reasoning_is_part_of_the_output_in_streams_as_in_whole_answers() {
    let stream = corpus::case(RESPONSES, "reasoning_and_tools.sse");
    let (reply, fault) = fold(corpus::read_stream(RESPONSES, &[&stream]));
    assert!(fault.is_none());
    assert_eq!((reply.usage.output, reply.usage.reasoning, reply.usage.cache_read), (300, 128, 1920));
    let [Part::Thinking(Thinking::Text { text, signature }), Part::ToolUse(first), Part::ToolUse(second)] =
        reply.choices[0].parts.as_slice()
    else {
        panic!("{reply:?}")
    };
    assert_eq!(text, "**Two places**\n\nCall both.");
    assert!(signature.as_deref().unwrap().ends_with("gAAAAABsealed"));
    assert_eq!((first.arguments.as_str(), second.name.as_str()), ("{\"location\":\"Paris\"}", "get_time"));
}

#[test]
fn case_039_what_ended_an_answer_is_told_in_every_dialect() {
    for (file, chat, claude) in [
        ("incomplete.reply.json", "length", "max_tokens"),
        ("filtered.reply.json", "content_filter", "refusal"),
        ("text.reply.json", "stop", "end_turn"),
        ("tools.reply.json", "tool_calls", "tool_use"),
    ] {
        let answer: Value = serde_json::from_slice(&corpus::case(RESPONSES, file)).unwrap();
        assert_eq!(reply_in(RESPONSES, CHAT, &answer).0["choices"][0]["finish_reason"], chat, "{file}");
        let (written, _) = reply_in(RESPONSES, ANTHROPIC, &answer);
        assert_eq!(written["stop_reason"], claude, "{file}");
        let (back, _) = reply_in(ANTHROPIC, RESPONSES, &written);
        assert_eq!(
            (&back["status"], &back["incomplete_details"]),
            (&answer["status"], &answer["incomplete_details"]),
            "{file}"
        );
    }
}

#[test]
fn every_stream_of_every_dialect_becomes_one_of_this_dialect() {
    for from in Dialect::ALL.iter().copied().filter(|from| from.framing() == crate::frame::Framing::Sse) {
        for case in corpus::cases(from, ".sse") {
            let events = corpus::read_stream(from, &[&case.bytes]);
            let stream = corpus::write_stream(RESPONSES, true, &events);
            super::tests::check_stream(&super::tests::payloads(&stream));
            let (there, fault) = fold(events);
            let (back, told) = fold(corpus::read_stream(RESPONSES, &[&stream]));
            assert_eq!(told.is_some(), fault.is_some(), "{} {}", from.as_str(), case.name);
            if fault.is_none() {
                assert_eq!(text_of(&back), text_of(&there), "{} {}", from.as_str(), case.name);
            }
        }
    }
}

fn text_of(reply: &crate::Reply) -> String {
    let parts = reply.choices.first().map(|choice| choice.parts.as_slice()).unwrap_or_default();
    let said = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.clone()),
        Part::Refusal(words) => Some(words.clone()),
        // No arguments are an empty object.
        Part::ToolUse(tool) => Some(format!("{}({})", tool.name, tool.arguments.trim_matches(['{', '}']))),
        _ => None,
    });
    said.collect()
}
