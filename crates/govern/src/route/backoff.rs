//! When a failed target is asked again: exponential back-off with full jitter, or what `Retry-After` says.
//!
//! Full jitter spreads the callers of a failing target over the whole interval:
//! <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>

use std::time::Duration;

use super::Draw;
use crate::config::snapshot::RetryRule;

/// Whether the same target is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// After this pause.
    After(Duration),
    /// Waiting is of no use in the time that is left: the next target is asked at once.
    Elsewhere,
}

/// What to do after failed attempt number `attempt` (from 1) at a target that a retry may help.
///
/// `asked` is the provider's `Retry-After`, `left` the time until the call's deadline.
#[must_use]
pub fn again(rule: &RetryRule, attempt: u32, seed: u64, asked: Option<Duration>, left: Duration) -> Again {
    if attempt >= rule.attempts {
        return Again::Elsewhere;
    }
    let pause = match asked {
        Some(asked) if asked > rule.max => return Again::Elsewhere,
        Some(asked) => asked,
        None => jitter(ceiling(rule, attempt), seed),
    };
    if pause < left { Again::After(pause) } else { Again::Elsewhere }
}

/// The longest pause after this attempt: the base doubled each time, up to the rule's most.
fn ceiling(rule: &RetryRule, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    rule.base.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(rule.max)
}

fn jitter(most: Duration, seed: u64) -> Duration {
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(Draw(seed).below(micros.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: RetryRule = RetryRule {
        attempts: 10,
        base: Duration::from_millis(100),
        max: Duration::from_secs(5),
        total_attempts: 20,
        budget_percent: 20,
    };
    const LONG: Duration = Duration::from_secs(600);

    fn pauses(attempt: u32) -> impl Iterator<Item = Duration> {
        (0..1_000).map(move |seed| match again(&RULE, attempt, seed, None, LONG) {
            Again::After(pause) => pause,
            Again::Elsewhere => panic!("attempt {attempt} of {} is not the last", RULE.attempts),
        })
    }

    #[test]
    fn pauses_double_and_are_spread_over_the_whole_interval() {
        for (attempt, most) in [(1, 100), (2, 200), (3, 400), (6, 3_200), (7, 5_000), (9, 5_000)] {
            let most = Duration::from_millis(most);
            assert!(pauses(attempt).all(|pause| pause <= most));
            assert!(pauses(attempt).any(|pause| pause < most / 10), "full jitter reaches down to nothing");
            assert!(pauses(attempt).any(|pause| pause > most * 9 / 10));
            let mean = pauses(attempt).sum::<Duration>() / 1_000;
            assert!(mean > most * 4 / 10 && mean < most * 6 / 10, "{mean:?} of {most:?}");
        }
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        assert_eq!(again(&RULE, 10, 1, None, LONG), Again::Elsewhere);
        assert_eq!(again(&RetryRule { attempts: 1, ..RULE }, 1, 1, None, LONG), Again::Elsewhere);
    }

    #[test]
    fn case_088_retry_after_is_honoured_only_if_it_fits_the_deadline() {
        let (two, three) = (Duration::from_secs(2), Duration::from_secs(3));
        assert_eq!(again(&RULE, 1, 1, Some(two), three), Again::After(two), "exactly, without jitter");
        assert_eq!(again(&RULE, 1, 1, Some(two), two), Again::Elsewhere, "nothing would be left to answer in");
        assert_eq!(
            again(&RULE, 1, 1, Some(Duration::from_secs(6)), LONG),
            Again::Elsewhere,
            "longer than the rule's most"
        );
        assert_eq!(again(&RULE, 1, 1, None, Duration::ZERO), Again::Elsewhere);
    }

    #[test]
    fn absurd_rules_do_not_overflow() {
        let rule = RetryRule { attempts: u32::MAX, base: Duration::MAX, max: Duration::MAX, ..RULE };
        for attempt in [0, 1, 40, u32::MAX - 1] {
            let _ = again(&rule, attempt, u64::MAX, Some(Duration::MAX), Duration::MAX);
            let _ = again(&rule, attempt, u64::MAX, None, Duration::MAX);
        }
    }
}
