//! Identity providers as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Items;
use crate::identity::Algorithm;

/// Who may come without a gateway key.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawIdentity {
    /// Identity providers whose tokens (JWTs) are taken in place of keys.
    #[schemars(with = "Vec<RawIssuer>", length(max = 100))]
    pub issuers: Items<RawIssuer>,
}

/// An identity provider whose tokens are taken in place of keys.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawIssuer {
    /// A name of your choice: lower-case letters, digits, `-` and `_`. Records name bearers `NAME:SUBJECT`.
    pub name: String,
    /// The `iss` of its tokens, to the letter; usually its address.
    pub issuer: String,
    /// For whom tokens must be meant (`aud`), one of these.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub audience: Items<String>,
    /// The address of its key set. Default: where `ISSUER/.well-known/openid-configuration` says.
    pub jwks_url: Option<String>,
    /// What signatures may be made with. Default: all that need a private key.
    #[schemars(with = "Option<Vec<Algorithm>>", length(min = 1))]
    pub algorithms: Option<Items<Algorithm>>,
    /// A PEM file with further certificate authorities, for fetching the keys.
    pub ca_file: Option<String>,
    /// A file with a bearer token that is shown when the keys are fetched, as Kubernetes may want it.
    pub token_file: Option<String>,
    /// How often the keys are fetched. Default: `10m`.
    pub refresh: Option<String>,
    /// How long keys count if they cannot be fetched. Default: `1d`.
    pub max_stale: Option<String>,
    /// How far its clock may be from ours, at most `60s`. Default: `30s`.
    pub leeway: Option<String>,
    /// Which claims say where a bearer belongs: names of claims, or JSON pointers such as `/kubernetes.io/namespace`.
    #[serde(default)]
    pub claims: RawClaims,
    /// Whether users whom the directory does not know come in. Default: `refuse`.
    pub unknown_users: Option<RawUnknown>,
    /// What a bearer may call whom none of `subjects` matches, as in `keys`. Default: such a token is refused.
    #[schemars(with = "Option<Vec<String>>")]
    pub models: Option<Items<String>>,
    /// Bearers who are alike. The first whose `match` fits decides.
    #[serde(default)]
    #[schemars(with = "Vec<RawSubject>", length(max = 10_000))]
    pub subjects: Items<RawSubject>,
}

/// Whether users whom the directory does not know come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawUnknown {
    /// Their tokens are refused.
    Refuse,
    /// They come in under the name that the claim says.
    Admit,
}

/// Which claims say where a bearer belongs. Of a claim with several values the first counts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawClaims {
    /// For people: shown in records. Default: `preferred_username`, `email`, `name` or `sub`.
    pub name: Option<String>,
    /// The user, by id or e-mail address. An `email` that the issuer has not verified is refused.
    pub user: Option<String>,
    /// The virtual account (a service).
    pub virtual_account: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The team: the first value that is a team here, and one of the user's.
    pub team: Option<String>,
    /// The organization.
    pub organization: Option<String>,
}

/// Bearers who are alike.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSubject {
    /// What claims must be: by name (or JSON pointer) a text with at most one `*`. All must match; of a claim with several
    /// values one.
    #[serde(rename = "match")]
    pub matching: BTreeMap<String, String>,
    /// The user they are, in place of the claim's.
    pub user: Option<String>,
    /// The virtual account they are.
    pub virtual_account: Option<String>,
    /// The project they belong to.
    pub project: Option<String>,
    /// The team they belong to.
    pub team: Option<String>,
    /// The organization they belong to.
    pub organization: Option<String>,
    /// What they may call: names of models, `account/model`, or patterns with one `*`. Default: everything.
    #[schemars(with = "Option<Vec<String>>")]
    pub models: Option<Items<String>>,
}
