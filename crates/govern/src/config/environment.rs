//! The configuration of somebody who has written none: every provider whose key is in the environment, and `echo`.

use llm::provider::{self, Auth, Place};

use super::{
    raw::{Raw, RawModel, RawProvider, RawTarget},
    variable::Lookup,
};

/// The account and the model that answer without anybody's key.
const ECHO: &str = "echo";

impl Raw {
    /// Accounts for all providers whose usual variable is set. Their models are named `openai/gpt-4o`, or by the provider's
    /// own name alone where only one account has it.
    #[must_use]
    pub fn from_environment(lookup: Lookup<'_>) -> Self {
        let is_set = |name: &str| lookup(name).is_some_and(|value| !value.trim().is_empty());
        let with_key = provider::ALL.iter().filter(|provider| {
            // What must be told where its models are cannot be guessed from a key.
            let reachable = matches!(provider.address(&Place::default()), Ok(Some(_))) && provider.wants().is_empty();
            provider.auth() != Auth::None && reachable && provider.key_env().is_some_and(is_set)
        });
        let mut raw = Self::default();
        raw.providers.extend(with_key.map(|provider| (provider.id().to_owned(), RawProvider::default())));
        raw.providers.insert(ECHO.to_owned(), RawProvider::default());
        let targets = vec![Some(RawTarget::Name(format!("{ECHO}/{ECHO}")))];
        raw.models.insert(ECHO.to_owned(), RawModel { targets, ..RawModel::default() });
        raw
    }
}
