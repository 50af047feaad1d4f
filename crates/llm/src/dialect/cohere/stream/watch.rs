//! The relay lane's look at passing frames.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    super::{stop, usage},
    stated,
};
use crate::{
    dialect::{FrameWatch, Glance, Seen},
    usage::Delivered,
};

/// Watches the events of a streamed answer.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
    delivered: Delivered,
}

#[derive(Deserialize)]
struct Passing<'a> {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Piece<'a> {
    #[serde(borrow, default)]
    message: Said<'a>,
}

#[derive(Default, Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    content: Option<Content<'a>>,
    #[serde(borrow, default)]
    tool_plan: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thinking: Option<&'a RawValue>,
}

impl FrameWatch for Watch {
    fn see(&mut self, event: Option<&str>, data: &[u8]) -> Seen {
        if self.glance.fault.is_some() || self.glance.ended || data.is_empty() || data == b"[DONE]" {
            return Seen::Pass;
        }
        let Ok(passing) = serde_json::from_slice::<Passing<'_>>(data) else {
            self.glance.fault = Some(stated(data));
            return Seen::Pass;
        };
        let kind = if passing.kind.is_empty() { event.unwrap_or_default() } else { &passing.kind };
        match kind {
            "content-start" | "content-delta" | "tool-plan-delta" | "tool-call-start" | "tool-call-delta" => {
                self.count(kind, passing.delta);
            }
            "message-end" => self.end(passing.delta),
            "" => self.glance.fault = Some(stated(data)),
            _ => {}
        }
        Seen::Pass
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}

impl Watch {
    fn count(&mut self, kind: &str, delta: Option<&RawValue>) {
        let piece: Piece<'_> = delta.and_then(|delta| serde_json::from_str(delta.get()).ok()).unwrap_or_default();
        let Said { content, tool_plan, tool_calls } = piece.message;
        let Content { text, thinking } = content.unwrap_or_default();
        for raw in [text, thinking, tool_plan, tool_calls].into_iter().flatten().map(RawValue::get) {
            if raw.len() > 2 && raw != "null" {
                self.delivered.add(raw.trim_matches('"'));
                self.glance.content = true;
            }
        }
        // A block that opens is content, whatever it holds.
        self.glance.content |= kind.ends_with("-start");
        self.glance.delivered_tokens = self.delivered.tokens();
    }

    fn end(&mut self, delta: Option<&RawValue>) {
        let delta: Value = delta.and_then(|delta| serde_json::from_str(delta.get()).ok()).unwrap_or_default();
        let text = |name: &str| delta.get(name).and_then(Value::as_str);
        self.glance.usage = delta.get("usage").and_then(|counts| usage::read(&counts.into()));
        self.glance.fault = stop::failure(text("finish_reason").unwrap_or_default(), text("error"));
        self.glance.ended = self.glance.fault.is_none();
        self.glance.stopped = self.glance.ended;
    }
}
