//! A provider's own report of what was used and charged, against the sums of our records, by day, model and class of tokens.
//!
//! Every difference is explained by one kind of cause, and the differences of all findings sum to the difference of the
//! totals: nothing is left over, and where both sides agree nothing is said. Reports hold sums and no calls, so a finding
//! says which cause fits the figures; it never guesses where another cause would fit as well: what fits none is a
//! difference of tokens or of price.

mod cells;
mod classify;
mod edges;
pub mod report;

use serde::Serialize;

use crate::Money;

pub use cells::{Ours, class_of};
pub use report::{BadReport, Report, Theirs};

/// Classes of tokens that reports tell apart.
pub const CLASSES: [&str; 5] = ["input", "cache_read", "cache_write", "cache_write_1h", "output"];

/// The cause of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The provider charged for calls that are not recorded here: they did not come through this gateway.
    MissingHere,
    /// Calls are recorded here that the provider does not report.
    MissingThere,
    /// The same calls, other counts of tokens.
    TokenDifference,
    /// The same tokens at another price.
    PriceDifference,
    /// Less than the report's own last digit, or than the rounding of each call to the nano-dollar.
    Rounding,
    /// Calls around midnight, or a report whose days begin at another hour.
    TimeZoneShift,
    /// Calls that failed or were cancelled: the provider counts them otherwise than was known here.
    FailedOrCancelled,
    /// Calls whose price is not known here.
    Unpriced,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::MissingHere,
        Self::MissingThere,
        Self::TokenDifference,
        Self::PriceDifference,
        Self::Rounding,
        Self::TimeZoneShift,
        Self::FailedOrCancelled,
        Self::Unpriced,
    ];

    /// The word in reports: `missing_here`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::TokenDifference => "token_difference",
            Self::PriceDifference => "price_difference",
            Self::Rounding => "rounding",
            Self::TimeZoneShift => "time_zone_shift",
            Self::FailedOrCancelled => "failed_or_cancelled",
            Self::Unpriced => "unpriced",
        }
    }
}

/// A difference, and its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: Kind,
    /// Days since 1970.
    #[serde(serialize_with = "as_date")]
    pub day: i64,
    pub model: String,
    /// One of [`CLASSES`]; `None` for the model as a whole.
    pub class: Option<&'static str>,
    /// Theirs less ours.
    pub tokens: i64,
    /// Theirs less ours, in nano-dollars.
    pub cost: Money,
    /// In words.
    pub because: String,
}

/// Sums of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Total {
    pub tokens: i64,
    /// Nano-dollars, for what the report states a cost of.
    pub cost: Money,
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    pub ours: Total,
    pub theirs: Total,
    /// By day, model and class.
    pub findings: Vec<Finding>,
    /// Cells (a day, a model, a class) that were compared, and those that agree.
    pub compared: usize,
    pub agreeing: usize,
}

impl Reconciliation {
    /// The findings of a kind: how many, tokens, cost.
    #[must_use]
    pub fn sum(&self, kind: Kind) -> (usize, i64, Money) {
        let of = || self.findings.iter().filter(|finding| finding.kind == kind);
        (of().count(), of().map(|finding| finding.tokens).sum(), of().map(|finding| finding.cost).sum())
    }
}

/// Compares. `ours` may go beyond the days of the report: what the report does not cover is left out.
#[must_use]
pub fn compare(ours: &[Ours], report: &Report) -> Reconciliation {
    let mut sheet = cells::Sheet::of(ours, report);
    let mut findings = edges::whole_zone(&mut sheet, ours, report);
    findings.extend(edges::midnights(&mut sheet));
    let (ours, theirs) = sheet.original;
    findings.extend(classify::all(&sheet));
    findings.sort_by(|one, other| {
        (one.day, &one.model, one.class, one.kind).cmp(&(other.day, &other.model, other.class, other.kind))
    });
    let compared = sheet.cells.values().map(cells::Cell::classes).sum();
    let mut differing: Vec<_> = findings.iter().map(|finding| (finding.day, &finding.model, finding.class)).collect();
    differing.dedup();
    let agreeing = usize::saturating_sub(compared, differing.len());
    Reconciliation { ours, theirs, findings, compared, agreeing }
}

fn as_date<S: serde::Serializer>(day: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&super::calendar::date_of(*day))
}

#[cfg(test)]
mod tests;
