//! The words of a record: how a request ended, and how its bytes were treated.

use serde::{Deserialize, Serialize};

/// How a request ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Success,
    /// Refused by the gateway.
    Refused,
    /// No target answered.
    Failed,
    /// An answer began and was cut upstream.
    Partial,
    /// The caller went before the end.
    #[default]
    ClientDisconnected,
    /// The gateway itself ended in the middle of it: it was killed, or the machine stopped.
    Interrupted,
}

/// What the usage of a record is known from whose request outlived the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovered {
    /// From what had come of the answer when it was last noted: what came after that is missing.
    Checkpoint,
    /// From what was held for it: what it could use at most. Whether the provider did so is not known.
    Held,
}

impl Outcome {
    /// The word in records, metrics and traces.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::ClientDisconnected => "client_disconnected",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How the bytes were treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    Relay,
    Inspect,
    Translate,
}
