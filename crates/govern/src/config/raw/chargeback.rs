//! Chargeback as written.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::Items;

/// Who is charged for what.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawChargeback {
    /// Who charges the callers: the name on statements and in exports. Default: `Tollgate`.
    pub issuer: Option<String>,
    /// Tags of callers that spend is kept by. Each value makes sums of its own: choose tags of few values. Default: none.
    #[schemars(with = "Vec<String>", length(max = 5))]
    pub tags: Items<String>,
    /// What is put on top of an owner's spend, on statements.
    #[schemars(with = "Vec<RawOwnerMargin>")]
    pub margins: Items<RawOwnerMargin>,
    /// Fixed costs of every month that several bear, such as a machine of your own.
    #[schemars(with = "Vec<RawSharedCost>")]
    pub shared_costs: Items<RawSharedCost>,
    /// Money that an owner was given to spend. What ends first is drawn first.
    #[schemars(with = "Vec<RawCreditGrant>")]
    pub credits: Items<RawCreditGrant>,
}

/// A margin on an owner's spend.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOwnerMargin {
    /// Whose: `team/research`, `organization/acme`.
    pub of: String,
    /// In percent; negative for a rebate.
    #[schemars(range(min = -100, max = 1000))]
    pub percent: f64,
}

/// A cost that several bear.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSharedCost {
    /// A name of your choice, for statements.
    pub name: String,
    /// US dollars a month.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub monthly: f64,
    /// The first month, such as `2026-11`.
    pub from: String,
    /// The first month without it. Default: it goes on.
    pub until: Option<String>,
    /// Who bears it: `team`, `project`, `division`, `organization`, `user`, `virtual_account` or `key`.
    pub among: String,
    /// Fixed shares, by id: `{research: 60, search: 40}`. Without them it is divided by usage.
    pub shares: Option<BTreeMap<String, u32>>,
    /// By what usage it is divided. Default: `tokens`.
    pub by: Option<RawMeasure>,
    /// The account whose usage counts. Default: all.
    pub account: Option<String>,
}

/// What is counted of usage.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawMeasure {
    /// What it cost.
    Spend,
    Tokens,
    Requests,
}

/// A credit.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCreditGrant {
    /// A name of your choice, for statements.
    pub name: String,
    /// Whose: `team/research`, `organization/acme`.
    pub of: String,
    /// US dollars.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub amount: f64,
    /// The first month whose spend it pays, such as `2026-11`.
    pub from: String,
    /// The first month that it does not pay any more. Default: it does not end.
    pub until: Option<String>,
}
