//! Where records go: one file each, one line in the server's list each.
//!
//! A request hands its record to a bounded queue and never waits. A task takes records out in batches and gives them to
//! every sink. A record that stands in the [journal](crate::ledger::journal) is never lost on the way: what the queue has
//! no room for, or a sink that must keep it did not keep, is read back from there. Any other is dropped and counted.

pub mod otlp;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    alert::Alerts,
    ledger::{
        Warning,
        journal::{Held, Journal, Owed},
    },
    observe::{Metrics, Record},
};

/// A place for records.
pub trait Sink: Send + Sync {
    /// The name in logs and metrics.
    fn name(&self) -> &'static str;

    /// Takes a batch. An error is logged and counted; the batch is not offered again, unless this sink must keep it.
    fn write<'a>(&'a self, batch: &'a [Record]) -> BoxFuture<'a, Result<(), SinkError>>;

    /// Whether records are offered again until it has kept them. Such a sink gets some of them twice, and must know them by
    /// their ids.
    fn must_keep(&self) -> bool {
        false
    }

    /// Returns when what it has kept survives a loss of power: the journal forgets it then.
    fn flush(&self) -> BoxFuture<'_, Result<(), SinkError>> {
        Box::pin(async { Ok(()) })
    }
}

/// A batch that could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// Records that wait: about 1 KiB each.
const QUEUE: usize = 8_192;

/// Most records in a batch. Calls on the same core wait while one is written: that must stay below a millisecond.
const BATCH: usize = 256;

/// How long records are gathered: a sink is cheaper in batches, and nobody waits for it.
const GATHER: Duration = Duration::from_millis(20);

/// How often is looked for records that must be read back from the journal, and for segments of it that can go.
const LOOK: Duration = Duration::from_millis(500);

/// The entrance of the queue.
#[derive(Clone)]
pub struct SinkQueue {
    queue: mpsc::Sender<Queued>,
    journal: Option<Arc<Journal>>,
    alerts: Alerts,
    metrics: Arc<Metrics>,
}

/// A record on its way, and what the journal must be told when it is kept.
struct Queued {
    record: Box<Record>,
    owed: Owed,
}

/// The exit of the queue.
pub struct SinkTask {
    queue: mpsc::Receiver<Queued>,
    journal: Option<Arc<Journal>>,
    sinks: Vec<Arc<dyn Sink>>,
    metrics: Arc<Metrics>,
    taken: Vec<Queued>,
    batch: Vec<Record>,
}

/// A queue in front of these sinks, and a journal beside it.
#[must_use]
pub fn queue(
    sinks: Vec<Arc<dyn Sink>>,
    journal: Option<Arc<Journal>>,
    alerts: Alerts,
    metrics: Arc<Metrics>,
) -> (SinkQueue, SinkTask) {
    let (entrance, exit) = mpsc::channel(QUEUE);
    let (taken, batch) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
    let task = SinkTask { queue: exit, journal: journal.clone(), sinks, metrics: metrics.clone(), taken, batch };
    (SinkQueue { queue: entrance, journal, alerts, metrics }, task)
}

impl SinkQueue {
    /// Hands a record over: settles it in the journal if its call was held there, and never waits.
    pub fn push(&self, record: impl Into<Box<Record>>, held: Option<Held>) {
        let record = record.into();
        let owed = match (&self.journal, held) {
            (Some(journal), Some(held)) => journal.settle(held, &record),
            _ => Owed::Nothing,
        };
        if self.queue.try_send(Queued { record, owed }).is_err() {
            let lost = self.journal.as_ref().map_or(1, |journal| journal.missed([owed]));
            self.metrics.usage_dropped.inc_by(lost as u64);
        }
    }

    /// Where calls are written down before they are made.
    #[must_use]
    pub fn journal(&self) -> Option<&Arc<Journal>> {
        self.journal.as_ref()
    }
}

impl SinkQueue {
    /// Tells that a share of a limit is used up.
    pub fn warn(&self, warning: Warning) {
        self.metrics.limit("warn");
        warning.log();
        if !warning.is_audit() {
            self.alerts.raise(warning.alert());
        }
    }
}

impl SinkTask {
    /// Writes records until told to stop; then writes what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                count = self.queue.recv_many(&mut self.taken, BATCH) => if count == 0 { break },
                _ = looks.tick(), if self.journal.is_some() => {
                    self.read_back(&stop).await;
                    self.forget().await;
                    continue;
                }
            }
            // A full batch says that more is waiting: under load nothing is gathered, it is there.
            let full = self.taken.len() == BATCH;
            self.write().await;
            if !full {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(GATHER) => {}
                }
            }
        }
        self.queue.close();
        while self.queue.recv_many(&mut self.taken, BATCH).await > 0 {
            self.write().await;
        }
        if let Some(journal) = &self.journal {
            journal.close();
        }
        self.forget().await;
    }

    /// Writes what the process before left in the journal, for as long as that may take; what is left then is written
    /// beside the rest. Called before the first request, so that what was spent is known to limits.
    pub async fn catch_up(&mut self, within: Duration) {
        let stop = CancellationToken::new();
        if tokio::time::timeout(within, self.read_back(&stop)).await.is_err() {
            tracing::warn!("the journal holds more than could be written at the start: the rest is written now");
        }
    }

    /// Writes what was taken from the queue.
    async fn write(&mut self) {
        let owed: Vec<Owed> = self.taken.iter().map(|queued| queued.owed).collect();
        self.batch.extend(self.taken.drain(..).map(|queued| *queued.record));
        let mut kept = true;
        for sink in &self.sinks {
            if let Err(error) = sink.write(&self.batch).await {
                tracing::error!(sink = sink.name(), records = self.batch.len(), %error, "records were not kept");
                self.metrics.sink_failed(sink.name(), self.batch.len());
                kept &= !sink.must_keep();
            }
        }
        self.batch.clear();
        match &self.journal {
            Some(journal) if kept => journal.kept(owed),
            Some(journal) => {
                self.metrics.usage_dropped.inc_by(journal.missed(owed) as u64);
            }
            None => {}
        }
    }

    /// Reads from the journal what did not come by the queue, and writes it.
    async fn read_back(&mut self, stop: &CancellationToken) {
        let Some(journal) = self.journal.clone() else { return };
        loop {
            let (segment, records) = match journal.backlog() {
                Ok(Some(found)) => found,
                Ok(None) => return,
                Err(error) => return tracing::error!(%error, "the journal cannot be read back"),
            };
            for batch in records.chunks(BATCH) {
                for sink in self.sinks.iter().filter(|sink| sink.must_keep()) {
                    if let Err(error) = sink.write(batch).await {
                        return tracing::warn!(sink = sink.name(), %error, "records wait in the journal");
                    }
                }
                if stop.is_cancelled() {
                    return; // the next start goes on
                }
                // Those who come meanwhile must not wait until the queue is full.
                while self.queue.len() >= BATCH && self.queue.recv_many(&mut self.taken, BATCH).await > 0 {
                    self.write().await;
                }
            }
            tracing::info!(
                journal.segment = segment,
                records = records.len(),
                "records were read back from the journal"
            );
            journal.all_kept(segment);
        }
    }

    /// Lets the journal forget what is safe elsewhere.
    async fn forget(&self) {
        let Some(journal) = self.journal.as_ref().filter(|journal| journal.has_spent()) else { return };
        for sink in self.sinks.iter().filter(|sink| sink.must_keep()) {
            if let Err(error) = sink.flush().await {
                return tracing::warn!(sink = sink.name(), %error, "the journal waits for a sink to make records safe");
            }
        }
        journal.forget();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::ledger::journal;

    struct Count(AtomicUsize);

    impl Sink for Count {
        fn name(&self) -> &'static str {
            "count"
        }

        fn write<'a>(&'a self, batch: &'a [Record]) -> BoxFuture<'a, Result<(), SinkError>> {
            self.0.fetch_add(batch.len(), Ordering::Relaxed);
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_keeps_up_loses_nothing_however_fast_records_come() {
        let (metrics, count) = (Metrics::new("test"), Arc::new(Count(AtomicUsize::new(0))));
        let (entrance, task) = queue(vec![count.clone()], None, Alerts::new(metrics.clone()).0, metrics.clone());
        let stop = CancellationToken::new();
        let running = tokio::join!(task.run(stop.clone()), async {
            // Twice as many a millisecond as one batch per gathering could carry.
            for _ in 0..1_000 {
                for _ in 0..2 * BATCH / 20 {
                    entrance.push(Record::default(), None);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.cancel();
        });
        let ((), ()) = running;
        assert_eq!(count.0.load(Ordering::Relaxed), 1_000 * (2 * BATCH / 20));
        assert_eq!(metrics.usage_dropped.get(), 0);
    }

    /// A store that is away for its first writes.
    #[derive(Default)]
    struct Away {
        writes: AtomicUsize,
        kept: std::sync::Mutex<std::collections::BTreeSet<uuid::Uuid>>,
    }

    impl Sink for Away {
        fn name(&self) -> &'static str {
            "away"
        }

        fn must_keep(&self) -> bool {
            true
        }

        fn write<'a>(&'a self, batch: &'a [Record]) -> BoxFuture<'a, Result<(), SinkError>> {
            Box::pin(async {
                if self.writes.fetch_add(1, Ordering::Relaxed) < 20 {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    return Err(SinkError("it is away".to_owned()));
                }
                self.kept.lock().unwrap().extend(batch.iter().map(|record| record.id));
                Ok(())
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fault_014_what_a_store_could_not_keep_is_read_back_from_the_journal_when_it_can() {
        let (metrics, away, folder) = (Metrics::new("test"), Arc::new(Away::default()), tempfile::tempdir().unwrap());
        let (own, _) = journal::Folder::take(folder.path()).unwrap();
        let rule = govern::config::snapshot::JournalRule::default();
        let (journal, _) = journal::recover(Arc::new(own), &[], rule, &metrics, &|_, _| {}).unwrap();
        let (entrance, task) =
            queue(vec![away.clone()], Some(journal.clone()), Alerts::new(metrics.clone()).0, metrics.clone());
        let stop = CancellationToken::new();
        let most = QUEUE + 2_000; // more than the queue takes while nothing leaves it
        tokio::join!(task.run(stop.clone()), async {
            for number in 0..most as u64 {
                let record = Record { id: uuid::Uuid::from_u64_pair(1, number), ..Record::default() };
                let held = journal.hold(&record, journal::Most::default()).unwrap();
                entrance.push(record, held);
                if number.is_multiple_of(1_000) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
            stop.cancel();
        });
        assert_eq!(away.kept.lock().unwrap().len(), most);
        assert_eq!(metrics.usage_dropped.get(), 0);
        let left = std::fs::read_dir(folder.path().join("1")).unwrap();
        let left = left.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "log"));
        assert_eq!(left.count(), 1, "the journal forgets what is kept");
    }
}
