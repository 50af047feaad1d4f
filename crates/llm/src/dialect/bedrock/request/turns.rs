//! Turns become `system` and `messages`: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html>
//!
//! Roles alternate strictly, the user begins, and the results of all tool calls stand in the one message after them. A system
//! or developer turn amid the conversation is a message of role `system` for models that take one; elsewhere it becomes
//! marked text of the user, which keeps its place, and the change of role is a loss.

use serde_json::{Value, json};

use super::super::block::{Blocks, Place};
use crate::{
    Call,
    call::{Part, Role, Turn},
    dialect::{Dialect, Malformed},
};

/// `system` and `messages` of the body.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub system: Vec<Value>,
    messages: Vec<(&'static str, Vec<Value>)>,
}

/// Writes the turns. `takes_system_turns`: the model knows messages of role `system`.
///
/// # Errors
/// Content that Converse has no block for, or no content at all.
pub(super) fn write(call: &Call, takes_system_turns: bool, blocks: &mut Blocks) -> Result<Conversation, Malformed> {
    let leading = call.turns.iter().take_while(|turn| is_system(turn)).count();
    // A question without a message is refused, so of mere instructions the last one asks it.
    let asking = (leading == call.turns.len()).then(|| leading.saturating_sub(1));
    let mut conversation = Conversation::default();
    for (at, turn) in call.turns.iter().enumerate() {
        if turn.name.is_some() {
            blocks.loss.note(format!("turns[{at}].name"), "bedrock has no names of speakers");
        }
        let mut content = Vec::with_capacity(turn.parts.len());
        for (part_at, part) in turn.parts.iter().enumerate() {
            let place = Place { list: "turns", turn: at, part: part_at, inner: None };
            check_place(turn, part, place)?;
            blocks.write(part, place, &mut content)?;
        }
        match turn.role {
            _ if asking == Some(at) && !blocks.native => {
                blocks.loss.note(format!("turns[{at}].role"), "bedrock needs a user turn");
                conversation.push("user", content);
            }
            _ if at < leading => conversation.system.append(&mut content),
            Role::User => conversation.push("user", content),
            Role::Assistant => conversation.push("assistant", content),
            Role::System | Role::Developer if blocks.native || takes_system_turns => {
                conversation.push("system", content);
            }
            Role::System | Role::Developer => {
                blocks.loss.note(format!("turns[{at}].role"), "sent as marked text of the user");
                content.iter_mut().for_each(wrap);
                conversation.push("user", content);
            }
        }
    }
    conversation.begin(blocks)?;
    Ok(conversation)
}

impl Conversation {
    /// Turns of one role in a row are one message.
    fn push(&mut self, role: &'static str, mut content: Vec<Value>) {
        match self.messages.last_mut() {
            _ if content.is_empty() => {}
            Some((last, blocks)) if *last == role => blocks.append(&mut content),
            _ => self.messages.push((role, content)),
        }
    }

    /// Sees to it that the user begins.
    fn begin(&mut self, blocks: &mut Blocks) -> Result<(), Malformed> {
        match self.messages.first() {
            Some(("assistant", _)) if !blocks.native => {
                blocks.loss.note("turns[0].role", "bedrock's conversations begin with the user: a word was put before");
                self.messages.insert(0, ("user", vec![json!({"text": "..."})]));
            }
            None if !blocks.native => {
                let message = "messages: Bedrock Converse needs at least one message that is not empty".to_owned();
                return Err(Malformed { field: Some("messages".into()), message });
            }
            _ => {}
        }
        Ok(())
    }

    /// The messages as they are sent.
    pub fn messages(self) -> Vec<Value> {
        let message = |(role, mut content): (&str, Vec<Value>)| {
            if role == "user" {
                results_first(&mut content);
            }
            json!({"role": role, "content": content})
        };
        self.messages.into_iter().map(message).collect()
    }
}

/// Puts tool results, each with the point that marks it, before what else a message says.
fn results_first(content: &mut Vec<Value>) {
    let mut results = Vec::new();
    let mut others = Vec::new();
    let mut after_result = false;
    for block in content.drain(..) {
        after_result = block.get("toolResult").is_some() || (after_result && block.get("cachePoint").is_some());
        if after_result { results.push(block) } else { others.push(block) }
    }
    content.append(&mut results);
    content.append(&mut others);
}

fn is_system(turn: &Turn) -> bool {
    matches!(turn.role, Role::System | Role::Developer)
}

/// System instructions are text; anything else among them is content that would be lost.
fn check_place(turn: &Turn, part: &Part, place: Place) -> Result<(), Malformed> {
    let fits = match part {
        Part::Text(_) | Part::Native { dialect: Dialect::Bedrock, .. } => true,
        _ => !is_system(turn),
    };
    if fits {
        return Ok(());
    }
    let message = format!("{place}: Bedrock Converse takes only text in system and developer messages");
    Err(Malformed { field: Some(place.to_string()), message })
}

fn wrap(block: &mut Value) {
    if let Some(text) = block.get_mut("text") {
        *text = json!(format!("<system>\n{}\n</system>", text.as_str().unwrap_or_default()));
    }
}
