//! The journal of spend, as written.

use schemars::JsonSchema;
use serde::Deserialize;

/// The journal of spend.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawJournal {
    /// When what is written is made to survive a loss of power; it survives a crash of the process in any case. Default:
    /// `background`.
    pub sync: Option<RawJournalSync>,
    /// What happens to a call when there is no room to write down that it is made. Default: `refuse`.
    pub on_full: Option<RawOnFull>,
    /// Most room on the disk: what the store has not kept yet waits here. At least `16MiB`. Default: `1GiB`.
    pub max_bytes: Option<String>,
}

/// When the journal is made to survive a loss of power.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawJournalSync {
    /// Within milliseconds, many calls at once; nobody waits for it.
    Background,
    /// Before each call: it waits some milliseconds for a disk.
    BeforeCall,
    /// When the system gets to it.
    Off,
}

/// What happens to a call that cannot be written down.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawOnFull {
    /// It is refused with 503.
    Refuse,
    /// It is made; a crash would forget what it cost.
    Degrade,
}
