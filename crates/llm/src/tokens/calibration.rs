//! What a model's own reports say of our rule of thumb.

use super::{Confidence, Count};

/// How many tokens a model reports where the rule of thumb says so many. Old reports fade as new ones come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calibration {
    reckoned: u64,
    reported: u64,
    reports: u32,
}

/// Reports below which a ratio is chance.
const FEWEST_REPORTS: u32 = 5;

/// Reckoned tokens after which what is known weighs half: about the last million counts.
const MEMORY: u64 = 1_000_000;

/// A prompt of fewer tokens is mostly what wraps it.
const SHORTEST_PROMPT: u64 = 20;

/// The rule of thumb is never that far off; a report that says so counts something else, such as pictures.
const WIDEST: u64 = 2;

impl Calibration {
    /// Notes what a model reported of a prompt, cached tokens included.
    pub fn learn(&mut self, reckoned: u64, reported: u64) {
        let near = reported / WIDEST <= reckoned && reckoned / WIDEST <= reported;
        if reckoned.min(reported) < SHORTEST_PROMPT || !near {
            return;
        }
        self.reckoned = self.reckoned.saturating_add(reckoned);
        self.reported = self.reported.saturating_add(reported);
        self.reports = self.reports.saturating_add(1);
        while self.reckoned > MEMORY {
            self.reckoned /= 2;
            self.reported /= 2;
        }
    }

    /// What the model would report, rounded up.
    #[must_use]
    pub fn correct(&self, reckoned: u64) -> Count {
        if self.reports < FEWEST_REPORTS || self.reckoned == 0 {
            return Count { tokens: reckoned, confidence: Confidence::Estimated };
        }
        let tokens = (u128::from(reckoned) * u128::from(self.reported)).div_ceil(u128::from(self.reckoned));
        Count { tokens: u64::try_from(tokens).unwrap_or(u64::MAX), confidence: Confidence::Calibrated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_correct_the_rule_of_thumb() {
        let mut calibration = Calibration::default();
        for _ in 0..4 {
            calibration.learn(1000, 1250);
        }
        assert_eq!(calibration.correct(800), Count { tokens: 800, confidence: Confidence::Estimated }, "chance");
        calibration.learn(1000, 1250);
        assert_eq!(calibration.correct(800), Count { tokens: 1000, confidence: Confidence::Calibrated });
        assert_eq!(calibration.correct(0).tokens, 0);
    }

    #[test]
    fn what_counts_something_else_is_not_believed() {
        let mut calibration = Calibration::default();
        for _ in 0..9 {
            calibration.learn(100, 90_000);
            calibration.learn(90_000, 100);
            calibration.learn(3, 9);
            calibration.learn(u64::MAX, 0);
        }
        assert_eq!(calibration, Calibration::default());
    }

    #[test]
    fn a_model_that_changes_is_learnt_anew() {
        let mut calibration = Calibration::default();
        for _ in 0..1000 {
            calibration.learn(10_000, 10_000);
        }
        for _ in 0..1000 {
            calibration.learn(10_000, 15_000);
        }
        let now = calibration.correct(10_000).tokens;
        assert!((14_900..=15_010).contains(&now), "{now}");
    }
}
