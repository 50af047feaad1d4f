//! The golden corpus of the dialect, and what only it has.

use serde_json::{Value, json};

use crate::{
    call::{Part, Role, Source, Thinking},
    dialect::{
        Dialect, StreamForm, WriteFor,
        corpus::{self, payloads, read_stream, write_stream},
    },
    event::{Block, Delta, Event, fold},
    failure::Kind,
    frame::Framing,
    reply::Stop,
    signature::{self, Maker},
};

const HERE: Dialect = Dialect::Gemini;

fn body(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn write(call: &crate::Call, target: &WriteFor) -> (Value, crate::Loss) {
    let (body, loss) = HERE.write_call(call, target).unwrap();
    (serde_json::from_slice(&body).unwrap(), loss)
}

mod corpora {
    use super::*;

    #[test]
    fn requests_are_read_and_written_back() {
        // Written in Google's first form of names; a bare content gets its role; made ids and media types are not sent.
        corpus::requests_round_trip(HERE, &WriteFor::default(), &["snake_case", "no_roles", "multimodal_result"]);
    }

    #[test]
    fn replies_are_read_and_written_back() {
        corpus::replies_round_trip(HERE, &[]);
    }

    #[test]
    fn case_001_streams_survive_every_split() {
        corpus::streams_survive_every_split(HERE);
        corpus::streams_survive_random_splits(HERE);
    }

    #[test]
    fn streams_are_read_and_written_back() {
        corpus::streams_round_trip(HERE);
    }

    #[test]
    fn the_watch_agrees_with_the_reader() {
        corpus::watch_agrees_with_reader(HERE);
    }

    #[test]
    fn damaged_bytes_never_panic() {
        corpus::damaged_bytes_never_panic(HERE);
    }
}

mod questions {
    use super::*;

    #[test]
    fn results_without_ids_find_their_calls_and_made_ids_are_not_sent() {
        let call = HERE.read_call(&corpus::case(HERE, "parallel_tools_without_ids.request.json")).unwrap();
        let ids: Vec<&str> = call.turns[1]
            .parts
            .iter()
            .map(|part| if let Part::ToolUse(tool) = part { tool.id.as_str() } else { panic!("{part:?}") })
            .collect();
        let answered: Vec<&str> = call.turns[2]
            .parts
            .iter()
            .map(
                |part| {
                    if let Part::ToolResult(result) = part { result.tool_use_id.as_str() } else { panic!("{part:?}") }
                },
            )
            .collect();
        assert_eq!(ids, answered);
        assert_ne!(ids[0], ids[1]);
        let (written, _) = write(&call, &WriteFor::default());
        assert!(!written.to_string().contains("call_gemini_"));
    }

    #[test]
    fn the_pieces_of_a_streamed_answer_are_one_turn() {
        let mark = signature::mark_all(Maker::Anthropic, "Er-a_w==");
        let piece = |part: Value| json!({"role": "model", "parts": [part]});
        let history = json!({"contents": [
            {"role": "user", "parts": [{"text": "?"}]},
            piece(json!({"text": "One, ", "thought": true})), piece(json!({"text": "two.", "thought": true})),
            piece(json!({"text": "", "thought": true, "thoughtSignature": mark})),
            piece(json!({"text": "I will "})), piece(json!({"text": "look."})),
            piece(json!({"functionCall": {"name": "f", "args": {}}})), piece(json!({"functionCall": {"name": "f", "args": {}}})),
            piece(json!({"text": ""})),
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"output": "1"}}},
                {"functionResponse": {"name": "f", "response": {"output": "2"}}},
            ]},
        ]});
        let call = HERE.read_call(&body(&history)).unwrap();
        assert_eq!(call.turns.len(), 3);
        let parts = &call.turns[1].parts;
        let thought = Thinking::Text { text: "One, two.".into(), signature: Some("Er+a/w==".into()) };
        assert_eq!(parts[0], Part::Thinking(thought));
        assert!(matches!(&parts[1], Part::Text(text) if text.text == "I will look."), "{parts:?}");
        assert!(matches!(parts[2..], [Part::ToolUse(_), Part::ToolUse(_)]), "{parts:?}");
    }

    #[test]
    fn what_only_google_can_read_is_a_file_of_its_store() {
        let call = HERE.read_call(&corpus::case(HERE, "media.request.json")).unwrap();
        let parts = &call.turns[0].parts;
        assert!(matches!(&parts[1], Part::Image(image) if matches!(image.source, Source::Base64 { .. })));
        assert!(
            matches!(&parts[2], Part::Document(file) if matches!(&file.source, Source::File(uri) if uri.starts_with("gs:")))
        );
        assert!(matches!(&parts[3], Part::Video(film) if film.cut.is_some() && matches!(film.source, Source::File(_))));
        assert!(matches!(&parts[4], Part::Audio(sound) if sound.format == "wav"));
        assert!(matches!(&parts[5], Part::Native { .. }));
        let web = body(&json!({"contents": [{"parts": [
            {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}},
            {"inlineData": {"mimeType": "image/png", "data": "-_8="}},
        ]}]}));
        let call = HERE.read_call(&web).unwrap();
        assert_eq!(call.turns[0].role, Role::User);
        let [Part::Image(linked), Part::Image(inline)] = call.turns[0].parts.as_slice() else { panic!("{call:?}") };
        assert_eq!(linked.source, Source::Url("https://example.com/a.png".into()));
        assert_eq!(inline.source, Source::Base64 { media_type: "image/png".into(), data: "+/8=".into() });
    }

    #[test]
    fn complaints_name_the_field() {
        let complaint = |value: Value| HERE.read_call(&body(&value)).unwrap_err().message;
        let contents = json!([{"parts": [{"text": "?"}]}]);
        assert_eq!(complaint(json!({})), "contents is missing: it must be an array of contents");
        assert_eq!(
            complaint(json!({"contents": [{"role": "tool", "parts": []}]})),
            "contents[0].role must be \"user\" or \"model\", not \"tool\""
        );
        assert_eq!(
            complaint(json!({"contents": contents, "generation_config": {"temperature": 3}})),
            "generationConfig.temperature must be a number from 0 to 2, not 3"
        );
        assert!(complaint(json!({"contents": [{"parts": [{}]}]})).starts_with("contents[0].parts[0] must be a part"));
        assert!(
            complaint(json!({"contents": contents, "tools": [{"functionDeclarations": [{}]}]}))
                .starts_with("tools[0].functionDeclarations[0].name is missing")
        );
    }
}

mod signatures {
    use super::*;

    #[test]
    fn a_signature_stays_at_the_part_that_bore_it() {
        let call = HERE.read_call(&corpus::case(HERE, "thinking.request.json")).unwrap();
        let (written, _) = write(&call, &WriteFor::default());
        let parts = written["contents"][1]["parts"].as_array().unwrap();
        assert!(parts[0].get("thoughtSignature").is_none());
        assert!(parts[1]["text"] == "Thirteen." && parts[1].get("thoughtSignature").is_some());
        assert!(parts[2]["text"] == "" && parts[2].get("thoughtSignature").is_some());
    }

    #[test]
    fn another_makers_thought_goes_through_a_client_of_google_in_pieces() {
        let mark = signature::mark_all(Maker::Anthropic, "Er-a_w==");
        let history = json!({"contents": [
            {"role": "user", "parts": [{"text": "?"}]},
            {"role": "model", "parts": [
                {"text": "One, ", "thought": true}, {"text": "two.", "thought": true},
                {"text": "", "thought": true, "thoughtSignature": mark}, {"text": "Three."},
            ]},
        ]});
        let call = HERE.read_call(&body(&history)).unwrap();
        let thought = Thinking::Text { text: "One, two.".into(), signature: Some("Er+a/w==".into()) };
        assert_eq!(call.turns[1].parts[0], Part::Thinking(thought));
        let (written, loss) = write(&call, &WriteFor::default());
        assert_eq!(written["contents"][1]["parts"], json!([{"text": "Three."}]));
        assert!(!loss.is_none());
    }

    #[test]
    fn refused_signatures_are_left_out() {
        let mut call = HERE.read_call(&corpus::case(HERE, "tools.request.json")).unwrap();
        call.model = "gemini-3-pro-preview".into();
        let (written, _) = write(&call, &WriteFor { foreign_thinking: true, ..WriteFor::default() });
        assert!(!written.to_string().contains("CpQBAdHtim"), "{written}");
    }
}

mod answers {
    use super::*;

    #[test]
    fn case_015_two_calls_in_separate_chunks_have_ids_and_indexes_of_their_own() {
        let stream = corpus::case(HERE, "two_calls_in_separate_chunks.sse");
        let opened: Vec<(u32, String)> = read_stream(HERE, &[&stream])
            .into_iter()
            .filter_map(|event| match event {
                Event::Open { index, block: Block::ToolUse { id, name, .. }, .. } if name == "power" => {
                    Some((index, id))
                }
                _ => None,
            })
            .collect();
        assert_eq!(opened.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1]);
        assert_ne!(opened[0].1, opened[1].1);

        let chunks = payloads(&write_stream(Dialect::OpenAiChat, true, &read_stream(HERE, &[&stream])));
        let calls: Vec<Value> = chunks
            .iter()
            .filter_map(|chunk| serde_json::from_str::<Value>(chunk).ok())
            .filter_map(|chunk| Some(chunk["choices"][0]["delta"]["tool_calls"].as_array()?.clone()))
            .flatten()
            .filter(|call| call.get("id").is_some())
            .collect();
        assert_eq!(calls.iter().map(|call| call["index"].clone()).collect::<Vec<_>>(), [json!(0), json!(1)]);
        assert_ne!(calls[0]["id"], calls[1]["id"]);
        assert!(chunks.iter().any(|chunk| chunk.contains("\"finish_reason\":\"tool_calls\"")));
    }

    #[test]
    fn a_stream_that_is_a_json_array_is_read_alike() {
        let stream = corpus::case(HERE, "thinking.sse");
        let array = format!("[{}\n]", payloads(&stream).join("\n,\r\n"));
        assert_eq!(read_stream(HERE, &[array.as_bytes()]), read_stream(HERE, &[&stream]));
        let refused = br#"[{"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"}}]"#;
        let (_, fault) = fold(read_stream(HERE, &[refused]));
        assert_eq!(fault.unwrap().kind, Kind::RateLimited);
    }

    #[test]
    fn case_008_a_stream_that_just_ends_is_not_a_finished_answer() {
        let (reply, fault) = fold(read_stream(HERE, &[&corpus::case(HERE, "cut.sse")]));
        assert_eq!(reply.choices[0].stop, None);
        assert_eq!(fault.unwrap().kind, Kind::Malformed);
    }

    #[test]
    fn case_041_a_malformed_function_call_surfaces_as_an_error() {
        let (_, fault) = fold(read_stream(HERE, &[&corpus::case(HERE, "malformed_call.sse")]));
        assert!(fault.unwrap().message.contains("MALFORMED_FUNCTION_CALL"));
        let whole = payloads(&corpus::case(HERE, "malformed_call.sse")).pop().unwrap();
        assert!(HERE.read_reply(whole.as_bytes()).unwrap_err().message.contains("MALFORMED_FUNCTION_CALL"));
        assert!(HERE.glance_reply(whole.as_bytes()).fault.is_some());
    }

    #[test]
    fn a_blocked_prompt_is_an_answer_that_was_withheld() {
        let reply = HERE.read_reply(&corpus::case(HERE, "blocked_prompt.reply.json")).unwrap();
        assert_eq!(reply.choices[0].stop, Some(Stop::Filtered));
        let (folded, fault) = fold(read_stream(HERE, &[&corpus::case(HERE, "blocked_prompt.sse")]));
        assert_eq!((folded.choices[0].stop.clone(), fault), (Some(Stop::Filtered), None));
    }

    #[test]
    fn case_006_usage_and_reason_in_one_chunk_are_counted_once() {
        let (reply, _) = fold(read_stream(HERE, &[&corpus::case(HERE, "thinking.sse")]));
        assert_eq!((reply.usage.input, reply.usage.output, reply.usage.reasoning), (8, 57, 55));
        let (searched, _) = fold(read_stream(HERE, &[&corpus::case(HERE, "grounded.sse")]));
        assert_eq!(searched.usage.web_searches, 2);
        assert_eq!(corpus::watch(HERE, &corpus::case(HERE, "grounded.sse")).usage.unwrap().web_searches, 2);
    }

    #[test]
    fn no_line_of_a_stream_breaks_at_what_only_some_take_for_an_end() {
        let events = read_stream(HERE, &[&corpus::case(HERE, "unicode.sse")]);
        let written = String::from_utf8(write_stream(HERE, true, &events)).unwrap();
        assert!(!written.contains(['\u{85}', '\u{2028}', '\u{2029}']) && written.contains("\\u2028"), "{written}");
        assert!(written.starts_with("data: {") && !written.contains("[DONE]"));
    }

    #[test]
    fn a_call_is_written_whole_and_an_array_is_json() {
        let mut writer = HERE.writer(StreamForm { include_usage: true, framing: Framing::JsonArray });
        let mut bytes = Vec::new();
        let block = Block::ToolUse { id: "call_1".into(), name: "f".into(), signature: None };
        for event in [
            Event::Start { id: "r1".into(), model: "m".into(), created: None },
            Event::Open { choice: 0, index: 0, block },
            Event::Delta { choice: 0, index: 0, delta: Delta::Arguments("{\"a\"".into()) },
            Event::Delta { choice: 0, index: 0, delta: Delta::Arguments(":1}".into()) },
            Event::Close { choice: 0, index: 0 },
            Event::Stop { choice: 0, stop: Stop::ToolUse },
            Event::End,
        ] {
            writer.push(&event, &mut bytes);
        }
        let written: Value = serde_json::from_slice(&bytes).unwrap();
        let call = json!({"functionCall": {"id": "call_1", "name": "f", "args": {"a": 1}}});
        assert_eq!(written[0]["candidates"][0]["content"]["parts"], json!([call]));
        assert_eq!(written[1]["candidates"][0]["finishReason"], "STOP");
        assert_eq!(written.as_array().unwrap().len(), 2);
    }
}

mod translation {
    use super::*;

    const OPENAI: Dialect = Dialect::OpenAiChat;
    const ANTHROPIC: Dialect = Dialect::Anthropic;

    /// A question of `from` for a Gemini of this name.
    fn ask(from: Dialect, question: &Value, model: &str) -> (Value, crate::Loss) {
        let mut call = from.read_call(&body(question)).unwrap();
        call.model = model.to_owned();
        write(&call, &WriteFor::default())
    }

    fn openai(messages: Value) -> Value {
        json!({"model": "m", "messages": messages})
    }

    fn user(text: &str) -> Value {
        json!({"role": "user", "content": text})
    }

    const GEMINI_3: &str = "gemini-3-pro-preview";
    const GEMINI_2: &str = "gemini-2.5-flash";

    #[test]
    fn case_033_a_thought_signature_survives_a_client_of_openai() {
        for stream in [false, true] {
            let message = if stream {
                let events = read_stream(HERE, &[&corpus::case(HERE, "tool_call.sse")]);
                assembled(&payloads(&write_stream(OPENAI, true, &events)))
            } else {
                let reply = HERE.read_reply(&corpus::case(HERE, "tool_call.reply.json")).unwrap();
                let (reply, loss) = OPENAI.write_reply(&reply);
                assert!(loss.is_none(), "{loss}");
                serde_json::from_slice::<Value>(&reply).unwrap()["choices"][0]["message"].clone()
            };
            let call = &message["tool_calls"][0];
            assert_eq!(call["id"], "8f2b1a3c", "nothing is hidden in the id");
            let signature = &call["extra_content"]["google"]["thought_signature"];
            assert_eq!(signature, "CpQBAdHtim9vY2tldC1zaWduYXR1cmU=");
            let result = json!({"role": "tool", "tool_call_id": call["id"], "content": "{\"celsius\": 15}"});
            let (asked, _) = ask(OPENAI, &openai(json!([user("?"), message, result])), GEMINI_3);
            let part = &asked["contents"][1]["parts"][0];
            assert_eq!(&part["thoughtSignature"], signature);
            assert_eq!(part["functionCall"]["id"], "8f2b1a3c");
            let response = &asked["contents"][2]["parts"][0]["functionResponse"];
            assert_eq!(
                *response,
                json!({"name": "get_current_temperature", "response": {"celsius": 15}, "id": "8f2b1a3c"})
            );
        }
    }

    /// The message that a client puts together from chunks, unknown fields included.
    fn assembled(chunks: &[String]) -> Value {
        let mut call = json!({});
        let mut arguments = String::new();
        for chunk in chunks.iter().filter_map(|chunk| serde_json::from_str::<Value>(chunk).ok()) {
            let Some(piece) = chunk.pointer("/choices/0/delta/tool_calls/0") else { continue };
            arguments.push_str(piece["function"]["arguments"].as_str().unwrap_or_default());
            for (name, value) in piece.as_object().unwrap() {
                call.as_object_mut().unwrap().entry(name).or_insert_with(|| value.clone());
            }
        }
        call["function"]["arguments"] = arguments.into();
        json!({"role": "assistant", "content": null, "tool_calls": [call]})
    }

    #[test]
    fn case_033_where_the_client_dropped_it_gemini_3_is_told_not_to_look_for_it() {
        let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let history = openai(json!([
            user("?"),
            {"role": "assistant", "tool_calls": [call("a"), call("b")]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
        ]));
        let (asked, _) = ask(OPENAI, &history, GEMINI_3);
        let calls = asked["contents"][1]["parts"].as_array().unwrap();
        assert_eq!(calls[0]["thoughtSignature"], "skip_thought_signature_validator");
        assert!(calls[1].get("thoughtSignature").is_none(), "of calls made together the first alone bears one");
        let results = asked["contents"][2]["parts"].as_array().unwrap();
        assert_eq!(results.len(), 2, "all results stand in the one next content");
        let (asked, _) = ask(OPENAI, &history, GEMINI_2);
        assert!(asked["contents"][1]["parts"][0].get("thoughtSignature").is_none());
    }

    #[test]
    fn case_033_a_thought_signature_survives_a_client_of_anthropic() {
        let reply = HERE.read_reply(&corpus::case(HERE, "tool_call.reply.json")).unwrap();
        let (whole, _) = ANTHROPIC.write_reply(&reply);
        let content = serde_json::from_slice::<Value>(&whole).unwrap()["content"].clone();
        let events = read_stream(HERE, &[&corpus::case(HERE, "tool_call.sse")]);
        let (streamed, _) = fold(read_stream(ANTHROPIC, &[&write_stream(ANTHROPIC, true, &events)]));
        let (streamed, _) = ANTHROPIC.write_reply(&streamed);
        let streamed = serde_json::from_slice::<Value>(&streamed).unwrap()["content"].clone();
        for content in [content, streamed] {
            assert_eq!(content[0]["type"], "thinking");
            assert_eq!(content[1]["type"], "tool_use");
            let result = json!({"type": "tool_result", "tool_use_id": content[1]["id"], "content": "15"});
            let question = json!({"model": "m", "max_tokens": 9, "messages": [
                user("?"), {"role": "assistant", "content": content}, {"role": "user", "content": [result]},
            ]});
            let (asked, loss) = ask(ANTHROPIC, &question, GEMINI_3);
            let parts = asked["contents"][1]["parts"].as_array().unwrap();
            assert_eq!(parts.len(), 1, "{parts:?}");
            assert_eq!(parts[0]["thoughtSignature"], "CpQBAdHtim9vY2tldC1zaWduYXR1cmU=");
            assert!(loss.is_none(), "{loss}");
            // Another model of Anthropic's is not sent it.
            let call = ANTHROPIC.read_call(&body(&question)).unwrap();
            let (other, _) = ANTHROPIC.write_call(&call, &WriteFor::default()).unwrap();
            assert!(!String::from_utf8(other).unwrap().contains("CpQBAdHtim"));
        }
    }

    #[test]
    fn case_053_references_in_what_a_tool_returned_are_data() {
        let schema = r##"{"$ref": "#/$defs/a", "$defs": {"a": {}}}"##;
        let nested = r#"{"tools": [{"schema": {"$ref": "x"}}]}"#;
        let call = json!({"id": "a", "type": "function", "function": {"name": "read_file", "arguments": "{}"}});
        for text in [schema, nested] {
            let history = openai(json!([
                user("?"), {"role": "assistant", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "a", "content": text},
            ]));
            let (asked, _) = ask(OPENAI, &history, GEMINI_3);
            let response = &asked["contents"][2]["parts"][0]["functionResponse"]["response"];
            assert_eq!(*response, json!({"output": text}));
        }
    }

    #[test]
    fn case_051_a_schema_is_given_as_json_schema() {
        let mut question = openai(json!([user("?")]));
        question["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "tree", "strict": true, "schema": {
            "type": "object", "properties": {"root": {"$ref": "#/$defs/Node"}, "size": {"enum": [1, 2]}},
            "required": ["root", "size"], "additionalProperties": false,
            "$defs": {"Node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}}}},
        }}});
        let (asked, loss) = ask(OPENAI, &question, GEMINI_2);
        let config = &asked["generationConfig"];
        assert_eq!(config["responseMimeType"], "application/json");
        assert_eq!(config["responseJsonSchema"], question["response_format"]["json_schema"]["schema"]);
        assert!(loss.is_none(), "{loss}");
        // Before Gemini 3 there is no form beside functions.
        question["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
        let (asked, loss) = ask(OPENAI, &question, GEMINI_2);
        assert!(asked["generationConfig"].get("responseJsonSchema").is_none());
        assert!(asked["systemInstruction"].to_string().contains("JSON Schema"));
        assert_eq!(loss.to_string(), "output");
        let (asked, _) = ask(OPENAI, &question, GEMINI_3);
        assert!(asked["generationConfig"].get("responseJsonSchema").is_some());
    }

    #[test]
    fn case_054_media_of_every_kind_are_mapped_or_refused() {
        let say = |part: Value| openai(json!([{"role": "user", "content": [part]}]));
        let sent = |part: Value| ask(OPENAI, &say(part), GEMINI_3).0["contents"][0]["parts"].clone();
        assert_eq!(
            sent(json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}})),
            json!([{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}])
        );
        assert_eq!(
            sent(json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})),
            json!([{"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}])
        );
        assert_eq!(
            sent(json!({"type": "video_url", "video_url": {"url": "https://www.youtube.com/watch?v=9hE5-98ZeCg"}})),
            json!([{"fileData": {"mimeType": "video/mp4", "fileUri": "https://www.youtube.com/watch?v=9hE5-98ZeCg"}}])
        );
        let pdf =
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}});
        assert_eq!(
            sent(pdf),
            json!([{"text": "a.pdf"}, {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}}])
        );
        let call = OPENAI.read_call(&body(&say(json!({"type": "file", "file": {"file_id": "file-1"}})))).unwrap();
        let refused = HERE.write_call(&call, &WriteFor::default()).unwrap_err();
        assert_eq!(refused.field.as_deref(), Some("turns[0].parts[0]"));
    }

    #[test]
    fn thinking_is_asked_for_in_the_words_of_the_generation() {
        let effort = |effort: &str, model: &str| {
            let mut question = openai(json!([user("?")]));
            question["reasoning_effort"] = effort.into();
            ask(OPENAI, &question, model).0["generationConfig"]["thinkingConfig"].clone()
        };
        assert_eq!(effort("low", GEMINI_3), json!({"includeThoughts": true, "thinkingLevel": "LOW"}));
        assert_eq!(effort("minimal", "gemini-3-flash-preview")["thinkingLevel"], "MINIMAL");
        assert_eq!(effort("medium", GEMINI_2), json!({"includeThoughts": true, "thinkingBudget": 8192}));
        assert_eq!(effort("none", GEMINI_2), json!({"thinkingBudget": 0}));
        assert_eq!(effort("high", "gemini-2.0-flash"), Value::Null);
        let question = json!({"model": "m", "max_tokens": 9000, "messages": [user("?")],
            "thinking": {"type": "enabled", "budget_tokens": 4000}});
        assert_eq!(ask(ANTHROPIC, &question, GEMINI_2).0["generationConfig"]["thinkingConfig"]["thinkingBudget"], 4000);
        let (asked, loss) = ask(ANTHROPIC, &question, GEMINI_3);
        assert_eq!(asked["generationConfig"]["thinkingConfig"]["thinkingLevel"], "MEDIUM");
        assert_eq!(loss.to_string(), "knobs.reasoning.budget_tokens");
    }

    #[test]
    fn a_question_of_google_reaches_the_others() {
        let call = HERE.read_call(&corpus::case(HERE, "tools.request.json")).unwrap();
        for dialect in [OPENAI, ANTHROPIC] {
            let mut call = call.clone();
            call.model = "m".into();
            let (written, _) = dialect.write_call(&call, &WriteFor::default()).unwrap();
            let written: Value = serde_json::from_slice(&written).unwrap();
            let text = written.to_string();
            assert!(!text.contains("CpQBAdHtim"), "a signature is its maker's alone: {text}");
            assert!(text.contains("8f2b1a3c") && text.contains("San Francisco"), "{text}");
            let schema = ["/tools/0/function/parameters", "/tools/0/input_schema"];
            let schema = schema.iter().find_map(|path| written.pointer(path)).unwrap();
            assert_eq!(schema["type"], "object");
            assert_eq!(schema["properties"]["location"]["type"], "string");
        }
    }

    #[test]
    fn case_039_an_answer_of_another_dialect_ends_as_google_ends_it() {
        let said = |reason: &str| {
            let reply = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": reason,
                "content": [{"type": "thinking", "thinking": "Hm.", "signature": "Er+a"}, {"type": "text", "text": "Yes."}],
                "usage": {"input_tokens": 3, "cache_read_input_tokens": 7, "output_tokens": 20}});
            let (reply, _) = HERE.write_reply(&ANTHROPIC.read_reply(&body(&reply)).unwrap());
            serde_json::from_slice::<Value>(&reply).unwrap()
        };
        let ended = said("end_turn");
        let mark = signature::mark_all(Maker::Anthropic, "Er+a");
        assert_eq!(
            ended["candidates"][0],
            json!({"content": {"parts": [{"text": "Hm.", "thought": true, "thoughtSignature": mark}, {"text": "Yes."}],
                "role": "model"}, "finishReason": "STOP", "index": 0})
        );
        assert_eq!(ended["usageMetadata"]["promptTokenCount"], 10);
        assert_eq!(ended["usageMetadata"]["cachedContentTokenCount"], 7);
        assert_eq!(said("max_tokens")["candidates"][0]["finishReason"], "MAX_TOKENS");
        assert_eq!(said("refusal")["candidates"][0]["finishReason"], "SAFETY");
        assert_eq!(said("pause_turn")["candidates"][0]["finishReason"], "OTHER");
    }

    #[test]
    fn streams_of_the_others_are_written_whole_and_read_again() {
        for dialect in [OPENAI, ANTHROPIC] {
            for corpus::Case { name, bytes } in corpus::cases(dialect, ".sse") {
                let events = read_stream(dialect, &[&bytes]);
                let (reply, fault) = fold(events.clone());
                let written = write_stream(HERE, true, &events);
                let (again, told) = fold(read_stream(HERE, &[&written]));
                assert_eq!(
                    told.is_some(),
                    fault.is_some(),
                    "{dialect:?} {name}: {}",
                    String::from_utf8_lossy(&written)
                );
                if fault.is_none() {
                    let text = |reply: &crate::Reply| {
                        let parts = reply.choices.iter().flat_map(|choice| &choice.parts);
                        parts
                            .filter_map(|part| match part {
                                Part::Text(text) => Some(text.text.clone()),
                                Part::Refusal(text) => Some(text.clone()),
                                Part::ToolUse(tool) => Some(tool.name.clone()),
                                _ => None,
                            })
                            .collect::<String>()
                    };
                    assert_eq!(text(&again), text(&reply), "{dialect:?} {name}");
                    assert_eq!(again.usage.total(), reply.usage.total(), "{dialect:?} {name}");
                }
            }
        }
    }
}

mod mutants {
    use super::*;

    /// Every body that is a fixture with one value replaced or taken out.
    fn mutants(suffix: &str) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for corpus::Case { name, bytes } in corpus::cases(HERE, suffix) {
            let whole: Value = serde_json::from_slice(&bytes).unwrap();
            let mut places = Vec::new();
            collect(&whole, String::new(), &mut places);
            for place in places {
                for put in
                    [json!(null), json!(""), json!({}), json!([]), json!(1), json!(true), json!([{}]), json!("MODE")]
                {
                    let mut mutant = whole.clone();
                    *mutant.pointer_mut(&place).unwrap() = put;
                    all.push((format!("{name} at {place}"), mutant));
                }
            }
        }
        all
    }

    fn collect(value: &Value, place: String, places: &mut Vec<String>) {
        let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| collect(value, format!("{place}/{}", escape(name)), places));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, value)| collect(value, format!("{place}/{at}"), places));
            }
            _ => {}
        }
        places.push(place);
    }

    #[test]
    fn what_is_written_of_any_question_is_read_again_and_written_alike() {
        for (name, mutant) in mutants(".request.json") {
            let Ok(call) = HERE.read_call(&body(&mutant)) else { continue };
            for other in Dialect::ALL {
                let _ = other.write_call(&call, &WriteFor::default());
            }
            let Ok((written, _)) = HERE.write_call(&call, &WriteFor::default()) else { continue };
            let text = String::from_utf8_lossy(&written).into_owned();
            let again = HERE.read_call(&written).unwrap_or_else(|wrong| panic!("{name}: {wrong}: {text}"));
            let (rewritten, _) = HERE.write_call(&again, &WriteFor::default()).unwrap();
            assert_eq!(String::from_utf8_lossy(&rewritten), text, "{name}");
        }
    }

    #[test]
    fn what_is_written_of_any_answer_is_read_again_and_written_alike() {
        for (name, mutant) in mutants(".reply.json") {
            let Ok(reply) = HERE.read_reply(&body(&mutant)) else { continue };
            for other in Dialect::ALL {
                let _ = other.write_reply(&reply);
            }
            let (written, _) = HERE.write_reply(&reply);
            let text = String::from_utf8_lossy(&written).into_owned();
            let again = HERE.read_reply(&written).unwrap_or_else(|wrong| panic!("{name}: {wrong}: {text}"));
            let (rewritten, _) = HERE.write_reply(&again);
            assert_eq!(String::from_utf8_lossy(&rewritten), text, "{name}");
        }
    }
}
