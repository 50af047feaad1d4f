//! The compiled configuration. One [`Rules`] serves a whole request; a reload swaps the next one in.

use std::{collections::HashMap, fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use llm::{
    Wire,
    catalog::Model,
    dialect::WriteFor,
    price::{Price, Terms},
    provider::{Operation, Place, Provider},
    structured::Means,
};

use super::credential::Credential;
pub use super::{
    journal::{JournalRule, JournalSync, OnFull},
    secret::Secret,
};
use crate::{Directory, access::Pattern, chargeback::plan::Chargeback, identity::Issuer, key::KeyRule, limit::Limit};

/// Everything that a request is judged by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Counts the configurations of this process, from 1.
    pub generation: u64,
    /// Hash of the configuration's text, in hexadecimal.
    pub hash: String,
    /// Provider accounts by name.
    pub accounts: HashMap<Arc<str>, Arc<Account>>,
    /// Models by exact name.
    pub models: HashMap<Arc<str>, Arc<Route>>,
    /// Models whose name holds a `*`, longest literal part first.
    pub wildcards: Vec<(Pattern, Arc<Route>)>,
    /// Who belongs where.
    pub directory: Arc<Directory>,
    /// Keys that the file declares, by id.
    pub keys: HashMap<String, Arc<KeyRule>>,
    /// Identity providers whose tokens are taken in place of keys.
    pub issuers: Vec<Arc<Issuer>>,
    /// Guardrails in the order in which they are asked.
    pub guardrails: Vec<GuardRule>,
    /// Who is told what needs attention.
    pub alerts: Vec<crate::alert::Rule>,
    /// Limits and budgets, by name.
    pub limits: Vec<Arc<Limit>>,
    pub settings: Settings,
}

/// A guardrail. Its kind and settings mean something to the data plane alone, which checks them ([`GuardCheck`]).
#[derive(Debug, Clone, PartialEq)]
pub struct GuardRule {
    /// The operator's name for it, which callers read in a refusal.
    pub name: String,
    pub kind: String,
    /// It reads what models are sent.
    pub input: bool,
    /// It reads what models answer.
    pub output: bool,
    /// An object.
    pub settings: serde_json::Value,
}

/// Says whether a guard can be made of a rule.
pub type GuardCheck<'a> = &'a dyn Fn(&GuardRule) -> Result<(), BadSetting>;

/// A setting of which no guard can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct BadSetting {
    /// `kind`, or the field of the settings (`words[3]`); empty if the fault is not in one field.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// An account with a provider: where, with which credential.
pub struct Account {
    /// The name in the configuration and in `account/model`.
    pub name: Arc<str>,
    pub provider: &'static dyn Provider,
    /// Where its models are, for vendors that want to know.
    pub place: Place,
    /// Without a trailing slash; empty for a provider that lives in this process.
    pub base_url: String,
    pub credential: Credential,
    /// What models are called here, by their usual names.
    pub deployments: HashMap<String, String>,
    /// What the provider does with what it is sent.
    pub handling: Handling,
    /// Headers sent with every call of this account.
    pub headers: Vec<(String, String)>,
    /// Client headers that are passed on besides the provider's own list.
    pub forward_headers: Vec<String>,
    pub timeouts: Timeouts,
    pub on_disconnect: OnDisconnect,
    /// Prices per model name that replace the catalogue's.
    pub prices: HashMap<String, Arc<Price>>,
    /// What may be paid for what has no price, by what is asked: only under `unpriced: estimate`.
    pub estimates: Vec<(Operation, Arc<Price>)>,
    /// How prices become costs.
    pub costs: Costs,
    /// How answers that follow a schema are asked for, if not as the provider is known to want it.
    pub structured_output: Option<Means>,
    /// Extra PEM file with certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// What callers may reach of the provider besides the operations that are modelled.
    pub passthrough: Option<Passthrough>,
}

/// Paths of a provider that are open to callers as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passthrough {
    /// In capitals.
    pub methods: Vec<&'static str>,
    /// Behind the account's base URL, each with a slash in front.
    pub paths: Vec<Pattern>,
}

/// How the prices of an account become costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Costs {
    pub terms: Terms,
    /// What the provider states with its answers goes before the prices.
    pub stated_first: bool,
}

/// What a provider does with what it is sent, by contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handling {
    /// It keeps nothing.
    pub zero_retention: bool,
    /// It may train models on it.
    pub training: bool,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("provider", &self.provider.id())
            .field("base_url", &self.base_url)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("priority", &self.priority)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

/// A name that callers can use, and the targets behind it.
#[derive(Debug)]
pub struct Route {
    /// The name as configured; for a wildcard the pattern; for `account/model` that name.
    pub name: Arc<str>,
    pub targets: Vec<Arc<Target>>,
    pub strategy: crate::route::Strategy,
    pub retry: RetryRule,
    /// Whether a call that would lose a field in translation is refused.
    pub strict: bool,
}

/// A provider account and a model of it.
pub struct Target {
    /// `account/model`: the name in records, metrics and headers.
    pub name: Arc<str>,
    pub account: Arc<Account>,
    /// The model as the provider names it. `*` in a wildcard target stands for what the caller's name matched.
    pub model: Arc<str>,
    /// Lower comes first.
    pub priority: u32,
    /// Share among targets of one priority; 0 only as a fallback.
    pub weight: u32,
    /// Scalars forced into the request body.
    pub overrides: Vec<(String, serde_json::Value)>,
    /// Headers forced into the request.
    pub headers: Vec<(String, String)>,
    /// Named in the configuration, not made up by a caller (`account/model`, a wildcard): fit for a metric's label.
    pub configured: bool,
    /// What the catalogue knows of the model.
    pub known: Option<&'static Model>,
    /// What it costs; `None`: unpriced.
    pub price: Option<Arc<Price>>,
    /// What a writer must know of it.
    pub write_for: WriteFor,
    /// What its provider offers for the model: operations, and the wires of each, the preferred one first.
    pub offers: Vec<(Operation, &'static [Wire])>,
    /// The route's timeouts over the account's over the defaults.
    pub timeouts: Timeouts,
}

/// When a further attempt is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryRule {
    /// Attempts at one target, the first included.
    pub attempts: u32,
    /// First back-off; doubles each time, with full jitter.
    pub base: Duration,
    /// Longest back-off, and the longest `Retry-After` that is waited for.
    pub max: Duration,
    /// Attempts over all targets, the first included.
    pub total_attempts: u32,
    /// Retries per first attempt that a target may get, in percent, so that a failing one is not buried.
    pub budget_percent: u32,
}

/// How long is waited for what. Each is separate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP and TLS.
    pub connect: Duration,
    /// From the request to the first content of a stream.
    pub first_token: Duration,
    /// From the request to the head of an unstreamed answer, which comes only when the model has said all.
    pub answer: Duration,
    /// Between two chunks.
    pub idle: Duration,
    /// The whole call, all attempts included. A caller's header may lower it.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_secs(60),
            answer: Duration::from_secs(600),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }
}

impl Default for RetryRule {
    fn default() -> Self {
        Self {
            attempts: 2,
            base: Duration::from_millis(100),
            max: Duration::from_secs(5),
            total_attempts: 6,
            budget_percent: 20,
        }
    }
}

/// What happens upstream when the client has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDisconnect {
    /// The upstream call is cancelled and billed by what was delivered.
    #[default]
    Cancel,
    /// The answer is read to its end and billed as reported.
    Drain,
}

/// Settings of the process.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    /// A second listener for `/metrics`, `/api` and the status page; the first serves them too if `None`.
    pub admin_listen: Option<SocketAddr>,
    pub data_dir: PathBuf,
    /// The address of the PostgreSQL database in place of the embedded one.
    pub database: Option<Secret>,
    /// The secret under which keys are hashed, in place of the file in `data_dir`: fit for [`crate::key::Pepper`].
    pub pepper: Option<Secret>,
    pub bounds: EdgeBounds,
    pub drain_timeout: Duration,
    /// Silence after which a waiting stream is kept alive.
    pub keepalive: Duration,
    /// Answers read to their end for clients that have gone, at once.
    pub most_drains: usize,
    /// Whether `x-tollgate-*` headers describe the call.
    pub describe_headers: bool,
    /// What happens to a call whose price is not known.
    pub unpriced: Unpriced,
    /// Tokens that an answer may have, for limits, where neither the call nor the catalogue says.
    pub assumed_output_tokens: u64,
    /// OTLP over HTTP: `http://collector:4318`.
    pub otlp_endpoint: Option<String>,
    /// Origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// Days that records are kept.
    pub record_days: u32,
    /// Who is charged for what.
    pub chargeback: Chargeback,
    pub journal: JournalRule,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin_listen: None,
            data_dir: PathBuf::from("./data"),
            database: None,
            pepper: None,
            bounds: EdgeBounds::default(),
            drain_timeout: Duration::from_secs(60),
            keepalive: Duration::from_secs(15),
            most_drains: 64,
            describe_headers: true,
            unpriced: Unpriced::Allow,
            assumed_output_tokens: 4_096,
            otlp_endpoint: None,
            cors_origins: Vec::new(),
            record_days: 30,
            chargeback: Chargeback::default(),
            journal: JournalRule::default(),
        }
    }
}

impl Default for EdgeBounds {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            body_bytes: 32 * MIB,
            answer_bytes: 64 * MIB,
            connections: 10_000,
            inflight_bytes: 512 * MIB,
        }
    }
}

/// Bounds at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeBounds {
    /// Longest time for the head of a request.
    pub header_timeout: Duration,
    /// Longest time for its body.
    pub body_timeout: Duration,
    pub body_bytes: usize,
    /// Largest unstreamed answer.
    pub answer_bytes: usize,
    pub connections: usize,
    /// Bytes of request bodies held at once, over all requests.
    pub inflight_bytes: usize,
}

/// What happens to a call whose price is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unpriced {
    /// It is served and flagged.
    #[default]
    Allow,
    /// It is refused.
    Deny,
    /// It is served at a provisional price; refused if there is none.
    Estimate,
}
