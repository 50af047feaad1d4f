//! `messages`, read: one turn each, but for `tool` messages, which become results of one user turn while they follow
//! each other.

use super::super::{
    message::{self, Ids},
    part,
};
use crate::{
    call::{Part, Role, ToolResult, Turn},
    dialect::{Malformed, field::Field},
    json::Json,
};

/// Fields of the messages other than the assistant's that are understood.
const KNOWN: &[&str] = &["role", "content", "name", "cache_control"];

pub(super) fn read(messages: &Field<'_, '_>) -> Result<Vec<Turn>, Malformed> {
    let mut turns: Vec<Turn> = Vec::new();
    // Whether the last turn is made of tool results, so that further ones join it.
    let mut results = false;
    // The last call by name, for histories of the days before tools had ids.
    let mut called: Option<(String, String)> = None;
    for (at, item) in messages.items()?.enumerate() {
        let role = item.need("role", "system, developer, user, assistant or tool")?;
        let turn = match role.text()? {
            "system" => read_turn(&item, Role::System)?,
            "developer" => read_turn(&item, Role::Developer)?,
            "user" => read_turn(&item, Role::User)?,
            "assistant" => {
                let turn = read_assistant(&item, at)?;
                called = last_call(&turn).or(called);
                turn
            }
            "tool" | "function" => {
                let result = Part::ToolResult(read_result(&item, role.text()?, called.as_ref())?);
                match turns.last_mut() {
                    Some(turn) if results => turn.parts.push(result),
                    _ => turns.push(Turn { role: Role::User, parts: vec![result], name: None }),
                }
                results = true;
                continue;
            }
            _ => return Err(role.wrong("system, developer, user, assistant or tool")),
        };
        turns.push(turn);
        results = false;
    }
    if turns.is_empty() { Err(messages.wrong("a list of at least one message")) } else { Ok(turns) }
}

fn read_turn(item: &Field<'_, '_>, role: Role) -> Result<Turn, Malformed> {
    let mut parts = part::read_content(&item.need("content", "a string or a list of content parts")?)?;
    if let (Some(mark), Some(last)) = (part::read_cache(item)?, parts.last_mut()) {
        message::mark_part(last, mark);
    }
    parts.extend(message::others(item, KNOWN, "message")?);
    Ok(Turn { role, parts, name: read_name(item)? })
}

fn read_assistant(item: &Field<'_, '_>, at: usize) -> Result<Turn, Malformed> {
    let parts = message::read(item, Ids::Demanded(&at.to_string()))?;
    Ok(Turn { role: Role::Assistant, parts, name: read_name(item)? })
}

fn read_name(item: &Field<'_, '_>) -> Result<Option<String>, Malformed> {
    item.get("name").map(|name| name.string()).transpose()
}

fn read_result(item: &Field<'_, '_>, role: &str, called: Option<&(String, String)>) -> Result<ToolResult, Malformed> {
    let tool_use_id = if role == "tool" {
        item.need("tool_call_id", "the id of the call that this answers")?.string()?
    } else {
        let name = item.need("name", "the function's name")?;
        let wrong = || name.wrong("the function that the assistant called last");
        let (_, id) = called.filter(|(function, _)| name.value == function.as_str()).ok_or_else(wrong)?;
        id.clone()
    };
    // `null` is the answer of a tool that says nothing, and so is an empty text.
    let mut parts = match item.value.get("content") {
        Some(Json::Null) => Vec::new(),
        _ => part::read_content(&item.need("content", "a string or a list of text parts")?)?,
    };
    parts.retain(|part| !matches!(part, Part::Text(text) if text.text.is_empty() && text.cache.is_none()));
    Ok(ToolResult { tool_use_id, parts, is_error: None, cache: part::read_cache(item)? })
}

/// Name and id of the last call of a turn.
fn last_call(turn: &Turn) -> Option<(String, String)> {
    turn.parts.iter().rev().find_map(|part| match part {
        Part::ToolUse(tool) => Some((tool.name.clone(), tool.id.clone())),
        _ => None,
    })
}
