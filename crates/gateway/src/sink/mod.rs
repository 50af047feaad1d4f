//! Where records go: one file each, one line in `sinks!` each.
//!
//! A request hands its record to a bounded queue and never waits. When the queue is full the record is dropped and
//! counted. A task takes records out in batches and gives them to every sink.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::observe::Record;

/// A place for records.
pub trait Sink: Send + Sync {
    /// The name in logs and metrics.
    fn name(&self) -> &'static str;

    /// Takes a batch. An error is logged and counted; the batch is not offered again.
    fn write<'a>(&'a self, batch: &'a [Arc<Record>]) -> BoxFuture<'a, Result<(), SinkError>>;
}

/// A batch that could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);
