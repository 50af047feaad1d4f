//! What becomes of what between the client's API and the provider's: every feature is really sent from one to the other
//! and looked for on the far side. `docs/matrix.md` shows it; a feature that vanishes without a word fails the test.

use std::fmt::{self, Write as _};

use llm::{
    Call, Dialect, Reply, Usage,
    call::{
        Audio, Document, Extra, Function, Image, Knobs, Output, Part, Reasoning, Role, Source, Text, Thinking, Tool,
        ToolChoice, ToolResult, ToolUse, Turn, Video,
    },
    dialect::{StreamForm, WriteFor},
    event::{fold, unfold},
    reply::{Choice, Stop},
    signature::{self, Maker, mark},
};
use serde_json::{Map, Value, json};

/// What became of a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Carried,
    /// The client's own API has no such thing.
    Unsaid,
    /// It did not arrive, and the caller is told.
    Lost(String),
    /// The call is refused, by name.
    Refused(String),
    /// It did not arrive, and nobody says so.
    Vanished,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Carried => f.write_str("yes"),
            Self::Unsaid => f.write_str("–"),
            Self::Lost(what) => write!(f, "loss: {what}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Vanished => f.write_str("**vanishes**"),
        }
    }
}

/// Something that a question can hold.
struct Question {
    name: &'static str,
    ask: fn(Call) -> Call,
    arrived: fn(&Call) -> bool,
}

/// Something that an answer can hold.
struct Answer {
    name: &'static str,
    say: fn() -> Reply,
    arrived: fn(&Reply) -> bool,
}

/// The APIs that clients speak.
pub const CLIENTS: &[Dialect] = &[
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Bedrock,
    Dialect::OpenAiCompletions,
];

/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const QUESTIONS: &[Question] = &[
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

const ANSWERS: &[Answer] = &[
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

/// Every table of the page, by client.
pub fn page(mark: &str) -> String {
    let mut page = format!(
        "{mark}# What is carried between APIs\n\n\
         Rows are what a client says or is told, columns the API that the provider speaks. `yes`: it arrives. `loss`: it does\n\
         not, and the caller is told in `x-tollgate-loss` and in the record (`x-tollgate-strict: true` refuses such a call).\n\
         `refused`: 400, by name. `–`: the client's or the provider's API has no such thing. Where both speak the same API,\n\
         bytes pass as they are. Structured output that is lost here is asked for by a tool or in words where the target is\n\
         known to lack it: [structured output](structured-output.md).\n"
    );
    for client in CLIENTS {
        _ = writeln!(page, "\n## Clients of `{}`\n", client.as_str());
        let upstreams: Vec<Dialect> = Dialect::ALL.iter().copied().filter(|dialect| dialect != client).collect();
        let names: Vec<String> = upstreams.iter().map(|upstream| format!("`{}`", upstream.as_str())).collect();
        _ = writeln!(page, "| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
        for (name, fates) in rows(*client, &upstreams) {
            let fates: Vec<String> = fates.iter().map(ToString::to_string).collect();
            _ = writeln!(page, "| {name} | {} |", fates.join(" | "));
        }
    }
    page
}

/// The rows of one client's table.
pub fn rows(client: Dialect, upstreams: &[Dialect]) -> Vec<(String, Vec<Fate>)> {
    let mut rows = Vec::new();
    for question in QUESTIONS {
        let fates = upstreams.iter().map(|upstream| asked(question, client, *upstream)).collect();
        rows.push((format!("asked: {}", question.name), fates));
    }
    for stream in [false, true] {
        let fates = upstreams.iter().map(|upstream| signed(client, *upstream, stream)).collect();
        rows.push((
            format!("asked: signed thinking given back{}", if stream { ", after a stream" } else { "" }),
            fates,
        ));
    }
    for answer in ANSWERS {
        for stream in [false, true] {
            let fates = upstreams.iter().map(|upstream| told(answer, client, *upstream, stream)).collect();
            rows.push((format!("told{}: {}", if stream { ", streamed" } else { "" }, answer.name), fates));
        }
    }
    rows
}

/// Sends a question from a client's API to a provider's.
fn asked(question: &Question, client: Dialect, upstream: Dialect) -> Fate {
    let call = (question.ask)(base(client));
    let Ok((body, _)) = client.write_call(&call, &WriteFor::default()) else { return Fate::Unsaid };
    let Some(call) = read(client, &body) else { return Fate::Unsaid };
    if !(question.arrived)(&call) {
        return Fate::Unsaid;
    }
    far_side(&call, upstream, question.arrived)
}

/// What the gateway reads; where the path says the model, it is put in as the surface does.
fn read(client: Dialect, body: &[u8]) -> Option<Call> {
    let read = client.read_call(body).ok()?;
    Some(if client.says_model_in_body() { read } else { Call { model: "m".into(), ..read } })
}

fn far_side(call: &Call, upstream: Dialect, arrived: impl Fn(&Call) -> bool) -> Fate {
    match upstream.write_call(call, &WriteFor::default()) {
        Err(malformed) => Fate::Refused(short(&malformed.message)),
        Ok((body, loss)) => match upstream.read_call(&body) {
            Ok(read) if arrived(&read) => Fate::Carried,
            _ if !loss.is_none() => Fate::Lost(loss.to_string()),
            _ => Fate::Vanished,
        },
    }
}

/// Whether a signature of the provider's model survives the client, who gives it back with the next question.
fn signed(client: Dialect, upstream: Dialect, stream: bool) -> Fate {
    let Some(maker) = maker_of(upstream) else { return Fate::Unsaid };
    let signature = mark(maker, PIXEL);
    // Gemini signs the call, the others sign the thought before it.
    let called = |signature| match tool("a", "{}") {
        Part::ToolUse(tool) => Part::ToolUse(ToolUse { signature, ..tool }),
        other => other,
    };
    let parts = match maker {
        Maker::Gemini => vec![called(Some(signature.clone()))],
        Maker::Anthropic | Maker::OpenAi => vec![thought(Some(signature.clone())), called(None)],
    };
    let told = reply(parts, Stop::ToolUse);
    let Some((answer, _)) = pass(&told, upstream, stream) else { return Fate::Vanished };
    let Some((seen, loss)) = pass(&answer, client, stream) else { return Fate::Vanished };
    let (body, _) = client.write_reply(if stream { &seen } else { &answer });
    let holds = |call: &Call| {
        self::parts(call).any(|part| match part {
            Part::Thinking(Thinking::Text { signature: Some(found), .. } | Thinking::Redacted { data: found })
            | Part::ToolUse(ToolUse { signature: Some(found), .. }) => signature::read(found) == (maker, PIXEL),
            _ => false,
        })
    };
    let Some(body) = give_back(client, &body) else { return Fate::Unsaid };
    match read(client, &body) {
        Some(read) if holds(&read) => far_side(&read, upstream, holds),
        _ if !loss.is_empty() => Fate::Lost(loss),
        _ => Fate::Vanished,
    }
}

/// The next question of a client that gives an answer back as it came.
fn give_back(client: Dialect, answer: &[u8]) -> Option<Vec<u8>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let (body, _) = client.write_call(&with_tool(base(client)), &WriteFor::default()).ok()?;
    let mut body: Value = serde_json::from_slice(&body).ok()?;
    let (history, turns) = match client {
        Dialect::OpenAiChat => ("messages", vec![answer.pointer("/choices/0/message")?.clone()]),
        Dialect::Anthropic => ("messages", vec![json!({"role": "assistant", "content": answer["content"]})]),
        Dialect::Gemini => ("contents", vec![answer.pointer("/candidates/0/content")?.clone()]),
        Dialect::Bedrock => ("messages", vec![answer.pointer("/output/message")?.clone()]),
        Dialect::OpenAiResponses => ("input", answer["output"].as_array()?.clone()),
        Dialect::Cohere | Dialect::OpenAiCompletions => return None,
    };
    body[history].as_array_mut()?.extend(turns);
    Some(body.to_string().into_bytes())
}

fn maker_of(dialect: Dialect) -> Option<Maker> {
    match dialect {
        Dialect::Anthropic | Dialect::Bedrock => Some(Maker::Anthropic),
        Dialect::Gemini => Some(Maker::Gemini),
        Dialect::OpenAiResponses => Some(Maker::OpenAi),
        Dialect::OpenAiChat | Dialect::Cohere | Dialect::OpenAiCompletions => None,
    }
}

/// Sends an answer from a provider's API to a client's.
fn told(answer: &Answer, client: Dialect, upstream: Dialect, stream: bool) -> Fate {
    let Some(read) = pass(&(answer.say)(), upstream, stream).filter(|(read, _)| (answer.arrived)(read)) else {
        return Fate::Unsaid;
    };
    match pass(&read.0, client, stream) {
        Some((told, _)) if (answer.arrived)(&told) => Fate::Carried,
        Some((_, loss)) if !loss.is_empty() => Fate::Lost(loss),
        _ => Fate::Vanished,
    }
}

/// Writes an answer in a dialect and reads it again. Gives what was lost as well.
fn pass(reply: &Reply, dialect: Dialect, stream: bool) -> Option<(Reply, String)> {
    if !stream {
        let (body, loss) = dialect.write_reply(reply);
        return Some((dialect.read_reply(&body).ok()?, loss.to_string()));
    }
    let (mut writer, mut bytes) =
        (dialect.writer(StreamForm { include_usage: true, framing: dialect.framing() }), Vec::new());
    for event in unfold(reply.clone()).0 {
        writer.push(&event, &mut bytes);
    }
    let (mut reader, mut events) = (dialect.reader(), Vec::new());
    reader.push(&bytes, &mut events);
    reader.finish(&mut events);
    let (read, fault) = fold(events);
    fault.is_none().then(|| (read, writer.loss().to_string()))
}

fn base(client: Dialect) -> Call {
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

fn with_tool(call: Call) -> Call {
    let parameters = Some(json!({"type": "object", "properties": {"city": {"type": "string"}}}));
    let description = Some("The weather in a city.".to_owned());
    let function = Function { name: "weather".into(), description, parameters, strict: None, cache: None, extra: None };
    Call { tools: vec![Tool::Function(function)], ..call }
}

fn attach(mut call: Call, part: Part) -> Call {
    call.turns.iter_mut().for_each(|turn| turn.parts.push(part.clone()));
    call
}

/// Both results stand with the calls that they answer.
fn paired(call: &Call) -> bool {
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

fn bytes(media_type: &str) -> Source {
    Source::Base64 { media_type: media_type.into(), data: PIXEL.into() }
}

fn plain(text: &str) -> Part {
    Part::Text(Text { text: text.into(), ..Text::default() })
}

fn said(role: Role, text: &str) -> Turn {
    Turn { role, parts: vec![plain(text)], name: None }
}

fn thought(signature: Option<String>) -> Part {
    Part::Thinking(Thinking::Text { text: "Hm.".into(), signature })
}

fn tool(name: &str, arguments: &str) -> Part {
    let (id, name, arguments) = (format!("call_{name}"), name.to_owned(), arguments.to_owned());
    Part::ToolUse(ToolUse { id, name, arguments, signature: None, cache: None })
}

fn reply(parts: Vec<Part>, stop: Stop) -> Reply {
    Reply {
        id: "r".into(),
        model: "m".into(),
        created: Some(1),
        choices: vec![Choice { parts, stop: Some(stop) }],
        usage: Usage { input: 40, cache_read: 60, output: 20, ..Usage::default() },
        service_tier: None,
    }
}

fn parts(call: &Call) -> impl Iterator<Item = &Part> {
    call.turns.iter().flat_map(|turn| &turn.parts)
}

fn texts(call: &Call) -> impl Iterator<Item = &str> {
    parts(call).filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None })
}

fn answered(reply: &Reply) -> impl Iterator<Item = &Part> {
    reply.choices.iter().flat_map(|choice| &choice.parts)
}

fn text_of(reply: &Reply) -> String {
    answered(reply)
        .filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None })
        .collect()
}

fn stop_of(reply: &Reply) -> Option<&Stop> {
    reply.choices.first()?.stop.as_ref()
}

/// The first words of a refusal, fit for a cell.
fn short(message: &str) -> String {
    message.replace('|', "/").chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inv_006_nothing_vanishes_between_any_two_apis() {
        let mut vanished = Vec::new();
        for client in CLIENTS {
            for (name, fates) in rows(*client, Dialect::ALL) {
                let lost = Dialect::ALL.iter().zip(fates).filter(|(_, fate)| *fate == Fate::Vanished);
                vanished
                    .extend(lost.map(|(upstream, _)| format!("{} -> {}: {name}", client.as_str(), upstream.as_str())));
            }
        }
        assert!(vanished.is_empty(), "{vanished:#?}");
    }
}
