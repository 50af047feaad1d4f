//! Where keys are found that the configuration does not hold.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use govern::key::KeyRule;

/// A store of keys.
pub trait KeySource: Send + Sync {
    /// The key with this id; `Ok(None)` if there is none.
    ///
    /// # Errors
    /// The store cannot be asked now: the caller is told 503, never 401.
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<KeyRule>>, KeySourceDown>>;

    /// All keys, and a token that changes when any of them changes.
    fn version<'a>(&'a self) -> BoxFuture<'a, Result<i64, KeySourceDown>>;
}

/// The store of keys cannot be asked now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store of keys is down: {0}")]
pub struct KeySourceDown(pub String);
