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

/// Most records in a batch.
const BATCH: usize = 1_024;

/// How long records are gathered: a sink is cheaper in batches, and nobody waits for it.
const GATHER: Duration = Duration::from_millis(50);

/// The entrance of the queue.
#[derive(Clone)]
pub struct SinkQueue {
    queue: mpsc::Sender<Record>,
    metrics: Arc<Metrics>,
}

/// The exit of the queue.
pub struct SinkTask {
    queue: mpsc::Receiver<Record>,
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
    pub fn push(&self, record: Record) {
        if self.queue.try_send(record).is_err() {
            self.metrics.usage_dropped.inc();
        }
    }
}

impl SinkTask {
    /// Writes records until told to stop; then writes what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                taken = self.queue.recv_many(&mut batch, BATCH) => if taken == 0 { return },
            }
            self.write(&mut batch).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(GATHER) => {}
            }
        }
        self.queue.close();
        while self.queue.recv_many(&mut batch, BATCH).await > 0 {
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
