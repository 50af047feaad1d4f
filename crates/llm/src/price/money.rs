//! An amount of money: integer nano-dollars, so that a million small sums add up exactly.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Sub},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use super::decimal::{self, NotDecimal};

/// An amount in nano-dollars (10^-9 US dollars); serialised as that integer.
///
/// Sums saturate: 9.2 billion dollars are more than any ledger holds, and a wrapped sum would be a gift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    pub const ZERO: Self = Self(0);

    /// Rounds pico-dollars to nano-dollars, half away from zero.
    #[must_use]
    pub fn from_pico(pico: i128) -> Self {
        let nano = (pico.saturating_add(500 * pico.signum())) / 1000;
        Self(i64::try_from(nano).unwrap_or(if nano < 0 { i64::MIN } else { i64::MAX }))
    }

    /// The sum, or `None` if it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// Exact dollars, as short as they can be written: `0.000123`, `12`, `-0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NANO: u64 = 1_000_000_000;
        let amount = self.0.unsigned_abs();
        let (mut whole, mut fraction) = (amount / NANO, amount % NANO);
        // From behind, and passed on as one text: every answer is told its cost.
        let mut text = [0; 24];
        let mut places = text.iter_mut().rev();
        let mut put = |byte: u8| places.next().into_iter().for_each(|place| *place = byte);
        let digit = |number: u64| b'0' + (number % 10) as u8;
        let mut digits = if fraction == 0 { 0 } else { 9 };
        while digits > 0 && fraction.is_multiple_of(10) {
            (fraction, digits) = (fraction / 10, digits - 1);
        }
        for _ in 0..digits {
            put(digit(fraction));
            fraction /= 10;
        }
        if digits > 0 {
            put(b'.');
        }
        put(digit(whole));
        while whole > 9 {
            whole /= 10;
            put(digit(whole));
        }
        if self.0 < 0 {
            put(b'-');
        }
        let free = places.len();
        f.write_str(text.get(free..).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default())
    }
}

/// The text is not an amount in dollars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMoney {
    #[error(transparent)]
    NotDecimal(#[from] NotDecimal),
    #[error("`{0}` has more than nine decimals: a nano-dollar is the smallest amount")]
    TooFine(String),
    #[error("`{0}` is more than nine billion dollars")]
    TooLarge(String),
}

impl FromStr for Money {
    type Err = NotMoney;

    /// Reads dollars: `12`, `0.000123`, `1e-7`.
    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let decimal = decimal::parse(text, 9)?;
        if !decimal.exact {
            return Err(NotMoney::TooFine(text.to_owned()));
        }
        i64::try_from(decimal.value).map(Self).map_err(|_| NotMoney::TooLarge(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_written_exactly_and_read_back() {
        for (nano, text) in [
            (0, "0"),
            (123_000, "0.000123"),
            (1, "0.000000001"),
            (100_000_000, "0.1"),
            (12_000_000_000, "12"),
            (-500_000_000, "-0.5"),
            (i64::MAX, "9223372036.854775807"),
            (i64::MIN, "-9223372036.854775808"),
        ] {
            assert_eq!(Money(nano).to_string(), text);
            assert_eq!(text.parse(), Ok(Money(nano)));
        }
    }

    #[test]
    fn what_is_not_an_amount_says_why() {
        assert!("0.0000000001".parse::<Money>().unwrap_err().to_string().contains("nine decimals"));
        assert!("1e10".parse::<Money>().unwrap_err().to_string().contains("nine billion"));
        assert!("$5".parse::<Money>().unwrap_err().to_string().contains("not a decimal number"));
    }

    #[test]
    fn sums_saturate_and_the_wire_form_is_the_integer() {
        assert_eq!(Money(i64::MAX) + Money(1), Money(i64::MAX));
        assert_eq!(Money(i64::MIN) - Money(1), Money(i64::MIN));
        assert_eq!(Money(i64::MAX).checked_add(Money(1)), None);
        assert_eq!(Money::from_pico(i128::MAX), Money(i64::MAX));
        assert_eq!(serde_json::to_string(&Money(7)).unwrap(), "7");
    }

    #[test]
    fn half_a_nano_dollar_rounds_away_from_zero() {
        for (pico, nano) in [(499, 0), (500, 1), (1499, 1), (-499, 0), (-500, -1)] {
            assert_eq!(Money::from_pico(pico), Money(nano), "{pico}");
        }
    }
}
