//! The statement of an owner for a month: what was used, what came on top, what credits paid, and what is due.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Figures,
    calendar::month_name,
    percent,
    plan::{Chargeback, Credit, Key, Owner, SharedCost},
    split,
};
use crate::Money;

/// Figures by two names, such as account and model.
pub type Spent = BTreeMap<(String, String), Figures>;

/// The spend that a statement is made of, by month since January 1970.
#[derive(Debug, Clone, Default)]
pub struct Spend {
    /// What the owner used, by account and model.
    pub own: BTreeMap<i64, Spent>,
    /// What everybody used who may bear a shared cost: by month, kind of owner, account, and id.
    pub all: BTreeMap<(i64, &'static str), Spent>,
}

/// A statement. Its parts sum to what is due, to the last nano-dollar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// `team`
    pub level: &'static str,
    pub id: String,
    pub issuer: String,
    /// `2026-11`
    pub month: String,
    pub lines: Vec<Line>,
    /// The sum of the lines.
    pub usage: Money,
    pub margin: Money,
    pub shared_costs: Vec<Share>,
    /// Usage, margin and shared costs.
    pub gross: Money,
    pub credits: Vec<Drawn>,
    pub due: Money,
    /// Requests of which something has no known price: the statement may become dearer.
    pub unpriced: i64,
    /// Requests whose cost is an estimate.
    pub estimated: i64,
}

/// What was used of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub account: String,
    pub model: String,
    pub requests: i64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost: Money,
}

/// A part of a shared cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    pub name: String,
    pub of: Money,
    pub amount: Money,
}

/// What a credit paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drawn {
    pub name: String,
    /// What was left of it before.
    pub before: Money,
    pub amount: Money,
    /// What is left of it; nothing is left when it ends.
    pub left: Money,
    /// The month in which it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The first month whose spend a statement of this month depends on: credits are drawn down from their first.
#[must_use]
pub fn first_month(plan: &Chargeback, owner: &Owner, month: i64) -> i64 {
    let credits = plan.credits.iter().filter(|credit| credit.owner == *owner && credit.months.contains(month));
    credits.map(|credit| credit.months.from).min().unwrap_or(month)
}

/// The statement of an owner.
#[must_use]
pub fn statement(plan: &Chargeback, owner: &Owner, month: i64, spend: &Spend) -> Statement {
    let mut credits: Vec<(&Credit, Money)> =
        plan.credits.iter().filter(|credit| credit.owner == *owner).map(|credit| (credit, credit.amount)).collect();
    // What ends first is drawn first.
    credits.sort_by_key(|(credit, _)| credit.months.until.unwrap_or(i64::MAX));
    let first = credits.iter().map(|(credit, _)| credit.months.from).min().unwrap_or(month).min(month);
    for before in first..month {
        draw(&mut credits, before, charges(plan, owner, before, spend).gross);
    }
    let mut statement = charges(plan, owner, month, spend);
    statement.credits = draw(&mut credits, month, statement.gross);
    statement.due = statement.gross - statement.credits.iter().map(|drawn| drawn.amount).sum();
    statement
}

/// Takes what is to be paid from the credits of a month.
fn draw(credits: &mut [(&Credit, Money)], month: i64, gross: Money) -> Vec<Drawn> {
    let mut open = gross.max(Money::ZERO);
    let mut drawn = Vec::new();
    for (credit, left) in credits.iter_mut().filter(|(credit, _)| credit.months.contains(month)) {
        let (before, amount) = (*left, open.min(*left));
        *left = *left - amount;
        open = open - amount;
        let until = credit.months.until.map(month_name);
        drawn.push(Drawn { name: credit.name.clone(), before, amount, left: *left, until });
    }
    drawn
}

/// Everything but the credits.
fn charges(plan: &Chargeback, owner: &Owner, month: i64, spend: &Spend) -> Statement {
    let none = BTreeMap::new();
    let own = spend.own.get(&month).unwrap_or(&none);
    let line = |((account, model), figures): (&(String, String), &Figures)| Line {
        account: account.clone(),
        model: model.clone(),
        requests: figures.requests,
        input_tokens: figures.usage().prompt(),
        output_tokens: figures.usage().output,
        cost: figures.cost,
    };
    let lines: Vec<Line> = own.iter().map(line).collect();
    let usage: Money = lines.iter().map(|line| line.cost).sum();
    let margins = plan.margins.iter().filter(|margin| margin.owner == *owner);
    let margin: Money = margins.map(|margin| percent(usage, margin.hundredths)).sum();
    let costs = plan.shared_costs.iter().filter(|cost| cost.months.contains(month));
    let shared_costs: Vec<Share> = costs.filter_map(|cost| share(cost, owner, month, spend)).collect();
    let gross = usage + margin + shared_costs.iter().map(|share| share.amount).sum();
    Statement {
        level: owner.level,
        id: owner.id.clone(),
        issuer: plan.issuer.clone(),
        month: month_name(month),
        lines,
        usage,
        margin,
        shared_costs,
        gross,
        credits: Vec::new(),
        due: gross,
        unpriced: own.values().map(|figures| figures.unpriced).sum(),
        estimated: own.values().map(|figures| figures.estimated).sum(),
    }
}

/// The part of a shared cost that an owner bears, if it is one of those who do.
fn share(cost: &SharedCost, owner: &Owner, month: i64, spend: &Spend) -> Option<Share> {
    if owner.level != cost.among {
        return None;
    }
    let parts = shares(cost, month, spend);
    let amount = parts.into_iter().find(|(id, _)| *id == owner.id).map(|(_, amount)| amount)?;
    Some(Share { name: cost.name.clone(), of: cost.monthly, amount })
}

/// A shared cost of a month, divided: the parts sum to the whole. An empty id bears what nobody else used.
#[must_use]
pub fn shares(cost: &SharedCost, month: i64, spend: &Spend) -> Vec<(String, Money)> {
    let weights: BTreeMap<String, i128> = match &cost.by {
        Key::Shares(shares) => shares.iter().map(|(id, share)| (id.clone(), i128::from(*share))).collect(),
        Key::Usage { measure, account } => {
            let mut weights = BTreeMap::new();
            for ((used, id), figures) in spend.all.get(&(month, cost.among)).into_iter().flatten() {
                if account.as_ref().is_none_or(|account| account == used) {
                    *weights.entry(id.clone()).or_insert(0) += measure.of(figures).max(0);
                }
            }
            // Nobody used it: nobody in particular pays.
            if weights.values().all(|weight| *weight == 0) {
                weights = BTreeMap::from([(String::new(), 1)]);
            }
            weights
        }
    };
    let parts = split(cost.monthly, &weights.values().copied().collect::<Vec<_>>());
    weights.into_keys().zip(parts).collect()
}

#[cfg(test)]
mod tests;
