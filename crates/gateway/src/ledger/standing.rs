//! How a call stands with its rate limits, for the headers that clients read.

use govern::limit::{Amount, Measure, Now, Tally, Window};

use super::Met;

/// The tightest limit of each kind that clients are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    pub requests: Option<Told>,
    pub tokens: Option<Told>,
    pub input_tokens: Option<Told>,
    pub output_tokens: Option<Told>,
}

/// What clients are told of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub most: Amount,
    pub remaining: Amount,
    /// Microseconds until it is as if nothing had been used.
    pub resets: i64,
}

impl Standing {
    /// Notes a limit, if it is tighter than those before.
    pub(super) fn note(&mut self, met: &Met, tally: &Tally, now: Now) {
        let place = match met.measure() {
            Measure::Requests => &mut self.requests,
            Measure::Tokens => &mut self.tokens,
            Measure::InputTokens => &mut self.input_tokens,
            Measure::OutputTokens => &mut self.output_tokens,
            Measure::Spend | Measure::Concurrency | Measure::Images | Measure::AudioSeconds => return,
        };
        let window = &met.counter.window;
        // What is held will be booked in this very slot.
        let whole = match window {
            Window::Sliding(width) if tally.held() > 0 => *width,
            _ => 0,
        };
        let resets = tally.resets(window, now).map_or(i64::MAX, |resets| resets.max(whole));
        let most = met.allowed();
        let told = Told { most, remaining: most.saturating_sub(tally.taken()), resets };
        if place.is_none_or(|other| (told.remaining, told.most) < (other.remaining, other.most)) {
            *place = Some(told);
        }
    }
}
