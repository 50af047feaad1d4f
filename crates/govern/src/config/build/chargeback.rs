//! Chargeback: who charges whom for what.

use std::collections::HashSet;

use super::{At, Checking, Fault};
use crate::{
    Money,
    chargeback::{
        calendar::month_named,
        plan::{Chargeback, Credit, Key, LEVELS, Margin, Measure, Months, Owner, SharedCost},
    },
    config::raw::{RawChargeback, RawMeasure, RawSharedCost},
};

impl Checking<'_> {
    pub(super) fn chargeback(&mut self, raw: &RawChargeback) -> Chargeback {
        let default = Chargeback::default();
        let issuer = match raw.issuer.as_deref() {
            Some(issuer) if issuer.trim().is_empty() => {
                let fix = "write the name of whoever charges, or leave it out";
                self.report.error(Fault::BadName, At::Value("chargeback.issuer"), "`issuer` is empty", fix);
                default.issuer
            }
            Some(issuer) => issuer.to_owned(),
            None => default.issuer,
        };
        Chargeback {
            issuer,
            tags: self.spend_tags(raw),
            margins: self.margins(raw),
            shared_costs: self.shared_costs(raw),
            credits: self.credits(raw),
        }
    }

    fn spend_tags(&mut self, raw: &RawChargeback) -> Vec<String> {
        let (mut tags, mut seen) = (Vec::new(), HashSet::new());
        for (number, tag) in raw.tags.iter().enumerate() {
            let Some(tag) = tag else { continue };
            let path = format!("chargeback.tags[{number}]");
            if tag.is_empty() || tag.len() > 64 {
                let fix = "write the name of a tag, of at most 64 bytes";
                self.report.error(Fault::BadName, At::Value(&path), format!("`{tag}` is no name of a tag"), fix);
            } else if seen.insert(tag) {
                tags.push(tag.clone());
            } else {
                self.report.error(Fault::Duplicate, At::Value(&path), format!("`{tag}` stands twice"), "write it once");
            }
        }
        tags
    }

    fn margins(&mut self, raw: &RawChargeback) -> Vec<Margin> {
        let mut margins: Vec<Margin> = Vec::new();
        for (number, raw) in raw.margins.iter().enumerate() {
            let Some(raw) = raw else { continue };
            let path = format!("chargeback.margins[{number}]");
            let Some(owner) = self.payer(&raw.of, &format!("{path}.of")) else { continue };
            let Some(hundredths) = self.scaled(raw.percent, 2, &format!("{path}.percent")) else { continue };
            if margins.iter().any(|margin| margin.owner == owner) {
                let message = format!("`{}` has a margin already", raw.of);
                self.report.error(
                    Fault::Duplicate,
                    At::Value(&format!("{path}.of")),
                    message,
                    "write one margin of both",
                );
            }
            margins.push(Margin { owner, hundredths });
        }
        margins
    }

    fn shared_costs(&mut self, raw: &RawChargeback) -> Vec<SharedCost> {
        let mut costs: Vec<SharedCost> = Vec::new();
        for (number, raw) in raw.shared_costs.iter().enumerate() {
            let Some(raw) = raw else { continue };
            let path = format!("chargeback.shared_costs[{number}]");
            let among = self.level(&raw.among, &format!("{path}.among"));
            let months = self.months(&raw.from, raw.until.as_deref(), &path);
            let monthly = self.scaled(raw.monthly, 9, &format!("{path}.monthly")).map(Money);
            let by = self.key(raw, &path);
            if costs.iter().any(|cost| cost.name == raw.name) {
                let message = format!("there is a shared cost `{}` already", raw.name);
                self.report.error(
                    Fault::Duplicate,
                    At::Value(&format!("{path}.name")),
                    message,
                    "give each a name of its own",
                );
            }
            if let (Some(among), Some(months), Some(monthly), Some(by)) = (among, months, monthly, by) {
                costs.push(SharedCost { name: raw.name.clone(), monthly, months, among, by });
            }
        }
        costs
    }

    fn key(&mut self, raw: &RawSharedCost, path: &str) -> Option<Key> {
        let Some(shares) = &raw.shares else {
            let measure = match raw.by {
                Some(RawMeasure::Spend) => Measure::Spend,
                Some(RawMeasure::Requests) => Measure::Requests,
                Some(RawMeasure::Tokens) | None => Measure::Tokens,
            };
            return Some(Key::Usage { measure, account: raw.account.clone() });
        };
        let at = format!("{path}.shares");
        if raw.by.is_some() || raw.account.is_some() {
            let fix = "keep `shares`, or `by` and `account`";
            self.report.error(Fault::NoEffect, At::Value(&at), "fixed shares do not look at usage", fix);
        }
        if shares.values().all(|share| *share == 0) {
            let fix = "write a share for whoever bears it: `{research: 60, search: 40}`";
            self.report.error(Fault::OutOfRange, At::Value(&at), "nobody has a share", fix);
            return None;
        }
        Some(Key::Shares(shares.iter().map(|(id, share)| (id.clone(), u64::from(*share))).collect()))
    }

    fn credits(&mut self, raw: &RawChargeback) -> Vec<Credit> {
        let mut credits = Vec::new();
        for (number, raw) in raw.credits.iter().enumerate() {
            let Some(raw) = raw else { continue };
            let path = format!("chargeback.credits[{number}]");
            let owner = self.payer(&raw.of, &format!("{path}.of"));
            let months = self.months(&raw.from, raw.until.as_deref(), &path);
            let amount = self.scaled(raw.amount, 9, &format!("{path}.amount")).map(Money);
            if let (Some(owner), Some(months), Some(amount)) = (owner, months, amount) {
                credits.push(Credit { name: raw.name.clone(), owner, amount, months });
            }
        }
        credits
    }

    /// `team/research`
    fn payer(&mut self, text: &str, path: &str) -> Option<Owner> {
        match text.split_once('/') {
            Some((level, id)) if !id.is_empty() => Some(Owner { level: self.level(level, path)?, id: id.to_owned() }),
            _ => {
                let fix = "write the kind and the id of whoever it is: `team/research`";
                self.report.error(Fault::BadName, At::Value(path), format!("`{text}` names nobody"), fix);
                None
            }
        }
    }

    fn level(&mut self, text: &str, path: &str) -> Option<&'static str> {
        let level = LEVELS.into_iter().find(|level| *level == text);
        if level.is_none() {
            let fix = format!("write one of {}", LEVELS.join(", "));
            self.report.error(Fault::UnknownValue, At::Value(path), format!("nobody is charged by `{text}`"), fix);
        }
        level
    }

    fn months(&mut self, from: &str, until: Option<&str>, path: &str) -> Option<Months> {
        let mut month = |text: &str, name: &str| -> Option<i64> {
            let month = month_named(text);
            if month.is_none() {
                let at = format!("{path}.{name}");
                self.report.error(
                    Fault::BadTime,
                    At::Value(&at),
                    format!("`{text}` is no month"),
                    "write it as `2026-11`",
                );
            }
            month
        };
        let from = month(from, "from")?;
        let until = match until {
            Some(until) => Some(month(until, "until")?),
            None => None,
        };
        if until.is_some_and(|until| until <= from) {
            let at = format!("{path}.until");
            let fix = "write the first month that is not covered any more";
            self.report.error(Fault::OutOfRange, At::Value(&at), "`until` is not later than `from`", fix);
            return None;
        }
        Some(Months { from, until })
    }

    /// A number with at most so many decimals, as a whole number. The text of a float is exact.
    fn scaled(&mut self, number: f64, decimals: i32, path: &str) -> Option<i64> {
        let read = llm::price::parse_decimal(&number.to_string(), decimals).ok().filter(|read| read.exact);
        let scaled = read.and_then(|read| i64::try_from(read.value).ok());
        if scaled.is_none() {
            let fix = format!("write a number with at most {decimals} decimals");
            self.report.error(Fault::OutOfRange, At::Value(path), format!("`{number}` is too fine or too large"), fix);
        }
        scaled
    }
}
