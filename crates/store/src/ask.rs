//! Questions about spend in words, as the command line and the API take them.

use govern::chargeback::{calendar, place::DIMENSIONS};
use jiff::{Timestamp, civil::Date};

use llm::usage::Unit;
use serde_json::{Map, Value, json};

use crate::{By, Grain, Period, Spent};

const HOUR: i64 = 3_600_000_000;

impl By {
    /// What a name means: a dimension (`team`), a tag (`tag.feature`), `hour`, `day` or `month`.
    ///
    /// # Errors
    /// There is nothing of this name: what there is, in words.
    pub fn named(name: &str) -> Result<Self, String> {
        match name {
            "hour" => return Ok(Self::Hour),
            "day" => return Ok(Self::Day),
            "month" => return Ok(Self::Month),
            _ => {}
        }
        if let Some(tag) = name.strip_prefix("tag.").filter(|tag| !tag.is_empty()) {
            return Ok(Self::Tag(tag.to_owned()));
        }
        let dimension = DIMENSIONS.iter().find(|dimension| **dimension == name);
        dimension.map(|dimension| Self::Dimension(dimension)).ok_or_else(|| {
            format!("spend is not kept by {name:?}; it is by {}, tag.NAME, hour, day and month", DIMENSIONS.join(", "))
        })
    }

    /// Its name: the column of a table.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Dimension(name) => (*name).to_owned(),
            Self::Tag(tag) => format!("tag.{tag}"),
            Self::Hour => "hour".to_owned(),
            Self::Day => "day".to_owned(),
            Self::Month => "month".to_owned(),
        }
    }

    /// A key of an answer, for people: `2026-11-23T05:00:00Z`, `2026-11-23`, `2026-11`, or the text itself.
    #[must_use]
    pub fn shown(&self, key: &str) -> String {
        let number = || key.parse::<i64>().unwrap_or(0);
        match self {
            Self::Dimension(_) | Self::Tag(_) => key.to_owned(),
            Self::Hour => Timestamp::from_second(number().saturating_mul(3_600)).unwrap_or_default().to_string(),
            Self::Day => calendar::date_of(number()).to_string(),
            Self::Month => calendar::month_name(number()),
        }
    }
}

impl Spent {
    /// As the API answers it: what it was told apart by, and its figures.
    #[must_use]
    pub fn to_json(&self, by: &[By]) -> Value {
        let keys = by.iter().zip(&self.keys).map(|(by, key)| (by.name(), by.shown(key).into()));
        let mut object: Map<String, Value> = keys.collect();
        let units = self.figures.counted().map(|(unit, count): (Unit, i64)| (unit.name().to_owned(), count.into()));
        let figures = json!({
            "requests": self.figures.requests,
            "tries": self.figures.tries,
            "unpriced": self.figures.unpriced,
            "estimated": self.figures.estimated,
            "cost": self.figures.cost,
            "usage": units.collect::<Map<String, Value>>(),
        });
        object.extend(figures.as_object().cloned().unwrap_or_default());
        object.into()
    }
}

impl Period {
    /// The period between two times in words, in sums as long as the question allows. A time is a month (`2026-11`), a date
    /// or a full hour (`2026-11-23T05:00:00Z`), in UTC. Without a beginning it is this month, without an end now.
    ///
    /// `now`: microseconds since 1970.
    ///
    /// # Errors
    /// Which of the two is wrong (`since`, `until`, or `by`), and what would be right.
    pub fn between(
        since: Option<&str>,
        until: Option<&str>,
        by: &[By],
        now: i64,
    ) -> Result<Self, (&'static str, String)> {
        let today = now.div_euclid(calendar::DAY);
        let from = match since {
            Some(text) => hour(text).map_err(|problem| ("since", problem))?,
            None => calendar::month_start(calendar::month_of(today)) * 24,
        };
        let until = match until {
            Some(text) => hour(text).map_err(|problem| ("until", problem))?,
            None => (today + 1) * 24,
        };
        if until <= from {
            return Err(("until", "until must be later than since".to_owned()));
        }
        let whole_days = from % 24 == 0 && until % 24 == 0;
        if by.contains(&By::Month) && (!whole_days || by.contains(&By::Hour)) {
            return Err((
                "by",
                "months are sums of whole days: give since and until as dates, and leave out hour".to_owned(),
            ));
        }
        Ok(match whole_days && !by.contains(&By::Hour) {
            true => Self { grain: Grain::Day, from: from / 24, until: until / 24 },
            false => Self { grain: Grain::Hour, from, until },
        })
    }
}

/// Hours since 1970.
fn hour(text: &str) -> Result<i64, String> {
    if let Some(month) = calendar::month_named(text) {
        return Ok(calendar::month_start(month) * 24);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        let micros = time.as_microsecond();
        return match micros % HOUR {
            0 => Ok(micros / HOUR),
            _ => Err(format!("{text:?} is no full hour, and spend is kept by the hour: 2026-11-23T05:00:00Z")),
        };
    }
    match text.parse::<Date>() {
        Ok(date) if text.len() == 10 => Ok(calendar::day_of(date) * 24),
        _ => Err(format!(
            "{text:?} is neither a month (2026-11) nor a date (2026-11-23) nor a full hour (2026-11-23T05:00:00Z)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_whole_days_where_they_can_be() {
        let now = 20_780 * calendar::DAY + 5;
        let days = |from, until| Ok(Period { grain: Grain::Day, from, until });
        assert_eq!(Period::between(None, None, &[], now), days(20_758, 20_781));
        assert_eq!(Period::between(Some("2026-11"), Some("2026-11-03"), &[By::Month], now), days(20_758, 20_760));
        let hours = Period::between(Some("2026-11-01T01:00:00+01:00"), Some("2026-11-01T05:00:00Z"), &[], now);
        assert_eq!(hours, Ok(Period { grain: Grain::Hour, from: 20_758 * 24, until: 20_758 * 24 + 5 }));
        for (since, until, by, wrong) in [
            ("tomorrow", "2026-11-03", By::Day, "since"),
            ("2026-11-01", "2026-11-01T00:30:00Z", By::Day, "until"),
            ("2026-11-03", "2026-11-03", By::Day, "until"),
            ("2026-11-01", "2026-11-01T05:00:00Z", By::Month, "by"),
        ] {
            assert_eq!(Period::between(Some(since), Some(until), &[by], now).unwrap_err().0, wrong);
        }
    }

    #[test]
    fn names_come_back() {
        for name in ["team", "user", "tag.feature", "hour", "day", "month", "served_model"] {
            assert_eq!(By::named(name).unwrap().name(), name);
        }
        assert!(By::named("tag.").is_err() && By::named("teams").unwrap_err().contains("team,"));
        assert_eq!(By::Hour.shown("498197"), "2026-11-01T05:00:00Z");
    }
}
