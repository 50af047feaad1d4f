//! Turns become `system` and `messages`: <https://docs.anthropic.com/en/api/messages#body-messages>
//!
//! A system or developer turn amid the conversation is a message of role `system` for models that take one, where
//! Anthropic allows it to stand: behind a user turn, and before the assistant's or at the end. Elsewhere it becomes
//! marked text of the user, which keeps its place, and the change of role is a loss.
//! <https://docs.anthropic.com/en/docs/build-with-claude/mid-conversation-system-messages>

use crate::{
    Call,
    call::{Part, Role, Turn},
    dialect::{
        Dialect, Malformed,
        anthropic::block::{Blocks, Place, string_or_blocks},
    },
    json::{Json, object},
};

/// `system` and `messages` of the body.
#[derive(Debug)]
pub(super) struct Conversation<'c> {
    pub system: Vec<Json<'c>>,
    pub messages: Vec<Json<'c>>,
}

/// Writes the turns. `takes_system_turns`: the model knows messages of role `system`.
///
/// # Errors
/// Content that Anthropic has no block for, or no content at all.
pub(super) fn write<'c>(
    call: &'c Call,
    takes_system_turns: bool,
    blocks: &mut Blocks,
) -> Result<Conversation<'c>, Malformed> {
    let leading = call.turns.iter().take_while(|turn| is_system(turn)).count();
    // Anthropic refuses a question without a message, so of mere instructions the last one asks it.
    let asking = (leading == call.turns.len()).then(|| leading.saturating_sub(1));
    let mut system = Vec::new();
    let mut messages = Messages::default();
    for (at, turn) in call.turns.iter().enumerate() {
        if turn.name.is_some() {
            blocks.loss.note(format!("turns[{at}].name"), "anthropic has no names of speakers");
        }
        let mut content = Vec::with_capacity(turn.parts.len());
        for (part_at, part) in turn.parts.iter().enumerate() {
            let place = Place { list: "turns", turn: at, part: part_at, inner: None };
            check_place(turn, part, place)?;
            content.extend(blocks.write(part, place)?);
        }
        match turn.role {
            _ if asking == Some(at) => {
                blocks.loss.note(format!("turns[{at}].role"), "anthropic needs a user turn");
                messages.push("user", content);
            }
            _ if at < leading => system.append(&mut content),
            Role::User => messages.push("user", content),
            Role::Assistant => messages.push("assistant", content),
            Role::System | Role::Developer => {
                if blocks.native || takes_system_turns && may_stand(&call.turns, at) {
                    messages.push("system", content);
                } else {
                    blocks.loss.note(format!("turns[{at}].role"), "sent as marked text of the user");
                    content.iter_mut().for_each(wrap);
                    messages.push("user", content);
                }
            }
        }
    }
    let messages = messages.finish();
    if messages.is_empty() {
        let message = "messages: Anthropic Messages needs at least one message that is not empty".to_owned();
        return Err(Malformed { field: Some("messages".into()), message });
    }
    Ok(Conversation { system, messages })
}

/// Messages as they grow: turns of one role in a row are one message, as Anthropic reads them.
#[derive(Debug, Default)]
struct Messages<'c> {
    list: Vec<(&'static str, Vec<Json<'c>>)>,
}

impl<'c> Messages<'c> {
    fn push(&mut self, role: &'static str, mut content: Vec<Json<'c>>) {
        match self.list.last_mut() {
            _ if content.is_empty() => {}
            Some((last, blocks)) if *last == role => blocks.append(&mut content),
            _ => self.list.push((role, content)),
        }
    }

    fn finish(self) -> Vec<Json<'c>> {
        let message = |(role, mut content): (&'static str, Vec<Json<'c>>)| {
            if role == "user" {
                // Tool results must come first in their message. The sort is stable.
                content.sort_by_key(|block| block.get("type").is_none_or(|kind| kind != "tool_result"));
            }
            Some(object! {"role": role, "content": string_or_blocks(content)?})
        };
        self.list.into_iter().filter_map(message).collect()
    }
}

fn is_system(turn: &Turn) -> bool {
    matches!(turn.role, Role::System | Role::Developer)
}

/// Behind a user turn, and before the assistant's or at the end.
fn may_stand(turns: &[Turn], at: usize) -> bool {
    let role = |turn: Option<&Turn>| turn.map(|turn| turn.role);
    let before = role(turns.iter().take(at).rfind(|turn| !is_system(turn)));
    let after = role(turns.iter().skip(at).find(|turn| !is_system(turn)));
    before == Some(Role::User) && matches!(after, None | Some(Role::Assistant))
}

/// System instructions are text; anything else among them is content that would be lost.
fn check_place(turn: &Turn, part: &Part, place: Place) -> Result<(), Malformed> {
    let fits = match part {
        Part::Text(_) | Part::Native { dialect: Dialect::Anthropic, .. } => true,
        _ => !is_system(turn),
    };
    if fits {
        return Ok(());
    }
    let message = format!("{place}: Anthropic Messages takes only text in system and developer messages");
    Err(Malformed { field: Some(place.to_string()), message })
}

fn wrap(block: &mut Json<'_>) {
    if let Some(text) = block.as_object_mut().and_then(|block| block.get_mut("text")) {
        *text = format!("<system>\n{}\n</system>", text.as_str().unwrap_or_default()).into();
    }
}
