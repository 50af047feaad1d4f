//! The relay lane's look at passing frames. It runs for every chunk of every relayed stream: each is parsed once, into
//! borrowed fields, and nothing is allocated unless there is something to keep.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{error, usage},
    reader::{broken, stated},
    tally::{Choices, Tally},
};
use crate::{
    dialect::{FrameWatch, Glance, Seen},
    failure::Failure,
};

/// Watches chunks of `chat.completion.chunk`.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
    tally: Tally,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default)]
    choices: Option<Choices>,
    #[serde(default)]
    usage: Option<usage::Wire>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
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
        match serde_json::from_slice::<Chunk<'_>>(data) {
            Ok(chunk) => self.take(chunk, data),
            Err(_) if data.is_empty() || self.glance.stopped => Seen::Pass,
            Err(_) => self.fail(broken()),
        }
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}

impl Watch {
    fn take(&mut self, chunk: Chunk<'_>, data: &[u8]) -> Seen {
        if chunk.error.is_some() {
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

    fn count(&mut self, usage: Option<usage::Wire>, tier: Option<&RawValue>) -> Seen {
        // Most servers repeat the tier on every chunk.
        let told = tier.map_or("", |tier| tier.get().trim_matches('"'));
        if !told.is_empty() && self.glance.service_tier.as_deref() != Some(told) {
            self.glance.service_tier = tier.and_then(|tier| serde_json::from_str(tier.get()).ok());
        }
        if let Some(usage) = usage {
            self.glance.usage = Some(usage.normalise());
        }
        Seen::Pass
    }

    fn fail(&mut self, fault: Failure) -> Seen {
        self.glance.fault = Some(fault);
        Seen::Pass
    }
}
