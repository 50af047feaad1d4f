//! The relay lane's look at passing frames.

use super::{
    super::{stop, usage},
    stated,
};
use crate::{
    dialect::{FrameWatch, Glance, Seen},
    envelope::scan::{Scan, bare, member, unquoted},
    usage::Delivered,
};

/// Watches the events of a streamed answer.
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
        let Some(Passing { kind: said, delta }) = Passing::of(data) else {
            self.glance.fault = Some(stated(data));
            return Seen::Pass;
        };
        let said = said.and_then(unquoted).unwrap_or_default();
        let kind = if said.is_empty() { event.unwrap_or_default() } else { &said };
        match kind {
            "content-start" | "content-delta" | "tool-plan-delta" | "tool-call-start" | "tool-call-delta" => {
                self.count(kind, delta.unwrap_or_default());
            }
            "message-end" => self.end(delta.unwrap_or_default()),
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
    fn count(&mut self, kind: &str, delta: &[u8]) {
        // A block that opens is content, whatever it holds.
        self.glance.content |= kind.ends_with("-start");
        if let Some(message) = member(delta, b"message") {
            Scan::of(message).object(|scan, key| {
                match scan.key(key) {
                    b"content" => {
                        let content = scan.raw()?;
                        self.piece(member(content, b"text"));
                        self.piece(member(content, b"thinking"));
                    }
                    b"tool_plan" | b"tool_calls" => self.piece(scan.present()?),
                    _ => scan.value()?,
                }
                Some(())
            });
        }
        self.glance.delivered_tokens = self.delivered.tokens();
    }

    fn piece(&mut self, value: Option<&[u8]>) {
        if let Some(value) = value.filter(|value| value.len() > 2) {
            self.delivered.add_bytes(bare(value));
            self.glance.content = true;
        }
    }

    fn end(&mut self, delta: &[u8]) {
        let text = |name: &[u8]| member(delta, name).and_then(unquoted);
        self.glance.usage = member(delta, b"usage").and_then(|counts| usage::pass(&mut Scan::of(counts)));
        self.glance.fault = stop::failure(&text(b"finish_reason").unwrap_or_default(), text(b"error").as_deref());
        self.glance.ended = self.glance.fault.is_none();
        self.glance.stopped = self.glance.ended;
    }
}

/// The members of an event that matter, as they stand.
#[derive(Default)]
struct Passing<'a> {
    kind: Option<&'a [u8]>,
    delta: Option<&'a [u8]>,
}

impl<'a> Passing<'a> {
    /// `None` if it is no JSON object.
    fn of(data: &'a [u8]) -> Option<Self> {
        let (mut passing, mut scan) = (Self::default(), Scan::of(data));
        scan.object(|scan, key| {
            match scan.key(key) {
                b"type" => passing.kind = scan.present()?,
                b"delta" => passing.delta = scan.present()?,
                _ => scan.value()?,
            }
            Some(())
        })?;
        scan.is_whole().then_some(passing)
    }
}
