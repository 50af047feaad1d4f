//! The relay lane's look at passing frames. It runs for every chunk of every relayed stream: each is passed over
//! once, and nothing is allocated unless there is something to keep.

use super::{
    super::{error, seen::Seen as Chunk},
    reader::{broken, stated},
    tally::Tally,
};
use crate::{
    dialect::{FrameWatch, Glance, Seen},
    envelope::scan::unquoted,
    failure::Failure,
    usage::Usage,
};

/// Watches chunks of `chat.completion.chunk`.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
    tally: Tally,
}

impl FrameWatch for Watch {
    fn see(&mut self, event: Option<&str>, data: &[u8]) -> Seen {
        if self.glance.fault.is_some() || self.glance.ended {
            return Seen::Pass;
        }
        if data == b"[DONE]" {
            self.glance.ended = true;
            return Seen::Pass;
        }
        if event == Some("error") {
            self.glance.fault = Some(stated(data));
            return Seen::Pass;
        }
        match Chunk::of(data, true) {
            Some(chunk) => self.take(chunk, data),
            None if data.is_empty() || self.glance.stopped => Seen::Pass,
            None => self.fail(broken()),
        }
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}

impl Watch {
    fn take(&mut self, chunk: Chunk<'_>, data: &[u8]) -> Seen {
        if chunk.error {
            return self.fail(stated(data));
        }
        self.glance.served_by_raw(chunk.model);
        let Some(choices) = chunk.choices else {
            if chunk.usage.is_none() && error::is_stated(data) {
                return self.fail(stated(data));
            }
            return self.count(chunk.usage, chunk.service_tier);
        };
        self.tally.add(&choices.tally);
        self.glance.content |= choices.tally.pieces > 0;
        self.glance.delivered_tokens = self.tally.tokens();
        self.glance.stopped |= choices.stopped;
        if let Some(fault) = choices.fault() {
            self.glance.fault = Some(fault);
        }
        let alone = choices.count == 0 && chunk.usage.is_some();
        self.count(chunk.usage, chunk.service_tier);
        if alone { Seen::UsageOnly } else { Seen::Pass }
    }

    fn count(&mut self, usage: Option<Usage>, tier: Option<&[u8]>) -> Seen {
        // Most servers repeat the tier on every chunk.
        if let Some(tier) = tier.and_then(unquoted).filter(|tier| !tier.is_empty())
            && self.glance.service_tier.as_deref() != Some(&*tier)
        {
            self.glance.service_tier = Some(tier.into_owned());
        }
        if usage.is_some() {
            self.glance.usage = usage;
        }
        Seen::Pass
    }

    fn fail(&mut self, fault: Failure) -> Seen {
        self.glance.fault = Some(fault);
        Seen::Pass
    }
}
