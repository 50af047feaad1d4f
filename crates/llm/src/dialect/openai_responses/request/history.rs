//! `input`, read: items of the assistant in a row are one turn, and so are tool outputs in a row.

use super::super::{item, part};
use crate::{
    call::{Part, Role, Text, ToolResult, Turn},
    dialect::{Dialect, Malformed, field::Field},
    json::Json,
};

pub(super) fn read(input: &Field<'_, '_>) -> Result<Vec<Turn>, Malformed> {
    if let Json::String(text) = input.value {
        let text = Part::Text(Text { text: text.clone().into_owned(), ..Text::default() });
        return Ok(vec![turn(Role::User, vec![text])]);
    }
    let mut turns = Turns::default();
    for item in input.items()? {
        turns.take(&item)?;
    }
    Ok(turns.list)
}

#[derive(Default)]
struct Turns {
    list: Vec<Turn>,
    /// What the last turn is made of, so that more of it joins.
    last: Last,
}

#[derive(Default, PartialEq, Clone, Copy)]
enum Last {
    #[default]
    Message,
    Said,
    Outputs,
}

impl Turns {
    fn take(&mut self, item: &Field<'_, '_>) -> Result<(), Malformed> {
        const RIGHT: &str = "message, function_call, function_call_output, reasoning or another type of item";
        let kind = match item.get("type") {
            Some(kind) => kind.text()?,
            // A message needs no type.
            None if item.get("role").is_some() => "message",
            None => return Err(item.need("type", RIGHT).map_or_else(|missing| missing, |kind| kind.wrong(RIGHT))),
        };
        match kind {
            "message" => self.message(item),
            "function_call_output" | "custom_tool_call_output" if item::is_direct(item.value) => {
                let result = read_output(item)?;
                self.part(Last::Outputs, Part::ToolResult(result));
                Ok(())
            }
            _ if is_output(kind) => {
                self.part(
                    Last::Outputs,
                    Part::Native { dialect: Dialect::OpenAiResponses, raw: item.value.to_value() },
                );
                Ok(())
            }
            _ => {
                let mut parts = self.take_said();
                let read = item::read(item, kind, &mut parts);
                self.put_said(parts);
                read
            }
        }
    }

    fn message(&mut self, message: &Field<'_, '_>) -> Result<(), Malformed> {
        const RIGHT: &str = "user, assistant, system or developer";
        let role = message.need("role", RIGHT)?;
        let role = match role.text()? {
            "user" => Role::User,
            "system" => Role::System,
            "developer" => Role::Developer,
            "assistant" => {
                let mut parts = self.take_said();
                let read = item::read(message, "message", &mut parts);
                self.put_said(parts);
                return read;
            }
            _ => return Err(role.wrong(RIGHT)),
        };
        let parts = part::read_content(&message.need("content", "a string or a list of content parts")?)?;
        self.list.push(turn(role, parts));
        self.last = Last::Message;
        Ok(())
    }

    /// The parts of the assistant's turn that goes on, or of a new one.
    fn take_said(&mut self) -> Vec<Part> {
        match self.list.last_mut() {
            Some(turn) if self.last == Last::Said => std::mem::take(&mut turn.parts),
            _ => Vec::new(),
        }
    }

    fn put_said(&mut self, parts: Vec<Part>) {
        match self.list.last_mut() {
            Some(turn) if self.last == Last::Said => turn.parts = parts,
            // A reference to a thought that only OpenAI has stored says nothing.
            _ if parts.is_empty() => {}
            _ => {
                self.list.push(turn(Role::Assistant, parts));
                self.last = Last::Said;
            }
        }
    }

    fn part(&mut self, kind: Last, part: Part) {
        match self.list.last_mut() {
            Some(turn) if self.last == kind => turn.parts.push(part),
            _ => self.list.push(turn(Role::User, vec![part])),
        }
        self.last = kind;
    }
}

/// What the client's side gives back to the model, though only OpenAI knows what it is.
fn is_output(kind: &str) -> bool {
    kind.ends_with("_output") || matches!(kind, "mcp_approval_response" | "additional_tools" | "compaction_trigger")
}

fn read_output(item: &Field<'_, '_>) -> Result<ToolResult, Malformed> {
    let tool_use_id = item.need("call_id", "the id of the call that this answers")?.string()?;
    let mut parts = part::read_content(&item.need("output", "a string or a list of content parts")?)?;
    parts.retain(|part| !matches!(part, Part::Text(text) if text.text.is_empty() && text.cache.is_none()));
    Ok(ToolResult { tool_use_id, parts, is_error: None, cache: None })
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}
