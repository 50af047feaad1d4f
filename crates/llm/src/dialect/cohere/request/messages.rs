//! `messages`, read: one turn each, but for `tool` messages, which become results of one user turn while they follow
//! each other. `documents` join the last turn of the user.

use super::super::message;
use crate::{
    call::{Document, Part, Role, Source, Text, ToolResult, Turn},
    dialect::{Dialect, Malformed, field::Field, openai_chat::part::read_image},
    json::Json,
};

pub(super) fn read(messages: &Field<'_, '_>) -> Result<Vec<Turn>, Malformed> {
    const ROLES: &str = "system, user, assistant or tool";
    let mut turns: Vec<Turn> = Vec::new();
    let mut results = false;
    for item in messages.items()? {
        let role = item.need("role", ROLES)?;
        let (role, parts) = match role.text()? {
            // `developer` is another name of `system`.
            "system" | "developer" => (Role::System, read_content(&item)?),
            "user" => (Role::User, read_content(&item)?),
            "assistant" => (Role::Assistant, message::read(&item)?),
            "tool" => {
                let result = Part::ToolResult(read_result(&item)?);
                match turns.last_mut() {
                    Some(turn) if results => turn.parts.push(result),
                    _ => turns.push(Turn { role: Role::User, parts: vec![result], name: None }),
                }
                results = true;
                continue;
            }
            _ => return Err(role.wrong(ROLES)),
        };
        turns.push(Turn { role, parts, name: None });
        results = false;
    }
    if turns.is_empty() { Err(messages.wrong("a list of at least one message")) } else { Ok(turns) }
}

fn read_content(item: &Field<'_, '_>) -> Result<Vec<Part>, Malformed> {
    let content = item.need("content", "a string or a list of content parts")?;
    match content.value {
        Json::String(text) => Ok(vec![said(text.clone().into_owned())]),
        _ => content.items()?.map(|part| read_part(&part)).collect(),
    }
}

fn said(text: String) -> Part {
    Part::Text(Text { text, ..Text::default() })
}

fn read_part(part: &Field<'_, '_>) -> Result<Part, Malformed> {
    let kind = part.need("type", "text, image_url or document")?;
    match kind.text()? {
        "text" => Ok(said(part.need("text", "a string")?.string()?)),
        "image_url" => read_image(&part.need("image_url", "an object with a url")?, None),
        "document" => read_document(&part.need("document", "an object with data")?),
        _ => Err(kind.wrong("text, image_url or document")),
    }
}

fn read_result(item: &Field<'_, '_>) -> Result<ToolResult, Malformed> {
    let tool_use_id = item.need("tool_call_id", "the id of the call that this answers")?.string()?;
    Ok(ToolResult { tool_use_id, parts: read_content(item)?, is_error: None, cache: None })
}

/// Reads `documents` into the last turn of the user, in front of what it says.
pub(super) fn attach_documents(root: &Field<'_, '_>, turns: &mut Vec<Turn>) -> Result<(), Malformed> {
    let Some(documents) = root.get("documents") else { return Ok(()) };
    let mut parts = documents.items()?.map(|document| read_document(&document)).collect::<Result<Vec<_>, _>>()?;
    match turns.iter_mut().rev().find(|turn| turn.role == Role::User) {
        Some(turn) => {
            parts.append(&mut turn.parts);
            turn.parts = parts;
        }
        None if parts.is_empty() => {}
        None => turns.push(Turn { role: Role::User, parts, name: None }),
    }
    Ok(())
}

/// A string, or an object whose `data` is a title and a text, is a document like any other; what is more stays as it is.
fn read_document(document: &Field<'_, '_>) -> Result<Part, Malformed> {
    let plain = |text: &str, title: Option<&str>| {
        Part::Document(Document {
            source: Source::Text(text.to_owned()),
            title: title.map(str::to_owned),
            context: None,
            citations: None,
            cache: None,
        })
    };
    if let Some(text) = document.value.as_str() {
        return Ok(plain(text, None));
    }
    let data = document.need("data", "an object of strings")?;
    if let Some(text) = data.value.as_str() {
        return Ok(plain(text, None));
    }
    let fields = data.object()?;
    let text = fields.get("text").and_then(Json::as_str);
    let title = fields.get("title").and_then(Json::as_str);
    let is_plain = document.object()?.len() == 1 && fields.len() == 1 + usize::from(title.is_some());
    match text.filter(|_| is_plain) {
        Some(text) => Ok(plain(text, title)),
        None => {
            let raw = serde_json::json!({"type": "document", "document": document.value.to_value()});
            Ok(Part::Native { dialect: Dialect::Cohere, raw })
        }
    }
}
