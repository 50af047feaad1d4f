//! What the echo says to a call.

use serde_json::{Map, Value, json};

use super::{estimate_tokens, schema};
use crate::{
    Call,
    call::{Function, Output, Part, Role, Source, Text, Tool, ToolChoice, ToolUse, Turn},
    reply::{Choice, Stop},
};

/// As many answers as were asked for, within OpenAI's own bound.
pub fn choices(call: &Call) -> Vec<Choice> {
    const MOST: u32 = 128;
    let count = call.knobs.choices.unwrap_or(1).clamp(1, MOST);
    vec![choice(call); count as usize]
}

/// Tokens of the whole question: texts, names of attachments, tool definitions. Three for each turn, as a frame.
pub fn tokens_of(call: &Call) -> u64 {
    let turns = call.turns.iter().map(|turn| 3 + turn.parts.iter().map(tokens_of_part).sum::<u64>());
    let tools = functions(call).map(|function| {
        let parameters = function.parameters.as_ref().map(Value::to_string).unwrap_or_default();
        [&function.name, function.description.as_deref().unwrap_or_default(), &parameters]
            .into_iter()
            .map(estimate_tokens)
            .sum::<u64>()
    });
    turns.chain(tools).fold(0, u64::saturating_add)
}

pub fn tokens_of_part(part: &Part) -> u64 {
    match part {
        Part::ToolUse(tool) => estimate_tokens(&tool.name) + estimate_tokens(&tool.arguments),
        Part::ToolResult(result) => result.parts.iter().map(tokens_of_part).sum(),
        _ => estimate_tokens(&words(part)),
    }
}

fn choice(call: &Call) -> Choice {
    if let Some(results) = results(call) {
        return text(call, results);
    }
    let said = last_words(call);
    let calls = tool_calls(call, &said);
    if !calls.is_empty() {
        return Choice { parts: calls.into_iter().map(Part::ToolUse).collect(), stop: Some(Stop::ToolUse) };
    }
    text(
        call,
        match &call.output {
            Output::Text => said,
            Output::Json => json!({"echo": said}).to_string(),
            Output::Schema { schema, .. } => schema::instance(schema).to_string(),
        },
    )
}

/// The text, cut by the stop sequences and the token limit.
fn text(call: &Call, mut text: String) -> Choice {
    let mut stop = Stop::End;
    let sequences = call.knobs.stop.iter().filter(|sequence| !sequence.is_empty());
    if let Some((at, sequence)) = sequences.filter_map(|sequence| Some((text.find(sequence)?, sequence))).min() {
        text.truncate(at);
        stop = Stop::Sequence(Some(sequence.clone()));
    }
    if let Some(limit) = call.knobs.max_tokens.filter(|limit| estimate_tokens(&text) > *limit) {
        let mut kept = 0;
        for (at, char) in text.char_indices() {
            let end = at + char.len_utf8();
            if text.get(..end).is_none_or(|head| estimate_tokens(head) > limit) {
                break;
            }
            kept = end;
        }
        text.truncate(kept);
        stop = Stop::Length;
    }
    let parts = if text.is_empty() { vec![] } else { vec![Part::Text(Text { text, ..Text::default() })] };
    Choice { parts, stop: Some(stop) }
}

/// What the tools answered, if theirs is the last word.
fn results(call: &Call) -> Option<String> {
    let last = call.turns.last().filter(|turn| turn.role == Role::User)?;
    let results: Vec<String> = last
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolResult(result) => Some(join(&result.parts)),
            _ => None,
        })
        .collect();
    (!results.is_empty()).then(|| results.join("\n"))
}

/// The last message of the user, or of whoever spoke last.
fn last_words(call: &Call) -> String {
    let last = call.turns.iter().rfind(|turn| turn.role == Role::User).or(call.turns.last());
    last.map(|Turn { parts, .. }| join(parts)).unwrap_or_default()
}

fn join(parts: &[Part]) -> String {
    parts.iter().map(words).collect::<Vec<_>>().join("\n")
}

fn words(part: &Part) -> String {
    match part {
        Part::Text(text) => text.text.clone(),
        Part::Refusal(text) => text.clone(),
        Part::Image(image) => format!("[image {}]", origin(&image.source)),
        Part::Document(document) => {
            format!("[document {}]", document.title.as_deref().unwrap_or(origin(&document.source)))
        }
        Part::Audio(audio) => format!("[audio {}]", audio.format),
        Part::Video(video) => format!("[video {}]", origin(&video.source)),
        Part::ToolUse(tool) => format!("[call {}]", tool.name),
        Part::ToolResult(result) => join(&result.parts),
        Part::Thinking(_) | Part::Native { .. } => String::new(),
    }
}

/// Where the bytes are, in a word; never the bytes.
fn origin(source: &Source) -> &str {
    match source {
        Source::Url(url) => url,
        Source::Base64 { media_type, .. } => media_type,
        Source::File(id) => id,
        Source::Text(_) => "text/plain",
        Source::Content(_) => "content",
    }
}

fn functions(call: &Call) -> impl Iterator<Item = &Function> {
    call.tools.iter().filter_map(|tool| match tool {
        Tool::Function(function) => Some(function),
        Tool::Native { .. } => None,
    })
}

/// The calls that the text asks for; where there are none and one is demanded, a call with made-up arguments.
fn tool_calls(call: &Call, said: &str) -> Vec<ToolUse> {
    let (demanded, only) = match &call.tool_choice {
        Some(ToolChoice::None) => return vec![],
        Some(ToolChoice::Required) => (true, None),
        Some(ToolChoice::Named(name)) => (true, Some(name)),
        Some(ToolChoice::Auto | ToolChoice::Native { .. }) | None => (false, None),
    };
    let offered: Vec<&Function> =
        functions(call).filter(|function| only.is_none_or(|only| *only == function.name)).collect();
    let mut calls: Vec<(&str, String)> = said.lines().filter_map(|line| spoken(line, &offered)).collect();
    if let (true, true, Some(first)) = (calls.is_empty(), demanded, offered.first()) {
        let arguments = first.parameters.as_ref().map_or_else(|| Value::Object(Map::new()), schema::instance);
        calls.push((&first.name, arguments.to_string()));
    }
    if call.parallel_tools == Some(false) {
        calls.truncate(1);
    }
    // Ids are unique in the conversation: they go on counting from the calls before.
    let made = call.turns.iter().flat_map(|turn| &turn.parts).filter(|part| matches!(part, Part::ToolUse(_))).count();
    (made + 1..)
        .zip(calls)
        .map(|(number, (name, arguments))| ToolUse {
            id: format!("call_echo_{number}"),
            name: name.to_owned(),
            arguments,
            signature: None,
            cache: None,
        })
        .collect()
}

/// `call get_weather {"city": "Paris"}`; the arguments may be left out.
fn spoken<'a>(line: &str, offered: &[&'a Function]) -> Option<(&'a str, String)> {
    let rest = line.trim().strip_prefix("call ")?.trim_start();
    let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let function = offered.iter().find(|function| function.name == name)?;
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments.trim() };
    serde_json::from_str::<Map<String, Value>>(arguments).ok()?;
    Some((&function.name, arguments.to_owned()))
}
