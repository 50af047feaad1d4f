//! Answers of the Responses API that a later question goes on from.
//!
//! A provider that has this API keeps its answers itself: here stands only whose an answer is and which account made it,
//! so that the next question goes there and nobody else's does. For every other provider the gateway keeps the answer
//! and what was asked, one turn each; the turns before are found through [`KeptResponse::previous`].
//!
//! The key of the caller owns an answer. To any other key there is no such answer.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

/// The answers of this process and of all that share its store.
pub struct Responses {
    pub store: Arc<dyn ResponseStore>,
    /// Accounts by owner and digest: most conversations stay on one replica.
    seals: moka::future::Cache<String, Arc<str>>,
}

impl Responses {
    /// Seals that are remembered.
    const MOST_CACHED: u64 = 100_000;

    #[must_use]
    pub fn new(store: Arc<dyn ResponseStore>) -> Self {
        Self { store, seals: moka::future::Cache::new(Self::MOST_CACHED) }
    }

    /// The account that sealed a thought, if that is known. A store that is down knows nothing: the provider judges.
    pub async fn sealed_by(&self, owner: &str, digest: &str) -> Option<Arc<str>> {
        let name = format!("{owner} {digest}");
        if let Some(account) = self.seals.get(&name).await {
            return Some(account);
        }
        let found = self.store.sealed_by(owner, digest).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the maker of a thought cannot be looked up");
            None
        });
        let account: Arc<str> = found?.into();
        self.seals.insert(name, account.clone()).await;
        Some(account)
    }

    /// Notes which account sealed thoughts.
    pub async fn note_seals(&self, seals: &Seals) {
        for digest in &seals.digests {
            self.seals.insert(format!("{} {digest}", seals.owner), seals.account.as_str().into()).await;
        }
        if let Err(error) = self.store.note_seals(seals).await {
            tracing::warn!(%error, "the maker of a thought cannot be noted");
        }
    }
}

/// What a seal is known by.
#[must_use]
pub fn digest(seal: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, seal.as_bytes());
    base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, digest)
}

/// The items of a turn, what was asked and what was answered, without the names that they have here.
#[must_use]
pub fn items_of(turn: &KeptTurn) -> Vec<Value> {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let output = read(&turn.response).get_mut("output").map(Value::take).unwrap_or_default();
    let mut items = as_items(read(&turn.input));
    items.extend(as_items(output).into_iter().map(bare));
    items
}

/// An item of an answer without the name and status that it has here.
#[must_use]
pub fn bare(mut item: Value) -> Value {
    if let Some(item) = item.as_object_mut() {
        item.shift_remove("id");
        item.shift_remove("status");
    }
    item
}

/// An `input` as a list of items: a text is a message of the user.
#[must_use]
pub fn as_items(input: Value) -> Vec<Value> {
    match input {
        Value::String(text) => {
            let content = json!([{"type": "input_text", "text": text}]);
            vec![json!({"type": "message", "role": "user", "content": content})]
        }
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// An answer that is kept, or whose keeper is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptResponse {
    /// `resp_..`
    pub id: String,
    /// The id of the key that asked.
    pub owner: String,
    /// The account that answered.
    pub account: String,
    /// `account/model` that answered.
    pub target: String,
    /// The answer that this one goes on from.
    pub previous: Option<String>,
    /// What was asked and answered; `None` if the provider keeps it.
    pub turn: Option<KeptTurn>,
    /// Microseconds since 1970.
    pub created_at: i64,
}

/// One turn, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTurn {
    /// The `input` of the question: a string or a list of items.
    pub input: String,
    /// The whole answer.
    pub response: String,
}

/// Where answers are kept.
pub trait ResponseStore: Send + Sync {
    /// Keeps an answer. When this has succeeded every replica finds it.
    fn keep_response<'a>(&'a self, kept: &'a KeptResponse) -> BoxFuture<'a, Result<(), ResponseStoreDown>>;

    /// The answer with this id and those that it goes on from, the oldest first; empty if the owner has no such answer.
    fn chain<'a>(&'a self, owner: &'a str, id: &'a str) -> BoxFuture<'a, Result<Vec<KeptResponse>, ResponseStoreDown>>;

    /// The answer with this id.
    fn find<'a>(
        &'a self,
        owner: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<KeptResponse>, ResponseStoreDown>>;

    /// Forgets an answer; false if the owner has none with this id.
    fn forget<'a>(&'a self, owner: &'a str, id: &'a str) -> BoxFuture<'a, Result<bool, ResponseStoreDown>>;

    /// Notes which account sealed thoughts, by the digests of the seals.
    fn note_seals<'a>(&'a self, seals: &'a Seals) -> BoxFuture<'a, Result<(), ResponseStoreDown>>;

    /// The account that sealed a thought, if it is known to this owner.
    fn sealed_by<'a>(
        &'a self,
        owner: &'a str,
        digest: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, ResponseStoreDown>>;
}

/// Seals of one account. A digest says nothing of the thought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seals {
    pub owner: String,
    pub account: String,
    pub digests: Vec<String>,
    /// Microseconds since 1970.
    pub created_at: i64,
}

/// The store of answers cannot be asked now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store of responses is down: {0}")]
pub struct ResponseStoreDown(pub String);
