//! The configuration as written. No logic, no defaults: [`super::build`] checks it and gives it meaning.
//!
//! The JSON Schema of these types is published as `config/schema.json`, and the same schema checks the shape of a file, so
//! that every wrong field is reported at once with its place. Durations read `100ms`, `5s`, `10m`, `1h`, `1d`; sizes read
//! `64KiB`, `32MiB`, `1GiB`. `${NAME}` and `${NAME:-default}` stand for variables of the environment, `$$` for `$`.

mod alert;
mod chargeback;
mod credential;
mod directory;
mod identity;
mod journal;
mod limit;
mod model;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    price::{RawCosts, RawPrice},
    snapshot::Secret,
};

pub use alert::{RawAlert, RawAlertKind, RawSmtp};
pub use chargeback::{RawChargeback, RawCreditGrant, RawMeasure, RawOwnerMargin, RawSharedCost};
pub use credential::{RawApiKey, RawCredential, RawCredentialKind};
pub use directory::{
    RawAccess, RawBinding, RawDirectory, RawDivision, RawOperation, RawOrganization, RawProject, RawRole, RawTeam,
    RawUser, RawVirtualAccount,
};
pub use identity::{RawClaims, RawIdentity, RawIssuer, RawSubject, RawUnknown};
pub use journal::{RawJournal, RawJournalSync, RawOnFull};
pub use limit::{RawAction, RawCap, RawLimit, RawMode, RawOverride, RawReserve, RawScope, RawStep};
pub use model::{RawFullTarget, RawModel, RawRetry, RawStrategy, RawTarget, RawTimeouts};

/// Items of a list. `None` stands for one that did not fit and has been reported, so that the others keep their places.
pub type Items<T> = Vec<Option<T>>;

/// The configuration of Tollgate.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Tollgate")]
pub struct Raw {
    /// Address and port of the gateway. Default: `127.0.0.1:8080`.
    pub listen: Option<String>,
    /// A second address for `/metrics`, `/api` and the status page. Without it the first serves them too.
    pub admin_listen: Option<String>,
    /// Directory of the embedded database and the installation's own secret. Default: `./data`.
    pub data_dir: Option<String>,
    /// PostgreSQL in place of the embedded database: what several replicas share. Default: the embedded one.
    pub database: Option<RawDatabase>,
    /// The secret under which keys are hashed: 32 random bytes in hexadecimal or base64, best as `${TOLLGATE_PEPPER}`. All
    /// replicas that share a database need the same. Default: the file `pepper` in `data_dir`, made at the first start.
    #[schemars(with = "Option<String>")]
    pub pepper: Option<Secret>,
    /// Accounts with providers, by a name of your choice. Models are named `account/model`.
    pub providers: BTreeMap<String, RawProvider>,
    /// Models that callers ask for, by name. A name may hold one `*`.
    pub models: BTreeMap<String, RawModel>,
    /// Organizations by id: tenants. Only needed where there are several; `default` is always there.
    pub organizations: BTreeMap<String, RawOrganization>,
    /// Divisions of organizations, by id.
    pub divisions: BTreeMap<String, RawDivision>,
    /// Teams by id.
    pub teams: BTreeMap<String, RawTeam>,
    /// Projects by id.
    pub projects: BTreeMap<String, RawProject>,
    /// People by id.
    pub users: BTreeMap<String, RawUser>,
    /// Services that call by themselves, by id.
    pub virtual_accounts: BTreeMap<String, RawVirtualAccount>,
    /// Roles of your own, by id, beside those that are always there.
    pub roles: BTreeMap<String, RawRole>,
    /// Who has which role where, by an id of your choice.
    pub bindings: BTreeMap<String, RawBinding>,
    /// Gateway keys. Keys made by `tollgate keys create` live in the database and need no entry.
    #[schemars(with = "Vec<RawKey>")]
    pub keys: Items<RawKey>,
    /// Who may come without a gateway key.
    pub identity: RawIdentity,
    /// Guardrails over every call, in the order in which they are asked.
    #[schemars(with = "Vec<RawGuardrail>", length(max = 100))]
    pub guardrails: Items<RawGuardrail>,
    /// Who is told what needs attention.
    #[schemars(with = "Vec<RawAlert>", length(max = 100))]
    pub alerts: Items<RawAlert>,
    /// Limits and budgets, by a name of your choice: how much may be asked and spent, by whom, in which time.
    pub limits: BTreeMap<String, RawLimit>,
    /// Tokens that an answer may have, for limits, where neither the call nor the catalogue says. Default: 4096.
    #[schemars(range(min = 1, max = 10000000))]
    pub assumed_output_tokens: Option<u32>,
    /// Bounds at the edge.
    pub bounds: RawBounds,
    /// How long streams may go on after the order to stop. Default: `60s`.
    pub drain_timeout: Option<String>,
    /// Silence after which a waiting stream is kept alive by a ping. Default: `15s`.
    pub keepalive: Option<String>,
    /// Answers read to their end at once for clients that have gone (`on_disconnect: drain`). Default: 64.
    pub most_drains: Option<u32>,
    /// Whether answers carry `x-tollgate-*` headers that describe the call. Default: true.
    pub describe_headers: Option<bool>,
    /// What happens to a call whose price is not known: served and flagged (`allow`), refused (`deny`), or served at a
    /// provisional price that is never too low (`estimate`). Default: `allow`.
    pub unpriced: Option<RawUnpriced>,
    /// Traces by OpenTelemetry.
    pub otlp: Option<RawOtlp>,
    /// Origins that browsers may call from, such as `https://app.example.com`. Default: none.
    #[schemars(with = "Vec<String>")]
    pub cors_origins: Items<String>,
    /// Records of requests.
    pub records: RawRecords,
    /// The journal of spend in `data_dir`: what calls cost, written down before and after each, so that a crash loses none.
    pub journal: RawJournal,
    /// Who is charged for what: tags that spend is kept by, margins, shared costs, credits.
    pub chargeback: RawChargeback,
}

/// A database that replicas share.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDatabase {
    /// `postgres://USER:PASSWORD@HOST:PORT/NAME`, best as `${DATABASE_URL}`. `?sslmode=verify-full` and `sslrootcert` are
    /// understood as by PostgreSQL's own clients.
    #[schemars(with = "String")]
    pub url: Secret,
}

/// An account with a provider.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawProvider {
    /// The provider, such as `openai`, `anthropic`, `vllm` or `openai_like`. Default: the account's name.
    pub kind: Option<String>,
    /// The credential, best as `${NAME}`. Default: the provider's usual environment variable.
    #[schemars(with = "Option<String>")]
    pub api_key: Option<Secret>,
    /// Several credentials in place of one: calls are shared among them by weight.
    #[schemars(with = "Option<Vec<RawApiKey>>", length(min = 1, max = 100))]
    pub keys: Option<Items<RawApiKey>>,
    /// An identity in the provider's cloud, in place of a key.
    pub credential: Option<RawCredential>,
    /// Where the models run, in the provider's own words, such as `us-east-1`. Some providers cannot be reached without.
    pub region: Option<String>,
    /// The provider's unit of ownership: a Google Cloud or watsonx project, a Cloudflare account.
    pub project: Option<String>,
    /// The version of the API, for providers that want it in the address.
    pub api_version: Option<String>,
    /// What models are called in this account, by their usual names: deployments, endpoints, inference profiles.
    pub deployments: BTreeMap<String, String>,
    /// Whether the provider keeps nothing of what it is sent, by contract. A statement of yours: no call is routed by it
    /// yet. Default: false.
    pub zero_retention: Option<bool>,
    /// Whether the provider may train models on what it is sent. As above, no call is routed by it yet. Default: true,
    /// unless nothing is kept.
    pub training: Option<bool>,
    /// Where the provider is reached, as its own SDK takes it (for OpenAI and its like with `/v1`). Default: the provider's own address.
    pub base_url: Option<String>,
    /// How long is waited for what.
    pub timeouts: Option<RawTimeouts>,
    /// Whether the upstream call is cancelled when the client has gone, or its answer read to the end and billed as
    /// reported. Default: `cancel`.
    pub on_disconnect: Option<RawOnDisconnect>,
    /// Headers sent with every call of this account.
    pub headers: BTreeMap<String, String>,
    /// Client headers that are passed on, besides those that the provider's own SDK needs.
    #[schemars(with = "Vec<String>")]
    pub forward_headers: Items<String>,
    /// Prices by the provider's model name, in place of the catalogue's.
    pub prices: BTreeMap<String, RawPrice>,
    /// What models without a price may cost, under `unpriced: estimate`: provisional, and marked so in records. Default: the
    /// dearest price of the provider's known models.
    pub estimate: Option<RawPrice>,
    /// What the provider takes off its prices for this account, in percent. Default: 0.
    pub discount_percent: Option<f64>,
    /// What is put on top of what remains, in percent, for those who are charged by the records. Default: 0.
    pub margin_percent: Option<f64>,
    /// Whose word counts on what an answer cost. Default: `prices`.
    pub costs: Option<RawCosts>,
    /// How its models are asked for answers that follow a JSON schema: in their own words (`native`), by a tool that they
    /// must call (`tool`), or in plain words (`prompt`). Default: as the provider is known to want it.
    pub structured_output: Option<RawStructuredOutput>,
    /// A PEM file with further certificate authorities.
    pub ca_file: Option<String>,
    /// What callers may reach of the provider besides the operations that the gateway knows, at
    /// `/passthrough/ACCOUNT/PATH`. Default: nothing.
    pub passthrough: Option<RawPassthrough>,
}

/// Paths of a provider that are open to callers as they are. The key must be allowed all of the account (`account/*`).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPassthrough {
    /// Methods, in capitals. Default: `GET` and `POST`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    pub methods: Option<Items<String>>,
    /// Paths behind the account's `base_url`, such as `/files` or `/files/*`; each may hold one `*`.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub paths: Items<String>,
}

/// A gateway key. Made by `tollgate keys create`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawKey {
    /// For people: shown in records.
    pub name: String,
    /// The whole text of the key, as `${NAME}`.
    #[schemars(with = "Option<String>")]
    pub secret: Option<Secret>,
    /// The hash of its secret (`hmac-sha256:...`), in place of `secret`. Needs `id`.
    pub hash: Option<String>,
    /// The id in its text, where only the hash is given.
    pub id: Option<String>,
    /// What it may call: names of models, `account/model`, or patterns with one `*`. Default: everything.
    #[schemars(with = "Option<Vec<String>>")]
    pub models: Option<Items<String>>,
    /// What else bounds what it may call. What its owner may not, it may not either.
    pub access: Option<RawAccess>,
    /// The person whose key it is: it ends with them.
    pub user: Option<String>,
    /// The service whose key it is.
    pub virtual_account: Option<String>,
    /// The project that its calls belong to. Default: that of the virtual account.
    pub project: Option<String>,
    /// The team that its calls belong to. Default: the project's, the virtual account's, or the one that the person is in.
    pub team: Option<String>,
    /// The organization that its calls belong to. Default: that of what else is named, or `default`.
    pub organization: Option<String>,
    /// When it ends: a date such as `2027-01-31` (its beginning, in UTC), or a time with its offset.
    pub expires: Option<String>,
    /// Refuse it. Default: false.
    pub disabled: Option<bool>,
    /// Most calls in flight at once. Default: no bound.
    #[schemars(range(min = 1))]
    pub parallel: Option<u32>,
}

/// A guardrail: what it objects to is refused.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawGuardrail {
    /// A name of your choice. Callers read it in the refusal.
    pub name: String,
    /// What it looks for: `keywords` or `regex`.
    pub kind: String,
    /// What it reads: `input` is all that a model is sent, `output` all that it answers. Default: both.
    #[schemars(with = "Option<Vec<RawSide>>", length(min = 1))]
    pub screens: Option<Items<RawSide>>,
    /// The settings of its kind, such as `words` or `patterns`.
    #[serde(default)]
    pub settings: serde_json::Map<String, Value>,
}

/// What a guardrail reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawSide {
    Input,
    Output,
}

/// Bounds at the edge.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawBounds {
    /// Longest time for the head of a request. Default: `10s`.
    pub header_timeout: Option<String>,
    /// Longest time for its body. Default: `60s`.
    pub body_timeout: Option<String>,
    /// Largest body of a request. Default: `32MiB`.
    pub body_bytes: Option<String>,
    /// Largest unstreamed answer. Default: `64MiB`.
    pub answer_bytes: Option<String>,
    /// Most open connections. Default: 10000.
    #[schemars(range(min = 1))]
    pub connections: Option<u32>,
    /// Bytes of request bodies held at once, over all requests. Default: `512MiB`.
    pub inflight_bytes: Option<String>,
}

/// What happens to a call whose price is not known.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawUnpriced {
    /// It is served and flagged; its cost is unknown.
    Allow,
    /// It is refused.
    Deny,
    /// It is served and charged by the account's `estimate`; without one, by the dearest model of the provider for what was
    /// asked. A call that nothing can be estimated for is refused.
    Estimate,
}

/// What happens upstream when the client has gone.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawOnDisconnect {
    Cancel,
    Drain,
}

/// How answers that follow a schema are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawStructuredOutput {
    Native,
    Tool,
    Prompt,
}

/// Traces by OpenTelemetry.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOtlp {
    /// A collector that takes OTLP over HTTP, such as `http://collector:4318`.
    pub endpoint: String,
}

/// Records of requests.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawRecords {
    /// Days that records are kept. Default: 30.
    #[schemars(range(min = 1, max = 3650))]
    pub keep_days: Option<u32>,
}
