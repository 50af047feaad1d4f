//! What the configuration says of chargeback: who charges, by which tags, and what comes on top of the calls.

use crate::Money;

/// The rules of chargeback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chargeback {
    /// Who charges the callers: the issuer in exports and on statements.
    pub issuer: String,
    /// Tags of callers that spend is kept by.
    pub tags: Vec<String>,
    pub margins: Vec<Margin>,
    pub shared_costs: Vec<SharedCost>,
    /// In the order in which they are written.
    pub credits: Vec<Credit>,
}

impl Default for Chargeback {
    fn default() -> Self {
        Self {
            issuer: "Tollgate".to_owned(),
            tags: Vec::new(),
            margins: Vec::new(),
            shared_costs: Vec::new(),
            credits: Vec::new(),
        }
    }
}

/// Somebody who is charged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// One of [`LEVELS`].
    pub level: &'static str,
    pub id: String,
}

/// The kinds of owner, as spend is kept by them.
pub const LEVELS: [&str; 7] = ["organization", "division", "team", "project", "user", "virtual_account", "key"];

/// What is put on top of an owner's spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Margin {
    pub owner: Owner,
    /// Hundredths of a percent.
    pub hundredths: i64,
}

/// Months since January 1970, from one to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Months {
    pub from: i64,
    pub until: Option<i64>,
}

impl Months {
    #[must_use]
    pub fn contains(&self, month: i64) -> bool {
        month >= self.from && self.until.is_none_or(|until| month < until)
    }
}

/// A fixed cost of every month that several bear: a machine of one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedCost {
    pub name: String,
    pub monthly: Money,
    pub months: Months,
    /// Of which kind those are who bear it: one of [`LEVELS`].
    pub among: &'static str,
    pub by: Key,
}

/// How a shared cost is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// In fixed shares.
    Shares(Vec<(String, u64)>),
    /// By what each used in the month, of an account if one is named.
    Usage { measure: Measure, account: Option<String> },
}

/// What is counted of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Spend,
    Tokens,
    Requests,
}

impl Measure {
    /// How much of it is in these figures.
    #[must_use]
    pub fn of(self, figures: &super::Figures) -> i128 {
        match self {
            Self::Spend => figures.cost.0.into(),
            Self::Tokens => figures.usage().total().into(),
            Self::Requests => figures.requests.into(),
        }
    }
}

/// Money that an owner was given to spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    pub name: String,
    pub owner: Owner,
    pub amount: Money,
    pub months: Months,
}
