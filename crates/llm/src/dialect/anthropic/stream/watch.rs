use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{MessageDelta, MessageStart, kind_of};
use crate::{
    dialect::{
        FrameWatch, Glance, Seen,
        anthropic::{error, usage::Counts},
    },
    usage::estimate_tokens,
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

/// The tokens of a delta. The text is measured with its escapes, which are never shorter than what they stand for.
fn delta_tokens(data: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Frame<'a> {
        #[serde(borrow)]
        delta: Delta<'a>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Delta<'a> {
        #[serde(borrow)]
        text: Option<&'a RawValue>,
        #[serde(borrow)]
        thinking: Option<&'a RawValue>,
        #[serde(borrow)]
        partial_json: Option<&'a RawValue>,
        /// Of a compaction.
        #[serde(borrow)]
        content: Option<&'a RawValue>,
    }
    let Ok(Frame { delta }) = serde_json::from_slice(data) else { return 0 };
    let pieces = [delta.text, delta.thinking, delta.partial_json, delta.content];
    pieces.into_iter().flatten().map(|piece| estimate_tokens(piece.get().trim_matches('"'))).sum()
}

/// The tokens of what a block brings along: a tool's name, hidden thought.
fn block_tokens(data: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Frame<'a> {
        #[serde(borrow)]
        content_block: Block<'a>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Block<'a> {
        #[serde(borrow)]
        name: Option<&'a RawValue>,
        #[serde(borrow)]
        input: Option<&'a RawValue>,
        #[serde(borrow)]
        text: Option<&'a RawValue>,
        #[serde(borrow)]
        thinking: Option<&'a RawValue>,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let Ok(Frame { content_block: block }) = serde_json::from_slice(data) else { return 0 };
    let pieces = [block.name, block.input, block.text, block.thinking, block.data];
    pieces.into_iter().flatten().map(|piece| estimate_tokens(piece.get().trim_matches('"'))).sum()
}
