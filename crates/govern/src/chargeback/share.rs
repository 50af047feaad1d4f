//! Division of money without a remainder.

use crate::Money;

/// Divides an amount in proportion to weights. The parts sum to the amount, to the last nano-dollar: each gets its share
/// rounded down, and what is left goes by one to those who lost most in the rounding, the earlier ones first among equals.
/// Negative weights count as none; if there are no weights at all, the first part gets everything.
#[must_use]
pub fn split(amount: Money, weights: &[i128]) -> Vec<Money> {
    let weights: Vec<u128> = scaled(weights);
    let total: u128 = weights.iter().sum();
    if total == 0 {
        let mut parts = vec![Money::ZERO; weights.len()];
        if let Some(first) = parts.first_mut() {
            *first = amount;
        }
        return parts;
    }
    // A weight is below 2^62 and an amount at most 2^63: no product overflows.
    let whole = u128::from(amount.0.unsigned_abs());
    let mut parts: Vec<u128> = weights.iter().map(|weight| whole * weight / total).collect();
    let left = whole - parts.iter().sum::<u128>();
    let mut by_loss: Vec<usize> = (0..weights.len()).collect();
    by_loss.sort_by_key(|at| std::cmp::Reverse(weights.get(*at).map_or(0, |weight| whole * weight % total)));
    for at in by_loss.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        if let Some(part) = parts.get_mut(at) {
            *part += 1;
        }
    }
    parts.into_iter().map(|part| signed(part, amount.0 < 0)).collect()
}

/// Weights as they are, or all of them halved until their sum can be reckoned with.
fn scaled(weights: &[i128]) -> Vec<u128> {
    const MOST: u128 = 1 << 62;
    let mut weights: Vec<u128> = weights.iter().map(|weight| u128::try_from(*weight).unwrap_or(0)).collect();
    while weights.iter().fold(0_u128, |sum, weight| sum.saturating_add(*weight)) > MOST {
        for weight in &mut weights {
            *weight >>= 1;
        }
    }
    weights
}

fn signed(part: u128, negative: bool) -> Money {
    let part = i128::try_from(part).unwrap_or(i128::MAX);
    let part = if negative { -part } else { part };
    Money(i64::try_from(part).unwrap_or(if negative { i64::MIN } else { i64::MAX }))
}

/// So many hundredths of a percent of an amount, rounded half away from zero.
#[must_use]
pub fn percent(amount: Money, hundredths: i64) -> Money {
    let product = i128::from(amount.0) * i128::from(hundredths);
    let rounded = (product + 5_000 * product.signum()) / 10_000;
    Money(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
}

/// What an amount was before so many hundredths of a percent were put on top, rounded half away from zero.
#[must_use]
pub fn without_percent(amount: Money, hundredths: u32) -> Money {
    let whole = 10_000 + i128::from(hundredths);
    let scaled = i128::from(amount.0) * 10_000;
    Money(i64::try_from((scaled + whole / 2 * scaled.signum()) / whole).unwrap_or(amount.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(amount: i64, weights: &[i128], parts: &[i64]) {
        assert_eq!(split(Money(amount), weights), parts.iter().map(|part| Money(*part)).collect::<Vec<_>>());
    }

    #[test]
    fn a_remainder_goes_to_those_who_lost_most_and_then_to_the_first() {
        check(10, &[1, 1, 1], &[4, 3, 3]);
        check(11, &[1, 1, 1], &[4, 4, 3]);
        check(-10, &[1, 1, 1], &[-4, -3, -3]);
        check(10, &[1, 2, 4], &[1, 3, 6]);
        check(7, &[0, 0], &[7, 0]);
        check(7, &[-5, 1], &[0, 7]);
        check(7, &[], &[]);
        check(i64::MAX, &[1], &[i64::MAX]);
        check(i64::MIN, &[0, 5], &[0, i64::MIN]);
    }

    #[test]
    fn percents_round_half_away_from_zero() {
        assert_eq!(percent(Money(1_000), 250), Money(25));
        assert_eq!(percent(Money(1), 5_000), Money(1));
        assert_eq!(percent(Money(-1), 5_000), Money(-1));
        assert_eq!(percent(Money(i64::MAX), 20_000), Money(i64::MAX));
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole(amount: i64, weights in prop::collection::vec(any::<i128>(), 1..40)) {
            let parts = split(Money(amount), &weights);
            prop_assert_eq!(parts.iter().map(|part| i128::from(part.0)).sum::<i128>(), i128::from(amount));
            prop_assert_eq!(parts.len(), weights.len());
            for part in parts {
                prop_assert!(part.0 == 0 || (part.0 < 0) == (amount < 0));
            }
        }

        #[test]
        fn parts_are_at_most_one_nano_dollar_from_their_share(
            amount in 0..=i64::MAX, weights in prop::collection::vec(0..1_000_000_i128, 1..20),
        ) {
            let total: i128 = weights.iter().sum();
            prop_assume!(total > 0);
            for (part, weight) in split(Money(amount), &weights).into_iter().zip(&weights) {
                let exact = i128::from(amount) * weight;
                prop_assert!((i128::from(part.0) * total - exact).abs() < total);
            }
        }
    }
}
