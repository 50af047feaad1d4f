//! The sums as others want them: in the columns of FOCUS, and beside a provider's own report.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use govern::{
    Money,
    chargeback::{
        Figures, Place, focus,
        reconcile::{CLASSES, Ours, class_of},
        split, without_percent,
    },
};
use llm::{
    catalog,
    price::Price,
    usage::{Role, Unit},
};

use crate::{Error, Grain, Period, Store};

impl Store {
    /// The spend of a day (since 1970, UTC) as a table of FOCUS 1.2. `issuer` charges the callers, `provider` knows the id of
    /// an account's provider.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn focus(
        &self,
        day: i64,
        issuer: &str,
        provider: &(dyn Fn(&str) -> Option<String> + Sync),
    ) -> Result<String, Error> {
        let sums = self.sums_of(Period { grain: Grain::Day, from: day, until: day + 1 }, None).await?;
        let prices = self.prices_of(&sums).await?;
        let daily = sums.into_iter().map(|(day, place, figures)| focus::Daily { day, place, figures });
        let price = |version: &str| prices.get(version).cloned();
        Ok(focus::table(daily, &focus::Books { issuer, provider: &|account| provider(account), price: &price }))
    }

    /// What was used of these accounts by the hour, in the classes that providers' reports have. Days since 1970; the last
    /// one is left out.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn used_of(&self, accounts: &HashSet<String>, from: i64, until: i64) -> Result<Vec<Ours>, Error> {
        let mut used = Vec::new();
        for day in from..until {
            let period = Period { grain: Grain::Hour, from: day * 24, until: (day + 1) * 24 };
            let mut sums = self.sums_of(period, None).await?;
            sums.retain(|(_, place, figures)| accounts.contains(&place.account) && figures.tries != 0);
            let prices = self.prices_of(&sums).await?;
            for (hour, place, figures) in &sums {
                classes(*hour, place, figures, prices.get(&place.price).map(|price| &**price), &mut used);
            }
        }
        Ok(used)
    }

    /// The prices that these places name.
    async fn prices_of(&self, sums: &[(i64, Place, Figures)]) -> Result<HashMap<String, Arc<Price>>, Error> {
        let mut prices = HashMap::new();
        for (_, place, _) in sums {
            let version = &place.price;
            if !version.contains('/') || version.contains('+') || prices.contains_key(version) {
                continue;
            }
            let kept = self.price(version).await?.map(|kept| Arc::new(kept.price));
            if let Some(price) = kept.or_else(|| catalog::price(version).map(|price| Arc::new((*price).clone()))) {
                prices.insert(version.clone(), price);
            }
        }
        Ok(prices)
    }
}

/// The figures of a place by class, with what the provider charges for each.
fn classes(hour: i64, place: &Place, figures: &Figures, price: Option<&Price>, used: &mut Vec<Ours>) {
    let usage = figures.usage();
    let mut weights = [0_i128; CLASSES.len()];
    match price {
        Some(price) => {
            for line in place.basis.rates(price, &usage) {
                let whole = match line.unit.role() {
                    Role::PartOf(whole) => whole,
                    _ => line.unit,
                };
                if let Some(weight) = class_of(whole).and_then(|class| weights.get_mut(class)) {
                    *weight += i128::from(line.count) * i128::from(line.rate.unwrap_or(0));
                }
            }
        }
        // No list takes the cost apart: by the tokens.
        None => {
            for (unit, count) in figures.counted() {
                if let Some(weight) = class_of(unit).and_then(|class| weights.get_mut(class)) {
                    *weight += i128::from(count);
                }
            }
        }
    }
    let costs = split(without_percent(figures.cost, place.basis.margin), &weights);
    let mut tries = figures.tries;
    for (class, cost) in costs.into_iter().enumerate() {
        let of = |unit: &&Unit| class_of(**unit) == Some(class);
        let tokens: i64 = Unit::ALL.iter().filter(of).map(|unit| figures.unit(*unit)).sum();
        if tokens == 0 && cost == Money::ZERO {
            continue;
        }
        used.push(Ours {
            hour,
            target_model: place.target_model.clone(),
            served_model: place.served_model.clone(),
            class,
            tokens,
            cost,
            tries: std::mem::take(&mut tries),
            incomplete: place.outcome != "success",
            unpriced: place.price.is_empty() || figures.unpriced > 0 && figures.cost == Money::ZERO,
        });
    }
}
