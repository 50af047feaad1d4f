//! Clouds whose own identities their model services take.

/// Whose identities a vendor takes besides a key, or in place of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// Service accounts, workload identity federation, the metadata server.
    Google,
    /// Entra: client credentials, managed and workload identity.
    Azure,
    /// Signatures of version 4, with keys from anywhere in the usual chain.
    Aws,
    /// API keys that are exchanged for tokens.
    Ibm,
}

impl Cloud {
    /// The name in the kinds of a credential (`google_service_account`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Azure => "azure",
            Self::Aws => "aws",
            Self::Ibm => "ibm",
        }
    }
}
