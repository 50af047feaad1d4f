//! Events of the wire to canonical events.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    open::{Open, Out, Thought},
    wire::{AnswerEvent, ItemEvent, Piece, kind},
};
use crate::{
    dialect::{
        Dialect, EventReader,
        field::Field,
        openai_responses::{
            error, item,
            reply::{read_created, read_stop},
            tools::full_name,
            usage,
        },
    },
    event::{Block, Delta, Event},
    failure::{Failure, Kind},
    frame::sse::{Frame, Splitter},
    json::Json,
};

/// Reads a streamed answer.
#[derive(Debug, Default)]
pub struct Reader {
    splitter: Splitter,
    answer: Answer,
}

impl EventReader for Reader {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let Self { splitter, answer } = self;
        if let Err(too_long) = splitter.push(bytes, |frame| answer.see(&frame, events)) {
            answer.fail(Failure::new(Kind::Malformed, too_long.to_string()), events);
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        let Self { splitter, answer } = self;
        splitter.finish(|frame| answer.see(&frame, events));
        answer.fail(Failure::new(Kind::Malformed, "the stream ended before the answer did"), events);
    }
}

/// No answer has more items.
const MOST_ITEMS: usize = 4096;

/// The answer as far as it has come.
#[derive(Debug, Default)]
struct Answer {
    started: bool,
    /// Ended or failed: what comes after is not part of the answer.
    over: bool,
    called: bool,
    /// The next canonical index.
    next: u32,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    index: u64,
    id: String,
    open: Open,
}

/// An event that is not what its name says.
struct Broken;

impl From<serde_json::Error> for Broken {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

impl Answer {
    fn see(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        let Some(data) = frame.data.as_deref().filter(|data| !self.over && !data.is_empty()) else { return };
        // Servers of the older dialect end every stream so.
        if data == b"[DONE]" {
            return;
        }
        let kind = kind(frame.event, data);
        let kind = kind.as_deref().unwrap_or_default();
        if self.take(kind, data, events).is_err() {
            let message = format!("the stream has a broken {} event", if kind.is_empty() { "nameless" } else { kind });
            self.fail(Failure::new(Kind::Malformed, message), events);
        }
    }

    fn take(&mut self, kind: &str, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        match kind {
            "response.created" | "response.in_progress" | "response.queued" => self.start(data, events),
            "response.output_item.added" => self.open(data, events),
            "response.output_item.done" => self.close(data, events),
            "response.completed" | "response.incomplete" | "response.failed" => self.end(kind, data, events),
            "error" => {
                let error: Value = serde_json::from_slice(data)?;
                // Some servers wrap it as in a body.
                let inner = error.get("error").filter(|inner| inner.is_object());
                self.fail(error::failure(inner.unwrap_or(&error)), events);
                Ok(())
            }
            "response.content_part.added" | "response.content_part.done" | "response.reasoning_summary_part.done" => {
                Ok(())
            }
            "response.output_text.annotation.added" => self.annotate(data, events),
            _ if is_piece(kind) => self.extend(kind, data, events),
            // How a tool of OpenAI's gets on; its item tells the outcome.
            _ if kind.contains("_call.") || kind.contains("_call_") || kind.contains("mcp_list_tools") => Ok(()),
            _ => {
                let raw: &RawValue = serde_json::from_slice(data)?;
                events.push(Event::Native { dialect: Dialect::OpenAiResponses, raw: raw.get().to_owned() });
                Ok(())
            }
        }
    }

    fn start(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        let event: AnswerEvent<'_> = serde_json::from_slice(data)?;
        self.begin(&serde_json::from_str(event.response.get())?, events);
        Ok(())
    }

    fn begin(&mut self, response: &Value, events: &mut Vec<Event>) {
        self.started = true;
        let text = |name: &str| response.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        events.push(Event::Start { id: text("id"), model: text("model"), created: read_created(&response.into()) });
    }

    fn open(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let event: ItemEvent<'_> = serde_json::from_slice(data)?;
        let item: Value = serde_json::from_str(event.item.get())?;
        let index = event.output_index.unwrap_or(self.items.len() as u64);
        self.enter(index, &item, events)?;
        Ok(())
    }

    /// Opens an item that was not open; its place among the items.
    fn enter(&mut self, index: u64, item: &Value, events: &mut Vec<Event>) -> Result<usize, Broken> {
        if self.items.len() >= MOST_ITEMS {
            return Err(Broken);
        }
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let mut out = Out { next: &mut self.next, events };
        let open = match text("type").unwrap_or_default() {
            "message" => {
                if let Some(phase) = text("phase") {
                    out.whole(Block::Native {
                        dialect: Dialect::OpenAiResponses,
                        raw: serde_json::json!({"message": {"phase": phase}}),
                    });
                }
                Open::Message(Vec::new())
            }
            "reasoning" => Open::Thought(Thought::default()),
            kind @ ("function_call" | "custom_tool_call") if item::is_direct(&item.into()) => {
                let name = full_name(text("namespace"), text("name").unwrap_or_default());
                let id = text("call_id").or_else(|| text("id")).unwrap_or_default().to_owned();
                self.called = true;
                let block = out.open(Block::ToolUse { id, name, signature: None });
                Open::Call { block, custom: kind == "custom_tool_call", argued: false }
            }
            _ => Open::Other,
        };
        self.items.push(Item { index, id: text("id").unwrap_or_default().to_owned(), open });
        Ok(self.items.len() - 1)
    }

    /// The item that a piece belongs to: by its place, by its id, or the last one, as servers leave out either.
    fn find(&self, index: Option<u64>, id: Option<&str>) -> Option<usize> {
        let by_index = index.and_then(|index| self.items.iter().rposition(|item| item.index == index));
        let by_id = || id.and_then(|id| self.items.iter().rposition(|item| item.id == id));
        by_index.or_else(by_id).or_else(|| index.map_or_else(|| self.items.len().checked_sub(1), |_| None))
    }

    fn extend(&mut self, kind: &str, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let piece: Piece<'_> = serde_json::from_slice(data)?;
        let at = match self.find(piece.output_index, piece.item_id.as_deref()) {
            Some(at) => at,
            // Some servers begin to speak without a beginning.
            None => {
                let item = serde_json::json!({"type": implied(kind), "id": piece.item_id});
                self.enter(piece.output_index.unwrap_or(self.items.len() as u64), &item, events)?
            }
        };
        let Some(item) = self.items.get_mut(at) else { return Ok(()) };
        item.open.extend(kind, &piece, &mut Out { next: &mut self.next, events });
        Ok(())
    }

    fn annotate(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        #[derive(Deserialize)]
        struct Annotated {
            annotation: Value,
        }
        let piece: Piece<'_> = serde_json::from_slice(data)?;
        let Annotated { annotation } = serde_json::from_slice(data)?;
        let at = self.find(piece.output_index, piece.item_id.as_deref());
        if let Some(Item { open: Open::Message(parts), .. }) = at.and_then(|at| self.items.get(at))
            && let Some(part) = parts.iter().find(|part| part.index == piece.content_index)
        {
            let raw = serde_json::json!({"annotation": annotation});
            let delta = Delta::Native { dialect: Dialect::OpenAiResponses, raw };
            events.push(Event::Delta { choice: 0, index: part.block, delta });
        }
        Ok(())
    }

    fn close(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let event: ItemEvent<'_> = serde_json::from_slice(data)?;
        let item: Value = serde_json::from_str(event.item.get())?;
        self.leave(event.output_index, &item, events)
    }

    /// Ends an item: what was not told in pieces is told now.
    fn leave(&mut self, index: Option<u64>, item: &Value, events: &mut Vec<Event>) -> Result<(), Broken> {
        let id = item.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let at = match self.find(index, id) {
            Some(at) => at,
            None => self.enter(index.unwrap_or(self.items.len() as u64), item, events)?,
        };
        let Some(opened) = self.items.get_mut(at) else { return Ok(()) };
        let open = std::mem::replace(&mut opened.open, Open::Closed);
        let item = Json::from(item);
        open.close(Some(&Field::root(&item)), &mut Out { next: &mut self.next, events }).map_err(|_| Broken)
    }

    fn end(&mut self, kind: &str, data: &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let event: AnswerEvent<'_> = serde_json::from_slice(data)?;
        let response: Value = serde_json::from_str(event.response.get())?;
        if !self.started {
            self.begin(&response, events);
        }
        let stated = response.get("error").filter(|error| !error.is_null());
        if kind == "response.failed" || stated.is_some() {
            let failure = match stated {
                Some(error) => error::failure(error),
                None => Failure::new(Kind::Server, "the provider says that the response failed"),
            };
            self.fail(failure, events);
            return Ok(());
        }
        // Items that were never told apart from the whole.
        for (index, item) in (0..).zip(response.get("output").and_then(Value::as_array).into_iter().flatten()) {
            if !self.items.iter().any(|known| known.index == index) {
                self.leave(Some(index), item, events)?;
            }
        }
        for opened in &mut self.items {
            let open = std::mem::replace(&mut opened.open, Open::Closed);
            open.close(None, &mut Out { next: &mut self.next, events }).map_err(|_| Broken)?;
        }
        self.over = true;
        let text = |path: &str| response.pointer(path).and_then(Value::as_str);
        let service_tier = text("/service_tier").map(str::to_owned);
        let told = usage::read(&(&response).into());
        if told.is_some() || service_tier.is_some() {
            events.push(Event::Usage { usage: told.unwrap_or_default(), service_tier });
        }
        // The name of the event counts where the status is not told.
        let status = text("/status").unwrap_or(kind.trim_start_matches("response."));
        if let Some(stop) = read_stop(status, text("/incomplete_details/reason"), self.called) {
            events.push(Event::Stop { choice: 0, stop });
        }
        events.push(Event::End);
        Ok(())
    }

    fn fail(&mut self, failure: Failure, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.over, true) {
            events.push(Event::Fault(failure));
        }
    }
}

/// Whether an event brings a piece of the answer, or repeats one whole.
fn is_piece(kind: &str) -> bool {
    let said = kind.strip_suffix(".delta").or_else(|| kind.strip_suffix(".done"));
    matches!(
        said,
        Some(
            "response.output_text"
                | "response.refusal"
                | "response.function_call_arguments"
                | "response.custom_tool_call_input"
                | "response.reasoning_summary_text"
                | "response.reasoning_summary"
                | "response.reasoning_text"
                | "response.reasoning"
        )
    ) || kind == "response.reasoning_summary_part.added"
}

/// The type of item that a piece is of.
fn implied(kind: &str) -> &'static str {
    if kind.contains("reasoning") {
        "reasoning"
    } else if kind.contains("function_call") {
        "function_call"
    } else if kind.contains("custom_tool_call") {
        "custom_tool_call"
    } else {
        "message"
    }
}
