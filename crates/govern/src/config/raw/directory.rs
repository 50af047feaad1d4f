//! The tree of who belongs where, as written. The file, the database and the admin API hold it in these very forms.
//!
//! Ids are chosen by people and stand as names of the maps: lower-case letters, digits and `-`, `.`, `_`, `@`, `+`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Items;

/// Everything of the tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDirectory {
    pub organizations: BTreeMap<String, RawOrganization>,
    pub divisions: BTreeMap<String, RawDivision>,
    pub teams: BTreeMap<String, RawTeam>,
    pub projects: BTreeMap<String, RawProject>,
    pub users: BTreeMap<String, RawUser>,
    pub virtual_accounts: BTreeMap<String, RawVirtualAccount>,
    pub roles: BTreeMap<String, RawRole>,
    pub bindings: BTreeMap<String, RawBinding>,
}

/// A role of your own: a list of permissions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRole {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What its holders may do, such as `keys.read`.
    #[schemars(with = "Vec<String>")]
    pub permissions: Items<String>,
}

/// Gives somebody a role, at a level and everything below it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBinding {
    /// The person who gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The service that gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_account: Option<String>,
    /// `owner`, `admin`, `auditor`, `billing`, `team_admin`, `developer`, `viewer`, or one of `roles`.
    pub role: String,
    /// Where it holds. Default: everywhere, over all organizations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Where it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
    /// Where it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Where it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// An organization: a tenant. Nothing is ever seen across it. The organization `default` is always there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawOrganization {
    /// For people. Default: the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Refuse every key of everything that belongs to it. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What may be called from here and below. What is below can only be narrower. Default: whatever the level above may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<RawAccess>,
}

/// A division of an organization.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDivision {
    /// For people. Default: the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The organization that it belongs to. Default: `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Refuse every key of everything that belongs to it. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What may be called from here and below. What is below can only be narrower. Default: whatever the level above may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<RawAccess>,
}

/// A team. It belongs to a division, or directly to an organization.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTeam {
    /// For people. Default: the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The division that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
    /// The organization that it belongs to, where there is no division. Default: `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Refuse every key of everything that belongs to it. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What may be called from here and below. What is below can only be narrower. Default: whatever the level above may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<RawAccess>,
}

/// A project: what money is spent on. It belongs to a team, or directly to a division or an organization.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawProject {
    /// For people. Default: the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The team that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The division that it belongs to, where there is no team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
    /// The organization that it belongs to, where there is neither. Default: `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Refuse every key of it. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What may be called from here and below. What is below can only be narrower. Default: whatever the level above may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<RawAccess>,
}

/// A person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawUser {
    /// For people. Default: the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address, by which identity providers know them. No two users have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The organization that they belong to. Default: `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The teams that they are in, each with their role there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: BTreeMap<String, String>,
    /// Refuse their keys. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What may be called from here and below. What is below can only be narrower. Default: whatever the level above may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<RawAccess>,
}

/// A virtual account: a service, job or agent that calls by itself. It belongs to a project or team, or directly to a
/// division or an organization.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawVirtualAccount {
    /// For people. Default: the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The project that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The team that it belongs to, where there is no project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The division that it belongs to, where there is neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
    /// The organization that it belongs to, where there is nothing else. Default: `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Refuse its keys. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What may be called from here and below. What is below can only be narrower. Default: whatever the level above may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<RawAccess>,
}

/// What may be called. A part that is left out bounds nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAccess {
    /// Names of models, `account/model`, or patterns with one `*`, read as in the `models` of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>", length(max = 1000))]
    pub models: Option<Items<String>>,
    /// Accounts of `providers`, kinds of provider such as `openai`, or patterns with one `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>", length(max = 1000))]
    pub providers: Option<Items<String>>,
    /// What may be asked of models.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<RawOperation>>")]
    pub operations: Option<Items<RawOperation>>,
}

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawOperation {
    /// Conversation turns, in every format.
    Chat,
    CountTokens,
    Embed,
    Rerank,
    Image,
    ImageEdit,
    Speech,
    Transcribe,
    Translate,
    Moderate,
    Ocr,
    /// What a model's own maker understands, unread: Bedrock's `invoke` of models that are not modelled.
    Invoke,
    /// Pass-through.
    Other,
}
