//! How the journal of spend is kept.

/// How the journal of spend is kept. Read when the process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalRule {
    pub sync: JournalSync,
    pub on_full: OnFull,
    /// Most bytes of all its segments.
    pub max_bytes: u64,
}

impl Default for JournalRule {
    fn default() -> Self {
        Self { sync: JournalSync::Background, on_full: OnFull::Refuse, max_bytes: 1 << 30 }
    }
}

/// When the journal is made to survive a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalSync {
    /// Within milliseconds; nobody waits for it.
    Background,
    /// Before each call.
    BeforeCall,
    /// When the system gets to it.
    Off,
}

/// What happens to a call when there is no room for its hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFull {
    /// It is refused.
    Refuse,
    /// It is made unwritten.
    Degrade,
}
