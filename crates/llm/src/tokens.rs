//! How many tokens a prompt is, before anybody has read it, and how sure that is.
//!
//! Exact where the tokenizer of the model is public and all of the prompt is text; else as the model's own reports of earlier
//! prompts say; else by rule of thumb.

mod calibration;
mod ceiling;
mod encoding;
mod prompt;

pub use calibration::Calibration;
pub use ceiling::{ceiling, of_text};
pub use encoding::Encoding;
pub use prompt::prompt;

/// A number of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub tokens: u64,
    pub confidence: Confidence,
}

/// How sure a count is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// By rule of thumb: within half of the truth for prose.
    Estimated,
    /// By rule of thumb, corrected by what the model reported of earlier prompts.
    Calibrated,
    /// By the model's own tokenizer, or by the provider.
    Exact,
}

impl Confidence {
    /// The word in headers and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Calibrated => "calibrated",
            Self::Exact => "exact",
        }
    }
}
