//! Models as written: who answers, in which order, how often and how long.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Items;

/// A model that callers ask for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawModel {
    /// Who answers: `account/model`, or a target with its settings. In a model with `*` in its name, `*` in a target stands
    /// for what the caller's name matched.
    #[schemars(with = "Vec<RawTarget>", length(min = 1, max = 100))]
    pub targets: Items<RawTarget>,
    /// How targets are ordered. Default: `priority`.
    pub strategy: Option<RawStrategy>,
    /// When a further attempt is made.
    pub retry: Option<RawRetry>,
    /// How long is waited for what, over the account's.
    pub timeouts: Option<RawTimeouts>,
    /// Refuse a call that would lose a field in translation. Default: false.
    pub strict: Option<bool>,
}

/// Who answers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RawTarget {
    /// `account/model`
    Name(String),
    /// A target with its settings.
    Full(RawFullTarget),
}

/// A target with its settings.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFullTarget {
    /// `account/model`
    pub target: String,
    /// Lower comes first. Default: the target's place in the list.
    pub priority: Option<u32>,
    /// Share among targets of one priority; 0: only as a fallback. Default: 1.
    pub weight: Option<u32>,
    /// Scalars forced into the request body, such as `temperature: 0`.
    #[serde(default, rename = "override")]
    pub overrides: BTreeMap<String, Value>,
    /// Headers forced into the request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// How targets are ordered: the names of [`crate::route::Strategy`].
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawStrategy {
    /// Lowest priority first; among equals a draw by weight.
    Priority,
    /// A draw by weight among all targets.
    Weighted,
}

/// When a further attempt is made.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawRetry {
    /// Attempts at one target, the first included. Default: 2.
    #[schemars(range(min = 1, max = 10))]
    pub attempts: Option<u32>,
    /// First pause; doubles each time, with full jitter. Default: `100ms`.
    pub base: Option<String>,
    /// Longest pause, and the longest `Retry-After` that is waited for. Default: `5s`.
    pub max: Option<String>,
    /// Attempts over all targets, the first included. Default: 6.
    #[schemars(range(min = 1, max = 30))]
    pub total_attempts: Option<u32>,
    /// Retries that a target may get, in percent of its first attempts. Default: 20.
    #[schemars(range(min = 0, max = 100))]
    pub budget_percent: Option<u32>,
}

/// How long is waited for what. Each is separate.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTimeouts {
    /// TCP and TLS. Default: `5s`.
    pub connect: Option<String>,
    /// From the request to the first content of a stream. Default: `60s`.
    pub first_token: Option<String>,
    /// From the request to the head of an unstreamed answer, which comes only when all is said. Default: `600s`.
    pub answer: Option<String>,
    /// Between two pieces of an answer. Default: `60s`.
    pub idle: Option<String>,
    /// The whole call, all attempts included. Default: `600s`.
    pub total: Option<String>,
}
