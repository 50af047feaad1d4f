//! Credentials as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::snapshot::Secret;

/// One of several keys of an account. A key that is refused or over its limit is set aside, and the next one is tried.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawApiKey {
    /// The credential, best as `${NAME}`.
    #[schemars(with = "String")]
    pub api_key: Secret,
    /// Its share of the calls; 0: only when the others are set aside. Default: 1.
    pub weight: Option<u32>,
    /// For people: shown in logs. Default: its place in the list, from 1.
    pub name: Option<String>,
}

/// An identity in a cloud, in place of a key. Which settings it takes depends on its kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCredential {
    /// Where the identity comes from: `google_file`, `google_metadata`, `azure_client_secret`, `azure_managed_identity`,
    /// `azure_workload_identity`, `aws_static`, `aws_web_identity`, `aws_profile` or `aws_instance_role`.
    pub kind: RawCredentialKind,
    /// `google_file`: the JSON that Google Cloud hands out for a service account or for workload identity federation.
    /// `azure_workload_identity`, `aws_web_identity`: the file with the token; `aws_profile`: the file with the profiles.
    pub file: Option<String>,
    /// `azure_client_secret`: the client's secret. `aws_static`: the secret access key. `google_file`: the JSON itself, in
    /// place of `file`.
    #[schemars(with = "Option<String>")]
    pub secret: Option<Secret>,
    /// Azure: the directory (tenant). Default for workload identity: `AZURE_TENANT_ID`.
    pub tenant: Option<String>,
    /// Azure: the application (client); for a managed identity the one that the user assigned. Default for workload
    /// identity: `AZURE_CLIENT_ID`.
    pub client: Option<String>,
    /// `aws_static`: the access key's id.
    pub access_key: Option<String>,
    /// `aws_static`: the token that belongs to temporary keys.
    #[schemars(with = "Option<String>")]
    pub session_token: Option<Secret>,
    /// `aws_profile`: which one. Default: `AWS_PROFILE`, else `default`.
    pub profile: Option<String>,
    /// `aws_web_identity`: the role's ARN. Default: `AWS_ROLE_ARN`.
    pub role: Option<String>,
}

/// Where an identity comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawCredentialKind {
    /// A service account or workload identity federation.
    GoogleFile,
    /// The service account of the machine, from Google Cloud's metadata server.
    GoogleMetadata,
    /// An application of Microsoft Entra with its secret.
    AzureClientSecret,
    /// The identity of the machine.
    AzureManagedIdentity,
    /// The identity of the pod, by a token that Kubernetes keeps fresh.
    AzureWorkloadIdentity,
    /// An access key.
    AwsStatic,
    /// A profile of the shared credentials file.
    AwsProfile,
    /// A role that is assumed with a token, as in EKS.
    AwsWebIdentity,
    /// The role of the container or the machine.
    AwsInstanceRole,
}
