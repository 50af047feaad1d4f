//! Whether the sums are those of the records.

use std::collections::BTreeMap;

use govern::{
    Money,
    chargeback::{Figures, Place},
};

use crate::{Error, Filter, Grain, Period, Store};

const HOUR: i64 = 3_600_000_000;

/// Records that are read at a time.
const STEP: u32 = 1_000;

/// What of the sums is not what the records come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drift {
    /// Records that were added up.
    pub records: u64,
    /// Sums that were compared: places by hour.
    pub sums: u64,
    /// Sums of hours that differ from the records, and sums of days that differ from their hours.
    pub wrong: u64,
    /// By how much the sums of the hours say too much, in nano-dollars.
    pub cost: Money,
    /// What the records come to.
    pub of_records: Money,
}

impl Store {
    /// Adds up the records that arrived in these days and compares the sums that are kept, place by place and hour by hour,
    /// and those of the days with those of their hours. Records that are kept no longer cannot be added up: the days must
    /// be whole.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn check_spend(&self, from_day: i64, until_day: i64) -> Result<Drift, Error> {
        let (from, until) = (from_day * 24, until_day * 24);
        let mut drift = Drift::default();
        let mut hours = Table::default();
        // The id of a record has a time of its own, a moment from that of its arrival.
        let filter = Filter { since: Some((from - 1) * HOUR), until: Some((until + 1) * HOUR), ..Filter::default() };
        let mut after = 0;
        loop {
            let rows = self.tail(&filter, Some(after), STEP).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            let inside = |at: i64| (from..until).contains(&at.div_euclid(HOUR));
            let records: Vec<_> = rows.into_iter().map(|row| row.record).filter(|record| inside(record.at)).collect();
            drift.records += records.len() as u64;
            for (hour, place, figures) in self.sums(&records).await?.of(&self.rollup, &records).into_places() {
                drift.of_records += figures.cost;
                hours.add(hour, place, &figures);
            }
        }
        let mut kept = Table::default();
        for (hour, place, figures) in self.sums_of(Period { grain: Grain::Hour, from, until }, None).await? {
            kept.add(hour, place, &figures);
        }
        let mut days = Table::default();
        for ((hour, place), figures) in &kept.0 {
            days.add(hour.div_euclid(24), place.clone(), figures);
        }
        let mut kept_days = Table::default();
        let period = Period { grain: Grain::Day, from: from_day, until: until_day };
        for (day, place, figures) in self.sums_of(period, None).await? {
            kept_days.add(day, place, &figures);
        }
        drift.sums = kept.0.len() as u64;
        drift.cost = kept.cost() - hours.cost();
        drift.wrong = hours.differences(kept) + days.differences(kept_days);
        Ok(drift)
    }
}

/// Figures by time and place. Tags are left out: which of them spend is kept by may have been another choice then.
#[derive(Default)]
struct Table(BTreeMap<(i64, Place), Figures>);

impl Table {
    fn add(&mut self, time: i64, place: Place, figures: &Figures) {
        let place = Place { tags: BTreeMap::new(), ..place };
        self.0.entry((time, place)).or_default().add(figures);
    }

    fn cost(&self) -> Money {
        self.0.values().map(|figures| figures.cost).sum()
    }

    fn differences(mut self, other: Self) -> u64 {
        for (key, figures) in other.0 {
            self.0.entry(key).or_default().add(&figures.negated());
        }
        self.0.values().filter(|figures| !figures.is_zero()).count() as u64
    }
}
