//! Limits and budgets, as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Items, RawOperation};

/// A limit or budget. Every one that a call meets must have room for it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLimit {
    /// The calls that it counts: all of these must hold. Default: every call.
    #[serde(default)]
    pub when: RawScope,
    /// Calls that it does not count: those of which any of these holds. Default: none.
    #[serde(default)]
    pub unless: RawScope,
    /// What has a counter of its own, alone or together: `organization`, `division`, `team`, `project`, `user`,
    /// `virtual_account`, `key`, `model`, `provider`, `end_user`, `metadata.NAME`. Default: all calls share one counter.
    #[serde(default)]
    #[schemars(with = "Vec<String>", length(max = 8))]
    pub per: Items<String>,
    /// How much of what in which time. All of them must have room.
    #[schemars(with = "Vec<RawCap>", length(min = 1, max = 16))]
    pub caps: Items<RawCap>,
    /// The time zone of days, weeks, months and quarters, such as `Europe/Berlin`. Default: `UTC`.
    pub zone: Option<String>,
    /// Other amounts for some of those that have counters of their own; the first that fits counts.
    #[serde(default)]
    #[schemars(with = "Vec<RawOverride>", length(max = 10000))]
    pub overrides: Items<RawOverride>,
    /// Whether it refuses (`enforce`), or counts and only records what it would refuse (`audit`). Default: `enforce`.
    pub mode: Option<RawMode>,
    /// What a call takes before it is known what it uses: the most that it can (`strict`), so that the limit is never passed,
    /// or what such calls use as a rule (`soft`). Default: `strict`.
    pub reserve: Option<RawReserve>,
    /// Whether tokens that a provider read from its prompt cache count. Default: true.
    pub cached_tokens: Option<bool>,
    /// What happens when a share of a cap is used up. Without a word, calls are refused at 100 percent.
    #[serde(default)]
    #[schemars(with = "Vec<RawStep>", length(max = 16))]
    pub steps: Items<RawStep>,
}

/// Conditions on a call: of each kind, any of the names.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawScope {
    #[schemars(with = "Vec<String>")]
    pub organizations: Items<String>,
    #[schemars(with = "Vec<String>")]
    pub divisions: Items<String>,
    #[schemars(with = "Vec<String>")]
    pub teams: Items<String>,
    #[schemars(with = "Vec<String>")]
    pub projects: Items<String>,
    #[schemars(with = "Vec<String>")]
    pub users: Items<String>,
    #[schemars(with = "Vec<String>")]
    pub virtual_accounts: Items<String>,
    /// Names or ids of gateway keys.
    #[schemars(with = "Vec<String>")]
    pub keys: Items<String>,
    /// Names of models, `account/model`, or patterns with one `*`, held against what is asked for and against who answers.
    #[schemars(with = "Vec<String>")]
    pub models: Items<String>,
    /// Accounts under `providers`, or kinds of provider.
    #[schemars(with = "Vec<String>")]
    pub providers: Items<String>,
    /// What is asked: `chat`, `embed`, `image`, ... `count_tokens` is free unless it is named here.
    #[schemars(with = "Vec<RawOperation>")]
    pub operations: Items<RawOperation>,
    /// End users, as callers name them.
    #[schemars(with = "Vec<String>")]
    pub end_users: Items<String>,
    /// Tags, as callers set them: for each name its values.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub metadata: BTreeMap<String, Items<String>>,
}

/// How much of what in which time: one amount and a window, such as `{ requests: 1000, window: day }`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCap {
    /// Calls that were sent to a provider.
    #[schemars(range(min = 0, max = 1e15))]
    pub requests: Option<u64>,
    /// Tokens of questions and answers together.
    #[schemars(range(min = 0, max = 1e15))]
    pub tokens: Option<u64>,
    /// Tokens of questions.
    #[schemars(range(min = 0, max = 1e15))]
    pub input_tokens: Option<u64>,
    /// Tokens of answers.
    #[schemars(range(min = 0, max = 1e15))]
    pub output_tokens: Option<u64>,
    /// US dollars.
    pub spend: Option<f64>,
    /// Calls in flight at once. It has no window.
    #[schemars(range(min = 0, max = 1e15))]
    pub concurrency: Option<u64>,
    /// Pictures made.
    #[schemars(range(min = 0, max = 1e15))]
    pub images: Option<u64>,
    /// Seconds of sound, heard and made.
    pub audio_seconds: Option<f64>,
    /// The time in which it counts: `minute`, `hour` or a duration from `1s` to `30d` (the last so long, at every moment);
    /// `day`, `week`, `month` or `quarter` of the calendar in the limit's `zone`; or `lifetime`.
    pub window: Option<String>,
}

/// Other amounts for a named entity.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOverride {
    /// Whom: for some of the limit's `per` a name, such as `{ user: alice }`.
    #[serde(rename = "for")]
    pub entity: BTreeMap<String, String>,
    /// The amounts, with the windows of the caps that they replace.
    #[schemars(with = "Vec<RawCap>", length(min = 1, max = 16))]
    pub caps: Items<RawCap>,
}

/// What happens when a share of a cap is used up.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawStep {
    /// The share, such as `80%`.
    pub at: String,
    /// What happens then.
    #[serde(rename = "do")]
    pub action: RawAction,
    /// The model that calls go to: for `downgrade`.
    pub to: Option<String>,
    /// How long a call waits for room at most: for `queue`. Default: `10s`.
    pub wait: Option<String>,
    /// How many calls wait at once: for `queue`. Default: 100.
    #[schemars(range(min = 1, max = 10000))]
    pub places: Option<u32>,
}

/// What happens at a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawAction {
    /// Somebody is told, once per window.
    #[default]
    Warn,
    /// Calls go to another model.
    Downgrade,
    /// Calls are refused.
    Refuse,
    /// Calls that would be refused wait for room.
    Queue,
}

/// Whether a limit refuses.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawMode {
    Enforce,
    Audit,
}

/// What a call takes of a limit before it is known what it uses.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawReserve {
    Strict,
    Soft,
}
