//! What a question and an answer can hold, each made in the canonical form and looked for in it.

use llm::{
    Call, Dialect, Reply, Usage,
    call::{
        Audio, Document, Extra, Function, Image, Knobs, Output, Part, Reasoning, Role, Source, Text, Thinking, Tool,
        ToolChoice, ToolResult, ToolUse, Turn, Video,
    },
    reply::{Choice, Stop},
};
use serde_json::{Map, Value, json};

/// Something that a question can hold.
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) ask: fn(Call) -> Call,
    pub(super) arrived: fn(&Call) -> bool,
}

/// Something that an answer can hold.
pub(super) struct Answer {
    pub(super) name: &'static str,
    pub(super) say: fn() -> Reply,
    pub(super) arrived: fn(&Reply) -> bool,
}

/// A picture of one pixel.
pub(super) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub(super) const QUESTIONS: &[Question] = &[
    Question { name: "text", ask: |call| call, arrived: |call| texts(call).any(|text| text.contains("What is new?")) },
    Question {
        name: "system prompt",
        ask: |call| Call { turns: [vec![said(Role::System, "Be brief.")], call.turns].concat(), ..call },
        arrived: |call| texts(call).any(|text| text.contains("Be brief.")),
    },
    Question {
        name: "image, bytes",
        ask: |call| attach(call, Part::Image(Image { source: bytes("image/png"), detail: None, cache: None })),
        arrived: |call| parts(call).any(|part| matches!(part, Part::Image(_))),
    },
    Question {
        name: "image, URL",
        ask: |call| {
            let source = Source::Url("https://example.com/a.png".into());
            attach(call, Part::Image(Image { source, detail: None, cache: None }))
        },
        arrived: |call| parts(call).any(|part| matches!(part, Part::Image(_))),
    },
    Question {
        name: "PDF",
        ask: |call| {
            let (source, title) = (bytes("application/pdf"), Some("paper.pdf".into()));
            attach(call, Part::Document(Document { source, title, context: None, citations: None, cache: None }))
        },
        arrived: |call| parts(call).any(|part| matches!(part, Part::Document(_))),
    },
    Question {
        name: "audio",
        ask: |call| attach(call, Part::Audio(Audio { data: PIXEL.into(), format: "wav".into() })),
        arrived: |call| parts(call).any(|part| matches!(part, Part::Audio(_))),
    },
    Question {
        name: "video",
        ask: |call| attach(call, Part::Video(Video { source: bytes("video/mp4"), cut: None, cache: None })),
        arrived: |call| parts(call).any(|part| matches!(part, Part::Video(_))),
    },
    Question {
        name: "tools",
        ask: with_tool,
        arrived: |call| call.tools.iter().any(|tool| matches!(tool, Tool::Function(tool) if tool.name == "weather")),
    },
    Question {
        name: "forced tool",
        ask: |call| Call { tool_choice: Some(ToolChoice::Named("weather".into())), ..with_tool(call) },
        arrived: |call| match &call.tool_choice {
            Some(ToolChoice::Named(name)) => name == "weather",
            // With one tool, any tool is this one.
            Some(ToolChoice::Required) => call.tools.len() == 1,
            _ => false,
        },
    },
    Question {
        name: "parallel calls and their results",
        ask: |call| {
            let use_of = |id: &str, arguments: &str| {
                let (id, name, arguments) = (id.to_owned(), "weather".to_owned(), arguments.to_owned());
                Part::ToolUse(ToolUse { id, name, arguments, signature: None, cache: None })
            };
            let result = |id: &str, text: &str| {
                let parts = vec![plain(text)];
                Part::ToolResult(ToolResult { tool_use_id: id.into(), parts, is_error: None, cache: None })
            };
            let calls = vec![use_of("call_1", r#"{"city":"Oslo"}"#), use_of("call_2", r#"{"city":"Rome"}"#)];
            let results = vec![result("call_1", "4 degrees"), result("call_2", "19 degrees")];
            let mut call = with_tool(call);
            call.turns.push(Turn { role: Role::Assistant, parts: calls, name: None });
            call.turns.push(Turn { role: Role::User, parts: results, name: None });
            call
        },
        arrived: paired,
    },
    Question {
        name: "structured output",
        ask: |call| {
            let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
                                "additionalProperties": false});
            Call {
                output: Output::Schema { name: Some("n".into()), description: None, schema, strict: Some(true) },
                ..call
            }
        },
        arrived: |call| matches!(call.output, Output::Schema { .. }),
    },
    Question {
        name: "how much to think",
        ask: |call| {
            let reasoning = Some(Reasoning { effort: Some("high".into()), ..Reasoning::default() });
            Call { knobs: Knobs { reasoning, ..call.knobs }, ..call }
        },
        arrived: |call| call.knobs.reasoning.is_some(),
    },
    Question {
        name: "output limit",
        ask: |call| Call { knobs: Knobs { max_tokens: Some(77), ..call.knobs }, ..call },
        arrived: |call| call.knobs.max_tokens == Some(77),
    },
    Question {
        name: "temperature",
        ask: |call| Call { knobs: Knobs { temperature: Some(0.5), ..call.knobs }, ..call },
        arrived: |call| call.knobs.temperature == Some(0.5),
    },
    Question {
        name: "stop sequences",
        ask: |call| Call { knobs: Knobs { stop: vec!["END".into()], ..call.knobs }, ..call },
        arrived: |call| call.knobs.stop == ["END"],
    },
    Question {
        name: "seed",
        ask: |call| Call { knobs: Knobs { seed: Some(7), ..call.knobs }, ..call },
        arrived: |call| call.knobs.seed == Some(7),
    },
];

pub(super) const ANSWERS: &[Answer] = &[
    Answer {
        name: "text",
        say: || reply(vec![plain("Nothing.")], Stop::End),
        arrived: |reply| text_of(reply) == "Nothing.",
    },
    Answer {
        name: "tool calls, parallel",
        say: || reply(vec![tool("a", r#"{"x":1}"#), tool("b", r#"{"y":[2]}"#)], Stop::ToolUse),
        arrived: |reply| {
            let arguments = |part: &Part| match part {
                Part::ToolUse(tool) => serde_json::from_str(&tool.arguments).ok(),
                _ => None,
            };
            let all: Vec<Value> = answered(reply).filter_map(arguments).collect();
            all == [json!({"x": 1}), json!({"y": [2]})] && stop_of(reply) == Some(&Stop::ToolUse)
        },
    },
    Answer {
        name: "thinking",
        say: || reply(vec![thought(None), plain("Nothing.")], Stop::End),
        arrived: |reply| {
            answered(reply).any(|part| matches!(part, Part::Thinking(Thinking::Text { text, .. }) if text == "Hm."))
        },
    },
    Answer {
        name: "stop: output limit",
        say: || reply(vec![plain("Noth")], Stop::Length),
        arrived: |reply| stop_of(reply) == Some(&Stop::Length),
    },
    Answer {
        name: "stop: filtered",
        say: || reply(vec![plain("No")], Stop::Filtered),
        arrived: |reply| stop_of(reply) == Some(&Stop::Filtered),
    },
    Answer {
        name: "usage",
        say: || reply(vec![plain("Nothing.")], Stop::End),
        arrived: |reply| (reply.usage.prompt(), reply.usage.output) == (100, 20),
    },
    Answer {
        name: "cached usage",
        say: || reply(vec![plain("Nothing.")], Stop::End),
        arrived: |reply| reply.usage.cache_read == 60,
    },
];

pub(super) fn base(client: Dialect) -> Call {
    Call {
        model: "m".into(),
        turns: vec![said(Role::User, "What is new?")],
        tools: vec![],
        tool_choice: None,
        parallel_tools: None,
        knobs: Knobs::default(),
        output: Output::Text,
        stream: false,
        include_usage: false,
        extra: Extra { dialect: client, fields: Map::new() },
    }
}

pub(super) fn with_tool(call: Call) -> Call {
    let parameters = Some(json!({"type": "object", "properties": {"city": {"type": "string"}}}));
    let description = Some("The weather in a city.".to_owned());
    let function = Function { name: "weather".into(), description, parameters, strict: None, cache: None, extra: None };
    Call { tools: vec![Tool::Function(function)], ..call }
}

pub(super) fn attach(mut call: Call, part: Part) -> Call {
    call.turns.iter_mut().for_each(|turn| turn.parts.push(part.clone()));
    call
}

/// Both results stand with the calls that they answer.
pub(super) fn paired(call: &Call) -> bool {
    let calls: Vec<&ToolUse> =
        parts(call).filter_map(|part| if let Part::ToolUse(tool) = part { Some(tool) } else { None }).collect();
    let results: Vec<&ToolResult> =
        parts(call).filter_map(|part| if let Part::ToolResult(result) = part { Some(result) } else { None }).collect();
    let says = |result: &ToolResult, words: &str| {
        result.parts.iter().any(|part| matches!(part, Part::Text(text) if text.text.contains(words)))
    };
    let answered = |city: &str, words: &str| {
        let call = calls.iter().find(|call| call.arguments.contains(city));
        call.is_some_and(|call| results.iter().any(|result| result.tool_use_id == call.id && says(result, words)))
    };
    answered("Oslo", "4 degrees") && answered("Rome", "19 degrees")
}

pub(super) fn bytes(media_type: &str) -> Source {
    Source::Base64 { media_type: media_type.into(), data: PIXEL.into() }
}

pub(super) fn plain(text: &str) -> Part {
    Part::Text(Text { text: text.into(), ..Text::default() })
}

pub(super) fn said(role: Role, text: &str) -> Turn {
    Turn { role, parts: vec![plain(text)], name: None }
}

pub(super) fn thought(signature: Option<String>) -> Part {
    Part::Thinking(Thinking::Text { text: "Hm.".into(), signature })
}

pub(super) fn tool(name: &str, arguments: &str) -> Part {
    let (id, name, arguments) = (format!("call_{name}"), name.to_owned(), arguments.to_owned());
    Part::ToolUse(ToolUse { id, name, arguments, signature: None, cache: None })
}

pub(super) fn reply(parts: Vec<Part>, stop: Stop) -> Reply {
    Reply {
        id: "r".into(),
        model: "m".into(),
        created: Some(1),
        choices: vec![Choice { parts, stop: Some(stop) }],
        usage: Usage { input: 40, cache_read: 60, output: 20, ..Usage::default() },
        service_tier: None,
    }
}

pub(super) fn parts(call: &Call) -> impl Iterator<Item = &Part> {
    call.turns.iter().flat_map(|turn| &turn.parts)
}

pub(super) fn texts(call: &Call) -> impl Iterator<Item = &str> {
    parts(call).filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None })
}

pub(super) fn answered(reply: &Reply) -> impl Iterator<Item = &Part> {
    reply.choices.iter().flat_map(|choice| &choice.parts)
}

pub(super) fn text_of(reply: &Reply) -> String {
    answered(reply)
        .filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None })
        .collect()
}

pub(super) fn stop_of(reply: &Reply) -> Option<&Stop> {
    reply.choices.first()?.stop.as_ref()
}
