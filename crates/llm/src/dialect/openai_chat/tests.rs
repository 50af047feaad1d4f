use serde_json::{Value, json};

use super::{request, stream::Watch};
use crate::{
    Call, Event, Loss,
    call::{
        CacheMark, Document, Image, Knobs, Part, Reasoning, Role, Source, Text, Thinking, Tool, ToolChoice, ToolResult,
        ToolUse, Turn,
    },
    dialect::{
        Dialect, ErrorBody, FrameWatch, Malformed, Seen, StreamForm, WriteFor,
        corpus::{self, payloads, read_stream, write_stream},
    },
    event::{Block, Delta, fold},
    failure::Kind,
    frame::Framing,
    reply::{Reply, Stop},
    usage::Usage,
};

const HERE: Dialect = Dialect::OpenAiChat;

mod corpus_holds {
    use super::*;

    #[test]
    fn requests_survive_reading_and_writing() {
        corpus::requests_round_trip(HERE, &WriteFor::default(), &["legacy_functions", "normalised"]);
    }

    #[test]
    fn replies_survive_reading_and_writing() {
        let normalised = [
            "openai_full",
            "stop_with_calls",
            "tool_calls_without_calls",
            "reasoning_other_name",
            "deepseek_cache",
            "xai_reasoning_beside",
            "openrouter_cost",
            "mistral_thinking",
        ];
        corpus::replies_round_trip(HERE, &normalised);
    }

    #[test]
    fn every_single_split_gives_the_same_events() {
        corpus::streams_survive_every_split(HERE);
    }

    #[test]
    fn random_splits_give_the_same_events() {
        corpus::streams_survive_random_splits(HERE);
    }

    #[test]
    fn the_watch_learns_what_the_reader_learns() {
        corpus::watch_agrees_with_reader(HERE);
    }

    #[test]
    fn a_rewritten_stream_gives_the_same_reply() {
        corpus::streams_round_trip(HERE);
    }

    #[test]
    fn damaged_bytes_never_panic() {
        corpus::damaged_bytes_never_panic(HERE);
    }

    #[test]
    fn every_event_belongs_to_an_open_block_and_every_block_is_closed() {
        for case in corpus::cases(HERE, ".sse") {
            let events = read_stream(HERE, &[&case.bytes]);
            let mut open = Vec::new();
            let mut next = std::collections::HashMap::<u32, u32>::new();
            for event in &events {
                match event {
                    Event::Open { choice, index, .. } => {
                        let next = next.entry(*choice).or_default();
                        assert_eq!(index, next, "{}: indexes count up", case.name);
                        *next += 1;
                        open.push((*choice, *index));
                    }
                    Event::Delta { choice, index, .. } => assert!(open.contains(&(*choice, *index)), "{}", case.name),
                    Event::Close { choice, index } => open.retain(|at| at != &(*choice, *index)),
                    Event::Stop { choice, .. } => assert!(open.iter().all(|(at, _)| at != choice), "{}", case.name),
                    _ => {}
                }
            }
            assert!(open.is_empty() || events.iter().any(|event| matches!(event, Event::Fault(_))), "{}", case.name);
        }
    }
}

fn events(name: &str) -> Vec<Event> {
    read_stream(HERE, &[&corpus::case(HERE, &format!("{name}.sse"))])
}

fn folded(name: &str) -> Reply {
    let (reply, fault) = fold(events(name));
    assert_eq!(fault, None, "{name}");
    reply
}

fn reply_of(name: &str) -> Reply {
    HERE.read_reply(&corpus::case(HERE, &format!("{name}.reply.json"))).unwrap()
}

fn text(text: &str) -> Part {
    Part::Text(Text { text: text.to_owned(), ..Text::default() })
}

fn tool(id: &str, name: &str, arguments: &str) -> Part {
    Part::ToolUse(ToolUse {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
        signature: None,
        cache: None,
    })
}

fn call(body: Value) -> Call {
    HERE.read_call(body.to_string().as_bytes()).unwrap()
}

fn ask(messages: Value) -> Call {
    call(json!({"model": "m", "messages": messages}))
}

fn written(call: &Call, target: &WriteFor) -> (Value, Loss) {
    let (body, loss) = HERE.write_call(call, target).unwrap();
    (serde_json::from_slice(&body).unwrap(), loss)
}

/// A call as another dialect would have read it.
fn foreign(turns: Vec<Turn>) -> Call {
    let mut call = ask(json!([{"role": "user", "content": "x"}]));
    call.extra.dialect = Dialect::Anthropic;
    call.turns = turns;
    call
}

fn user(parts: Vec<Part>) -> Turn {
    Turn { role: Role::User, parts, name: None }
}

fn result(id: &str, parts: Vec<Part>, is_error: Option<bool>) -> Part {
    Part::ToolResult(ToolResult { tool_use_id: id.into(), parts, is_error, cache: None })
}

mod requests {
    use super::*;

    #[expect(clippy::too_many_lines, reason = "a table")]
    #[test]
    fn a_wrong_body_is_refused_by_the_name_of_the_field() {
        let message = |extra: Value| json!({"model": "m", "messages": [extra]});
        let with = |name: &str, value: Value| {
            let mut body = message(json!({"role": "user", "content": "x"}));
            body[name] = value;
            body
        };
        let user = |content: Value| message(json!({"role": "user", "content": content}));
        let assistant = |calls: Value| message(json!({"role": "assistant", "tool_calls": calls}));
        let table: Vec<(Value, &str)> = vec![
            (json!([]), "the body must be an object, not an array"),
            (json!({"messages": []}), "model is missing: it must be the name of a model"),
            (json!({"model": 4, "messages": []}), "model must be a string, not 4"),
            (json!({"model": "m"}), "messages is missing: it must be a list of messages"),
            (json!({"model": "m", "messages": {}}), "messages must be an array, not an object"),
            (json!({"model": "m", "messages": []}), "messages must be a list of at least one message, not an array"),
            (
                message(json!({"role": "robot", "content": ""})),
                "messages[0].role must be system, developer, user, assistant or tool, not \"robot\"",
            ),
            (
                message(json!({"role": "user"})),
                "messages[0].content is missing: it must be a string or a list of content parts",
            ),
            (user(json!(7)), "messages[0].content must be a string or a list of content parts, not 7"),
            (
                user(json!([{"type": "image"}])),
                "messages[0].content[0].type must be text, image_url, input_audio, file or refusal, not \"image\"",
            ),
            (
                user(json!([{"text": "x"}])),
                "messages[0].content[0].type is missing: it must be text, image_url, input_audio, file or refusal",
            ),
            (
                user(json!([{"type": "image_url", "image_url": {"url": "data:image/png,abc"}}])),
                "messages[0].content[0].image_url.url must be an http(s) URL, or data:<media type>;base64,<data>, not \"data:image/png,abc\"",
            ),
            (
                user(json!([{"type": "file", "file": {"filename": "a"}}])),
                "messages[0].content[0].file must be an object with file_data or file_id, not an object",
            ),
            (
                user(json!([{"type": "text", "text": "x", "cache_control": {"type": "forever"}}])),
                "messages[0].content[0].cache_control.type must be \"ephemeral\", not \"forever\"",
            ),
            (
                assistant(json!([{"type": "function", "function": {"name": "f"}}])),
                "messages[0].tool_calls[0].id is missing: it must be the call's id",
            ),
            (
                assistant(json!([{"id": "a", "function": {}}])),
                "messages[0].tool_calls[0].function.name is missing: it must be the function's name",
            ),
            (
                message(json!({"role": "tool", "content": "x"})),
                "messages[0].tool_call_id is missing: it must be the id of the call that this answers",
            ),
            (with("max_tokens", json!(0)), "max_tokens must be a whole number from 1 to 4294967296, not 0"),
            (
                with("max_completion_tokens", json!(-5)),
                "max_completion_tokens must be a whole number from 1 to 4294967296, not -5",
            ),
            (with("max_tokens", json!(1.5)), "max_tokens must be a whole number from 1 to 4294967296, not 1.5"),
            (with("temperature", json!(2.5)), "temperature must be a number from 0 to 2, not 2.5"),
            (with("top_p", json!("1")), "top_p must be a number from 0 to 1, not \"1\""),
            (with("n", json!(129)), "n must be a whole number from 1 to 128, not 129"),
            (with("seed", json!(1.25)), "seed must be a whole number, not 1.25"),
            (with("stop", json!([1])), "stop[0] must be a string, not 1"),
            (with("stream", json!("yes")), "stream must be true or false, not \"yes\""),
            (
                with("tools", json!([{"type": "function"}])),
                "tools[0].function is missing: it must be an object with name, description and parameters",
            ),
            (
                with("tools", json!([{"type": "function", "function": {"name": "f", "parameters": "x"}}])),
                "tools[0].function.parameters must be an object, not \"x\"",
            ),
            (
                with("tool_choice", json!("maybe")),
                "tool_choice must be none, auto, required, or an object that names a tool, not \"maybe\"",
            ),
            (
                with("response_format", json!({"type": "json_schema", "json_schema": {"name": "x"}})),
                "response_format.json_schema.schema is missing: it must be a JSON Schema",
            ),
            (with("functions", json!([])), "functions is not supported: send tools and tool_choice"),
        ];
        for (body, right) in table {
            let wrong = HERE.read_call(body.to_string().as_bytes()).expect_err(right);
            assert_eq!(wrong.message, right);
            let named = wrong.field.is_none_or(|field| right.starts_with(&field));
            assert!(named, "{right}");
        }
        assert!(HERE.read_call(b"{\"model\"").unwrap_err().message.starts_with("the body is not JSON: "));
        let both = with("max_tokens", json!(1)).as_object().unwrap().clone();
        let mut both = Value::Object(both);
        both["max_completion_tokens"] = json!(2);
        assert_eq!(HERE.read_call(both.to_string().as_bytes()).unwrap_err().field.unwrap(), "max_tokens");
    }

    #[test]
    fn tool_messages_become_one_user_turn_and_come_back_in_order() {
        let read = HERE.read_call(&corpus::case(HERE, "tools.request.json")).unwrap();
        let ids = |turn: &Turn| -> Vec<String> {
            let id =
                |part: &Part| if let Part::ToolResult(result) = part { Some(result.tool_use_id.clone()) } else { None };
            turn.parts.iter().filter_map(id).collect()
        };
        assert_eq!(read.turns.len(), 7);
        assert_eq!(ids(&read.turns[3]), ["call_a1", "call_a2"]);
        assert_eq!(read.turns[3].role, Role::User);
        assert_eq!(read.turns[4].parts, [text("And in which is it nicer?")]);
        let mixed =
            foreign(vec![user(vec![result("a", vec![text("1")], None), result("b", vec![], None), text("so?")])]);
        let (body, loss) = written(&mixed, &WriteFor::default());
        assert!(loss.is_none());
        assert_eq!(
            body["messages"],
            json!([
                {"role": "tool", "tool_call_id": "a", "content": "1"},
                {"role": "tool", "tool_call_id": "b", "content": ""},
                {"role": "user", "content": "so?"},
            ])
        );
    }

    #[test]
    fn failed_and_pictured_tool_results_are_said_in_words_and_attachments() {
        let image = Part::Image(Image {
            source: Source::Base64 { media_type: "image/png".into(), data: "AAAA".into() },
            detail: None,
            cache: None,
        });
        let turn = user(vec![result("a", vec![text("boom"), image], Some(true)), result("b", vec![], Some(true))]);
        let (body, loss) = written(&foreign(vec![turn]), &WriteFor::default());
        let lost: Vec<_> = loss.iter().map(|lost| lost.field.as_ref()).collect();
        assert_eq!(lost, ["turns[0].parts[0].is_error", "turns[0].parts[1].is_error"]);
        assert_eq!(
            body["messages"],
            json!([
                {"role": "tool", "tool_call_id": "a", "content": [
                    {"type": "text", "text": "[tool error] boom"},
                    {"type": "text", "text": "[what tool call a returned is attached to the next message]"},
                ]},
                {"role": "tool", "tool_call_id": "b", "content": "[tool error]"},
                {"role": "user", "content": [
                    {"type": "text", "text": "[returned by tool call a]"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ]},
            ])
        );
    }

    #[test]
    fn tool_choice_and_parallel_calls_are_read_and_written() {
        let tools = json!([{"type": "function", "function": {"name": "f"}}]);
        let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}});
        let table = [
            (json!("auto"), ToolChoice::Auto),
            (json!("none"), ToolChoice::None),
            (json!("required"), ToolChoice::Required),
            (json!({"type": "function", "function": {"name": "f"}}), ToolChoice::Named("f".into())),
            (allowed.clone(), ToolChoice::Native { dialect: HERE, raw: allowed }),
        ];
        for (wire, choice) in table {
            let read = call(json!({
                "model": "m", "messages": [{"role": "user", "content": "x"}],
                "tools": tools, "tool_choice": wire, "parallel_tool_calls": false,
            }));
            assert_eq!((read.tool_choice.as_ref(), read.parallel_tools), (Some(&choice), Some(false)));
            let (body, loss) = written(&read, &WriteFor::default());
            assert!(loss.is_none());
            assert_eq!((&body["tool_choice"], &body["parallel_tool_calls"]), (&wire, &json!(false)));
        }
        let mut other = foreign(vec![user(vec![text("x")])]);
        other.tools = vec![Tool::Native { dialect: Dialect::Anthropic, raw: json!({"type": "web_search_20250305"}) }];
        other.tool_choice = Some(ToolChoice::Auto);
        other.parallel_tools = Some(false);
        let (body, loss) = written(&other, &WriteFor::default());
        assert_eq!(loss.to_string(), "tools[0],tool_choice");
        assert_eq!((body.get("tools"), body.get("tool_choice"), body.get("parallel_tool_calls")), (None, None, None));
    }

    #[test]
    fn system_messages_keep_their_place_and_their_marks() {
        let messages = json!([
            {"role": "system", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, {"type": "text", "text": "b"}]},
            {"role": "user", "content": "x"},
            {"role": "system", "content": "c"},
            {"role": "developer", "content": "d"},
            {"role": "user", "content": "y"},
        ]);
        let read = ask(messages.clone());
        let roles: Vec<Role> = read.turns.iter().map(|turn| turn.role).collect();
        assert_eq!(roles, [Role::System, Role::User, Role::System, Role::Developer, Role::User]);
        assert!(matches!(&read.turns[0].parts[0], Part::Text(text) if text.cache == Some(CacheMark::OneHour)));
        assert_eq!(written(&read, &WriteFor::default()).0["messages"], messages);
    }

    #[test]
    fn cache_marks_are_kept_or_left_out_with_a_loss() {
        let read = HERE.read_call(&corpus::case(HERE, "cache_marks.request.json")).unwrap();
        let marks = |body: &Value| body.to_string().matches("cache_control").count();
        let (body, loss) = written(&read, &WriteFor::default());
        assert_eq!((marks(&body), loss.is_none()), (5, true));
        let (body, loss) = written(&read, &WriteFor { ignores_cache_marks: true, ..WriteFor::default() });
        assert_eq!((marks(&body), loss.to_string().as_str()), (0, "cache_control"));
        let message = ask(json!([{"role": "user", "content": "x", "cache_control": {"type": "ephemeral"}}]));
        assert!(matches!(&message.turns[0].parts[0], Part::Text(text) if text.cache == Some(CacheMark::Default)));
    }

    #[test]
    fn limits_and_sampling_follow_the_model() {
        let body = |name: &str| json!({"model": "m", "messages": [{"role": "user", "content": "x"}], name: 9, "temperature": 0.5, "top_p": 0.5});
        for name in ["max_tokens", "max_completion_tokens"] {
            let read = call(body(name));
            assert_eq!(read.knobs.max_tokens, Some(9));
            let (old, loss) = written(&read, &WriteFor::default());
            assert_eq!((&old["max_tokens"], old.get("max_completion_tokens"), loss.is_none()), (&json!(9), None, true));
            let target = WriteFor { wants_max_completion_tokens: true, refuses_sampling: true, ..WriteFor::default() };
            let (new, loss) = written(&read, &target);
            assert_eq!((&new["max_completion_tokens"], new.get("max_tokens")), (&json!(9), None));
            assert_eq!((new.get("temperature"), new.get("top_p")), (None, None));
            assert_eq!(loss.to_string(), "knobs.temperature,knobs.top_p");
        }
    }

    #[test]
    fn case_002_a_stream_asks_for_usage_whether_or_not_the_client_did() {
        let body = |options: Value| json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": true, "stream_options": options});
        for (options, wanted) in
            [(json!(null), false), (json!({"include_usage": false}), false), (json!({"include_usage": true}), true)]
        {
            let read = call(body(options));
            assert_eq!(read.include_usage, wanted);
            assert_eq!(written(&read, &WriteFor::default()).0["stream_options"], json!({"include_usage": true}));
            let refuses = WriteFor { refuses_stream_options: true, ..WriteFor::default() };
            assert_eq!(written(&read, &refuses).0.get("stream_options"), None);
        }
    }

    #[test]
    fn reasoning_is_said_as_the_nearest_effort() {
        let on = |budget| Reasoning { enabled: Some(true), budget_tokens: budget, ..Reasoning::default() };
        let table = [
            (Reasoning { effort: Some("xhigh".into()), ..Reasoning::default() }, Some("xhigh"), ""),
            (Reasoning { enabled: Some(false), ..Reasoning::default() }, Some("none"), ""),
            (on(None), Some("medium"), ""),
            (on(Some(1024)), Some("low"), "knobs.reasoning.budget_tokens"),
            (on(Some(8192)), Some("medium"), "knobs.reasoning.budget_tokens"),
            (on(Some(32000)), Some("high"), "knobs.reasoning.budget_tokens"),
            (Reasoning { adaptive: true, enabled: Some(true), ..Reasoning::default() }, None, ""),
        ];
        for (reasoning, effort, lost) in table {
            let mut asked = foreign(vec![user(vec![text("x")])]);
            asked.knobs = Knobs { reasoning: Some(reasoning.clone()), ..Knobs::default() };
            let (body, loss) = written(&asked, &WriteFor::default());
            assert_eq!(body.get("reasoning_effort").and_then(Value::as_str), effort, "{reasoning:?}");
            assert_eq!(loss.to_string(), lost);
            let (body, _) = written(&asked, &WriteFor { refuses_reasoning: true, ..WriteFor::default() });
            assert_eq!(body.get("reasoning_effort"), None);
        }
    }

    #[test]
    fn thinking_is_kept_with_its_signatures_or_left_out_for_another_model() {
        let read = HERE.read_call(&corpus::case(HERE, "thinking.request.json")).unwrap();
        assert_eq!(
            read.turns[1].parts[..2],
            [
                Part::Thinking(Thinking::Text {
                    text: "17*23 is 391.".into(),
                    signature: Some("EqoBCkgIARABGAIiQL2UoU0b1OHYi".into())
                }),
                Part::Thinking(Thinking::Redacted { data: "EmwKAhgBEgy3va3pzix".into() }),
            ]
        );
        let (body, loss) = written(&read, &WriteFor { foreign_thinking: true, ..WriteFor::default() });
        let message = &body["messages"][1];
        assert_eq!((message.get("thinking_blocks"), message.get("reasoning_content")), (None, None));
        assert_eq!(loss.to_string(), "turns[1].parts[0],turns[1].parts[1]");
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        let document = |source| {
            Part::Document(Document { source, title: Some("T".into()), context: None, citations: None, cache: None })
        };
        let image = |source| Part::Image(Image { source, detail: None, cache: None });
        let refuse =
            |turn: Turn| -> Malformed { HERE.write_call(&foreign(vec![turn]), &WriteFor::default()).unwrap_err() };
        let url = || Source::Url("https://example.com/a.pdf".into());
        assert_eq!(refuse(user(vec![text("x"), document(url())])).field.unwrap(), "turns[0].parts[1]");
        assert_eq!(refuse(user(vec![image(Source::File("file_1".into()))])).field.unwrap(), "turns[0].parts[0]");
        assert_eq!(
            refuse(user(vec![result("a", vec![document(url())], None)])).field.unwrap(),
            "turns[0].parts[0].parts[0]"
        );
        assert_eq!(
            refuse(Turn { role: Role::System, parts: vec![image(url())], name: None }).field.unwrap(),
            "turns[0]"
        );
        assert_eq!(
            refuse(Turn { role: Role::Assistant, parts: vec![image(url())], name: None }).field.unwrap(),
            "turns[0].parts[0]"
        );
        let native = Part::Native { dialect: Dialect::Anthropic, raw: json!({"type": "search_result"}) };
        assert!(refuse(user(vec![native])).message.contains("search_result"));
        let said = foreign(vec![user(vec![
            document(Source::Base64 { media_type: "application/pdf".into(), data: "JVBE".into() }),
            document(Source::Text("plain".into())),
        ])]);
        let (body, loss) = written(&said, &WriteFor::default());
        assert!(loss.is_none());
        assert_eq!(
            body["messages"][0]["content"],
            json!([
                {"type": "file", "file": {"filename": "T", "file_data": "data:application/pdf;base64,JVBE"}},
                {"type": "text", "text": "T"},
                {"type": "text", "text": "plain"},
            ])
        );
    }

    #[test]
    fn pictures_keep_their_url_or_their_bytes() {
        let read = HERE.read_call(&corpus::case(HERE, "vision.request.json")).unwrap();
        let sources: Vec<_> = read.turns[0]
            .parts
            .iter()
            .filter_map(|part| if let Part::Image(image) = part { Some(image.source.clone()) } else { None })
            .collect();
        assert_eq!(
            sources,
            [
                Source::Url("https://example.com/cat.png".into()),
                Source::Base64 { media_type: "image/png".into(), data: "iVBORw0KGgo=".into() }
            ]
        );
    }

    #[test]
    fn another_dialects_fields_are_a_loss_and_our_own_come_back() {
        let mut other = foreign(vec![user(vec![text("x")])]);
        other.extra.fields.insert("container".into(), json!("c"));
        other.knobs.top_k = Some(5);
        let (body, loss) = written(&other, &WriteFor::default());
        assert_eq!((body.get("container"), body.get("top_k")), (None, None));
        assert_eq!(loss.to_string(), "knobs.top_k,extra.container");
    }

    #[test]
    fn arguments_that_were_not_sent_are_an_empty_object() {
        let asked = foreign(vec![Turn { role: Role::Assistant, parts: vec![tool("a", "f", "")], name: None }]);
        let (body, _) = written(&asked, &WriteFor::default());
        assert_eq!(body["messages"][0]["tool_calls"][0]["function"]["arguments"], "{}");
    }

    #[test]
    fn a_number_may_be_written_with_a_fraction() {
        let read = HERE.read_call(&corpus::case(HERE, "normalised.request.json")).unwrap();
        assert_eq!((read.knobs.max_tokens, read.knobs.user.as_deref()), (Some(50), Some("u-1")));
        assert_eq!(read.tool_choice, Some(ToolChoice::Required));
        assert!(
            request::read(
                b"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":1e999}"
            )
            .is_err()
        );
    }
}

mod streams {
    use super::*;

    #[test]
    fn case_003_the_usage_chunk_comes_once_after_the_finish_and_only_if_asked_for() {
        let events = events("usage_cumulative");
        for wanted in [true, false] {
            let payloads = payloads(&write_stream(HERE, wanted, &events));
            let chunks: Vec<Value> = payloads.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
            let at: Vec<usize> = (0..chunks.len()).filter(|at| chunks[*at].get("usage").is_some()).collect();
            assert_eq!(payloads.last().unwrap(), "[DONE]");
            assert_eq!(at, if wanted { vec![chunks.len() - 1] } else { vec![] });
            let finish = &chunks[chunks.len() - 1 - usize::from(wanted)];
            assert_eq!(finish["choices"][0]["finish_reason"], "stop");
            if wanted {
                assert_eq!(chunks[at[0]]["choices"], json!([]));
                assert_eq!(chunks[at[0]]["usage"]["total_tokens"], 11);
            }
        }
    }

    #[test]
    fn case_005_cumulative_usage_counts_once_with_its_last_value() {
        assert_eq!(folded("usage_cumulative").usage, Usage { input: 7, output: 4, ..Usage::default() });
    }

    #[test]
    fn case_006_usage_next_to_choices_counts_once_and_is_the_clients() {
        assert_eq!(folded("usage_with_finish").usage, Usage { input: 15, output: 1, ..Usage::default() });
        let mut watch = Watch::default();
        for payload in payloads(&corpus::case(HERE, "usage_with_finish.sse")) {
            assert_eq!(watch.see(None, payload.as_bytes()), Seen::Pass);
        }
        let seen: Vec<Seen> = payloads(&corpus::case(HERE, "text.sse")).iter().map(|text| watch_one(text)).collect();
        assert_eq!(seen.iter().filter(|seen| **seen == Seen::UsageOnly).count(), 1);
        assert_eq!(seen[seen.len() - 2], Seen::UsageOnly);
    }

    fn watch_one(payload: &str) -> Seen {
        Watch::default().see(None, payload.as_bytes())
    }

    #[test]
    fn case_007_a_first_chunk_without_choices_is_no_obstacle() {
        let events = events("azure_first_chunk");
        assert!(matches!(&events[0], Event::Start { id, .. } if id == "chatcmpl-Af3kQ2"));
        assert!(matches!(&events[1], Event::Native { raw, .. } if raw.contains("prompt_filter_results")));
        let reply = folded("azure_first_chunk");
        assert_eq!((&reply.choices[0].parts[..], reply.usage.output), (&[text("Hi")][..], 1));
    }

    #[test]
    fn case_008_a_stream_needs_a_finish_reason_or_its_end() {
        assert_eq!(folded("no_done").choices[0].stop, Some(Stop::End));
        assert_eq!(events("no_done").last(), Some(&Event::End));
        for cut in ["cut", "broken_json"] {
            let (reply, fault) = fold(events(cut));
            assert_eq!(fault.unwrap().kind, Kind::Malformed, "{cut}");
            assert_eq!(reply.choices[0].stop, None, "{cut}");
            let written = String::from_utf8(write_stream(HERE, true, &events(cut))).unwrap();
            assert!(written.contains("\"error\"") && !written.contains("[DONE]"), "{written}");
            assert!(!written.contains("\"finish_reason\":\""), "{written}");
        }
    }

    #[test]
    fn case_009_an_error_as_the_first_event_is_a_fault_before_any_content() {
        for name in ["error_first", "error_named_event", "error_text"] {
            let events = events(name);
            assert!(matches!(events.as_slice(), [Event::Fault(_)]), "{name}: {events:?}");
            let glance = corpus::watch(HERE, &corpus::case(HERE, &format!("{name}.sse")));
            assert!(glance.fault.is_some() && !glance.content, "{name}");
        }
        let Some(Event::Fault(failure)) = events("error_first").pop() else { panic!("no fault") };
        assert_eq!(failure.code.as_deref(), Some("server_overloaded"));
        assert_eq!(failure.message, "The server is overloaded");
    }

    #[test]
    fn case_041_a_finish_reason_that_means_failure_is_a_fault() {
        for name in ["error_openrouter", "error_finish_reason", "error_after_content"] {
            let (reply, fault) = fold(events(name));
            assert!(fault.is_some() && reply.choices[0].stop.is_none(), "{name}");
        }
        let kind = |name: &str| fold(events(name)).1.unwrap().kind;
        assert_eq!(kind("error_after_content"), Kind::RateLimited);
        assert_eq!(kind("error_openrouter"), Kind::Server);
        assert_eq!(kind("error_finish_reason"), Kind::Server);
        assert_eq!(kind("error_first"), Kind::Server);
    }

    #[test]
    fn case_014_fragments_become_whole_calls_per_index() {
        let parts = |name: &str| folded(name).choices.remove(0).parts;
        assert_eq!(
            parts("tools_split_name"),
            [tool("call_a", "get_weather", r#"{"city":"Paris"}"#), tool("call_b", "now", r#"{"tz":"UTC"}"#)]
        );
        assert_eq!(
            parts("tools_parallel"),
            [tool("call_a", "get_weather", r#"{"city":"Paris"}"#), tool("call_b", "get_weather", r#"{"city":"Rome"}"#)]
        );
        let made = |at: u32| format!("call_chatcmpl-Af3kQ2_{at}");
        assert_eq!(
            parts("tools_without_index_or_id"),
            [tool(&made(0), "f", r#"{"a":1}"#), tool(&made(1), "f", r#"{"a":2}"#)]
        );
        assert_eq!(parts("tools_all_index_zero"), [tool("g1", "f", r#"{"a":1}"#), tool("g2", "f", r#"{"a":2}"#)]);
        assert_eq!(parts("tools_new_id_each_fragment"), [tool("chatcmpl-tool-1", "f", r#"{"a":1}"#)]);
        assert_eq!(parts("function_call_legacy"), [tool(&made(0), "f", r#"{"a":1}"#)]);
    }

    #[test]
    fn written_calls_have_one_index_each() {
        let written = write_stream(HERE, false, &events("tools_split_name"));
        let mut arguments = [String::new(), String::new()];
        for payload in payloads(&written) {
            let Ok(chunk) = serde_json::from_str::<Value>(&payload) else { continue };
            for call in chunk["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
                let at = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
                arguments[at].push_str(call["function"]["arguments"].as_str().unwrap());
            }
        }
        assert_eq!(arguments, [r#"{"city":"Paris"}"#, r#"{"tz":"UTC"}"#]);
    }

    #[test]
    fn a_call_without_arguments_is_written_as_an_empty_object() {
        let said = write_stream(HERE, false, &events("tool_without_arguments"));
        let (reply, _) = fold(read_stream(HERE, &[&said]));
        assert_eq!(reply.choices[0].parts, [tool("call_n", "now", "{}")]);
    }

    #[test]
    fn case_016_an_empty_list_of_calls_is_no_call() {
        let reply = folded("vllm_empty_tool_calls");
        assert_eq!(reply.choices[0].parts, [text("Hi there")]);
        assert_eq!(reply.choices[0].stop, Some(Stop::End));
    }

    #[test]
    fn case_017_text_and_a_call_in_one_chunk_both_arrive() {
        let reply = folded("text_and_tool_in_one_chunk");
        assert_eq!(reply.choices[0].parts, [text("On it."), tool("call_x", "go", r#"{"n":1}"#)]);
        assert_eq!(reply.choices[0].stop, Some(Stop::ToolUse));
    }

    #[test]
    fn case_018_choices_are_kept_apart_and_the_prompt_counts_once() {
        let reply = folded("two_choices");
        assert_eq!(reply.choices[0].parts, [text("Red rose")]);
        assert_eq!(reply.choices[1].parts, [text("Blue sky")]);
        assert_eq!((&reply.choices[0].stop, &reply.choices[1].stop), (&Some(Stop::End), &Some(Stop::Length)));
        assert_eq!(reply.usage, Usage { input: 9, output: 4, ..Usage::default() });
    }

    #[test]
    fn case_019_fields_that_only_this_dialect_knows_are_read_and_written() {
        for (name, field) in [
            ("logprobs", "top_logprobs"),
            ("annotations", "url_citation"),
            ("audio", "UklGRg=="),
            ("custom_tool", "select 1"),
            ("reasoning_other_name", "native_finish_reason"),
            ("azure_first_chunk", "prompt_filter_results"),
            ("text", "fp_cbf1785567"),
        ] {
            let written = String::from_utf8(write_stream(HERE, true, &events(name))).unwrap();
            assert!(written.contains(field), "{name}: {written}");
        }
        assert_eq!(folded("refusal").choices[0].parts, [Part::Refusal("I can't do that.".into())]);
    }

    #[test]
    fn signatures_come_through_and_signed_blocks_are_replayable() {
        let signed = |text: &str, signature: &str| {
            Part::Thinking(Thinking::Text { text: text.into(), signature: Some(signature.into()) })
        };
        let reply = folded("thinking_signed");
        let parts = [
            signed("17*23 = 391", "EqoBCkgIARAB"),
            Part::Thinking(Thinking::Redacted { data: "EmwKAhgB".into() }),
            signed("more", "Sig2"),
            text("391"),
        ];
        assert_eq!(reply.choices[0].parts, parts);
        assert_eq!(folded("thinking_signature_only").choices[0].parts, [signed("", "OnlySig"), text("hi")]);
        assert_eq!(folded("thinking_litellm_fragments").choices[0].parts, [signed("ab", "SigAB"), text("c")]);
        // A client that collects `thinking_blocks` and sends them back has said the same.
        let written = write_stream(HERE, false, &events("thinking_signed"));
        let mut blocks = Vec::new();
        for payload in payloads(&written) {
            let chunk: Value = serde_json::from_str(&payload).unwrap_or_default();
            blocks.extend(chunk["choices"][0]["delta"]["thinking_blocks"].as_array().cloned().unwrap_or_default());
        }
        let back = ask(json!([{"role": "assistant", "content": "391", "thinking_blocks": blocks}]));
        assert_eq!(back.turns[0].parts, parts);
    }

    #[test]
    fn finish_reasons_are_kept_and_unknown_ones_stay_what_they_are() {
        let table = [
            ("stop", Stop::End),
            ("length", Stop::Length),
            ("content_filter", Stop::Filtered),
            ("pause_turn", Stop::Pause),
            ("vendor_limit", Stop::Other("vendor_limit".into())),
        ];
        for (word, stop) in table {
            assert_eq!(super::super::stop::read(word, false), stop);
            assert_eq!(super::super::stop::write(&stop), word);
        }
        for (stop, word) in [
            (Stop::Sequence(Some("END".into())), "stop"),
            (Stop::ContextWindow, "length"),
            (Stop::ToolUse, "tool_calls"),
        ] {
            assert_eq!(super::super::stop::write(&stop), word);
        }
        assert_eq!(folded("unknown_reason").choices[0].stop, Some(Stop::Other("vendor_limit".into())));
    }

    #[test]
    fn the_calls_decide_the_finish_reason() {
        assert_eq!(folded("stop_with_calls").choices[0].stop, Some(Stop::ToolUse));
        assert_eq!(folded("tool_calls_without_calls").choices[0].stop, Some(Stop::End));
        assert_eq!(folded("custom_tool").choices[0].stop, Some(Stop::ToolUse));
        assert_eq!(reply_of("stop_with_calls").choices[0].stop, Some(Stop::ToolUse));
        assert_eq!(reply_of("tool_calls_without_calls").choices[0].stop, Some(Stop::End));
        assert_eq!(reply_of("custom_tool").choices[0].stop, Some(Stop::ToolUse));
    }

    #[test]
    fn thought_of_every_vendor_is_thought() {
        let thought = |text: &str| Part::Thinking(Thinking::Text { text: text.into(), signature: None });
        for (name, parts) in [
            ("reasoning", [thought("9.11 < 9.8"), text("9.8")]),
            ("reasoning_other_name", [thought("Think hard"), text("ok")]),
            ("mistral_thinking_parts", [thought("Hm."), text("Yes.")]),
        ] {
            assert_eq!(folded(name).choices[0].parts, parts, "{name}");
        }
    }

    #[test]
    fn line_separators_of_unicode_are_text() {
        let (reply, _) = fold(events("unicode"));
        let Part::Text(said) = &reply.choices[0].parts[0] else { panic!("no text") };
        assert_eq!(said.text, "Zeile\u{2028}eins \u{85} 🧑‍🚀日本語é\n\t\"q\" \\ ");
    }

    #[test]
    fn delivered_tokens_are_never_below_the_chunks_or_the_text() {
        for case in corpus::cases(HERE, ".sse") {
            let events = read_stream(HERE, &[&case.bytes]);
            let mut said = String::new();
            for event in &events {
                if let Event::Delta { delta: Delta::Text(more) | Delta::Arguments(more), .. } = event {
                    said.push_str(more);
                }
            }
            let glance = corpus::watch(HERE, &case.bytes);
            let reckoned = crate::usage::estimate_tokens(&said);
            assert!(glance.delivered_tokens >= reckoned, "{}: {} < {reckoned}", case.name, glance.delivered_tokens);
        }
        assert_eq!(corpus::watch(HERE, &corpus::case(HERE, "text.sse")).delivered_tokens, 6);
    }

    #[test]
    fn what_other_dialects_know_is_a_loss() {
        let mut writer = HERE.writer(StreamForm::default());
        let mut bytes = Vec::new();
        writer.push(&Event::Start { id: "msg_1".into(), model: "m".into(), created: None }, &mut bytes);
        let block = Block::Native { dialect: Dialect::Anthropic, raw: json!({"type": "server_tool_use"}) };
        writer.push(&Event::Open { choice: 0, index: 0, block }, &mut bytes);
        writer.push(&Event::Close { choice: 0, index: 0 }, &mut bytes);
        assert_eq!(writer.loss().to_string(), "stream.block");
    }
}

mod from_anthropic {
    use super::*;

    #[test]
    fn every_call_is_written_as_one_that_reads_again_or_refused_by_name() {
        for case in corpus::cases(Dialect::Anthropic, ".request.json") {
            let call = Dialect::Anthropic.read_call(&case.bytes).unwrap();
            match HERE.write_call(&call, &WriteFor::default()) {
                Ok((body, _)) => drop(HERE.read_call(&body).unwrap_or_else(|wrong| panic!("{}: {wrong}", case.name))),
                Err(wrong) => assert!(wrong.field.is_some(), "{}: {wrong}", case.name),
            }
        }
    }

    #[test]
    fn every_stream_keeps_its_words_its_calls_and_its_thoughts() {
        let kept = |events: &[Event]| {
            let (reply, fault) = fold(events.to_vec());
            let mut parts: Vec<Part> = reply.choices.into_iter().flat_map(|choice| choice.parts).collect();
            parts.retain(|part| !matches!(part, Part::Native { .. }) && *part != text(""));
            for part in &mut parts {
                match part {
                    Part::ToolUse(tool) if tool.arguments.is_empty() => tool.arguments = "{}".into(),
                    Part::Text(text) => text.notes = None,
                    _ => {}
                }
            }
            // Neighbouring texts are one text here.
            let mut joined: Vec<Part> = Vec::new();
            for part in parts {
                match (joined.last_mut(), part) {
                    (Some(Part::Text(before)), Part::Text(after)) => before.text.push_str(&after.text),
                    (_, part) => joined.push(part),
                }
            }
            (joined, fault.is_some())
        };
        for case in corpus::cases(Dialect::Anthropic, ".sse") {
            let events = read_stream(Dialect::Anthropic, &[&case.bytes]);
            let written = write_stream(HERE, true, &events);
            let again = read_stream(HERE, &[&written]);
            assert_eq!(kept(&again), kept(&events), "{}:\n{}", case.name, String::from_utf8_lossy(&written));
        }
    }
}

mod replies {
    use super::*;

    #[test]
    fn cached_tokens_are_taken_out_of_the_prompt() {
        let usage = reply_of("openai_full").usage;
        assert_eq!((usage.input, usage.cache_read, usage.output), (86, 1920, 300));
        let usage = reply_of("deepseek_cache").usage;
        assert_eq!((usage.input, usage.cache_read), (40, 960));
        let usage = reply_of("openrouter_cost").usage;
        assert_eq!((usage.input, usage.cache_write), (94, 100));
        let usage = reply_of("audio").usage;
        assert_eq!((usage.input, usage.input_audio, usage.output, usage.output_audio), (15, 25, 60, 48));
    }

    #[test]
    fn the_openai_view_counts_cache_writes_in_the_prompt() {
        let usage = Usage { input: 3, cache_write: 12304, output: 9, ..Usage::default() };
        let reply = Reply { choices: vec![Default::default()], usage, ..Reply::default() };
        let body: Value = serde_json::from_slice(&HERE.write_reply(&reply).0).unwrap();
        assert_eq!(body["usage"]["prompt_tokens"], 12307);
        assert_eq!(body["usage"]["total_tokens"], 12316);
        assert_eq!(HERE.read_reply(body.to_string().as_bytes()).unwrap().usage, usage);
    }

    #[test]
    fn reasoning_counts_once_wherever_the_vendor_counts_it() {
        let inside = reply_of("reasoning").usage;
        assert_eq!((inside.output, inside.reasoning), (150, 128));
        let beside = reply_of("xai_reasoning_beside").usage;
        assert_eq!((beside.input, beside.cache_read, beside.output, beside.reasoning), (26, 6, 209, 200));
    }

    #[test]
    fn thought_in_content_parts_is_thought() {
        let parts = &reply_of("mistral_thinking").choices[0].parts;
        assert_eq!(parts[0], Part::Thinking(Thinking::Text { text: "Hm. So.".into(), signature: None }));
        assert_eq!(parts[1], text("Yes."));
    }

    #[test]
    fn an_error_with_status_200_is_a_fault() {
        let table = [
            (r#"{"error":{"message":"no such model","type":"invalid_request_error","code":404}}"#, "no such model"),
            (r#"{"error":"out of memory"}"#, "out of memory"),
            (r#"{"object":"error","message":"bad","type":"BadRequestError","code":400}"#, "bad"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (r#"{"id":"x","choices":[]}"#, "the answer has no choices"),
            ("{}", "the answer has no choices"),
            ("<html>502</html>", "the answer is not the JSON of a chat completion"),
        ];
        for (body, message) in table {
            let glance = HERE.glance_reply(body.as_bytes());
            assert_eq!(glance.fault.expect(body).message, message);
            assert!(!glance.ended);
            assert!(HERE.read_reply(body.as_bytes()).is_err(), "{body}");
        }
        let body = corpus::case(HERE, "tools_parallel.reply.json");
        let good = HERE.glance_reply(&body);
        assert!(good.fault.is_none() && good.stopped && good.ended && good.content);
        // What is delivered is counted where the provider does not say what it used.
        let mut silent: Value = serde_json::from_slice(&body).unwrap();
        silent.as_object_mut().unwrap().remove("usage");
        let silent = HERE.glance_reply(silent.to_string().as_bytes());
        assert!(silent.usage.is_none() && silent.delivered_tokens >= 10, "{}", silent.delivered_tokens);
    }

    #[test]
    fn errors_are_read_in_every_shape() {
        let table: [(&str, &str, &str, Option<&str>); 9] = [
            (r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#, "m", "t", Some("c")),
            (r#"{"error":{"message":"m","type":"t","param":null,"code":503}}"#, "m", "t", Some("503")),
            (r#"{"error":"m"}"#, "m", "", None),
            (r#"{"object":"error","message":"m","type":"t","code":400}"#, "m", "t", Some("400")),
            (r#"{"message":"m"}"#, "m", "", None),
            (r#"{"detail":"m"}"#, "m", "", None),
            (r#"{"detail":[{"loc":["body","n"],"msg":"too big"}]}"#, "body.n: too big", "", None),
            ("upstream connect error", "upstream connect error", "", None),
            ("<html><h1>502 Bad Gateway</h1>\n<hr>nginx</html>", "502 Bad Gateway nginx", "", None),
        ];
        for (body, message, kind, code) in table {
            let read = HERE.read_error(body.as_bytes());
            assert_eq!(
                (read.message.as_str(), read.kind.as_str(), read.code.as_deref()),
                (message, kind, code),
                "{body}"
            );
        }
        assert!(HERE.read_error("x".repeat(100_000).as_bytes()).message.len() <= 300);
    }

    #[test]
    fn errors_are_written_in_openais_shape() {
        let error = ErrorBody {
            status: 404,
            kind: "invalid_request_error".into(),
            message: "no \"m\"".into(),
            ..ErrorBody::default()
        };
        let body = r#"{"error":{"message":"no \"m\"","type":"invalid_request_error","param":null,"code":null}}"#;
        assert_eq!(String::from_utf8(HERE.write_error(&error)).unwrap(), body);
        assert_eq!(
            String::from_utf8(HERE.write_error_event(&error, Framing::Sse, false)).unwrap(),
            format!("data: {body}\n\n")
        );
        let named = ErrorBody { code: Some("model_not_found".into()), param: Some("model".into()), ..error };
        assert_eq!(HERE.read_error(&HERE.write_error(&named)), ErrorBody { status: 0, ..named });
    }
}
