//! The time in which a cap counts: the last so many seconds, a day of the calendar, or for ever.

use std::fmt;

use jiff::{Timestamp, civil::Weekday, tz::TimeZone};

/// The time in which a cap counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// The last so many microseconds, at every moment.
    Sliding(i64),
    /// A period of the calendar in a time zone.
    Calendar(Period, TimeZone),
    /// Since the limit was made.
    Lifetime,
    /// No time at all: what is in flight.
    Moment,
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    Day,
    /// From Monday.
    Week,
    Month,
    Quarter,
}

/// A stretch of time in microseconds since 1970; the end is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub start: i64,
    pub end: i64,
}

impl Slot {
    /// All of time.
    pub const EVER: Self = Self { start: 0, end: i64::MAX };
}

impl Period {
    pub const ALL: &'static [Self] = &[Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// The name in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }

    /// The period around `at` (microseconds since 1970) as the clocks of the zone show it. A day on which they change is
    /// shorter or longer; one that they skip the beginning of begins at the first moment that there is.
    #[must_use]
    pub fn around(self, at: i64, zone: &TimeZone) -> Slot {
        self.find(at, zone).unwrap_or(Slot::EVER)
    }

    fn find(self, at: i64, zone: &TimeZone) -> Option<Slot> {
        let day = Timestamp::from_microsecond(at).ok()?.to_zoned(zone.clone()).date();
        let first = match self {
            Self::Day => day,
            Self::Week => day.tomorrow().ok()?.nth_weekday(-1, Weekday::Monday).ok()?,
            Self::Month => day.first_of_month(),
            Self::Quarter => {
                let month = (day.month() - 1) / 3 * 3 + 1;
                jiff::civil::Date::new(day.year(), month, 1).ok()?
            }
        };
        let next = match self {
            Self::Day => first.tomorrow().ok()?,
            Self::Week => first.checked_add(jiff::Span::new().weeks(1)).ok()?,
            Self::Month => first.checked_add(jiff::Span::new().months(1)).ok()?,
            Self::Quarter => first.checked_add(jiff::Span::new().months(3)).ok()?,
        };
        let begin = |day: jiff::civil::Date| Some(day.to_zoned(zone.clone()).ok()?.timestamp().as_microsecond());
        Some(Slot { start: begin(first)?, end: begin(next)? })
    }
}

impl Window {
    /// For people: `a day`, `60s`, `in flight`.
    #[must_use]
    pub fn say(&self) -> String {
        match self {
            Self::Sliding(width) => format!("in {}", duration(*width)),
            Self::Calendar(period, zone) => {
                format!("a {} ({})", period.name(), zone.iana_name().unwrap_or("UTC"))
            }
            Self::Lifetime => "in all".to_owned(),
            Self::Moment => "at once".to_owned(),
        }
    }
}

/// As it stands in the names of counters: `60s`, `month@Europe/Berlin`, `lifetime`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sliding(width) => f.write_str(&duration(*width)),
            Self::Calendar(period, zone) => write!(f, "{}@{}", period.name(), zone.iana_name().unwrap_or("UTC")),
            Self::Lifetime => f.write_str("lifetime"),
            Self::Moment => f.write_str("now"),
        }
    }
}

/// When what is booked in a slot of a counter counts no more, by the counter's name: microseconds since 1970, rather too late
/// than too early.
#[must_use]
pub fn expires(counter: &str, slot: i64) -> i64 {
    const DAY: i64 = 86_400_000_000;
    let window = counter.split('/').nth(2).unwrap_or_default();
    let named = window.split_once('@').map_or(window, |(period, _)| period);
    let length = match named {
        "lifetime" => return i64::MAX,
        "day" => 2 * DAY,
        "week" => 8 * DAY,
        "month" => 32 * DAY,
        "quarter" => 93 * DAY,
        width => 2 * width_of(width).unwrap_or(30 * DAY),
    };
    slot.saturating_add(length)
}

/// The text of [`duration`], read.
fn width_of(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = UNITS.iter().find(|(_, name)| *name == unit).map_or(1, |(unit, _)| *unit);
    number.parse::<i64>().ok()?.checked_mul(unit)
}

const UNITS: [(i64, &str); 5] =
    [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms")];

/// `90s`, `30d`: in the largest unit in which it is whole.
fn duration(micros: i64) -> String {
    let unit = UNITS.iter().find(|(unit, _)| micros > 0 && micros % unit == 0);
    unit.map_or_else(|| format!("{micros}us"), |(unit, name)| format!("{}{name}", micros / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn check(period: Period, zone: &str, now: &str, start: &str, end: &str) {
        let zone = TimeZone::get(zone).unwrap();
        let slot = period.around(at(now), &zone);
        assert_eq!(slot, Slot { start: at(start), end: at(end) }, "{period:?} {now}");
        for inside in [slot.start, slot.end - 1] {
            assert_eq!(period.around(inside, &zone), slot, "{period:?} at {inside}");
        }
        assert_eq!(period.around(slot.end, &zone).start, slot.end, "the next begins where it ends");
        assert_eq!(period.around(slot.start - 1, &zone).end, slot.start, "the one before ends where it begins");
    }

    #[test]
    fn periods_are_those_of_the_calendar() {
        check(Period::Day, "UTC", "2026-11-23T12:00:00Z", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z");
        check(Period::Week, "UTC", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
        check(Period::Week, "UTC", "2026-11-29T23:59:59Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
        check(Period::Month, "UTC", "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
        check(Period::Quarter, "UTC", "2026-12-31T23:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z");
        check(Period::Quarter, "UTC", "2026-05-15T00:00:00Z", "2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z");
    }

    #[test]
    fn case_080_days_on_which_clocks_change_are_as_long_as_they_are() {
        // 23 hours, 25 hours.
        check(Period::Day, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
        check(Period::Day, "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
        check(Period::Day, "America/New_York", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
        // Midnight does not exist: the day begins at one.
        check(Period::Day, "Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z");
        check(Period::Day, "Asia/Kathmandu", "2026-11-23T12:00:00Z", "2026-11-22T18:15:00Z", "2026-11-23T18:15:00Z");
        // A month with a change in it.
        check(Period::Month, "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
    }

    #[test]
    fn case_080_periods_of_every_zone_follow_one_another_without_a_gap() {
        let (from, until) = (at("2026-01-01T00:00:00Z"), at("2027-02-01T00:00:00Z"));
        let mut zones = 0;
        for name in jiff::tz::db().available() {
            let zone = TimeZone::get(name.as_str()).unwrap();
            zones += 1;
            for period in Period::ALL {
                let mut slot = period.around(from, &zone);
                assert!(slot.start <= from && from < slot.end, "{name} {period:?}");
                while slot.end < until {
                    let next = period.around(slot.end, &zone);
                    assert_eq!(next.start, slot.end, "{name} {period:?}");
                    assert!(next.end > next.start, "{name} {period:?}");
                    assert_eq!(period.around(next.end - 1, &zone), next, "{name} {period:?}");
                    slot = next;
                }
            }
        }
        assert!(zones > 300, "{zones}");
    }

    #[test]
    fn windows_have_names_that_stay() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (window, name) in [
            (Window::Sliding(30_000_000), "30s"),
            (Window::Sliding(90_000_000), "90s"),
            (Window::Sliding(30 * 86_400_000_000), "30d"),
            (Window::Sliding(1_500_000), "1500ms"),
            (Window::Calendar(Period::Month, berlin), "month@Europe/Berlin"),
            (Window::Calendar(Period::Day, TimeZone::UTC), "day@UTC"),
            (Window::Lifetime, "lifetime"),
            (Window::Moment, "now"),
        ] {
            assert_eq!(window.to_string(), name);
        }
    }

    #[test]
    fn a_slot_is_kept_as_long_as_it_counts() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = at("2026-10-25T12:00:00Z");
        for period in Period::ALL {
            let (window, slot) = (Window::Calendar(*period, zone.clone()), period.around(now, &zone));
            assert!(expires(&format!("it/spend/{window}/user=a"), slot.start) >= slot.end, "{period:?}");
        }
        for width in [1_000_000, 90_000_000, 86_400_000_000 * 30, 1_234_567] {
            let until = expires(&format!("it/tokens/{}", Window::Sliding(width)), now);
            assert!((now + width..=now + 3 * width).contains(&until), "{width}");
        }
        assert_eq!(expires("it/spend/lifetime", 0), i64::MAX);
    }
}
