//! The spend journal of this process, in `<data_dir>/journal`.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use gateway::{
    ledger::journal::{Disk, Folder, Journal, Syncer, price_at_most, recover},
    observe::Metrics,
};
use govern::Rules;

/// Settles what the process before left open, and begins to write.
///
/// # Errors
/// The folder cannot be used.
pub fn open(data_dir: &Path, rules: &Rules, metrics: &Arc<Metrics>) -> anyhow::Result<(Arc<Journal>, Syncer)> {
    let path = data_dir.join("journal");
    let context = || format!("the journal in {} cannot be used", path.display());
    let (own, left) = Folder::take(&path).with_context(context)?;
    let left: Vec<&dyn Disk> = left.iter().map(|folder| folder as &dyn Disk).collect();
    let price = |record: &mut _, most| price_at_most(rules, record, most);
    let (journal, recovery) =
        recover(Arc::new(own), &left, rules.settings.journal, metrics, &price).with_context(context)?;
    if recovery.recovered > 0 || !recovery.damage.is_empty() {
        tracing::warn!(
            journal.recovered = recovery.recovered,
            journal.damaged = recovery.damage.len(),
            "the process before did not end in good order"
        );
    }
    let syncer = Syncer::start(&journal).with_context(context)?;
    Ok((journal, syncer))
}
