//! Decimal numbers as text to scaled integers, without a float in between.

/// A decimal number times a power of ten, as an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// The scaled value, rounded half away from zero.
    pub value: i128,
    /// Whether rounding changed nothing.
    pub exact: bool,
}

/// The text is not a decimal number, or one too large to be money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a decimal number such as 2.50 or 1.5e-07")]
pub struct NotDecimal(pub String);

/// Reads `-12.50` or JSON's `1.5e-07` and multiplies it by 10^`scale`.
///
/// # Errors
/// The text is not a decimal number, or the product has more than 36 digits.
pub fn parse(text: &str, scale: i32) -> Result<Decimal, NotDecimal> {
    scaled(text, scale).ok_or_else(|| NotDecimal(text.chars().take(64).collect()))
}

fn scaled(text: &str, scale: i32) -> Option<Decimal> {
    const MOST_DIGITS: usize = 36;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let number = [whole, fraction].concat();
    if number.is_empty() || number.len() > MOST_DIGITS || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i128 = number.parse().ok()?;
    let shift = exponent.checked_add(scale)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = |digits: u32| 10_i128.checked_pow(digits);
    let (value, exact) = if number == 0 {
        (0, true)
    } else if shift >= 0 {
        (number.checked_mul(power(shift.unsigned_abs())?)?, true)
    } else {
        match power(shift.unsigned_abs()) {
            // Half is added before the division, which cuts: number < 10^36 and divisor < 10^39 leave room for it.
            Some(divisor) => ((number + divisor / 2) / divisor, number % divisor == 0),
            None => (0, false),
        }
    };
    Some(Decimal { value: if negative { -value } else { value }, exact })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, scale: i32, value: i128, exact: bool) {
        assert_eq!(parse(text, scale), Ok(Decimal { value, exact }), "{text}");
    }

    #[test]
    fn text_becomes_a_scaled_integer() {
        check("1e-07", 12, 100_000, true);
        check("2.5E-6", 12, 2_500_000, true);
        check("0.0000011428571428571428", 12, 1_142_857, false);
        check("0.0", 12, 0, true);
        check("5", 12, 5_000_000_000_000, true);
        check("-0.5", 9, -500_000_000, true);
        check("2.50", 6, 2_500_000, true);
        check("1e-300", 12, 0, false);
        check("0.0000000000005", 12, 1, false);
        check("0.00000000000049", 12, 0, false);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", ".", "-", "abc", "1.2.3", "1e", "NaN", "inf", "+1", " 1", "1_000", "1e40", "--1"] {
            assert!(parse(text, 12).is_err(), "{text}");
        }
    }
}
