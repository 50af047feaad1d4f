use super::is_fault;
use crate::{
    dialect::{
        FrameWatch, Glance, Seen,
        bedrock::{
            error,
            reply::{self, glanced_tier},
            usage,
        },
    },
    envelope::scan::{Scan, bare, member, unquoted},
    usage::weigh,
};

/// Looks at messages as they pass. All but a handful per stream are `contentBlockDelta`: these are only measured.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
}

impl FrameWatch for Watch {
    fn see(&mut self, event: Option<&str>, data: &[u8]) -> Seen {
        match event.unwrap_or_default() {
            "contentBlockDelta" => {
                let tokens = delta_tokens(data);
                self.glance.content |= tokens > 0;
                self.deliver(tokens);
            }
            "contentBlockStart" => {
                self.glance.content = true;
                self.deliver(1);
            }
            "messageStop" => self.stop(data),
            "metadata" => self.count(data),
            name if is_fault(name) => self.glance.fault = Some(error::fault(name, data)),
            _ => {}
        }
        Seen::Pass
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}

impl Watch {
    fn deliver(&mut self, tokens: u64) {
        self.glance.delivered_tokens = self.glance.delivered_tokens.saturating_add(tokens);
    }

    fn stop(&mut self, data: &[u8]) {
        if let Some(reason) = member(data, b"stopReason").and_then(unquoted) {
            match reply::failed(&reason) {
                Some(failure) => self.glance.fault = Some(failure),
                None => self.glance.stopped = true,
            }
        }
    }

    fn count(&mut self, data: &[u8]) {
        if let Some(counts) = member(data, b"usage") {
            self.glance.usage = usage::pass(&mut Scan::of(counts));
        }
        self.glance.service_tier = member(data, b"serviceTier").and_then(glanced_tier);
        self.glance.ended |= self.glance.stopped;
    }
}

/// The tokens of a delta, each piece weighed for itself.
fn delta_tokens(data: &[u8]) -> u64 {
    let mut tokens = 0;
    let mut weigh_piece = |piece: Option<&[u8]>| {
        tokens += piece.map_or(0, |piece| weigh(bare(piece)).tokens());
    };
    if let Some(delta) = member(data, b"delta") {
        Scan::of(delta).object(|scan, key| {
            match scan.key(key) {
                b"text" | b"citation" => weigh_piece(scan.present()?),
                b"toolUse" | b"reasoningContent" => {
                    scan.look(|scan| {
                        scan.object(|scan, key| {
                            match scan.key(key) {
                                b"input" | b"text" | b"redactedContent" => weigh_piece(scan.present()?),
                                _ => scan.value()?,
                            }
                            Some(())
                        })
                    })?;
                }
                _ => scan.value()?,
            }
            Some(())
        });
    }
    tokens
}
