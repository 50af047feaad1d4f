//! Signs the head of the audit log: soon after every change, every hour, and at the end.

use std::time::Duration;

use gateway::clock::now_micros;
use govern::audit::Checkpoint;
use store::{Checkpoints, Store};
use tokio_util::sync::CancellationToken;

/// How long an entry may be without a signature that tells of it.
const SOON: Duration = Duration::from_secs(1);

/// A sign of life even when nothing happened: in so many looks.
const LOOKS_AN_HOUR: u32 = 3_600;

/// Runs until the process is asked to end.
pub async fn run(store: Store, mut checkpoints: Checkpoints, stop: CancellationToken) {
    warn_of_lost_entries(&store, &checkpoints).await;
    let mut looks = 0_u32;
    let mut failing = false;
    while stop.run_until_cancelled(tokio::time::sleep(SOON)).await.is_some() {
        looks = looks.wrapping_add(1);
        let written = checkpoints.write(&store, now_micros(), looks.is_multiple_of(LOOKS_AN_HOUR)).await;
        // Once, not every second.
        if let Err(error) = &written
            && !failing
        {
            tracing::error!(%error, "no checkpoint of the audit log can be written");
        }
        failing = written.is_err();
    }
    if let Err(error) = checkpoints.write(&store, now_micros(), true).await {
        tracing::error!(%error, "no last checkpoint of the audit log could be written");
    }
}

/// A database that was restored from an old copy knows less than the checkpoints beside it.
async fn warn_of_lost_entries(store: &Store, checkpoints: &Checkpoints) {
    let trusted = [checkpoints.public_key()];
    let files = checkpoints.files().iter().filter_map(|file| Checkpoints::lines(file).ok());
    let last = files.flatten().filter_map(|line| Checkpoint::read(&line, &trusted).ok()).map(|signed| signed.seq).max();
    let (Some(last), Ok((head, _))) = (last, store.audit_head().await) else { return };
    if head < last {
        tracing::error!(entries = head, signed = last, "the audit log has lost entries; see `tollgate audit verify`");
    }
}
