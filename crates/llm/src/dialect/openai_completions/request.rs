//! Requests: <https://platform.openai.com/docs/api-reference/completions/create>

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::{Document, Extra, Output, Part, Role, Source, Text, ToolChoice, Turn},
    dialect::{
        Dialect, Malformed, WriteFor,
        body::json,
        field::Field,
        openai_chat::request::{knobs, read_stream_options},
    },
    json::{Json, Object},
};

/// Fields with a canonical place.
const KNOWN: &[&str] = &[
    "model",
    "prompt",
    "suffix",
    "echo",
    "max_tokens",
    "temperature",
    "top_p",
    "stop",
    "n",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "user",
    "stream",
    "stream_options",
];

/// Reads a request body.
///
/// # Errors
/// Names the field that is wrong.
pub fn read(body: &[u8]) -> Result<Call, Malformed> {
    let value = json("the body", body)?;
    let root = Field::root(&value);
    let model = root.need("model", "the name of a model")?;
    if model.text()?.is_empty() {
        return Err(model.wrong("the name of a model"));
    }
    let mut extra = Map::new();
    let include_usage = read_stream_options(&root, &mut extra)?;
    extra.extend(root.object()?.others(KNOWN));
    let mut parts = read_prompts(&root.need("prompt", "a string, a list of strings, or tokens")?)?;
    if let Some(suffix) = root.get("suffix").map(|suffix| suffix.string()).transpose()?.filter(|text| !text.is_empty())
    {
        parts.push(own(json!({"type": "suffix", "text": suffix})));
    }
    if root.get("echo").map(|echo| echo.boolean()).transpose()? == Some(true) {
        parts.push(own(json!({"type": "echo"})));
    }
    Ok(Call {
        model: model.string()?,
        turns: vec![Turn { role: Role::User, parts, name: None }],
        tools: Vec::new(),
        tool_choice: None,
        parallel_tools: None,
        knobs: knobs::read(&root)?,
        output: Output::Text,
        stream: root.get("stream").map_or(Ok(false), |stream| stream.boolean())?,
        include_usage,
        extra: Extra { dialect: Dialect::OpenAiCompletions, fields: extra },
    })
}

fn own(raw: Value) -> Part {
    Part::Native { dialect: Dialect::OpenAiCompletions, raw }
}

/// One prompt of text is text; anything else is a part that only this dialect knows.
fn read_prompts(prompt: &Field<'_, '_>) -> Result<Vec<Part>, Malformed> {
    const RIGHT: &str = "a string, a list of strings, a list of tokens, or a list of lists of tokens";
    let tokens =
        |value: &Json<'_>| value.as_array().is_some_and(|list| list.iter().all(|token| token.as_u64().is_some()));
    match prompt.value {
        Json::String(text) => Ok(vec![said(text)]),
        Json::Array(list) if list.is_empty() => Err(prompt.wrong(RIGHT)),
        list if tokens(list) => Ok(vec![own(json!({"type": "prompt", "tokens": list.to_value()}))]),
        Json::Array(list) => match list.as_slice() {
            [Json::String(only)] => Ok(vec![said(only)]),
            _ => prompt
                .items()?
                .map(|item| match item.value {
                    Json::String(text) => Ok(own(json!({"type": "prompt", "text": text}))),
                    list if tokens(list) => Ok(own(json!({"type": "prompt", "tokens": list.to_value()}))),
                    _ => Err(item.wrong(RIGHT)),
                })
                .collect(),
        },
        _ => Err(prompt.wrong(RIGHT)),
    }
}

fn said(text: &str) -> Part {
    Part::Text(Text { text: text.to_owned(), ..Text::default() })
}

/// Writes a request body. A stream always asks for usage, unless the target does not know how to be asked.
///
/// # Errors
/// What is no text, tools, and a form of the answer: this format has no place for them.
pub fn write(call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    if !call.tools.is_empty() && call.tool_choice != Some(ToolChoice::None) {
        return Err(refused("tools", "openai_completions knows no tools"));
    }
    if call.output != Output::Text {
        return Err(refused("output", "openai_completions cannot be held to a form of the answer"));
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(call.model));
    let is_transcript = write_prompt(&call.turns, &mut body, &mut loss)?;
    let target = WriteFor { wants_max_completion_tokens: false, refuses_reasoning: true, ..target.clone() };
    let mut steering = Object::default();
    knobs::write(&call.knobs, &target, &mut steering, &mut loss);
    body.extend(steering.to_map());
    if is_transcript && call.knobs.stop.is_empty() {
        // Else the model goes on with what the user says next.
        body.insert("stop".to_owned(), json!(format!("\n\n{}", label(Role::User))));
    }
    for (name, value) in &call.extra.fields {
        if call.extra.dialect != Dialect::OpenAiCompletions {
            loss.note(format!("extra.{name}"), "openai_completions has no such field");
        } else if name != "stream_options" {
            body.insert(name.clone(), value.clone());
        }
    }
    if call.stream {
        body.insert("stream".to_owned(), json!(true));
        if !target.refuses_stream_options {
            body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
    }
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}

/// Writes `prompt`, `suffix` and `echo`; whether the prompt is a transcript of a conversation.
fn write_prompt(turns: &[Turn], body: &mut Map<String, Value>, loss: &mut Loss) -> Result<bool, Malformed> {
    if let [Turn { role: Role::User, parts, .. }] = turns {
        let mut prompts = Vec::new();
        let mut text = String::new();
        for (at, part) in parts.iter().enumerate() {
            match part {
                Part::Native { dialect: Dialect::OpenAiCompletions, raw } => write_own(raw, &mut prompts, body),
                part => text.push_str(&words(part, &format!("turns[0].parts[{at}]"), loss)?),
            }
        }
        let prompt = match prompts.as_mut_slice() {
            [] => json!(text),
            [only] => only.take(),
            _ => Value::Array(prompts),
        };
        body.insert("prompt".to_owned(), prompt);
        return Ok(false);
    }
    let mut transcript = String::new();
    for (nth, turn) in turns.iter().enumerate() {
        if !matches!(turn.role, Role::System | Role::Developer) {
            transcript.push_str(label(turn.role));
            transcript.push(' ');
        }
        for (at, part) in turn.parts.iter().enumerate() {
            transcript.push_str(&words(part, &format!("turns[{nth}].parts[{at}]"), loss)?);
        }
        transcript.push_str("\n\n");
    }
    transcript.push_str(label(Role::Assistant));
    body.insert("prompt".to_owned(), json!(transcript));
    Ok(true)
}

fn label(role: Role) -> &'static str {
    if role == Role::Assistant { "Assistant:" } else { "User:" }
}

fn write_own(raw: &Value, prompts: &mut Vec<Value>, body: &mut Map<String, Value>) {
    match raw.get("type").and_then(Value::as_str) {
        Some("prompt") => prompts.extend(raw.get("text").or_else(|| raw.get("tokens")).cloned()),
        Some("suffix") => body.extend(raw.get("text").map(|text| ("suffix".to_owned(), text.clone()))),
        Some("echo") => drop(body.insert("echo".to_owned(), json!(true))),
        _ => {}
    }
}

/// What a part says in plain words.
fn words(part: &Part, path: &str, loss: &mut Loss) -> Result<String, Malformed> {
    match part {
        Part::Text(text) => Ok(text.text.clone()),
        Part::Refusal(text) => Ok(text.clone()),
        Part::Document(Document { source: Source::Text(text), title, context, .. }) => {
            let heading: Vec<&str> = title.iter().chain(context).map(String::as_str).chain([text.as_str()]).collect();
            Ok(heading.join("\n"))
        }
        Part::Thinking(_) => {
            loss.note(path.to_owned(), "openai_completions knows no thought");
            Ok(String::new())
        }
        Part::ToolUse(_) | Part::ToolResult(_) => Err(refused(path, "openai_completions knows no tools")),
        Part::Image(_) | Part::Audio(_) | Part::Video(_) | Part::Document(_) | Part::Native { .. } => {
            Err(refused(path, "openai_completions takes text only"))
        }
    }
}

fn refused(path: &str, why: &str) -> Malformed {
    Malformed { field: Some(path.to_owned()), message: format!("{path}: {why}") }
}
