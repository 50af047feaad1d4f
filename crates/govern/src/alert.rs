//! What people are told of without asking, and where they are told it.

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A limit has passed one of its thresholds.
    LimitWarning,
    /// A limit is used up: calls are refused, or sent to another model.
    LimitReached,
    /// A provider refuses the gateway's credential, or its account has no credit.
    CredentialRefused,
}

impl Kind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LimitWarning => "limit_warning",
            Self::LimitReached => "limit_reached",
            Self::CredentialRefused => "credential_refused",
        }
    }

    /// In PagerDuty's words: `warning` can wait, `error` cannot.
    #[must_use]
    pub fn severity(self) -> &'static str {
        match self {
            Self::LimitWarning => "warning",
            Self::LimitReached | Self::CredentialRefused => "error",
        }
    }
}

/// A recipient, and what it is told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The operator's name for it.
    pub name: Arc<str>,
    pub to: Recipient,
    /// Empty: everything.
    pub kinds: Vec<Kind>,
}

impl Rule {
    #[must_use]
    pub fn wants(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

/// Where an alert goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Recipient {
    /// A service of anybody's, which checks the signature.
    Webhook {
        endpoint: Endpoint,
        key: SigningKey,
    },
    /// An incoming webhook of Slack, or of one that takes the same.
    Slack(Endpoint),
    PagerDuty {
        endpoint: Endpoint,
        routing_key: Secret,
    },
    Email(Mail),
}

/// An address that alerts are posted to. The address itself may be the credential, as Slack's are.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    pub url: Secret,
    /// It may lie in the operator's own network, and need not speak TLS.
    pub private: bool,
}

/// What webhooks are signed with: the bytes of an HMAC key.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(pub zeroize::Zeroizing<Vec<u8>>);

/// A mail server and who writes to whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    /// User and password.
    pub login: Option<(String, Secret)>,
    pub from: String,
    pub to: Vec<String>,
}

/// How the connection to a mail server is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS after a greeting in the clear, or no mail at all.
    StartTls,
    /// None: for a relay on the same machine.
    None,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("private", &self.private).finish_non_exhaustive()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[signing key]")
    }
}
