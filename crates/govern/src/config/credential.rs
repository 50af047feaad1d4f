//! With what an account shows itself to its provider.

use std::{path::PathBuf, sync::Arc};

use super::snapshot::Secret;

/// With what an account shows itself to its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The provider wants none.
    None,
    /// Keys of the provider's own; at least one.
    Keys(Vec<ApiKey>),
    Google(GoogleIdentity),
    Azure(AzureIdentity),
    Aws(AwsIdentity),
}

/// A key of the provider's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// For people: `2` for the second of an account, unless it was given a name.
    pub name: Arc<str>,
    pub secret: Secret,
    /// Its share of the calls; 0: only when the others are set aside.
    pub weight: u32,
}

/// An identity in Google Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GoogleIdentity {
    /// A file as Google Cloud hands it out: its `type` is `service_account` or `external_account`.
    File(PathBuf),
    /// The text of such a file.
    Json(Secret),
    /// The metadata server of the machine.
    Metadata,
}

/// An identity in Microsoft Entra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AzureIdentity {
    ClientSecret {
        tenant: String,
        client: String,
        secret: Secret,
    },
    Managed {
        /// `None`: the identity that the system assigned.
        client: Option<String>,
        /// `None`: the metadata service of a virtual machine.
        endpoint: Option<AzureEndpoint>,
    },
    Workload {
        tenant: String,
        client: String,
        token_file: PathBuf,
    },
}

/// Where App Service, Container Apps and Functions hand out tokens (`IDENTITY_ENDPOINT`, `IDENTITY_HEADER`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureEndpoint {
    pub url: String,
    /// What shows that the question comes from within.
    pub header: Secret,
}

/// An identity in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsIdentity {
    Static {
        access_key: String,
        secret: Secret,
        session_token: Option<Secret>,
    },
    Profile {
        name: String,
        /// `None`: `~/.aws/credentials`, or what `AWS_SHARED_CREDENTIALS_FILE` says.
        file: Option<PathBuf>,
    },
    WebIdentity {
        role: String,
        token_file: PathBuf,
    },
    /// From the endpoint that the container's environment names, else from the machine's metadata server.
    InstanceRole {
        container: Option<AwsContainer>,
    },
}

/// Where the credentials of a container's role are had (`AWS_CONTAINER_CREDENTIALS_*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsContainer {
    pub url: String,
    /// A file with the token that the endpoint wants.
    pub token_file: Option<PathBuf>,
}

impl Credential {
    /// A single key.
    #[must_use]
    pub fn key(secret: Secret) -> Self {
        Self::Keys(vec![ApiKey { name: "1".into(), secret, weight: 1 }])
    }

    /// The texts that must not be shown to anybody.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let keys = match self {
            Self::Keys(keys) => keys.as_slice(),
            _ => &[],
        };
        let others = match self {
            Self::Azure(AzureIdentity::ClientSecret { secret, .. }) => [Some(secret), None],
            Self::Aws(AwsIdentity::Static { secret, session_token, .. }) => [Some(secret), session_token.as_ref()],
            _ => [None, None],
        };
        keys.iter().map(|key| &key.secret).chain(others.into_iter().flatten())
    }
}
