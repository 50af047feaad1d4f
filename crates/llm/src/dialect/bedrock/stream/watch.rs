use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::is_fault;
use crate::{
    dialect::{
        FrameWatch, Glance, Seen,
        bedrock::{error, reply, usage},
    },
    usage::estimate_tokens,
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
        let Ok(stop) = serde_json::from_slice::<Value>(data) else { return };
        if let Some(reason) = stop.get("stopReason").and_then(Value::as_str) {
            match reply::failed(reason) {
                Some(failure) => self.glance.fault = Some(failure),
                None => self.glance.stopped = true,
            }
        }
    }

    fn count(&mut self, data: &[u8]) {
        if let Ok(metadata) = serde_json::from_slice::<Value>(data) {
            if let Some(counts) = metadata.get("usage") {
                self.glance.usage = Some(usage::read(&counts.into()));
            }
            self.glance.service_tier = metadata.get("serviceTier").and_then(reply::tier);
        }
        self.glance.ended |= self.glance.stopped;
    }
}

/// The tokens of a delta. The text is measured with its escapes, which are never shorter than what they stand for.
fn delta_tokens(data: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        delta: Delta<'a>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Delta<'a> {
        #[serde(borrow)]
        text: Option<&'a RawValue>,
        #[serde(borrow)]
        tool_use: Option<Piece<'a>>,
        #[serde(borrow)]
        reasoning_content: Option<Piece<'a>>,
        #[serde(borrow)]
        citation: Option<&'a RawValue>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Piece<'a> {
        #[serde(borrow)]
        input: Option<&'a RawValue>,
        #[serde(borrow)]
        text: Option<&'a RawValue>,
        #[serde(borrow)]
        redacted_content: Option<&'a RawValue>,
    }
    let Ok(Message { delta }) = serde_json::from_slice(data) else { return 0 };
    let (call, thought) = (delta.tool_use.unwrap_or_default(), delta.reasoning_content.unwrap_or_default());
    let pieces = [delta.text, call.input, thought.text, thought.redacted_content, delta.citation];
    pieces.into_iter().flatten().map(|piece| estimate_tokens(piece.get().trim_matches('"'))).sum()
}
