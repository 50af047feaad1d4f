use serde_json::{Value, json};

use super::{read, write};
use crate::{
    Call, Loss,
    call::{Document, Image, Part, Source, Text, Thinking, ToolResult, ToolUse, Turn, Video},
    dialect::{Dialect, Malformed, WriteFor},
    signature::{self, Maker},
};

fn written_for(call: &Call, target: &WriteFor) -> (Value, Loss) {
    let (body, loss) = write(call, target).unwrap();
    (serde_json::from_slice(&body).unwrap(), loss)
}

fn written(call: &Call) -> (Value, Loss) {
    written_for(call, &WriteFor::default())
}

/// A question of an OpenAI client.
fn openai(body: Value) -> Call {
    let mut body = body;
    body["model"] = json!("m");
    let mut call = Dialect::OpenAiChat.read_call(body.to_string().as_bytes()).unwrap();
    call.model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0".into();
    call
}

fn asks(parts: Vec<Part>) -> Call {
    let mut call = openai(json!({"messages": [{"role": "user", "content": "x"}]}));
    call.turns[0].parts = parts;
    call
}

fn refusal(call: &Call) -> Malformed {
    write(call, &WriteFor::default()).unwrap_err()
}

fn lost(loss: &Loss) -> Vec<String> {
    loss.iter().map(|lost| lost.field.to_string()).collect()
}

fn weather() -> Value {
    json!([
        {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}},
        {"type": "function", "function": {"name": "clock"}},
    ])
}

#[test]
fn complaints_name_field_fault_and_remedy() {
    let content = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    let rows = [
        (json!([]), "the body must be an object, not an array"),
        (
            json!({"messages": [{"role": "tool", "content": []}]}),
            "messages[0].role must be \"user\", \"assistant\" or \"system\", not \"tool\"",
        ),
        (json!({"messages": [{"role": "user", "content": "x"}]}), "messages[0].content must be an array, not \"x\""),
        (
            content(json!({"text": "x", "image": {}})),
            "messages[0].content[0] must be an object with one member that is the type of the block, such as {\"text\": \"...\"}, not an object",
        ),
        (content(json!({"text": 7})), "messages[0].content[0].text must be a string, not 7"),
        (
            content(json!({"image": {"format": "png", "source": {}}})),
            "messages[0].content[0].image.source must be an object with bytes or s3Location, not an object",
        ),
        (
            content(json!({"toolResult": {"toolUseId": "a", "content": [], "status": "bad"}})),
            "messages[0].content[0].toolResult.status must be \"success\" or \"error\", not \"bad\"",
        ),
        (
            content(json!({"cachePoint": {"type": "default", "ttl": "2h"}})),
            "messages[0].content[0].cachePoint.ttl must be \"5m\" or \"1h\", not \"2h\"",
        ),
        (
            json!({"messages": [], "inferenceConfig": {"maxTokens": 0}}),
            "inferenceConfig.maxTokens must be a whole number of at least 1, not 0",
        ),
        (
            json!({"messages": [], "inferenceConfig": {"temperature": 2}}),
            "inferenceConfig.temperature must be a number from 0 to 1, not 2",
        ),
        (json!({"messages": [], "toolConfig": {}}), "toolConfig.tools is missing: it must be an array of tools"),
        (
            json!({"messages": [], "toolConfig": {"tools": [{"toolSpec": {"name": "x"}}]}}),
            "toolConfig.tools[0].toolSpec.inputSchema is missing: it must be an object with a JSON Schema as json",
        ),
        (
            json!({"messages": [], "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": {}}}}}}),
            "outputConfig.textFormat.structure.jsonSchema.schema must be a string, not an object",
        ),
    ];
    for (body, complaint) in rows {
        assert_eq!(read(body.to_string().as_bytes()).unwrap_err().to_string(), complaint);
    }
}

#[test]
fn roles_alternate_the_user_begins_and_empty_text_goes() {
    let (body, loss) = written(&openai(json!({"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "One."},
        {"role": "user", "content": ""},
        {"role": "user", "content": "Two."},
        {"role": "system", "content": "Now in French."},
        {"role": "assistant", "content": "Un."},
    ]})));
    assert_eq!(body["system"], json!([{"text": "Be brief."}]));
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"text": "..."}]},
            {"role": "assistant", "content": [{"text": "Hello!"}]},
            {"role": "user", "content": [{"text": "One."}, {"text": "Two."}, {"text": "<system>\nNow in French.\n</system>"}]},
            {"role": "assistant", "content": [{"text": "Un."}]},
        ])
    );
    assert_eq!(lost(&loss), ["turns[5].role", "turns[0].role"]);
}

#[test]
fn case_034_results_of_all_calls_stand_in_the_one_next_message() {
    let (body, loss) = written(&openai(json!({"messages": [
        {"role": "user", "content": "Where and when?"},
        {"role": "assistant", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Rome\"}"}},
            {"id": "b/!", "type": "function", "function": {"name": "clock", "arguments": ""}},
        ]},
        {"role": "tool", "tool_call_id": "a", "content": "sun"},
        {"role": "tool", "tool_call_id": "b/!", "content": "noon"},
        {"role": "user", "content": "So?"},
    ], "tools": weather()})));
    assert!(loss.is_none(), "{loss}");
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"toolUse": {"toolUseId": "a", "name": "weather", "input": {"city": "Rome"}}},
            {"toolUse": {"toolUseId": "b__", "name": "clock", "input": {}}},
        ])
    );
    assert_eq!(
        body["messages"][2]["content"],
        json!([
            {"toolResult": {"toolUseId": "a", "content": [{"text": "sun"}]}},
            {"toolResult": {"toolUseId": "b__", "content": [{"text": "noon"}]}},
            {"text": "So?"},
        ])
    );
}

#[test]
fn long_ids_stay_apart_and_pairs_stay_together() {
    let long = |end: &str| format!("{}{end}", "x".repeat(80));
    let call = |id: String| {
        Part::ToolUse(ToolUse { id, name: "f".into(), arguments: String::new(), signature: None, cache: None })
    };
    let result =
        |id: String| Part::ToolResult(ToolResult { tool_use_id: id, parts: vec![], is_error: None, cache: None });
    let mut question = asks(vec![call(long("1")), call(long("2")), result(long("2"))]);
    question.turns[0].role = crate::call::Role::User;
    let (body, _) = written(&question);
    let content = body["messages"][0]["content"].as_array().unwrap();
    let ids: Vec<&str> = content
        .iter()
        .map(|block| {
            block.pointer("/toolUse/toolUseId").or(block.pointer("/toolResult/toolUseId")).unwrap().as_str().unwrap()
        })
        .collect();
    // Results come first.
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.len() <= 64));
}

#[test]
fn case_036_choices_of_tools() {
    let choice = |tool_choice: Value, model: &str| {
        let mut call = openai(
            json!({"messages": [{"role": "user", "content": "x"}], "tools": weather(), "tool_choice": tool_choice}),
        );
        call.model = model.into();
        let (body, loss) = written(&call);
        assert!(loss.is_none(), "{loss}");
        let names = body.pointer("/toolConfig/tools").and_then(Value::as_array).map_or(0, Vec::len);
        (body.pointer("/toolConfig/toolChoice").cloned().unwrap_or_default(), names)
    };
    let claude = "anthropic.claude-haiku-4-5-20251001-v1:0";
    assert_eq!(choice(json!("auto"), claude), (json!({"auto": {}}), 2));
    assert_eq!(choice(json!("required"), claude), (json!({"any": {}}), 2));
    // There is no choice "none": no tool is offered.
    assert_eq!(choice(json!("none"), claude), (Value::Null, 0));
    let named = json!({"type": "function", "function": {"name": "clock"}});
    assert_eq!(choice(named.clone(), claude), (json!({"tool": {"name": "clock"}}), 2));
    // Where a tool cannot be named, it is the only one.
    assert_eq!(choice(named, "mistral.mistral-large-2402-v1:0"), (json!({"any": {}}), 1));
}

#[test]
fn a_history_of_tool_calls_needs_a_tool_configuration() {
    let history = json!([
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "sun"},
    ]);
    for call in [json!({"messages": history}), json!({"messages": history, "tools": weather(), "tool_choice": "none"})]
    {
        let (body, _) = written(&openai(call));
        assert_eq!(body.pointer("/toolConfig/tools/0/toolSpec/name"), Some(&json!("unavailable")));
        assert_eq!(body.pointer("/toolConfig/tools/1"), None);
    }
}

#[test]
fn case_051_a_schema_is_native_where_offered() {
    let schema = json!({"type": "object", "$defs": {"n": {"enum": [1, 2]}}, "properties": {"n": {"$ref": "#/$defs/n"}}, "additionalProperties": false});
    let question = json!({"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": true}}});
    let (body, loss) = written(&openai(question.clone()));
    assert!(loss.is_none(), "{loss}");
    let wrap = body.pointer("/outputConfig/textFormat/structure/jsonSchema").unwrap();
    assert_eq!(wrap["name"], "n");
    assert_eq!(serde_json::from_str::<Value>(wrap["schema"].as_str().unwrap()).unwrap(), schema);
    // No grammar can be made from a schema that refers to itself: it is told in words, and that is a loss.
    let tree = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
    let question = json!({"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": tree}}});
    let (body, loss) = written(&openai(question));
    assert_eq!(lost(&loss), ["output.schema"]);
    assert!(body["system"][0]["text"].as_str().unwrap().ends_with(&tree.to_string()));
}

#[test]
fn files_are_said_by_format_and_refused_by_name() {
    let base64 = |media_type: &str| Source::Base64 { media_type: media_type.into(), data: "eA==".into() };
    let document = |source: Source, title: &str| {
        Part::Document(Document { source, title: Some(title.into()), context: None, citations: None, cache: None })
    };
    let image = |source: Source| Part::Image(Image { source, detail: None, cache: None });
    let (body, loss) = written(&asks(vec![
        image(base64("image/jpg")),
        image(Source::Url("data:image/png;base64,eA==".into())),
        document(base64("application/pdf"), "report.pdf"),
        document(base64("text/csv; charset=utf-8"), "report.csv"),
        document(Source::File("s3://b/letter.DOCX".into()), "Brief_für Anna"),
        Part::Video(Video { source: base64("video/mp4"), cut: None, cache: None }),
    ]));
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"image": {"format": "jpeg", "source": {"bytes": "eA=="}}},
            {"image": {"format": "png", "source": {"bytes": "eA=="}}},
            {"document": {"format": "pdf", "source": {"bytes": "eA=="}, "name": "report"}},
            {"document": {"format": "csv", "source": {"bytes": "eA=="}, "name": "report (2)"}},
            {"document": {"format": "docx", "source": {"s3Location": {"uri": "s3://b/letter.DOCX"}}, "name": "Brief f r Anna"}},
            {"video": {"format": "mp4", "source": {"bytes": "eA=="}}},
        ])
    );
    assert_eq!(lost(&loss), ["turns[0].parts[4].document.title"]);
    for (part, words) in [
        (
            image(base64("image/tiff")),
            "turns[0].parts[0]: Bedrock Converse does not take image data of type `image/tiff`: send one of png, jpeg, gif, webp",
        ),
        (
            image(Source::Url("https://example.com/x.png".into())),
            "turns[0].parts[0]: Bedrock Converse does not take image data by URL: send it as base64",
        ),
        (
            document(Source::File("file-1".into()), "x"),
            "turns[0].parts[0]: Bedrock Converse does not take a file id of another provider's store: send the file itself as base64",
        ),
    ] {
        let refused = refusal(&asks(vec![part]));
        assert_eq!((refused.message.as_str(), refused.field.as_deref()), (words, Some("turns[0].parts[0]")));
    }
}

#[test]
fn case_030_only_signatures_of_the_models_makers_are_replayed() {
    let thought = |signature: Option<String>| Part::Thinking(Thinking::Text { text: "Hm.".into(), signature });
    let mut call = asks(vec![Part::Text(Text { text: "x".into(), ..Text::default() })]);
    let gemini = signature::mark(Maker::Gemini, "c2ln");
    call.turns.push(Turn {
        role: crate::call::Role::Assistant,
        parts: vec![thought(Some("bare".into())), thought(Some(gemini)), thought(None)],
        name: None,
    });
    let (body, loss) = written(&call);
    assert_eq!(
        body["messages"][1]["content"],
        json!([{"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "bare"}}}])
    );
    assert_eq!(lost(&loss), ["turns[*].thinking"]);
    let (body, _) = written_for(&call, &WriteFor { foreign_thinking: true, ..WriteFor::default() });
    assert_eq!(body["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn thinking_is_said_in_the_words_of_the_models_maker() {
    let more = |model: &str, effort: &str| {
        let mut call = openai(
            json!({"messages": [{"role": "user", "content": "x"}], "reasoning_effort": effort, "max_tokens": 9000}),
        );
        call.model = model.into();
        let (body, loss) =
            written_for(&call, &WriteFor { thinks_by_budget: model.contains("3-7"), ..WriteFor::default() });
        let fields = body.get("additionalModelRequestFields").cloned().unwrap_or_default();
        (fields, body.pointer("/outputConfig/effort").cloned().unwrap_or_default(), lost(&loss))
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(
        more("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "low"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}), Value::Null, none.clone())
    );
    assert_eq!(
        more("global.anthropic.claude-opus-4-6-v1", "high"),
        (json!({"thinking": {"type": "adaptive"}}), json!("high"), none.clone())
    );
    assert_eq!(
        more("openai.gpt-oss-120b-1:0", "minimal"),
        (json!({"reasoning_effort": "low"}), Value::Null, none.clone())
    );
    assert_eq!(
        more("us.amazon.nova-2-lite-v1:0", "high"),
        (json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}), Value::Null, none)
    );
    assert_eq!(more("meta.llama3-3-70b-instruct-v1:0", "high").2, ["knobs.reasoning"]);
}

#[test]
fn case_038_cache_points_follow_what_they_mark_and_are_at_most_four() {
    let text = |text: &str| json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    let question = json!({"model": "m", "max_tokens": 9, "system": [text("a"), text("b")], "messages": [
        {"role": "user", "content": [text("c"), text("d"), text("e")]},
    ]});
    let call = Dialect::Anthropic.read_call(question.to_string().as_bytes()).unwrap();
    let (body, loss) = written(&call);
    let point = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    assert_eq!(body["system"], json!([{"text": "a"}, {"text": "b"}, point]));
    assert_eq!(
        body["messages"][0]["content"],
        json!([{"text": "c"}, point, {"text": "d"}, point, {"text": "e"}, point])
    );
    assert_eq!(lost(&loss), ["cache_marks"]);
    let (body, loss) = written_for(&call, &WriteFor { ignores_cache_marks: true, ..WriteFor::default() });
    assert!(!body.to_string().contains("cachePoint"));
    assert_eq!(lost(&loss), ["cache_marks"]);
}

#[test]
fn what_bedrock_cannot_say_is_lost_by_name_or_refused() {
    let (body, loss) = written(&openai(json!({
        "messages": [{"role": "user", "content": "x", "name": "anna"}], "temperature": 1.7, "seed": 7, "presence_penalty": 1,
        "frequency_penalty": 0, "user": "anna", "service_tier": "scale", "logit_bias": {"1": 2}, "store": false,
        "parallel_tool_calls": false, "tools": weather(), "max_completion_tokens": 77, "stop": ["", "END"],
    })));
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 77, "temperature": 1.0, "stopSequences": ["END"]}));
    assert_eq!(body["requestMetadata"], json!({"user": "anna"}));
    let mut names = lost(&loss);
    names.sort();
    assert_eq!(
        names,
        [
            "extra.logit_bias",
            "knobs.presence_penalty",
            "knobs.seed",
            "knobs.service_tier",
            "knobs.stop",
            "knobs.temperature",
            "parallel_tools",
            "turns[0].name",
        ]
    );
    let mut twice = openai(json!({"messages": [{"role": "user", "content": "x"}], "n": 2}));
    assert_eq!(refusal(&twice).to_string(), "n is 2, but Bedrock Converse gives one answer per call: send n = 1");
    twice.knobs.choices = None;
    twice.turns.clear();
    assert_eq!(refusal(&twice).field.as_deref(), Some("messages"));
}

#[test]
fn top_k_stands_where_the_models_maker_wants_it() {
    let more = |model: &str| {
        let mut call = asks(vec![Part::Text(Text { text: "x".into(), ..Text::default() })]);
        (call.model, call.knobs.top_k) = (model.into(), Some(7));
        let (body, loss) = written(&call);
        (body.get("additionalModelRequestFields").cloned().unwrap_or_default(), loss.is_none())
    };
    assert_eq!(more("anthropic.claude-haiku-4-5-20251001-v1:0"), (json!({"top_k": 7}), true));
    assert_eq!(more("amazon.nova-pro-v1:0"), (json!({"inferenceConfig": {"topK": 7}}), true));
    assert_eq!(more("cohere.command-r-plus-v1:0"), (json!({"k": 7}), true));
    assert_eq!(more("openai.gpt-oss-20b-1:0"), (Value::Null, false));
}

#[test]
fn another_dialect_is_told_what_a_bedrock_client_said() {
    let body = json!({
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        "messages": [
            {"role": "user", "content": [{"text": "Song?"}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "song", "input": {"sign": "WZPZ"}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"json": {"song": "x"}}], "status": "error"}}]},
        ],
        "inferenceConfig": {"maxTokens": 9, "stopSequences": ["END"]},
        "additionalModelRequestFields": {"top_k": 5},
        "toolConfig": {"tools": [{"toolSpec": {"name": "song", "inputSchema": {"json": {"type": "object"}}}}], "toolChoice": {"any": {}}},
        "guardrailConfig": {"guardrailIdentifier": "g"},
    });
    let mut call = read(body.to_string().as_bytes()).unwrap();
    call.model = "claude-sonnet-4-5".into();
    let (anthropic, loss) = Dialect::Anthropic.write_call(&call, &WriteFor::default()).unwrap();
    let anthropic: Value = serde_json::from_slice(&anthropic).unwrap();
    assert_eq!(
        anthropic,
        json!({
            "model": "claude-sonnet-4-5", "max_tokens": 9,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": "Song?"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "song", "input": {"sign": "WZPZ"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "{\"song\":\"x\"}", "is_error": true}]},
            ],
            "tools": [{"name": "song", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "any"}, "top_k": 5, "stop_sequences": ["END"],
        })
    );
    assert_eq!(lost(&loss), ["extra.guardrailConfig"]);
}
