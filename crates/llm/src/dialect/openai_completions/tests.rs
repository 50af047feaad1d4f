use serde_json::{Value, json};

use crate::{
    Dialect,
    call::{Part, Role, Text, Turn},
    dialect::{StreamForm, WriteFor, corpus},
    event::fold,
    reply::Stop,
};

const OWN: Dialect = Dialect::OpenAiCompletions;

#[test]
fn requests_round_trip() {
    corpus::requests_round_trip(OWN, &WriteFor::default(), &[]);
}

#[test]
fn replies_round_trip() {
    // `usage` gets its details, choices their order.
    corpus::replies_round_trip(OWN, &["text", "batch"]);
}

#[test]
fn streams_survive_every_split() {
    corpus::streams_survive_every_split(OWN);
}

#[test]
fn streams_survive_random_splits() {
    corpus::streams_survive_random_splits(OWN);
}

#[test]
fn streams_round_trip() {
    corpus::streams_round_trip(OWN);
}

#[test]
fn watch_agrees_with_reader() {
    corpus::watch_agrees_with_reader(OWN);
}

#[test]
fn damaged_bytes_never_panic() {
    corpus::damaged_bytes_never_panic(OWN);
}

fn written(from: Dialect, body: &Value, to: Dialect) -> Result<(Value, String), String> {
    let call = from.read_call(body.to_string().as_bytes()).unwrap();
    let (bytes, loss) = to.write_call(&call, &WriteFor::default()).map_err(|refused| refused.to_string())?;
    Ok((serde_json::from_slice(&bytes).unwrap(), loss.to_string()))
}

#[test]
fn a_prompt_is_a_users_turn_elsewhere() {
    let body = json!({"model": "m", "prompt": "Hello", "max_tokens": 5, "stop": "\n", "best_of": 2});
    let (chat, lost) = written(OWN, &body, Dialect::OpenAiChat).unwrap();
    let expected =
        json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5, "stop": "\n"});
    assert_eq!((chat, lost.as_str()), (expected, "extra.best_of"));
}

#[test]
fn what_only_this_format_knows_is_refused_elsewhere_by_name() {
    let cases = [
        (json!({"prompt": ["a", "b"]}), "prompt"),
        (json!({"prompt": [1, 2]}), "prompt"),
        (json!({"prompt": "a", "suffix": "z"}), "suffix"),
        (json!({"prompt": "a", "echo": true}), "echo"),
    ];
    for (mut body, name) in cases {
        body["model"] = json!("m");
        body["max_tokens"] = json!(5);
        for other in Dialect::ALL.iter().copied().filter(|other| *other != OWN) {
            let refused = written(OWN, &body, other).unwrap_err();
            assert!(refused.contains(name), "{other:?} {body}: {refused}");
        }
    }
}

#[test]
fn a_lone_question_is_the_prompt_and_a_conversation_a_transcript() {
    let lone = json!({"model": "m", "messages": [{"role": "user", "content": "Roses are"}], "stream": true});
    let (body, lost) = written(Dialect::OpenAiChat, &lone, OWN).unwrap();
    let options = json!({"include_usage": true});
    assert_eq!(body, json!({"model": "m", "prompt": "Roses are", "stream": true, "stream_options": options}));
    assert_eq!(lost, "");
    let talk = json!({"model": "m", "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Who are you?"},
    ]});
    let (body, _) = written(Dialect::OpenAiChat, &talk, OWN).unwrap();
    let prompt = "Be brief.\n\nUser: Hi\n\nAssistant: Hello\n\nUser: Who are you?\n\nAssistant:";
    assert_eq!(body, json!({"model": "m", "prompt": prompt, "stop": "\n\nUser:"}));
}

#[test]
fn what_is_no_text_is_refused_by_name() {
    let refused = |extra: Value| {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        written(Dialect::OpenAiChat, &body, OWN).unwrap_err()
    };
    let tool = json!({"type": "function", "function": {"name": "f"}});
    assert_eq!(refused(json!({"tools": [tool]})), "tools: openai_completions knows no tools");
    assert!(refused(json!({"response_format": {"type": "json_object"}})).starts_with("output: "));
    let picture = json!([{"type": "image_url", "image_url": {"url": "https://i.example/a.png"}}]);
    let message = refused(json!({"messages": [{"role": "user", "content": picture}]}));
    assert_eq!(message, "turns[0].parts[0]: openai_completions takes text only");
}

#[test]
fn streams_reach_clients_of_chat_and_back() {
    let events = corpus::read_stream(OWN, &[&corpus::case(OWN, "text.sse")]);
    let mut writer = Dialect::OpenAiChat.writer(StreamForm::default());
    let mut bytes = Vec::new();
    events.iter().for_each(|event| writer.push(event, &mut bytes));
    let (reply, fault) = fold(corpus::read_stream(Dialect::OpenAiChat, &[&bytes]));
    assert_eq!(fault, None);
    let text = Part::Text(Text { text: "This is\u{2028} a test – größer".to_owned(), ..Text::default() });
    assert_eq!((reply.choices[0].parts.as_slice(), &reply.choices[0].stop), (&[text][..], &Some(Stop::End)));
}

#[test]
fn chat_streams_reach_clients_of_completions() {
    let events = corpus::read_stream(Dialect::OpenAiChat, &[&corpus::case(Dialect::OpenAiChat, "tools_parallel.sse")]);
    let mut writer = OWN.writer(StreamForm { include_usage: true, ..StreamForm::default() });
    let mut bytes = Vec::new();
    events.iter().for_each(|event| writer.push(event, &mut bytes));
    assert_eq!(writer.loss().to_string(), "stream.block", "a tool call cannot be shown, and that is said");
    assert!(corpus::payloads(&bytes).iter().all(|frame| frame == "[DONE]" || frame.contains("text_completion")));
}

#[test]
fn a_batch_is_read_as_prompts_for_the_guards() {
    let call = OWN.read_call(br#"{"model":"m","prompt":["first","second"]}"#).unwrap();
    let [Turn { role: Role::User, parts, .. }] = call.turns.as_slice() else { panic!("{:?}", call.turns) };
    let texts: Vec<_> = parts
        .iter()
        .filter_map(|part| if let Part::Native { raw, .. } = part { raw["text"].as_str() } else { None })
        .collect();
    assert_eq!(texts, ["first", "second"]);
}
