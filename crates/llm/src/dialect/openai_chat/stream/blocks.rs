//! The blocks of one choice: text, thought and refusal one after the other, tool calls beside them.

use std::borrow::Cow;

use super::calls::{Calls, Fragment, Out};
use crate::{
    event::{Block, Delta, Event},
    json::{Json, Object},
};

/// What a choice has said so far.
#[derive(Debug, Default)]
pub struct Blocks {
    next: u32,
    /// The open block that is not a tool call: its index, its kind, and how many bytes it holds.
    plain: Option<(u32, Plain, usize)>,
    calls: Calls,
    /// A call that only this dialect knows has been seen.
    native_call: bool,
    pub stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    Text,
    Thinking,
    Refusal,
}

/// Too many tool calls, or what should be a tool call is none.
#[derive(Debug)]
pub struct Absurd;

impl Blocks {
    /// Whether a tool call has been seen.
    pub fn called(&self) -> bool {
        self.native_call || !self.calls.is_empty()
    }

    /// Takes what it understands out of a delta; what is left only this dialect knows.
    pub fn take(&mut self, delta: &mut Object<'_>, place: Place<'_>) -> Result<(), Absurd> {
        let Place { choice, seed, events } = place;
        let mut next = self.next;
        let mut out = Out { choice, next: &mut next, seed, events };
        delta.remove("role");
        let thought = take_text(delta, "reasoning_content");
        let thought = thought.or_else(|| take_text(delta, "reasoning")).unwrap_or_default();
        // OpenRouter sends the same thought under both names.
        if delta.get("reasoning").and_then(Json::as_str).is_some() {
            delta.remove("reasoning");
        }
        self.say(Plain::Thinking, &thought, &mut out);
        self.take_thinking_blocks(delta, !thought.is_empty(), &mut out);
        self.take_content(delta, &mut out);
        if let Some(words) = take_text(delta, "refusal") {
            self.say(Plain::Refusal, &words, &mut out);
        }
        let taken = self.take_calls(delta, &mut out);
        self.next = next;
        taken
    }

    /// Closes every block.
    pub fn close(&mut self, place: Place<'_>) {
        let Place { choice, seed, events } = place;
        let mut next = self.next;
        let mut out = Out { choice, next: &mut next, seed, events };
        self.close_plain(&mut out);
        self.calls.close(&mut out);
        self.calls = Calls::default();
        self.next = next;
    }

    fn say(&mut self, kind: Plain, text: &str, out: &mut Out<'_>) {
        if !text.is_empty() {
            let index = self.open(kind, text.len(), out);
            out.delta(index, Delta::Text(text.to_owned()));
        }
    }

    /// The open block of this kind; another kind is closed first.
    fn open(&mut self, kind: Plain, bytes: usize, out: &mut Out<'_>) -> u32 {
        if let Some((index, open, held)) = &mut self.plain
            && *open == kind
        {
            *held += bytes;
            return *index;
        }
        self.close_plain(out);
        let index = out.open(match kind {
            Plain::Text => Block::Text,
            Plain::Thinking => Block::Thinking,
            Plain::Refusal => Block::Refusal,
        });
        self.plain = Some((index, kind, bytes));
        index
    }

    fn close_plain(&mut self, out: &mut Out<'_>) {
        if let Some((index, ..)) = self.plain.take() {
            out.close(index);
        }
    }

    /// Blocks with signatures. Their text came as `reasoning_content` before or comes in the same delta, so that only
    /// text that did not is taken from here.
    fn take_thinking_blocks(&mut self, delta: &mut Object<'_>, said: bool, out: &mut Out<'_>) {
        if delta.get("thinking_blocks").and_then(Json::as_array).is_none() {
            return;
        }
        let blocks = delta.remove("thinking_blocks").unwrap_or_default();
        for block in blocks.as_array().into_iter().flatten() {
            let text_of = |name: &str| block.get(name).and_then(Json::as_str).unwrap_or_default();
            if block.get("type").is_some_and(|kind| kind == "redacted_thinking") {
                self.close_plain(out);
                let index = out.open(Block::Redacted { data: text_of("data").to_owned() });
                out.close(index);
                continue;
            }
            let (text, signature) = (text_of("thinking"), text_of("signature"));
            let held = self.plain.filter(|(_, kind, _)| *kind == Plain::Thinking).map_or(0, |(.., held)| held);
            if !said && text.len() != held {
                self.say(Plain::Thinking, text, out);
            }
            if !signature.is_empty() {
                let index = self.open(Plain::Thinking, 0, out);
                out.delta(index, Delta::Signature(signature.to_owned()));
                self.close_plain(out);
            }
        }
    }

    /// A string; Mistral's reasoning models send a list of parts.
    fn take_content(&mut self, delta: &mut Object<'_>, out: &mut Out<'_>) {
        if let Some(text) = take_text(delta, "content") {
            self.say(Plain::Text, &text, out);
        }
        let Some(Json::Array(parts)) = delta.get_mut("content") else { return };
        parts.retain(|part| {
            let kind = part.get("type").and_then(Json::as_str);
            match (kind, part.get("text"), part.get("thinking")) {
                (Some("text"), Some(Json::String(text)), _) => self.say(Plain::Text, text, out),
                (Some("thinking"), _, Some(Json::Array(thoughts))) => {
                    for text in thoughts.iter().filter_map(|thought| thought.get("text")?.as_str()) {
                        self.say(Plain::Thinking, text, out);
                    }
                }
                _ => return true,
            }
            false
        });
    }

    fn take_calls(&mut self, delta: &mut Object<'_>, out: &mut Out<'_>) -> Result<(), Absurd> {
        if let Some(Json::Array(calls)) = delta.get_mut("tool_calls") {
            let calls = std::mem::take(calls);
            let (native, calls): (Vec<Json<'_>>, Vec<Json<'_>>) =
                calls.into_iter().partition(|call| call.get("function").is_none() && call.get("custom").is_some());
            for call in &calls {
                self.take_call(call, call.get("function"), out)?;
            }
            if native.is_empty() {
                delta.remove("tool_calls");
            } else {
                self.native_call = true;
                delta.set("tool_calls", native);
            }
        }
        if let Some(Json::Object(_)) = delta.get("function_call") {
            let call = delta.remove("function_call").unwrap_or_default();
            self.take_call(&Json::Null, Some(&call), out)?;
        }
        Ok(())
    }

    fn take_call(&mut self, call: &Json<'_>, function: Option<&Json<'_>>, out: &mut Out<'_>) -> Result<(), Absurd> {
        let (id, name) = (text(Some(call), "id"), text(function, "name"));
        let arguments = text(function, "arguments");
        let index = call.get("index").and_then(Json::as_u64);
        self.close_plain(out);
        let signature = call.pointer("/extra_content/google/thought_signature");
        let signature = signature.and_then(Json::as_str).unwrap_or_default();
        let fragment = Fragment { index, id: &id, name: &name, arguments: &arguments, signature };
        if self.calls.take(fragment, out) { Ok(()) } else { Err(Absurd) }
    }
}

/// Where a choice stands in the stream.
pub struct Place<'a> {
    pub choice: u32,
    /// The id of the answer.
    pub seed: &'a str,
    pub events: &'a mut Vec<Event>,
}

/// Takes a text that is not empty out of an object.
fn take_text<'j>(object: &mut Object<'j>, name: &str) -> Option<Cow<'j, str>> {
    object.get(name)?.as_str()?;
    match object.remove(name) {
        Some(Json::String(text)) => Some(text).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// A text of an object; `""` if there is none.
fn text<'j>(owner: Option<&'j Json<'_>>, name: &str) -> Cow<'j, str> {
    match owner.and_then(|owner| owner.get(name)) {
        Some(Json::String(text)) => Cow::Borrowed(text),
        // Arguments as JSON, not as text of JSON.
        Some(object @ Json::Object(_)) => object.to_string().into(),
        _ => Cow::Borrowed(""),
    }
}
