//! Turns become `systemInstruction` and `contents`: <https://ai.google.dev/api/caching#Content>
//!
//! Gemini knows system instructions before the conversation only: later ones become marked text of the user, which keeps
//! their place, and the change of role is a loss. The results of all function calls of a turn stand in the one content
//! that follows it.

use serde_json::{Value, json};

use crate::{
    Call,
    call::{Part, Role, Turn},
    dialect::{
        Dialect, Malformed,
        field::Field,
        gemini::{
            part::{Hearer, Place, Scribe},
            thought::NOBODY_HAS_IT,
        },
    },
};

/// Reads the turns of a body.
pub(super) fn read(root: &Field<'_, '_>) -> Result<Vec<Turn>, Malformed> {
    let mut hearer = Hearer::default();
    let mut turns = Vec::new();
    if let Some(system) = root.get("systemInstruction") {
        let parts = hearer.parts(&system.need("parts", "an array of parts")?)?;
        turns.push(Turn { role: Role::System, parts, name: None });
    }
    let contents = root.need("contents", "an array of contents")?;
    for content in contents.items()? {
        let role = match content.get("role") {
            Some(role) => match role.text()? {
                "model" => Role::Assistant,
                // `function` is what results were given by in the format's first days.
                "user" | "function" | "" => Role::User,
                _ => return Err(role.wrong("\"user\" or \"model\"")),
            },
            None => Role::User,
        };
        // A model that said nothing stands without parts in the history.
        let parts = content.get("parts");
        match turns.last_mut() {
            Some(Turn { role: Role::Assistant, parts: said, .. }) if role == Role::Assistant => {
                let before = said.len();
                parts.map_or(Ok(()), |parts| hearer.go_on(&parts, said))?;
                join(said, before);
            }
            _ => {
                let parts = parts.map(|parts| hearer.parts(&parts)).transpose()?.unwrap_or_default();
                turns.push(Turn { role, parts, name: None });
            }
        }
    }
    if contents.value.as_array().is_some_and(<[_]>::is_empty) {
        return Err(contents.wrong("an array of at least one content"));
    }
    Ok(turns)
}

/// Google's own clients keep every piece of a streamed answer as a content, the empty one at its end as well: the words
/// that go on at `seam` are one part again.
fn join(said: &mut Vec<Part>, seam: usize) {
    let nothing = |part: &Part| matches!(part, Part::Text(text) if text.text.is_empty() && text.notes.is_none());
    if said.len() > 1 && said.last().is_some_and(nothing) {
        said.pop();
    }
    let seam = seam.min(said.len());
    let (before, after) = said.split_at_mut(seam);
    let joined = match (before.last_mut(), after.first()) {
        (Some(Part::Text(text)), Some(Part::Text(more))) => {
            text.text.push_str(&more.text);
            true
        }
        _ => false,
    };
    if joined {
        said.remove(seam);
    }
}

/// `systemInstruction.parts` and `contents`.
#[derive(Debug)]
pub(super) struct Conversation {
    pub system: Vec<Value>,
    pub contents: Vec<Value>,
}

/// Writes the turns.
///
/// # Errors
/// Content that Gemini has no part for, or no content at all.
pub(super) fn write(call: &Call, scribe: &mut Scribe<'_>) -> Result<Conversation, Malformed> {
    let leading = call.turns.iter().take_while(|turn| is_system(turn)).count();
    // Gemini refuses a question without a content, so of mere instructions the last one asks it.
    let asking = (leading == call.turns.len()).then(|| leading.saturating_sub(1));
    let mut system = Vec::new();
    let mut contents = Contents { native: scribe.native, ..Contents::default() };
    for (at, turn) in call.turns.iter().enumerate() {
        if turn.name.is_some() {
            scribe.loss.note(format!("turns[{at}].name"), "gemini has no names of speakers");
        }
        let mut parts = write_turn(turn, at, scribe)?;
        match turn.role {
            _ if asking == Some(at) => {
                scribe.loss.note(format!("turns[{at}].role"), "gemini needs a user's content");
                contents.push("user", parts);
            }
            _ if at < leading => system.append(&mut parts),
            Role::User => contents.push_results_first(parts),
            Role::Assistant => {
                if !scribe.native && scribe.family.wants_signatures() {
                    vouch(&mut parts);
                }
                contents.push("model", parts);
            }
            Role::System | Role::Developer => {
                scribe.loss.note(format!("turns[{at}].role"), "sent as marked text of the user");
                parts.iter_mut().for_each(wrap);
                contents.push("user", parts);
            }
        }
    }
    if contents.list.is_empty() {
        let message = "contents: Gemini needs at least one content that is not empty".to_owned();
        return Err(Malformed { field: Some("contents".into()), message });
    }
    let content = |(role, parts): (&str, Vec<Value>)| json!({"role": role, "parts": parts});
    Ok(Conversation { system, contents: contents.list.into_iter().map(content).collect() })
}

fn write_turn(turn: &Turn, at: usize, scribe: &mut Scribe<'_>) -> Result<Vec<Value>, Malformed> {
    let mut parts = Vec::with_capacity(turn.parts.len());
    for (part_at, part) in turn.parts.iter().enumerate() {
        let place = Place { turn: at, part: part_at, inner: None };
        let fits = match part {
            Part::Text(_) | Part::Native { dialect: Dialect::Gemini, .. } => true,
            _ => scribe.native || !is_system(turn),
        };
        if !fits {
            let message = format!("{place}: Gemini takes only text in system and developer messages");
            return Err(Malformed { field: Some(place.to_string()), message });
        }
        scribe.write(part, place, &mut parts)?;
    }
    Ok(parts)
}

/// Contents as they grow.
#[derive(Debug, Default)]
struct Contents {
    native: bool,
    list: Vec<(&'static str, Vec<Value>)>,
}

impl Contents {
    /// Contents of one role in a row are one, but for the results of functions, which stand alone.
    fn push(&mut self, role: &'static str, mut parts: Vec<Value>) {
        let native = self.native;
        match self.list.last_mut() {
            _ if native => self.list.push((role, parts)),
            _ if parts.is_empty() => {}
            Some((last, before)) if *last == role && answers(before) == answers(&parts) => before.append(&mut parts),
            _ => self.list.push((role, parts)),
        }
    }

    fn push_results_first(&mut self, parts: Vec<Value>) {
        if self.native {
            return self.push("user", parts);
        }
        let (results, said): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| part.get("functionResponse").is_some());
        self.push("user", results);
        self.push("user", said);
    }
}

fn answers(parts: &[Value]) -> bool {
    parts.iter().any(|part| part.get("functionResponse").is_some())
}

/// Gives the first call of a turn the value that stands for a signature, if none of them has one: another model made
/// them, or the client dropped it. Of calls made together Gemini itself signs the first alone.
fn vouch(parts: &mut [Value]) {
    if let Some(first) = parts.iter_mut().find(|part| part.get("functionCall").is_some())
        && let Some(first) = first.as_object_mut()
    {
        first.entry("thoughtSignature").or_insert_with(|| NOBODY_HAS_IT.into());
    }
}

fn is_system(turn: &Turn) -> bool {
    matches!(turn.role, Role::System | Role::Developer)
}

fn wrap(part: &mut Value) {
    if let Some(text) = part.get_mut("text") {
        *text = json!(format!("<system>\n{}\n</system>", text.as_str().unwrap_or_default()));
    }
}
