//! What an attempt at a target costs: by its price, by what the provider states, or by an estimate.

use std::sync::Arc;

use llm::{
    Usage,
    price::{Charge, Money, Price, Served, Terms},
    provider::Operation,
};
use serde::{Deserialize, Serialize};

use super::snapshot::{Account, Costs, Target};

/// What was asked and how it was served, as far as that moves the price.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub operation: Operation,
    /// The service tier that really served it.
    pub tier: Option<&'a str>,
    /// What was asked for, in the provider's words: the size of a picture, the resolution of a film.
    pub words: &'a [&'a str],
}

/// What an attempt cost, and by whose word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bill {
    /// For what has a price; `None` if nothing that was used has one.
    pub cost: Option<Money>,
    /// Something that was used has no price.
    pub unpriced: bool,
    /// The cost, or a part of it, is an estimate: `unpriced: estimate` put it in place of a price that nobody knows.
    pub estimated: bool,
    /// Which price it was ([`Price::version`]), or `stated` by the provider.
    pub version: Option<Arc<str>>,
    pub basis: Basis,
}

/// What turns a price and a usage into a cost. With the price that its version names, it explains a cost for good.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Basis {
    /// The service tier that served it, unless it was the ordinary one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// What was asked for that moves the price, in the provider's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// The region that it ran in, if that moved the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What the account paid of the list price.
    #[serde(skip_serializing_if = "is_list_price")]
    pub terms: Terms,
}

impl Basis {
    /// What a price and this usage come to: the same sum as on the day of the call.
    #[must_use]
    pub fn charge(&self, price: &Price, usage: &Usage) -> Charge {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        price.charge(usage, &Served { tier: self.tier.as_deref(), region: self.region.as_deref(), words: &words })
    }
}

impl Target {
    /// What an attempt cost. An estimate, if the account has any, comes last.
    #[must_use]
    pub fn bill(&self, usage: &Usage, asked: &Asked<'_>) -> Bill {
        let bill = self.known_bill(usage, asked.tier, asked.words);
        match self.account.estimate(asked.operation) {
            Some(spare) if bill.unpriced => self.estimated(bill, spare, usage, asked),
            _ => bill,
        }
    }

    /// What an attempt cost by what is known of its price: by its list, or by what the provider states.
    #[must_use]
    pub fn known_bill(&self, usage: &Usage, tier: Option<&str>, words: &[&str]) -> Bill {
        let Costs { terms, stated_first } = self.account.costs;
        let served = self.served(tier, words);
        let listed = self.price.as_ref().map(|price| (price, price.charge(usage, &served)));
        let whole = listed.is_some_and(|(_, charge)| !charge.unpriced);
        let uplifted = |price: &Price| price.uplift(served.region) != 1000;
        let basis = Basis {
            tier: served.tier.map(str::to_owned),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            region: served.region.filter(|_| self.price.as_deref().is_some_and(uplifted)).map(str::to_owned),
            terms,
        };
        match (usage.stated, listed) {
            (Some(stated), _) if stated_first || !whole => {
                // A statement knows of every discount.
                let terms = Terms { discount: 0, ..terms };
                let cost = Some(Charge::stated(stated).money(&terms));
                Bill { cost, version: Some("stated".into()), basis: Basis { terms, ..basis }, ..Bill::default() }
            }
            (_, Some((price, charge))) => Bill {
                cost: charge.is_known().then(|| charge.money(&terms)),
                unpriced: charge.unpriced,
                estimated: false,
                version: price.version.clone(),
                basis,
            },
            _ => Bill { unpriced: !usage.is_empty(), basis, ..Bill::default() },
        }
    }

    fn estimated(&self, bill: Bill, spare: &Price, usage: &Usage, asked: &Asked<'_>) -> Bill {
        let charge = spare.estimate(self.price.as_deref(), usage, &self.served(asked.tier, asked.words));
        let versions = [bill.version.as_deref(), spare.version.as_deref()];
        let version = versions.into_iter().flatten().collect::<Vec<_>>().join("+");
        match charge.is_known() {
            false => bill,
            true => Bill {
                cost: Some(charge.money(&self.account.costs.terms)),
                unpriced: charge.unpriced,
                estimated: true,
                version: Some(version.into()),
                basis: bill.basis,
            },
        }
    }

    fn served<'a>(&'a self, tier: Option<&'a str>, words: &'a [&'a str]) -> Served<'a> {
        let tier = tier.filter(|tier| !ORDINARY.contains(tier));
        Served { tier, region: self.account.place.region.as_deref(), words }
    }
}

/// How providers call the tier that everybody gets: it is the price itself, no tier of it.
const ORDINARY: [&str; 2] = ["default", "standard"];

impl Account {
    /// The estimate for what has no price, if estimates are wanted and there is anything to estimate by.
    #[must_use]
    pub fn estimate(&self, operation: Operation) -> Option<&Arc<Price>> {
        self.estimates.iter().find(|(of, _)| *of == operation).map(|(_, price)| price)
    }
}

fn is_list_price(terms: &Terms) -> bool {
    *terms == Terms::default()
}
