//! Sends traces to a collector by OTLP over HTTP, in its JSON encoding: every collector takes it, and it needs no
//! generated code. <https://opentelemetry.io/docs/specs/otlp/#otlphttp>
//!
//! A collector that is slow or away must not hold other sinks up, so batches wait in a queue of their own and a task
//! sends them. When the queue is full a batch is lost, and the caller of [`Sink::write`] is told.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Uri, uri::InvalidUri};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    observe::{Record, trace},
    sink::{Sink, SinkError},
};

/// Posts JSON. The one thing that an exporter needs of the network; the egress has it.
pub trait Post: Send + Sync {
    /// The status of the answer; its body is not wanted.
    ///
    /// # Errors
    /// There was no answer: why, in words for the log.
    fn post(&self, to: Uri, json: Bytes) -> BoxFuture<'_, Result<u16, String>>;
}

/// Names the provider of an account.
pub type ProviderOf = Arc<dyn Fn(&str) -> Option<&'static str> + Send + Sync>;

/// The entrance: turns records into spans.
pub struct Otlp {
    queue: mpsc::Sender<Bytes>,
    provider_of: ProviderOf,
}

/// The exit: sends what is queued.
pub struct OtlpTask {
    queue: mpsc::Receiver<Bytes>,
    to: Uri,
    post: Arc<dyn Post>,
}

/// Batches that wait for the collector; each holds a thousand records at most, some 4 MiB.
const QUEUE: usize = 8;

/// How often a batch is sent before it is given up.
const TRIES: u32 = 3;

/// Pause before the second try; doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// Longest wait for one answer: the default of OpenTelemetry's own exporters.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest time that the last batches may take when the process ends.
const LAST: Duration = Duration::from_secs(5);

/// A sink for the collector at this address (`http://collector:4318`) and the task that sends.
///
/// # Errors
/// The address is not a URL.
pub fn otlp(endpoint: &str, post: Arc<dyn Post>, provider_of: ProviderOf) -> Result<(Otlp, OtlpTask), InvalidUri> {
    let to = format!("{}/v1/traces", endpoint.trim_end_matches('/')).parse()?;
    let (entrance, exit) = mpsc::channel(QUEUE);
    Ok((Otlp { queue: entrance, provider_of }, OtlpTask { queue: exit, to, post }))
}

impl Sink for Otlp {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn write<'a>(&'a self, batch: &'a [Record]) -> BoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move {
            let Ok(room) = self.queue.try_reserve() else {
                return Err(SinkError("the collector does not keep up".to_owned()));
            };
            if let Some(body) = self.body(batch)? {
                room.send(body);
            }
            Ok(())
        })
    }
}

impl Otlp {
    /// An `ExportTraceServiceRequest`; `None` if there is no span to send.
    fn body(&self, batch: &[Record]) -> Result<Option<Bytes>, SinkError> {
        let provider = |account: &str| (self.provider_of)(account);
        let spans: Vec<_> = batch.iter().flat_map(|record| trace::spans(record, &provider)).collect();
        if spans.is_empty() {
            return Ok(None);
        }
        let version = env!("CARGO_PKG_VERSION");
        let attribute = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
        let request = json!({ "resourceSpans": [{
            "resource": { "attributes": [attribute("service.name", "tollgate"), attribute("service.version", version)] },
            "scopeSpans": [{ "scope": { "name": "tollgate", "version": version }, "spans": spans }],
        }] });
        serde_json::to_vec(&request).map(|body| Some(body.into())).map_err(|error| SinkError(error.to_string()))
    }
}

impl OtlpTask {
    /// Sends batches until told to stop; then sends what is left, if that is quickly done.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                body = self.queue.recv() => match body {
                    // A batch under way when the order to stop comes gets the time of the last ones.
                    Some(body) => tokio::select! {
                        () = self.send(body) => {}
                        () = async { stop.cancelled().await; sleep(LAST).await } => return,
                    },
                    None => return,
                },
            }
        }
        self.queue.close();
        let rest = async {
            while let Some(body) = self.queue.recv().await {
                self.send(body).await;
            }
        };
        if timeout(LAST, rest).await.is_err() {
            tracing::warn!(collector = %self.to, "the last spans were not sent in time");
        }
    }

    async fn send(&self, body: Bytes) {
        let mut pause = PAUSE;
        for attempt in 1..=TRIES {
            let problem = match timeout(PATIENCE, self.post.post(self.to.clone(), body.clone())).await {
                Ok(Ok(200..=299)) => return,
                // The answers that the protocol calls worth a retry; any other is final.
                Ok(Ok(status @ (429 | 502..=504))) => format!("it answered {status}"),
                Ok(Ok(status)) => {
                    tracing::warn!(collector = %self.to, status, "the collector refused spans");
                    return;
                }
                Ok(Err(error)) => error,
                Err(_) => "it did not answer in time".to_owned(),
            };
            if attempt == TRIES {
                tracing::warn!(collector = %self.to, problem, "spans were not sent");
                return;
            }
            sleep(pause).await;
            pause *= 2;
        }
    }
}

#[cfg(test)]
#[path = "otlp_tests.rs"]
mod tests;
