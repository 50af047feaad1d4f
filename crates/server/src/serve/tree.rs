//! The part of the tree that lives in the database: taken over at the start, and whenever it changes.
//!
//! A change reaches every replica within a second: each asks for one number, and reads the tree when that differs.

use std::sync::{Arc, Mutex, PoisonError};

use gateway::Gateway;
use govern::{Rules, config::raw::RawDirectory, directory::Flaw, key::Origin};
use store::Store;
use tokio_util::sync::CancellationToken;

/// Held while a configuration is put in force: the file and the tree change apart from each other, and neither may undo what
/// the other has done.
pub type Turn = Arc<Mutex<()>>;

/// Takes over every change of the stored tree. While the store is down the tree stays as it was.
pub async fn follow(gw: Arc<Gateway>, store: Store, turn: Turn, mut seen: i64, stop: CancellationToken) {
    while stop.run_until_cancelled(store.may_have_changed()).await.is_some() {
        let read = async {
            let version = store.version_of(store::Kind::Directory).await?;
            Ok::<_, store::Error>(if version == seen { None } else { Some((version, store.tree().await?)) })
        };
        match read.await {
            Ok(None) => {}
            Ok(Some((version, stored))) => {
                seen = version;
                take_over(&gw, Arc::new(stored), &turn);
            }
            Err(error) => tracing::warn!(%error, "the tree cannot be followed"),
        }
    }
}

fn take_over(gw: &Gateway, stored: Arc<RawDirectory>, turn: &Turn) {
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let before = gw.rules.load_full().rules.clone();
    let rules = with_stored((*before).clone(), stored);
    let rules = Rules { generation: before.generation + 1, ..rules };
    match gw.swap(Arc::new(rules)) {
        Ok(()) => tracing::info!(generation = before.generation + 1, "the tree has changed"),
        Err(error) => tracing::error!(%error, "the tree stays as it was"),
    }
}

/// The rules with the stored part of the tree.
pub fn with_stored(mut rules: Rules, stored: Arc<RawDirectory>) -> Rules {
    let (directory, flaws) = rules.directory.with_stored(stored);
    for Flaw { kind, id, message, fix, .. } in flaws.iter().filter(|flaw| flaw.origin == Origin::Store) {
        tracing::warn!(kind = kind.as_str(), id, fix, "an object of the tree is left out: {message}");
    }
    rules.directory = Arc::new(directory);
    rules
}
