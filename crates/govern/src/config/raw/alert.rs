//! Alerts as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Items;
use crate::{
    alert::{Kind, MailSecurity},
    config::snapshot::Secret,
};

/// Somebody who is told what needs attention. Which settings it takes depends on its kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAlert {
    /// A name of your choice, for the log.
    pub name: String,
    /// How it is told: `webhook`, `slack`, `pagerduty` or `email`.
    pub kind: RawAlertKind,
    /// What it is told of. Default: everything.
    #[schemars(with = "Option<Vec<Kind>>", length(min = 1))]
    pub on: Option<Items<Kind>>,
    /// `webhook`, `slack`: where alerts are posted to. `pagerduty`: another address than its own.
    #[schemars(with = "Option<String>")]
    pub url: Option<Secret>,
    /// `webhook`: what the alert is signed with, as `whsec_` and base64, of at least 24 bytes.
    #[schemars(with = "Option<String>")]
    pub secret: Option<Secret>,
    /// `pagerduty`: the integration key of the service.
    #[schemars(with = "Option<String>")]
    pub routing_key: Option<Secret>,
    /// The address may lie in your own network, and may be plain `http:`. Default: false.
    pub private: Option<bool>,
    /// `email`: the mail server.
    pub smtp: Option<RawSmtp>,
    /// `email`: who writes.
    pub from: Option<String>,
    /// `email`: who is written to.
    #[schemars(with = "Option<Vec<String>>", length(min = 1, max = 50))]
    pub to: Option<Items<String>>,
}

/// How somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawAlertKind {
    Webhook,
    Slack,
    PagerDuty,
    Email,
}

/// A mail server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSmtp {
    pub host: String,
    /// Default: 465 for `tls`, 587 for `start_tls`, 25 for `none`.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// How the connection is kept private. Default: `tls`.
    pub security: Option<MailSecurity>,
    /// Default: no login.
    pub user: Option<String>,
    #[schemars(with = "Option<String>")]
    pub password: Option<Secret>,
}
