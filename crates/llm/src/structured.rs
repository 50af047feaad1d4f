//! Answers that follow a schema, from targets that have no such thing of their own.
//!
//! Asked for by a tool that the model must call ([`Means::Tool`]) or in words ([`Means::Prompt`]). The caller sees neither:
//! what the model gives to the tool is the answer's text.

use serde_json::Value;

use crate::{
    Call, Event, Reply,
    call::{Function, Output, Part, Role, Text, Tool, ToolChoice, Turn},
    event::{Block, Delta},
    reply::Stop,
};

/// How a target is asked for an answer that follows a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Means {
    /// In the words of its dialect.
    #[default]
    Native,
    /// By a tool that it must call.
    Tool,
    /// In words: it has neither.
    Prompt,
}

/// A schema that was asked for in another way.
#[derive(Debug, Clone, PartialEq)]
pub struct Emulated {
    pub means: Means,
    pub schema: Value,
}

/// The tool's name. A caller's own tool of this name would be taken for it, so it is one that nobody gives.
pub const TOOL: &str = "tollgate_structured_answer";

/// Asks for the schema of a call by other means. `None`: no schema was asked for, or the target knows it natively, or the
/// caller demands another tool, whose arguments are the answer.
pub fn emulate(call: &mut Call, means: Means) -> Option<Emulated> {
    if means == Means::Native || matches!(call.tool_choice, Some(ToolChoice::Named(_))) {
        return None;
    }
    let Output::Schema { description, schema, strict, .. } = &call.output else { return None };
    let (schema, strict) = (schema.clone(), *strict);
    // Most tools take an object alone: any other answer travels in one.
    match means {
        Means::Tool => {
            let description =
                description.clone().unwrap_or_else(|| "The answer, in the form that was asked for.".into());
            call.tools.push(Tool::Function(Function {
                name: TOOL.into(),
                description: Some(description),
                parameters: Some(parameters(&schema)),
                strict,
                cache: None,
                extra: None,
            }));
            // With tools of its own the model may use them first; whatever it does, it calls one.
            let alone = call.tools.len() == 1 || call.tool_choice == Some(ToolChoice::None);
            call.tool_choice = Some(if alone { ToolChoice::Named(TOOL.into()) } else { ToolChoice::Required });
        }
        Means::Prompt | Means::Native => call.turns.insert(place(&call.turns), instruction(&schema)),
    }
    call.output = Output::Text;
    Some(Emulated { means, schema })
}

/// Behind the system turns at the front: they stay together.
fn place(turns: &[Turn]) -> usize {
    turns.iter().take_while(|turn| matches!(turn.role, Role::System | Role::Developer)).count()
}

fn instruction(schema: &Value) -> Turn {
    let words = format!(
        "Answer with one JSON value that follows this JSON schema, and with nothing else: no explanation, no code fence.\n\
         {schema}"
    );
    Turn { role: Role::System, parts: vec![text(words)], name: None }
}

/// Asks once more, after an answer that does not follow the schema. `wrong` says why, for the model.
pub fn ask_again(call: &mut Call, said: &str, wrong: &str) {
    let words = format!(
        "This answer does not follow the schema: {wrong}. Give the whole answer again, corrected, in the same form."
    );
    call.turns.push(Turn { role: Role::Assistant, parts: vec![text(said.to_owned())], name: None });
    call.turns.push(Turn { role: Role::User, parts: vec![text(words)], name: None });
}

fn text(text: String) -> Part {
    Part::Text(Text { text, ..Text::default() })
}

/// Whether a schema is one of an object, as tools want it.
fn is_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
}

/// The field in which an answer travels that is no object.
const VALUE: &str = "value";

fn parameters(schema: &Value) -> Value {
    if is_object(schema) {
        return schema.clone();
    }
    let mut outer = serde_json::json!({
        "type": "object", "properties": { VALUE: schema }, "required": [VALUE], "additionalProperties": false,
    });
    // References count from the root, so what they refer to must stand there.
    for name in ["$defs", "definitions"] {
        if let (Some(defined), Some(outer)) = (schema.get(name), outer.as_object_mut()) {
            outer.insert(name.to_owned(), defined.clone());
        }
    }
    outer
}

impl Emulated {
    /// Turns the tool's arguments into the answer's text, and words with a fence around into the value inside.
    pub fn unwrap(&self, reply: &mut Reply) {
        for choice in &mut reply.choices {
            let answer = choice.parts.iter().find_map(|part| match part {
                Part::ToolUse(tool) if tool.name == TOOL => Some(self.inner(&tool.arguments)),
                _ => None,
            });
            if let Some(answer) = answer {
                // What was said beside the answer is no JSON.
                choice.parts.retain(|part| matches!(part, Part::Thinking(_)));
                choice.parts.push(text(answer));
                choice.stop = choice.stop.take().map(|stop| if stop == Stop::ToolUse { Stop::End } else { stop });
            } else if self.means == Means::Prompt {
                for part in &mut choice.parts {
                    if let Part::Text(text) = part {
                        text.text = unfence(&text.text).to_owned();
                    }
                }
            }
        }
    }

    /// The answer in the tool's arguments.
    fn inner(&self, arguments: &str) -> String {
        if is_object(&self.schema) {
            return if arguments.is_empty() { "{}".into() } else { arguments.to_owned() };
        }
        let inner = serde_json::from_str::<Value>(arguments).ok().and_then(|outer| Some(outer.get(VALUE)?.to_string()));
        inner.unwrap_or_else(|| arguments.to_owned())
    }

    /// The texts of an answer that must follow the schema: none where the model calls the caller's own tools.
    #[must_use]
    pub fn answers(reply: &Reply) -> Vec<String> {
        let said = reply.choices.iter().filter(|choice| {
            let acts = |part: &Part| matches!(part, Part::ToolUse(_) | Part::Refusal(_));
            choice.stop == Some(Stop::End) && !choice.parts.iter().any(acts)
        });
        let text = |part: &Part| if let Part::Text(text) = part { Some(text.text.clone()) } else { None };
        said.map(|choice| choice.parts.iter().filter_map(text).collect()).collect()
    }

    /// What undoes the emulation of a stream. `None`: only a whole answer can be undone (prose with a fence around).
    #[must_use]
    pub fn unwrapper(&self) -> Option<Unwrapper> {
        (self.means == Means::Tool && is_object(&self.schema)).then(Unwrapper::default)
    }
}

/// The text inside a Markdown fence, if one is around it.
fn unfence(text: &str) -> &str {
    let trimmed = text.trim();
    let Some(inside) = trimmed.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) else { return trimmed };
    let inside = inside.split_once('\n').map_or(inside, |(_language, inside)| inside);
    inside.trim()
}

/// Turns the tool's call in a stream into text. Other text waits until it is known whether the answer comes as well.
#[derive(Debug, Default)]
pub struct Unwrapper {
    choices: Vec<Choice>,
}

/// One choice of the stream.
#[derive(Debug, Default)]
struct Choice {
    /// What becomes of the blocks, by their index.
    blocks: Vec<Fate>,
    /// Blocks that have gone out.
    sent: u32,
    /// Text that may turn out to stand beside an answer.
    held: Vec<Event>,
    answered: bool,
    /// The caller's own tools were called.
    acts: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Text that waits.
    Held,
    /// The answer, going out as this block.
    Answer(u32),
    /// Going out as this block.
    Passed(u32),
}

impl Unwrapper {
    /// Takes an event; appends what goes out.
    pub fn push(&mut self, event: Event, out: &mut Vec<Event>) {
        /// As many answers as anybody asks for.
        const MOST: u32 = 128;
        let (Event::Open { choice, .. }
        | Event::Delta { choice, .. }
        | Event::Close { choice, .. }
        | Event::Stop { choice, .. }) = &event
        else {
            return out.push(event);
        };
        let at = (*choice).min(MOST) as usize;
        while self.choices.len() <= at {
            self.choices.push(Choice::default());
        }
        if let Some(choice) = self.choices.get_mut(at) {
            choice.push(event, out);
        }
    }
}

impl Choice {
    fn push(&mut self, event: Event, out: &mut Vec<Event>) {
        match event {
            Event::Open { choice, block, .. } => self.open(choice, block, out),
            Event::Delta { choice, index, delta } => match self.fate(index) {
                Some(Fate::Answer(index)) => {
                    let Delta::Arguments(text) = delta else { return };
                    out.push(Event::Delta { choice, index, delta: Delta::Text(text) });
                }
                Some(Fate::Passed(index)) => out.push(Event::Delta { choice, index, delta }),
                Some(Fate::Held) => self.held.push(Event::Delta { choice, index, delta }),
                None => {}
            },
            Event::Close { choice, index } => match self.fate(index) {
                Some(Fate::Answer(index) | Fate::Passed(index)) => out.push(Event::Close { choice, index }),
                Some(Fate::Held) => self.held.push(Event::Close { choice, index }),
                None => {}
            },
            Event::Stop { choice, stop } => {
                self.release(out);
                let stop = if self.answered && stop == Stop::ToolUse { Stop::End } else { stop };
                out.push(Event::Stop { choice, stop });
            }
            _ => {}
        }
    }

    fn open(&mut self, choice: u32, block: Block, out: &mut Vec<Event>) {
        let index = self.sent;
        match block {
            Block::ToolUse { name, .. } if name == TOOL => {
                self.held.clear();
                self.answered = true;
                self.blocks.push(Fate::Answer(index));
                out.push(Event::Open { choice, index, block: Block::Text });
                self.sent += 1;
            }
            Block::Text if !self.acts => {
                let index = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
                self.blocks.push(Fate::Held);
                self.held.push(Event::Open { choice, index, block });
            }
            block => {
                self.acts |= matches!(block, Block::ToolUse { .. });
                if self.acts {
                    self.release(out);
                }
                let index = self.sent;
                self.blocks.push(Fate::Passed(index));
                out.push(Event::Open { choice, index, block });
                self.sent += 1;
            }
        }
    }

    /// Lets waiting text go, unless the answer has come.
    fn release(&mut self, out: &mut Vec<Event>) {
        let held = std::mem::take(&mut self.held);
        if self.answered {
            return;
        }
        for event in held {
            match event {
                Event::Open { choice, index, block } => {
                    let to = self.sent;
                    self.sent += 1;
                    if let Some(fate) = self.blocks.get_mut(index as usize) {
                        *fate = Fate::Passed(to);
                    }
                    out.push(Event::Open { choice, index: to, block });
                }
                other => self.push(other, out),
            }
        }
    }

    fn fate(&self, index: u32) -> Option<Fate> {
        self.blocks.get(index as usize).copied()
    }
}

#[cfg(test)]
mod tests;
