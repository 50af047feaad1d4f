//! Screens a stream frame by frame: which texts a frame goes on with, and whether all that it says has been cleared.
//!
//! Texts are kept apart by choice and block, so that a word is found however it is split over frames, and two parallel
//! tool calls are not read as one text. Nothing is changed and nothing is kept here but the window of each [`Screen`]; the
//! frames themselves wait in [`body::Guarded`](crate::body::Guarded).

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use llm::{
    Dialect, Event,
    dialect::EventReader,
    event::{Block, Delta},
    frame::sse::Frame,
};
use serde_json::Value;

use super::{
    Blocked, CompiledGuard, Screen,
    escape::Unescape,
    text::{JSON_TEXT, Said, look, said},
};

/// The screens of one streamed answer.
pub struct StreamScreen {
    guards: Arc<[CompiledGuard]>,
    reader: Box<dyn EventReader>,
    events: Vec<Event>,
    texts: HashMap<Place, Text>,
}

/// What must be cleared before a frame may go out.
#[derive(Debug)]
pub struct Need {
    place: Place,
    /// So many bytes of the text there.
    length: usize,
}

/// A text of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    /// Choice and index of its block; `None` for what stands in no block.
    block: Option<(u32, u32)>,
    /// Where in a part that only the dialect knows; empty otherwise.
    path: String,
}

struct Text {
    screen: Screen,
    /// For JSON text.
    escapes: Option<Unescape>,
    heard: usize,
    cleared: usize,
}

/// Fields by which dialects stream texts of their own in pieces. All other strings come whole.
const PIECES: &[&str] = &["arguments", "content", "input", "partial_json", "text", "thinking", "transcript"];

impl StreamScreen {
    /// Screens for a stream of this dialect.
    #[must_use]
    pub fn new(dialect: Dialect, guards: Arc<[CompiledGuard]>) -> Self {
        Self { guards, reader: dialect.reader(), events: Vec::new(), texts: HashMap::new() }
    }

    /// Reads a frame and appends what it needs. Says whether the frame tells something: a block that merely opens does not.
    ///
    /// # Errors
    /// A guard objects to what the stream says by now.
    pub fn read(&mut self, frame: &Frame<'_>, needs: &mut Vec<Need>) -> Result<bool, Blocked> {
        self.reader.push(frame.raw, &mut self.events);
        if self.hear(needs)? {
            return Ok(true);
        }
        match frame.data.as_deref() {
            // What the reader makes nothing of may be shown to somebody all the same.
            Some(data) if data != b"[DONE]" => match serde_json::from_slice(data) {
                Ok(value) => self.value(None, &value, needs)?,
                Err(_) => self.whole(&String::from_utf8_lossy(data))?,
            },
            _ => {}
        }
        Ok(!needs.is_empty())
    }

    /// The stream has ended: everything is cleared now, or objected to.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn finish(&mut self) -> Result<(), Blocked> {
        self.reader.finish(&mut self.events);
        self.hear(&mut Vec::new())?;
        self.close(|_| true)
    }

    #[must_use]
    pub fn is_cleared(&self, need: &Need) -> bool {
        self.texts.get(&need.place).is_none_or(|text| text.cleared >= need.length)
    }

    /// Takes the events that were read. Says whether they tell something.
    fn hear(&mut self, needs: &mut Vec<Need>) -> Result<bool, Blocked> {
        let mut events = std::mem::take(&mut self.events);
        let mut told = false;
        for event in events.drain(..) {
            told |= self.take(event, needs)?;
        }
        self.events = events;
        Ok(told)
    }

    fn take(&mut self, event: Event, needs: &mut Vec<Need>) -> Result<bool, Blocked> {
        match event {
            Event::Open { choice, index, block } => match block {
                Block::ToolUse { name, .. } => self.whole(&name)?,
                Block::Native { raw, .. } => self.value(Some((choice, index)), &raw, needs)?,
                Block::Redacted { .. } => {}
                Block::Text | Block::Thinking | Block::Refusal => return Ok(false),
            },
            Event::Delta { choice, index, delta } => {
                let block = Some((choice, index));
                let place = Place { block, path: String::new() };
                match delta {
                    Delta::Text(piece) => self.piece(place, &piece, false, needs)?,
                    Delta::Arguments(piece) => self.piece(place, &piece, true, needs)?,
                    Delta::Native { raw, .. } => self.value(block, &raw, needs)?,
                    Delta::Signature(_) => {}
                }
            }
            Event::Native { raw, .. } => match serde_json::from_str(&raw) {
                Ok(value) => self.value(None, &value, needs)?,
                Err(_) => self.whole(&raw)?,
            },
            Event::End | Event::Fault(_) => self.close(|_| true)?,
            Event::Close { choice, index } => {
                self.close(|place| place.block == Some((choice, index)))?;
                return Ok(false);
            }
            Event::Stop { .. } => {}
            Event::Start { .. } | Event::Usage { .. } => return Ok(false),
        }
        Ok(true)
    }

    /// The strings of something that only the dialect knows.
    fn value(&mut self, block: Option<(u32, u32)>, value: &Value, needs: &mut Vec<Need>) -> Result<(), Blocked> {
        let blocked = said(value, &mut |Said { path, name, text }| {
            let heard = match PIECES.contains(&name) {
                true => self.piece(Place { block, path: path.to_owned() }, text, JSON_TEXT.contains(&name), needs),
                false => self.whole(text),
            };
            heard.err()
        });
        blocked.map_or(Ok(()), Err)
    }

    fn whole(&self, text: &str) -> Result<(), Blocked> {
        look(&self.guards, text).map_or(Ok(()), Err)
    }

    fn piece(&mut self, place: Place, piece: &str, is_json: bool, needs: &mut Vec<Need>) -> Result<(), Blocked> {
        if piece.is_empty() {
            return Ok(());
        }
        let text = self.texts.entry(place.clone()).or_insert_with(|| Text {
            screen: Screen::new(Arc::clone(&self.guards)),
            escapes: is_json.then(Unescape::default),
            heard: 0,
            cleared: 0,
        });
        text.push(piece)?;
        needs.push(Need { place, length: text.length() });
        Ok(())
    }

    /// Ends the texts at these places.
    fn close(&mut self, ended: impl Fn(&Place) -> bool) -> Result<(), Blocked> {
        for (_, mut text) in self.texts.extract_if(|place, _| ended(place)) {
            text.finish()?;
        }
        Ok(())
    }
}

impl Text {
    fn push(&mut self, piece: &str) -> Result<(), Blocked> {
        let piece = match &mut self.escapes {
            Some(escapes) => Cow::Owned(escapes.push(piece)),
            None => Cow::Borrowed(piece),
        };
        self.heard += piece.len();
        self.cleared += self.screen.push(&piece)?.len();
        Ok(())
    }

    /// The bytes that were heard, with the character that is still on its way.
    fn length(&self) -> usize {
        self.heard + usize::from(self.escapes.as_ref().is_some_and(Unescape::is_pending))
    }

    fn finish(&mut self) -> Result<(), Blocked> {
        if let Some(rest) = self.escapes.as_mut().map(Unescape::finish) {
            self.screen.push(&rest)?;
        }
        self.screen.finish().map(drop)
    }
}
