//! The relay lane's look at passing events. All but a handful per stream are pieces: these are only measured, and nothing
//! is allocated for them.

use serde_json::Value;

use super::wire::kind;
use crate::{
    dialect::{
        FrameWatch, Glance, Seen,
        openai_responses::{error, reply::glance_last},
    },
    envelope::scan::{bare, member},
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
        if let Some(delta) = member(data, b"delta") {
            self.deliver(bare(delta));
        }
    }

    /// The text is measured with its escapes, which are never shorter than what they stand for.
    fn deliver(&mut self, text: &[u8]) {
        self.glance.content = true;
        self.delivered.add_bytes(text);
        self.glance.delivered_tokens = self.delivered.tokens();
    }

    fn begin(&mut self, data: &[u8]) {
        self.glance.served_by_raw(member(data, b"response").and_then(|response| member(response, b"model")));
    }

    /// A message or a thought that begins says nothing yet; a call, and what comes whole, does.
    fn item(&mut self, data: &[u8], done: bool) {
        let Some(item) = member(data, b"item") else { return };
        match bare(member(item, b"type").unwrap_or_default()) {
            b"message" => {}
            // How much thought is sealed only the provider knows; that there is some counts as a piece.
            b"reasoning" if done && member(item, b"encrypted_content").is_some() => self.deliver(b""),
            b"reasoning" => {}
            b"function_call" | b"custom_tool_call" if done => {}
            _ => self.deliver(bare(member(item, b"name").unwrap_or_default())),
        }
    }

    fn end(&mut self, kind: &str, data: &[u8]) {
        let Some(last) = member(data, b"response").and_then(glance_last) else {
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
