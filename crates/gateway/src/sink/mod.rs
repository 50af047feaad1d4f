//! Where records go: one file each, one line in the server's list each.
//!
//! A request hands its record to a bounded queue and never waits. When the queue is full the record is dropped and
//! counted. A task takes records out in batches and gives them to every sink.

pub mod otlp;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::observe::{Metrics, Record};

/// A place for records.
pub trait Sink: Send + Sync {
    /// The name in logs and metrics.
    fn name(&self) -> &'static str;

    /// Takes a batch. An error is logged and counted; the batch is not offered again.
    fn write<'a>(&'a self, batch: &'a [Record]) -> BoxFuture<'a, Result<(), SinkError>>;
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

/// The entrance of the queue.
#[derive(Clone)]
pub struct SinkQueue {
    queue: mpsc::Sender<Box<Record>>,
    metrics: Arc<Metrics>,
}

/// The exit of the queue.
pub struct SinkTask {
    queue: mpsc::Receiver<Box<Record>>,
    sinks: Vec<Arc<dyn Sink>>,
    metrics: Arc<Metrics>,
}

/// A queue in front of these sinks.
#[must_use]
pub fn queue(sinks: Vec<Arc<dyn Sink>>, metrics: Arc<Metrics>) -> (SinkQueue, SinkTask) {
    let (entrance, exit) = mpsc::channel(QUEUE);
    (SinkQueue { queue: entrance, metrics: metrics.clone() }, SinkTask { queue: exit, sinks, metrics })
}

impl SinkQueue {
    /// Hands a record over, or drops and counts it if the queue is full.
    pub fn push(&self, record: impl Into<Box<Record>>) {
        if self.queue.try_send(record.into()).is_err() {
            self.metrics.usage_dropped.inc();
        }
    }
}

impl SinkTask {
    /// Writes records until told to stop; then writes what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        let (mut taken, mut batch) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                count = self.queue.recv_many(&mut taken, BATCH) => if count == 0 { return },
            }
            // A full batch says that more is waiting: under load nothing is gathered, it is there.
            let full = taken.len() == BATCH;
            batch.extend(taken.drain(..).map(|record: Box<Record>| *record));
            self.write(&mut batch).await;
            if !full {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(GATHER) => {}
                }
            }
        }
        self.queue.close();
        while self.queue.recv_many(&mut taken, BATCH).await > 0 {
            batch.extend(taken.drain(..).map(|record| *record));
            self.write(&mut batch).await;
        }
    }

    async fn write(&self, batch: &mut Vec<Record>) {
        for sink in &self.sinks {
            if let Err(error) = sink.write(batch).await {
                tracing::error!(sink = sink.name(), records = batch.len(), %error, "records were not kept");
                self.metrics.sink_failed(sink.name(), batch.len());
            }
        }
        batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

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
        let (entrance, task) = queue(vec![count.clone()], metrics.clone());
        let stop = CancellationToken::new();
        let running = tokio::join!(task.run(stop.clone()), async {
            // Twice as many a millisecond as one batch per gathering could carry.
            for _ in 0..1_000 {
                for _ in 0..2 * BATCH / 20 {
                    entrance.push(Record::default());
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.cancel();
        });
        let ((), ()) = running;
        assert_eq!(count.0.load(Ordering::Relaxed), 1_000 * (2 * BATCH / 20));
        assert_eq!(metrics.usage_dropped.get(), 0);
    }
}
