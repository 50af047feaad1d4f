//! How much of a measure something is.

use llm::Usage;

use super::Measure;
use crate::Money;

/// An amount of a measure: calls, tokens, nano-dollars, pictures, or milliseconds of sound.
pub type Amount = u64;

impl Measure {
    /// What a use comes to in this measure. `cost` is what was paid for it. What one call is, and whether it is in flight,
    /// is not a matter of usage: 0.
    #[must_use]
    pub fn of(self, usage: &Usage, cost: Money, counts_cached: bool) -> Amount {
        let cached = if counts_cached { 0 } else { usage.cache_read };
        match self {
            Self::Requests | Self::Concurrency => 0,
            Self::Tokens => usage.total().saturating_sub(cached),
            Self::InputTokens => usage.prompt().saturating_sub(cached),
            Self::OutputTokens => usage.output,
            Self::Spend => u64::try_from(cost.0).unwrap_or(0),
            Self::Images => usage.images_out,
            Self::AudioSeconds => usage.sound_in_ms.saturating_add(usage.sound_out_ms),
        }
    }

    /// An amount for people: `1,000 requests`, `$12.5`, `3 calls in flight`.
    #[must_use]
    pub fn say(self, amount: Amount) -> String {
        let noun = match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input tokens",
            Self::OutputTokens => "output tokens",
            Self::Images => "images",
            Self::Concurrency => "calls in flight",
            Self::AudioSeconds => "seconds of sound",
            Self::Spend => return format!("${}", Money(i64::try_from(amount).unwrap_or(i64::MAX))),
        };
        format!("{} {noun}", shown(self, amount))
    }
}

/// An amount as a number in the measure's own unit: seconds and dollars have decimals.
#[must_use]
pub fn shown(measure: Measure, amount: Amount) -> String {
    match measure {
        Measure::Spend => Money(i64::try_from(amount).unwrap_or(i64::MAX)).to_string(),
        Measure::AudioSeconds if !amount.is_multiple_of(1000) => format!("{}.{:03}", amount / 1000, amount % 1000),
        Measure::AudioSeconds => (amount / 1000).to_string(),
        _ => amount.to_string(),
    }
}
