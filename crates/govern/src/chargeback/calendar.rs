//! Days and months since 1970, in UTC: the days by which providers bill.

use jiff::{
    Timestamp,
    civil::{Date, date},
    tz::TimeZone,
};

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// The civil date of a day since 1970; of one beyond all calendars, 1970 itself.
#[must_use]
pub fn date_of(day: i64) -> Date {
    let time = day.checked_mul(86_400).and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default();
    time.to_zoned(TimeZone::UTC).date()
}

/// The day since 1970 of a date.
#[must_use]
pub fn day_of(date: Date) -> i64 {
    let begins = date.to_zoned(TimeZone::UTC).map(|begins| begins.timestamp().as_second());
    begins.map_or(0, |seconds| seconds.div_euclid(86_400))
}

/// The month since January 1970 that a day is in.
#[must_use]
pub fn month_of(day: i64) -> i64 {
    let date = date_of(day);
    (i64::from(date.year()) - 1970) * 12 + i64::from(date.month()) - 1
}

/// The first day of a month since January 1970.
#[must_use]
pub fn month_start(month: i64) -> i64 {
    let year = i16::try_from(1970 + month.div_euclid(12)).unwrap_or(1970).clamp(1, 9000);
    let month = i8::try_from(month.rem_euclid(12) + 1).unwrap_or(1);
    day_of(date(year, month, 1))
}

/// The beginning of a day: `2026-11-23T00:00:00Z`.
#[must_use]
pub fn time(day: i64) -> String {
    format!("{}T00:00:00Z", date_of(day))
}

/// `2026-11`.
#[must_use]
pub fn month_name(month: i64) -> String {
    let date = date_of(month_start(month));
    format!("{:04}-{:02}", date.year(), date.month())
}

/// The month that `2026-11` names.
#[must_use]
pub fn month_named(text: &str) -> Option<i64> {
    let (year, month) = text.split_once('-')?;
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) {
        return None;
    }
    let (year, month): (i64, i64) = (year.parse().ok()?, month.parse().ok()?);
    ((1970..=9000).contains(&year) && (1..=12).contains(&month)).then_some((year - 1970) * 12 + month - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_days_come_back() {
        for (text, month, start) in [("1970-01", 0, 0), ("2024-03", 650, 19_783), ("2026-11", 682, 20_758)] {
            assert_eq!((month_named(text), month_start(month)), (Some(month), start), "{text}");
            assert_eq!((month_name(month).as_str(), month_of(start), month_of(start - 1)), (text, month, month - 1));
            assert_eq!(day_of(date_of(start)), start);
        }
        assert_eq!(time(20_758), "2026-11-01T00:00:00Z");
        for bad in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "2026-11-01", "1969-12", "+026-11"] {
            assert_eq!(month_named(bad), None, "{bad}");
        }
    }
}
