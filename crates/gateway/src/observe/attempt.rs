//! One try at a target, as records keep it.

use govern::{
    Money,
    config::{Basis, Bill},
};
use llm::usage::Usage;
use serde::{Deserialize, Serialize};

use super::record::is_default;
use crate::body::Spent;

/// One try at a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// `account/model`.
    pub target: String,
    /// Microseconds since the arrival of the request.
    pub started: i64,
    /// Microseconds.
    pub latency: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub status: Option<u16>,
    /// The kind of its failure; `abandoned` if the caller went in the middle of it; `None` if it served.
    #[serde(skip_serializing_if = "is_default")]
    pub failure: Option<String>,
    /// The provider's request id.
    #[serde(skip_serializing_if = "is_default")]
    pub upstream_id: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub usage: Usage,
    #[serde(skip_serializing_if = "is_default")]
    pub cost: Option<Money>,
    /// Something that it used has no known price.
    #[serde(skip_serializing_if = "is_default")]
    pub unpriced: bool,
    /// Its cost, or a part of it, is an estimate.
    #[serde(skip_serializing_if = "is_default")]
    pub estimated: bool,
    /// Which price it was charged by: where that is from, and its digest (`2026-11/ab12...`, `config/...`, `estimate/...`);
    /// `stated` if the provider said what it cost.
    #[serde(skip_serializing_if = "is_default")]
    pub price: Option<String>,
    /// What else moved its price.
    #[serde(skip_serializing_if = "is_default")]
    pub basis: Basis,
}

impl Attempt {
    /// Notes what it used and what that cost.
    pub(super) fn charge(&mut self, spent: &Spent) {
        self.usage = spent.usage;
        self.bill(&spent.bill);
    }

    /// Notes what it cost.
    pub fn bill(&mut self, bill: &Bill) {
        self.cost = bill.cost;
        self.unpriced = bill.unpriced;
        self.estimated = bill.estimated;
        self.price = bill.version.as_deref().map(str::to_owned);
        self.basis = bill.basis.clone();
    }
}
