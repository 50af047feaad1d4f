//! The compiled configuration. One [`Rules`] serves a whole request; a reload swaps the next one in.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use llm::{catalog::Model, dialect::WriteFor, provider::Provider};

use crate::{access::Pattern, key::KeyRule};

/// Everything that a request is judged by.
#[derive(Debug)]
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
    /// Keys that the file declares, by id.
    pub keys: HashMap<String, Arc<KeyRule>>,
    pub settings: Settings,
}

/// An account with a provider: where, with which credential.
pub struct Account {
    /// The name in the configuration and in `account/model`.
    pub name: Arc<str>,
    pub provider: &'static dyn Provider,
    /// Without a trailing slash.
    pub base_url: String,
    /// The credential, ready to be sent; `None` for a provider without.
    pub credential: Option<Secret>,
    /// Headers sent with every call of this account.
    pub headers: Vec<(String, String)>,
    /// Client headers that are passed on besides the provider's own list.
    pub forward_headers: Vec<String>,
    pub timeouts: Timeouts,
    pub on_disconnect: OnDisconnect,
    /// Prices per model name that replace the catalogue's.
    pub prices: HashMap<String, llm::price::Price>,
    /// Extra PEM file with certificate authorities.
    pub ca_file: Option<PathBuf>,
}

/// A credential. It cannot be printed.
#[derive(Clone)]
pub struct Secret(zeroize::Zeroizing<String>);

/// A name that callers can use, and the targets behind it.
#[derive(Debug)]
pub struct Route {
    /// The name as configured; for a wildcard the pattern; for `account/model` that name.
    pub name: Arc<str>,
    pub targets: Vec<Arc<Target>>,
    pub strategy: crate::route::Strategy,
    pub retry: RetryRule,
    /// `None`: the account's and the defaults hold.
    pub timeouts: Option<Timeouts>,
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
    /// What the catalogue knows of the model.
    pub known: Option<&'static Model>,
    /// What a tokens of it cost; `None`: unpriced.
    pub price: Option<llm::price::Price>,
    /// What a writer must know of it.
    pub write_for: WriteFor,
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
    /// From the request to the first event of a stream, or the whole of an unstreamed answer's head.
    pub first_token: Duration,
    /// Between two chunks.
    pub idle: Duration,
    /// The whole call, all attempts included. A caller's header may lower it.
    pub total: Duration,
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
    pub listen: std::net::SocketAddr,
    /// A second listener for `/metrics`, `/api` and the status page; the first serves them too if `None`.
    pub admin_listen: Option<std::net::SocketAddr>,
    pub data_dir: PathBuf,
    pub limits: EdgeLimits,
    pub drain_timeout: Duration,
    /// Silence after which a waiting stream is kept alive.
    pub keepalive: Duration,
    /// Answers read to their end for clients that have gone, at once.
    pub most_drains: usize,
    /// Whether `x-tollgate-*` headers describe the call.
    pub describe_headers: bool,
    /// What happens to a call whose price is not known.
    pub unpriced: Unpriced,
    /// OTLP over HTTP: `http://collector:4318`.
    pub otlp_endpoint: Option<String>,
    /// Origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// Days that records are kept.
    pub record_days: u32,
}

/// Bounds at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeLimits {
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
}
