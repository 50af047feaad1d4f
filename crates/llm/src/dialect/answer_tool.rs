//! An answer that follows a schema, from models that cannot be told to: the answer is made the arguments of a tool.
//!
//! The question gets one more tool, whose arguments are the schema, and the model must call a tool. A call of this tool is
//! read as text, so the caller never learns of it: its own tools work beside. Nothing is remembered between question and
//! answer but the tool's name, which no caller would choose.

use serde_json::{Map, Value, json};

use crate::{
    Event, Loss,
    call::{Call, Function, Output, Part, Text, Tool, ToolChoice},
    event::{Block, Delta},
    reply::{Choice, Stop},
};

/// The name of the tool.
const NAME: &str = "tollgate_answer";

/// Where the answer stands among the arguments if the schema is not that of an object: arguments must be one.
const VALUE: &str = "tollgate_value";

/// The question with the answer as a tool; `None` if no schema is asked for.
///
/// A caller's own choice of a tool by name is kept: then the answer comes later.
pub(crate) fn ask(call: &Call, loss: &mut Loss) -> Option<Call> {
    let Output::Schema { description, schema, .. } = &call.output else { return None };
    let is_object = schema.get("type").is_some_and(|kind| kind == "object");
    let parameters = if is_object { schema.clone() } else { wrapped(schema) };
    let description = description.as_deref().unwrap_or("Give your final answer to the user by calling this tool.");
    let mut call = Call { output: Output::Text, ..call.clone() };
    call.tools.push(Tool::Function(Function {
        name: NAME.to_owned(),
        description: Some(description.to_owned()),
        parameters: Some(parameters),
        strict: None,
        cache: None,
        extra: None,
    }));
    match call.tool_choice {
        Some(ToolChoice::Named(_) | ToolChoice::Native { .. }) => {
            loss.note("output.schema", "a tool is forced, so the answer to it need not follow the schema");
        }
        // The caller's own tools stay unused, or there are none.
        Some(ToolChoice::None) => {
            call.tools.drain(..call.tools.len().saturating_sub(1));
            call.tool_choice = Some(ToolChoice::Required);
        }
        _ => call.tool_choice = Some(ToolChoice::Required),
    }
    Some(call)
}

/// A schema of an object whose only member follows `schema`. Definitions stay at the root, where `#/$defs/` points.
fn wrapped(schema: &Value) -> Value {
    let mut inner = schema.clone();
    let mut root = Map::new();
    root.insert("type".into(), "object".into());
    for name in ["$defs", "definitions"] {
        if let Some(definitions) = inner.as_object_mut().and_then(|inner| inner.shift_remove(name)) {
            root.insert(name.into(), definitions);
        }
    }
    root.insert("properties".into(), json!({VALUE: inner}));
    root.insert("required".into(), json!([VALUE]));
    root.into()
}

/// Makes text of the answer among the parts of a whole answer, and an end of the wish that a tool be run.
pub(crate) fn unwrap_choice(choice: &mut Choice) {
    let (mut answered, mut called) = (false, false);
    for part in &mut choice.parts {
        if let Part::ToolUse(call) = part {
            if call.name == NAME {
                answered = true;
                *part = Part::Text(Text { text: unwrap(&call.arguments), ..Text::default() });
            } else {
                called = true;
            }
        }
    }
    if answered && !called && choice.stop == Some(Stop::ToolUse) {
        choice.stop = Some(Stop::End);
    }
}

/// The answer that the arguments are, or hold.
fn unwrap(arguments: &str) -> String {
    match serde_json::from_str::<Map<String, Value>>(arguments) {
        Ok(object) if object.len() == 1 && object.contains_key(VALUE) => {
            object.get(VALUE).map(Value::to_string).unwrap_or_default()
        }
        _ => arguments.to_owned(),
    }
}

/// Makes text of the answer in a stream: every event goes through [`Unwrap::event`].
#[derive(Debug, Default)]
pub(crate) struct Unwrap {
    /// The block that is the answer, and what of it cannot be given on yet.
    open: Option<(u32, Held)>,
    answered: bool,
    called: bool,
}

/// The arguments as far as they have come.
#[derive(Debug)]
enum Held {
    /// It is not clear yet whether the answer is wrapped.
    Unclear(String),
    /// It is not: pieces pass.
    Plain,
    /// It is: the answer is what stands within, known when all has come.
    Wrapped(String),
}

impl Unwrap {
    /// The event as the caller is to see it.
    pub fn event(&mut self, event: Event, out: &mut Vec<Event>) {
        match event {
            Event::Open { choice, index, block: Block::ToolUse { name, .. } } if name == NAME => {
                self.answered = true;
                self.open = Some((index, Held::Unclear(String::new())));
                out.push(Event::Open { choice, index, block: Block::Text });
            }
            Event::Delta { choice, index, delta: Delta::Arguments(piece) } if self.is_answer(index) => {
                let text = self.piece(&piece);
                out.extend(text.map(|text| Event::Delta { choice, index, delta: Delta::Text(text) }));
            }
            Event::Close { choice, index } if self.is_answer(index) => {
                let text = match self.open.take() {
                    Some((_, Held::Unclear(held) | Held::Wrapped(held))) if !held.is_empty() => Some(unwrap(&held)),
                    _ => None,
                };
                out.extend(text.map(|text| Event::Delta { choice, index, delta: Delta::Text(text) }));
                out.push(Event::Close { choice, index });
            }
            Event::Stop { choice, stop: Stop::ToolUse } if self.answered && !self.called => {
                out.push(Event::Stop { choice, stop: Stop::End });
            }
            event => {
                self.called |= matches!(event, Event::Open { block: Block::ToolUse { .. }, .. });
                out.push(event);
            }
        }
    }

    fn is_answer(&self, index: u32) -> bool {
        self.open.as_ref().is_some_and(|(open, _)| *open == index)
    }

    /// What of the answer can be given on now.
    fn piece(&mut self, piece: &str) -> Option<String> {
        let (_, held) = self.open.as_mut()?;
        match held {
            Held::Plain => return Some(piece.to_owned()),
            Held::Unclear(text) | Held::Wrapped(text) => text.push_str(piece),
        }
        let Held::Unclear(text) = held else { return None };
        // `{"value"` may still be a member of the caller's own: then it is not the only one, which its end tells.
        let mut rest = text.chars().filter(|c| !c.is_whitespace());
        let start = format!("{{\"{VALUE}\"");
        let differs = start.chars().find_map(|wanted| match rest.next() {
            None => Some(false),
            Some(found) if found != wanted => Some(true),
            Some(_) => None,
        });
        match differs {
            Some(false) => None,
            Some(true) => {
                let text = std::mem::take(text);
                *held = Held::Plain;
                Some(text)
            }
            None => {
                *held = Held::Wrapped(std::mem::take(text));
                None
            }
        }
    }
}
