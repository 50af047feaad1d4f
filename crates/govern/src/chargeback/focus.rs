//! Spend in the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification
//! (<https://focus.finops.org/focus-specification/v1-2/>).
//!
//! A row is a day of a sub-account (a team; without one, a key), a model of a provider's account, and a class of tokens or
//! another unit. `BilledCost` is what callers are charged, to the nano-dollar, and sums to the records; `ListCost` and
//! `ContractedCost` are the list's and the account's own price times the quantity, in full.

mod columns;
mod row;

use std::{collections::BTreeMap, sync::Arc};

use llm::price::Price;

use super::{Figures, Place, csv};

pub use columns::{COLUMNS, Column, Kind};

/// A sum of spend on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daily {
    /// Days since 1970, in UTC.
    pub day: i64,
    pub place: Place,
    pub figures: Figures,
}

/// What the rows need to know besides the sums.
pub struct Books<'a> {
    /// Who charges the callers.
    pub issuer: &'a str,
    /// The id of an account's provider.
    pub provider: &'a dyn Fn(&str) -> Option<String>,
    /// The price of a version.
    pub price: &'a dyn Fn(&str) -> Option<Arc<Price>>,
}

/// The table: a line of names, then a line per row.
#[must_use]
pub fn table(spend: impl IntoIterator<Item = Daily>, books: &Books<'_>) -> String {
    let mut out = String::new();
    csv::line(&mut out, COLUMNS.iter().map(|column| column.name));
    for ((day, place), figures) in merged(spend) {
        for row in row::rows(day, &place, &figures, books) {
            csv::line(&mut out, row.iter().map(String::as_str));
        }
    }
    out
}

/// The sums without what no column speaks of.
fn merged(spend: impl IntoIterator<Item = Daily>) -> BTreeMap<(i64, Place), Figures> {
    let mut merged: BTreeMap<(i64, Place), Figures> = BTreeMap::new();
    for Daily { day, place, figures } in spend {
        let place = Place {
            user: String::new(),
            model: String::new(),
            served_model: String::new(),
            outcome: String::new(),
            ..place
        };
        merged.entry((day, place)).or_default().add(&figures);
    }
    merged
}

#[cfg(test)]
mod tests;
