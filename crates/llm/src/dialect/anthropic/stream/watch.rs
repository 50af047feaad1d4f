use super::wire::{MessageDelta, MessageStart, kind_of};
use crate::{
    dialect::{
        FrameWatch, Glance, Seen,
        anthropic::{error, usage::Counts},
    },
    envelope::scan::{Scan, bare},
    usage::weigh,
};

/// Looks at frames as they pass. All but a handful per stream are `content_block_delta`: these are only measured, and
/// nothing is allocated for them.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
    counts: Counts,
}

impl FrameWatch for Watch {
    fn see(&mut self, event: Option<&str>, data: &[u8]) -> Seen {
        match event.or_else(|| kind_of(data)) {
            Some("content_block_delta") => {
                self.glance.content = true;
                self.deliver(delta_tokens(data));
            }
            Some("content_block_start") => {
                self.glance.content = true;
                self.deliver(block_tokens(data));
            }
            Some("message_start") => {
                if let Ok(MessageStart { message }) = serde_json::from_slice(data) {
                    self.glance.served_by(&message.model);
                    self.count(message.usage);
                }
            }
            Some("message_delta") => {
                if let Ok(MessageDelta { delta, usage }) = serde_json::from_slice(data) {
                    self.count(usage);
                    self.glance.stopped |= delta.stop_reason.is_some();
                }
            }
            Some("message_stop") => self.glance.ended = true,
            Some("error") => self.glance.fault = Some(error::fault(data)),
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

    fn count(&mut self, counts: Option<Counts>) {
        if let Some(counts) = counts {
            self.counts.merge(counts);
            self.glance.usage = Some(self.counts.usage());
            self.glance.service_tier.clone_from(&self.counts.service_tier);
        }
    }
}

/// The tokens of a delta.
fn delta_tokens(data: &[u8]) -> u64 {
    // `content` is that of a compaction.
    tokens(data, b"delta", &[b"text", b"thinking", b"partial_json", b"content"])
}

/// The tokens of what a block brings along: a tool's name, hidden thought.
fn block_tokens(data: &[u8]) -> u64 {
    tokens(data, b"content_block", &[b"name", b"input", b"text", b"thinking", b"data"])
}

/// The tokens of what these members of an object in the frame hold, each weighed for itself.
fn tokens(data: &[u8], within: &[u8], names: &[&[u8]]) -> u64 {
    let mut tokens = 0;
    Scan::of(data).object(|scan, key| {
        if scan.key(key) != within {
            return scan.value();
        }
        scan.object(|scan, key| {
            if !names.contains(&scan.key(key)) {
                return scan.value();
            }
            tokens += scan.present()?.map_or(0, |piece| weigh(bare(piece)).tokens());
            Some(())
        })
    });
    tokens
}
