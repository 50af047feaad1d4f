//! The relay lane's look at passing events. All but a handful per stream are pieces: these are only measured, and nothing
//! is allocated for them.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::wire::{AnswerEvent, ItemEvent, kind};
use crate::{
    dialect::{
        FrameWatch, Glance, Seen,
        openai_responses::{error, reply::glance_last},
    },
    failure::{Failure, Kind},
    usage::Delivered,
};

/// Watches events of a streamed answer.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
    delivered: Delivered,
}

impl FrameWatch for Watch {
    fn see(&mut self, event: Option<&str>, data: &[u8]) -> Seen {
        if self.glance.fault.is_some() || self.glance.ended || data.is_empty() || data == b"[DONE]" {
            return Seen::Pass;
        }
        let kind = kind(event, data);
        match kind.as_deref().unwrap_or_default() {
            kind if kind.ends_with(".delta") => self.piece(data),
            "response.created" => self.begin(data),
            "response.output_item.added" => self.item(data, false),
            "response.output_item.done" => self.item(data, true),
            kind @ ("response.completed" | "response.incomplete" | "response.failed") => self.end(kind, data),
            "error" => self.fail(data),
            _ => {}
        }
        Seen::Pass
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}

impl Watch {
    fn piece(&mut self, data: &[u8]) {
        #[derive(Deserialize)]
        struct Piece<'a> {
            #[serde(borrow, default)]
            delta: Option<&'a RawValue>,
        }
        if let Ok(Piece { delta: Some(delta) }) = serde_json::from_slice(data) {
            self.deliver(delta.get().trim_matches('"'));
        }
    }

    /// The text is measured with its escapes, which are never shorter than what they stand for.
    fn deliver(&mut self, text: &str) {
        self.glance.content = true;
        self.delivered.add(text);
        self.glance.delivered_tokens = self.delivered.tokens();
    }

    fn begin(&mut self, data: &[u8]) {
        #[derive(Deserialize)]
        struct Begun<'a> {
            #[serde(borrow, default)]
            model: Option<&'a RawValue>,
        }
        if let Ok(AnswerEvent { response }) = serde_json::from_slice(data)
            && let Ok(Begun { model }) = serde_json::from_str(response.get())
        {
            self.glance.served_by_raw(model);
        }
    }

    /// A message or a thought that begins says nothing yet; a call, and what comes whole, does.
    fn item(&mut self, data: &[u8], done: bool) {
        #[derive(Deserialize)]
        struct Item<'a> {
            #[serde(rename = "type", borrow, default)]
            kind: Option<&'a RawValue>,
            #[serde(borrow, default)]
            name: Option<&'a RawValue>,
            #[serde(borrow, default)]
            encrypted_content: Option<&'a RawValue>,
        }
        let Ok(ItemEvent { item, .. }) = serde_json::from_slice(data) else { return };
        let Ok(Item { kind, name, encrypted_content }) = serde_json::from_str(item.get()) else { return };
        match kind.map_or("", |kind| kind.get().trim_matches('"')) {
            "message" => {}
            "reasoning" => {
                if let (true, Some(sealed)) = (done, encrypted_content.filter(|sealed| sealed.get() != "null")) {
                    // How much thought is sealed only the provider knows; that there is some counts as a piece.
                    let _ = sealed;
                    self.deliver("");
                }
            }
            "function_call" | "custom_tool_call" if done => {}
            _ => self.deliver(name.map_or("", |name| name.get().trim_matches('"'))),
        }
    }

    fn end(&mut self, kind: &str, data: &[u8]) {
        let Ok(AnswerEvent { response }) = serde_json::from_slice(data) else {
            self.glance.fault = Some(broken(kind));
            return;
        };
        let Some(last) = glance_last(response.get()) else {
            self.glance.fault = Some(broken(kind));
            return;
        };
        let Glance { model, usage, service_tier, stopped, ended, content, fault, .. } = last;
        if let Some(model) = model {
            self.glance.served_by(&model);
        }
        self.glance.fault = match fault {
            None if kind == "response.failed" => {
                Some(Failure::new(Kind::Server, "the provider says that the response failed"))
            }
            fault => fault,
        };
        if self.glance.fault.is_none() {
            self.glance.usage = usage;
            self.glance.service_tier = service_tier;
            self.glance.stopped = stopped;
            self.glance.ended = ended;
            self.glance.content |= content;
        }
    }

    fn fail(&mut self, data: &[u8]) {
        let error: Value = serde_json::from_slice(data).unwrap_or_default();
        let inner = error.get("error").filter(|inner| inner.is_object());
        self.glance.fault = Some(error::failure(inner.unwrap_or(&error)));
    }
}

fn broken(kind: &str) -> Failure {
    Failure::new(Kind::Malformed, format!("the stream has a broken {kind} event"))
}
