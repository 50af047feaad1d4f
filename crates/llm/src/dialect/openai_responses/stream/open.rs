//! An item that is being read: which blocks it has opened, and what of it was told.

use super::wire::Piece;
use crate::{
    call::{Part, Thinking},
    dialect::{
        Dialect, Malformed,
        field::Field,
        openai_responses::{part, thought, tools::arguments_of},
    },
    event::{Block, Delta, Event},
    json::Json,
};

/// Where the events of an answer go.
pub(super) struct Out<'a> {
    /// The next canonical index.
    pub next: &'a mut u32,
    pub events: &'a mut Vec<Event>,
}

impl Out<'_> {
    pub fn open(&mut self, block: Block) -> u32 {
        let index = *self.next;
        *self.next = index.saturating_add(1);
        self.events.push(Event::Open { choice: 0, index, block });
        index
    }

    pub fn delta(&mut self, index: u32, delta: Delta) {
        self.events.push(Event::Delta { choice: 0, index, delta });
    }

    pub fn close(&mut self, index: u32) {
        self.events.push(Event::Close { choice: 0, index });
    }

    /// A block that comes whole.
    pub fn whole(&mut self, block: Block) {
        let index = self.open(block);
        self.close(index);
    }
}

/// An item by what it is.
#[derive(Debug)]
pub(super) enum Open {
    /// Its content parts that have said something.
    Message(Vec<ContentPart>),
    Thought(Thought),
    Call {
        block: u32,
        custom: bool,
        /// Arguments have come.
        argued: bool,
    },
    /// Only this dialect knows it: it comes whole, at its end.
    Other,
    Closed,
}

/// A content part that has said something.
#[derive(Debug)]
pub(super) struct ContentPart {
    pub index: u64,
    pub block: u32,
}

#[derive(Debug, Default)]
pub(super) struct Thought {
    block: Option<u32>,
    /// The paragraph of the summary that was last begun.
    paragraph: u64,
    said: bool,
}

impl Open {
    /// Takes a piece. An end that repeats the whole counts only if no piece came before it.
    pub fn extend(&mut self, kind: &str, piece: &Piece<'_>, out: &mut Out<'_>) {
        let done = kind.ends_with(".done");
        match self {
            Self::Message(parts) => {
                let known = parts.iter().find(|part| part.index == piece.content_index).map(|part| part.block);
                let refused = kind.starts_with("response.refusal");
                let whole = if refused { &piece.refusal } else { &piece.text };
                let said = if done { whole.as_deref().filter(|_| known.is_none()) } else { piece.delta.as_deref() };
                let Some(said) = said.filter(|said| !said.is_empty()) else { return };
                let block = known.unwrap_or_else(|| {
                    let block = out.open(if refused { Block::Refusal } else { Block::Text });
                    parts.push(ContentPart { index: piece.content_index, block });
                    block
                });
                out.delta(block, Delta::Text(said.to_owned()));
            }
            Self::Thought(thought) => thought.extend(piece, done, out),
            Self::Call { block, custom: true, argued } => {
                // Free text becomes JSON only when it is whole.
                if let Some(input) = piece.input.as_deref().filter(|_| done && !*argued) {
                    *argued = true;
                    out.delta(*block, Delta::Arguments(arguments_of(input)));
                }
            }
            Self::Call { block, custom: false, argued } => {
                let whole = piece.arguments.as_deref().filter(|_| !*argued);
                let said = if done { whole } else { piece.delta.as_deref() };
                if let Some(said) = said.filter(|said| !said.is_empty()) {
                    *argued = true;
                    out.delta(*block, Delta::Arguments(said.to_owned()));
                }
            }
            Self::Other | Self::Closed => {}
        }
    }

    /// Ends the item; `item` is the whole of it, if it was told.
    pub fn close(self, item: Option<&Field<'_, '_>>, out: &mut Out<'_>) -> Result<(), Malformed> {
        match self {
            Self::Message(parts) => close_message(parts, item, out),
            Self::Thought(thought) => {
                if let Some(thinking) = item.map(thought::read).transpose()?.flatten() {
                    thought.complete(&thinking, out);
                } else if let Some(block) = thought.block {
                    out.close(block);
                }
                Ok(())
            }
            Self::Call { block, custom, argued } => {
                let whole = item.and_then(|item| {
                    let said = item.value.get(if custom { "input" } else { "arguments" })?.as_str()?;
                    Some(if custom { arguments_of(said) } else { said.to_owned() })
                });
                if !argued {
                    // No arguments are an empty object: nobody can parse nothing.
                    let whole = whole.filter(|whole| !whole.is_empty()).unwrap_or_else(|| "{}".to_owned());
                    out.delta(block, Delta::Arguments(whole));
                }
                out.close(block);
                Ok(())
            }
            Self::Other => {
                if let Some(item) = item {
                    out.whole(Block::Native { dialect: Dialect::OpenAiResponses, raw: item.value.to_value() });
                }
                Ok(())
            }
            Self::Closed => Ok(()),
        }
    }
}

impl Thought {
    fn extend(&mut self, piece: &Piece<'_>, done: bool, out: &mut Out<'_>) {
        let whole = piece.text.as_deref().filter(|_| !self.said);
        let Some(said) = (if done { whole } else { piece.delta.as_deref() }).filter(|said| !said.is_empty()) else {
            return;
        };
        let block = *self.block.get_or_insert_with(|| out.open(Block::Thinking));
        if self.said && piece.summary_index != self.paragraph {
            out.delta(block, Delta::Text(thought::BETWEEN.to_owned()));
        }
        self.paragraph = piece.summary_index;
        self.said = true;
        out.delta(block, Delta::Text(said.to_owned()));
    }

    /// Adds what was not told in pieces: the seal always.
    fn complete(self, thinking: &Thinking, out: &mut Out<'_>) {
        match thinking {
            Thinking::Redacted { data } => {
                if let Some(block) = self.block {
                    out.close(block);
                }
                out.whole(Block::Redacted { data: data.clone() });
            }
            Thinking::Text { text, signature } => {
                let block = self.block.unwrap_or_else(|| out.open(Block::Thinking));
                if !self.said && !text.is_empty() {
                    out.delta(block, Delta::Text(text.clone()));
                }
                if let Some(proof) = signature {
                    out.delta(block, Delta::Signature(proof.clone()));
                }
                out.close(block);
            }
        }
    }
}

fn close_message(parts: Vec<ContentPart>, item: Option<&Field<'_, '_>>, out: &mut Out<'_>) -> Result<(), Malformed> {
    for part in &parts {
        out.close(part.block);
    }
    let Some(content) = item.and_then(|item| item.value.get("content")?.as_array()) else { return Ok(()) };
    let unsaid = |index: u64| !parts.iter().any(|part| part.index == index);
    for (index, content) in (0..).zip(content) {
        if unsaid(index) {
            say_whole(content, out)?;
        }
    }
    Ok(())
}

/// A content part that did not come in pieces.
fn say_whole(content: &Json<'_>, out: &mut Out<'_>) -> Result<(), Malformed> {
    let list = Json::Array(vec![content.clone()]);
    for part in part::read_content(&Field::root(&list))? {
        let (block, text) = match part {
            Part::Text(text) => (Block::Text, text.text),
            Part::Refusal(words) => (Block::Refusal, words),
            _ => continue,
        };
        if !text.is_empty() {
            let block = out.open(block);
            out.delta(block, Delta::Text(text));
            out.close(block);
        }
    }
    Ok(())
}
