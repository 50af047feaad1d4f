//! Who is calling: a place in the tree of the organization, as limits, access and chargeback see it.
//!
//! organization → division → team → project; a user or a virtual account (a service) acts in it, through a key or a token.
//! What is unknown is `None`: a key that belongs to nobody stands directly under the organization.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The organization of whatever names none.
pub const DEFAULT_ORGANIZATION: &str = "default";

/// The ids of everything that a caller belongs to. An id is unique among its kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Principal {
    /// The tenant: nothing is ever seen across it.
    pub organization: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Arc<str>>,
    /// The person whose key or token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<str>>,
    /// The service whose key or token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_account: Option<Arc<str>>,
}

impl Default for Principal {
    fn default() -> Self {
        Self {
            organization: DEFAULT_ORGANIZATION.into(),
            division: None,
            team: None,
            project: None,
            user: None,
            virtual_account: None,
        }
    }
}
