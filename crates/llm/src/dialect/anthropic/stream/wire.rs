//! The frames as they stand on the wire, for the reader and the watcher alike.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::anthropic::usage::Counts;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageStart {
    pub message: Message,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub id: String,
    pub model: String,
    pub usage: Option<Counts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageDelta {
    pub delta: Stopped,
    pub usage: Option<Counts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stopped {
    pub stop_reason: Option<String>,
    pub stop_sequence: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct BlockStart<'a> {
    pub index: u64,
    #[serde(borrow)]
    pub content_block: &'a RawValue,
}

#[derive(Debug, Deserialize)]
pub(super) struct BlockStop {
    pub index: u64,
}

/// What a frame is, if no `event:` line said it.
pub(super) fn kind_of(data: &[u8]) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    const KINDS: &[&str] = &[
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    ];
    let head: Head<'_> = serde_json::from_slice(data).ok()?;
    KINDS.iter().copied().find(|kind| *kind == head.kind)
}
